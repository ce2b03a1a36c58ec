/// Addresses with a common beginning: `10.1.0.0/16`, `fd00::/8`, or one address alone.
package struct AddressRange: Hashable, Sendable, CustomStringConvertible {
    private let first: IPAddress
    private let prefix: Int

    /// Nil for what is no address with an optional prefix length, and for bits after the prefix, so
    /// that nobody is mistaken about what is meant.
    package init?(_ spelling: String) {
        let parts = spelling.split(separator: "/", omittingEmptySubsequences: false)
        guard (1...2).contains(parts.count), let address = IPAddress(parts[0]) else {
            return nil
        }
        let width = address.isVersion6 ? 128 : 32
        var prefix = width
        if parts.count == 2 {
            guard let number = Int(parts[1]), String(number) == parts[1],
                (0...width).contains(number)
            else { return nil }
            prefix = number
        }
        self.init(address, prefix)
        guard Self.masked(address, prefix) == address else { return nil }
    }

    package init(_ first: IPAddress, _ prefix: Int) {
        self.first = first
        self.prefix = prefix
    }

    /// The one address, when it is no more than that.
    package var single: IPAddress? { prefix == (first.isVersion6 ? 128 : 32) ? first : nil }

    /// Compares versions, too: whoever asks about the peer of a socket asks about it `unmapped`.
    package func contains(_ address: IPAddress) -> Bool {
        address.isVersion6 == first.isVersion6 && Self.masked(address, prefix) == first
    }

    package var description: String { single == nil ? "\(first)/\(prefix)" : "\(first)" }

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
