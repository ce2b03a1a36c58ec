/// The IPv6 parser of the URL standard, section 3.5: eight pieces, one `::`, perhaps IPv4 at the end.
package enum IPv6Parser {
    package static func parse(_ text: ArraySlice<UInt8>) -> IPAddress? {
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
        guard let bits = IPAddress.dotted(text) else { return nil }
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
