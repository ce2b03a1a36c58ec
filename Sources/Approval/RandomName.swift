package import Base

/// A name the gateway gives out: what kind of thing it names, and random bytes in hexadecimal.
package protocol RandomName: Hashable, Sendable, Comparable, CustomStringConvertible {
    static var prefix: String { get }
    /// How many random bytes.
    static var byteCount: Int { get }
    var rawValue: String { get }
    init(unchecked: String)
}

extension RandomName {
    /// A fresh one.
    package init(random: any RandomSource) {
        let bytes = random.bytes(count: Self.byteCount).prefix(Self.byteCount)
        self.init(unchecked: Self.prefix + Hex.encode(bytes))
    }

    /// Nil unless it is spelled as one is given out.
    package init?(_ spelling: String) {
        let digits = spelling.utf8.dropFirst(Self.prefix.utf8.count)
        guard spelling.utf8.starts(with: Self.prefix.utf8), digits.count == 2 * Self.byteCount,
            digits.allSatisfy({ $0 &- 0x30 < 10 || $0 &- 0x61 < 6 })
        else { return nil }
        self.init(unchecked: spelling)
    }

    package var description: String { rawValue }

    package static func < (left: Self, right: Self) -> Bool {
        left.rawValue.utf8.lexicographicallyPrecedes(right.rawValue.utf8)
    }
}
