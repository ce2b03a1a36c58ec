/// Addresses with a common beginning: `10.1.0.0/16`, `fd00::/8`, or one address alone.
package struct AddressRange: Hashable, Sendable {
    private let first: IPAddress
    private let prefix: Int

    /// Nil for anything but a literal address, with a prefix length or without; bits after the
    /// prefix must be zero, so that nobody is mistaken about what is meant.
    package init?(_ spelling: String) {
        let parts = spelling.split(separator: "/", omittingEmptySubsequences: false)
        guard (1...2).contains(parts.count), let address = IPAddress(parts[0]) else { return nil }
        let width = address.isVersion6 ? 128 : 32
        var prefix = width
        if parts.count == 2 {
            guard let number = Int(parts[1]), String(number) == parts[1],
                (0...width).contains(number)
            else { return nil }
            prefix = number
        }
        self.prefix = prefix
        first = address
        guard Self.masked(address, prefix) == address else { return nil }
    }

    /// An IPv4 address inside IPv6 (`::ffff:10.0.0.1`) is the IPv4 address.
    package func contains(_ address: IPAddress) -> Bool {
        var address = address
        if case .v6(0, let low) = address, low >> 32 == 0xffff, !first.isVersion6 {
            address = .v4(UInt32(truncatingIfNeeded: low))
        }
        guard address.isVersion6 == first.isVersion6 else { return false }
        return Self.masked(address, prefix) == first
    }

    private static func masked(_ address: IPAddress, _ prefix: Int) -> IPAddress {
        switch address {
        case .v4(let bits): .v4(bits & ~(prefix >= 32 ? 0 : UInt32.max >> UInt32(prefix)))
        case .v6(let high, let low):
            .v6(
                high: high & ~(prefix >= 64 ? 0 : UInt64.max >> UInt64(prefix)),
                low: low & ~(prefix >= 128 ? 0 : prefix <= 64 ? .max : .max >> UInt64(prefix - 64))
            )
        }
    }
}
