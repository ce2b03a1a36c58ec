package import Base

/// Addresses a cage is told for names that a person has not decided on: a connection can be made to
/// them and wait, while nothing is looked up.
///
/// They lead nowhere but to the gateway, which so knows the
/// name behind such a connection.
///
/// From 198.18.0.0/15, which RFC 2544 keeps for benchmarks: servers that check against addresses of
/// their own network refuse loopback, and nothing public is there.
package struct StandInAddresses: Sendable {
    private static let first: UInt32 = 0xc612_0000
    private static let count: UInt32 = 1 << 17

    private let limit: Int
    private var names: [UInt32: String] = [:]
    private var offsets: [String: UInt32] = [:]
    /// The oldest name makes room for a new one.
    private var order: [String] = []

    package init(limit: Int) { self.limit = limit }

    /// The name's own address.
    ///
    /// It follows from the name, so that it outlives a start, unless another
    /// name stands there already.
    package mutating func address(of name: DomainName) -> UInt32 {
        if let offset = offsets[name.text] { return Self.first + offset }
        if order.count >= limit {
            let oldest = order.removeFirst()
            if let offset = offsets.removeValue(forKey: oldest) { names[offset] = nil }
        }
        // FNV-1a; the first and the last address of the block stay free.
        let sum = name.text.utf8.reduce(UInt32(2_166_136_261)) { ($0 ^ UInt32($1)) &* 16_777_619 }
        var offset = sum % (Self.count - 2) + 1
        while names[offset] != nil { offset = offset % (Self.count - 2) + 1 }
        names[offset] = name.text
        offsets[name.text] = offset
        order.append(name.text)
        return Self.first + offset
    }

    /// Nil for an address that stands for no name.
    package func name(of address: IPAddress) -> String? {
        guard case .v4(let bits) = address, bits >= Self.first, bits < Self.first + Self.count
        else {
            return nil
        }
        return names[bits - Self.first]
    }
}
