/// An IPv4 or IPv6 address as a value, without a kernel to ask.
package enum NetworkAddress: Hashable, Sendable, CustomStringConvertible {
    case v4(UInt32)
    case v6(high: UInt64, low: UInt64)

    package static let loopback = NetworkAddress.v4(0x7f00_0001)

    /// Reads one spelling only: four decimal parts, or RFC 4291 without brackets.
    ///
    /// Nil for everything else that parsers take for an address; `WebHost` reads those.
    package init?(_ spelling: String) {
        let bytes = Array(spelling.utf8)
        if bytes.contains(UInt8(ascii: ":")) {
            guard let address = IPv6Parser.parse(bytes[...]) else { return nil }
            self = address
            return
        }
        guard let bits = Self.dotted(bytes[...]) else { return nil }
        self = .v4(bits)
    }

    /// Four decimal parts without needless zeros.
    static func dotted(_ text: ArraySlice<UInt8>) -> UInt32? {
        let parts = text.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        guard parts.count == 4 else { return nil }
        var bits: UInt32 = 0
        for part in parts {
            guard (1...3).contains(part.count), part.allSatisfy({ $0 &- 0x30 < 10 }),
                part.count == 1 || part.first != 0x30,
                let value = UInt8(String(decoding: part, as: UTF8.self))
            else { return nil }
            bits = bits << 8 | UInt32(value)
        }
        return bits
    }

    package var isVersion6: Bool {
        if case .v6 = self { true } else { false }
    }

    /// In network order.
    var bytes: [UInt8] {
        func bytes(_ value: some FixedWidthInteger) -> [UInt8] {
            stride(from: value.bitWidth - 8, through: 0, by: -8).map {
                UInt8(truncatingIfNeeded: value >> $0)
            }
        }
        return switch self {
        case .v4(let bits): bytes(bits)
        case .v6(let high, let low): bytes(high) + bytes(low)
        }
    }

    /// The IPv4 address an IPv6 address stands for: mapped, compatible, or of a translator's prefix
    /// (RFC 4291 2.5.5, RFC 6052 2.1, RFC 8215).
    var embedded: NetworkAddress? {
        guard case .v6(let high, let low) = self else { return nil }
        let bits = NetworkAddress.v4(UInt32(truncatingIfNeeded: low))
        switch (high, low >> 32) {
        case (0, 0xffff): return bits
        // `::` and `::1` are addresses of their own.
        case (0, 0): return low > 1 ? bits : nil
        case (0x0064_ff9b_0000_0000, 0): return bits
        default: return high >> 16 == 0x0064_ff9b_0001 ? bits : nil
        }
    }

    package var description: String {
        switch self {
        case .v4(let bits):
            return [24, 16, 8, 0].map { String(bits >> UInt32($0) & 0xff) }.joined(separator: ".")
        case .v6(let high, let low):
            let words = [high, low].flatMap { half in
                [48, 32, 16, 0].map { UInt16(truncatingIfNeeded: half >> UInt64($0)) }
            }
            return Self.text(of: words)
        }
    }

    /// RFC 5952, as the URL standard writes it: the first longest run of zeros is left out.
    private static func text(of words: [UInt16]) -> String {
        var best = 0..<0
        var start = 0
        while start < words.count {
            var end = start
            while end < words.count, words[end] == 0 { end += 1 }
            if end - start > best.count, end - start > 1 { best = start..<end }
            start = max(end, start + 1)
        }
        func joined(_ range: Range<Int>) -> String {
            words[range].map { String($0, radix: 16) }.joined(separator: ":")
        }
        guard !best.isEmpty else { return joined(0..<words.count) }
        return joined(0..<best.lowerBound) + "::" + joined(best.upperBound..<words.count)
    }
}

/// Addresses with a common beginning: `10.1.0.0/16`, `fd00::/8`, or one address alone.
package struct NetworkBlock: Hashable, Sendable, CustomStringConvertible {
    let first: NetworkAddress
    let prefix: Int

    /// Nil for what is no address with an optional prefix length, and for bits after the prefix, so
    /// that nobody is mistaken about what is meant.
    package init?(_ spelling: String) {
        let parts = spelling.split(separator: "/", omittingEmptySubsequences: false)
        guard (1...2).contains(parts.count), let address = NetworkAddress(String(parts[0])) else {
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

    init(_ first: NetworkAddress, _ prefix: Int) {
        self.first = first
        self.prefix = prefix
    }

    /// The one address, when it is no more than that.
    package var single: NetworkAddress? { prefix == (first.isVersion6 ? 128 : 32) ? first : nil }

    package func contains(_ address: NetworkAddress) -> Bool {
        address.isVersion6 == first.isVersion6 && Self.masked(address, prefix) == first
    }

    package var description: String { single == nil ? "\(first)/\(prefix)" : "\(first)" }

    private static func masked(_ address: NetworkAddress, _ prefix: Int) -> NetworkAddress {
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

/// The IPv6 parser of the URL standard, section 3.5: eight pieces, one `::`, perhaps IPv4 at the end.
enum IPv6Parser {
    static func parse(_ text: ArraySlice<UInt8>) -> NetworkAddress? {
        var words: [UInt16] = []
        var gap: Int?
        var rest = text
        let colon = UInt8(ascii: ":")
        if rest.first == colon {
            guard rest.dropFirst().first == colon else { return nil }
            rest = rest.dropFirst(2)
            gap = 0
        }
        while !rest.isEmpty {
            guard words.count < 8 else { return nil }
            if rest.first == colon {
                guard gap == nil else { return nil }
                rest = rest.dropFirst()
                gap = words.count
                continue
            }
            let piece = rest.prefix { Self.digit($0) != nil }.prefix(4)
            let value = piece.reduce(UInt16(0)) { $0 << 4 | UInt16(Self.digit($1) ?? 0) }
            let after = rest.dropFirst(piece.count)
            if after.first == UInt8(ascii: ".") {
                guard !piece.isEmpty, words.count <= 6, let pair = dotted(rest) else { return nil }
                words += pair
                rest = []
                break
            }
            guard !piece.isEmpty || after.isEmpty else { return nil }
            if after.first == colon {
                rest = after.dropFirst()
                guard !rest.isEmpty else { return nil }
            } else {
                guard after.isEmpty else { return nil }
                rest = after
            }
            words.append(value)
        }
        if let gap {
            guard words.count < 8 else { return nil }
            words.insert(contentsOf: repeatElement(0, count: 8 - words.count), at: gap)
        }
        guard words.count == 8 else { return nil }
        func half(_ range: Range<Int>) -> UInt64 {
            words[range].reduce(UInt64(0)) { $0 << 16 | UInt64($1) }
        }
        return .v6(high: half(0..<4), low: half(4..<8))
    }

    private static func dotted(_ text: ArraySlice<UInt8>) -> [UInt16]? {
        guard let bits = NetworkAddress.dotted(text) else { return nil }
        return [UInt16(truncatingIfNeeded: bits >> 16), UInt16(truncatingIfNeeded: bits)]
    }

    private static func digit(_ byte: UInt8) -> UInt8? {
        switch byte {
        case 0x30...0x39: byte - 0x30
        case 0x41...0x46: byte - 0x37
        case 0x61...0x66: byte - 0x57
        default: nil
        }
    }
}
