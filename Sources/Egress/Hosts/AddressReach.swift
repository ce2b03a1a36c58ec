package import Base

/// Where an address leads, as far as egress is concerned.
package enum AddressReach: String, Sendable, CaseIterable {
    case isPublic = "public"
    case loopback
    case unspecified
    case isPrivate = "private"
    case linkLocal = "link-local"
    case shared
    case multicast
    case reserved

    /// Metadata services stand in link-local, shared and unique local blocks (169.254.169.254,
    /// 100.100.100.200, fd00:ec2::254, 192.0.0.192): closed with them, without a list of their own.
    package init(_ address: IPAddress) {
        if let embedded = address.embedded {
            self = AddressReach(embedded)
            return
        }
        let known = address.isVersion6 ? Self.blocks6 : Self.blocks4
        if let block = known.first(where: { $0.block.contains(address) }) {
            self = block.reach
        } else if address.isVersion6 {
            // Only 2000::/3 was ever given out as global unicast (RFC 4291 2.4).
            self = Self.global6.contains(address) ? .isPublic : .reserved
        } else {
            self = .isPublic
        }
    }

    private static let global6 = AddressRange(.v6(high: 0x2000 << 48, low: 0), 3)

    private static func block4(
        _ bits: UInt32,
        _ prefix: Int,
        _ reach: AddressReach
    ) -> (block: AddressRange, reach: AddressReach) { (AddressRange(.v4(bits), prefix), reach) }

    private static func block6(
        _ first: UInt64,
        _ prefix: Int,
        _ reach: AddressReach
    ) -> (block: AddressRange, reach: AddressReach) {
        (AddressRange(.v6(high: first, low: 0), prefix), reach)
    }

    /// The special-purpose registry of IANA (RFC 6890 and its successors).
    private static let blocks4 = [
        block4(0x0000_0000, 8, .unspecified),
        block4(0x0a00_0000, 8, .isPrivate),
        block4(0x6440_0000, 10, .shared),  // 100.64/10, RFC 6598
        block4(0x7f00_0000, 8, .loopback),
        block4(0xa9fe_0000, 16, .linkLocal),
        block4(0xac10_0000, 12, .isPrivate),
        block4(0xc000_0000, 24, .reserved),  // 192.0.0/24, protocol assignments
        block4(0xc000_0200, 24, .reserved),  // documentation
        block4(0xc058_6300, 24, .reserved),  // 192.88.99/24, 6to4 relays
        block4(0xc0a8_0000, 16, .isPrivate),
        block4(0xc612_0000, 15, .reserved),  // 198.18/15, benchmarks
        block4(0xc633_6400, 24, .reserved),  // documentation
        block4(0xcb00_7100, 24, .reserved),  // documentation
        block4(0xe000_0000, 4, .multicast),
        block4(0xf000_0000, 4, .reserved),
    ]

    private static let blocks6 = [
        (block: AddressRange(.v6(high: 0, low: 1), 128), reach: AddressReach.loopback),
        (block: AddressRange(.v6(high: 0, low: 0), 128), reach: AddressReach.unspecified),
        block6(0x2001_0000_0000_0000, 23, .reserved),  // Teredo, ORCHID, benchmarks
        block6(0x2001_0db8_0000_0000, 32, .reserved),  // documentation
        block6(0x2002_0000_0000_0000, 16, .reserved),  // 6to4 names an IPv4 address of its own
        block6(0x3fff_0000_0000_0000, 20, .reserved),  // documentation
        block6(0xfc00_0000_0000_0000, 7, .isPrivate),
        block6(0xfe80_0000_0000_0000, 10, .linkLocal),
        block6(0xff00_0000_0000_0000, 8, .multicast),
    ]
}
