/// The kinds of escape that are undone to find a secret's value.
struct Escapes: OptionSet, Hashable {
    let rawValue: UInt8

    /// RFC 3986 2.1.
    static let percent = Escapes(rawValue: 1)
    /// RFC 8259 7, as a JSON text inside a string has it.
    static let json = Escapes(rawValue: 2)
    /// HTML 13.1.4: by number, and the names that stand for what may not stand in HTML.
    static let entity = Escapes(rawValue: 4)
    /// A line break in Base64 or hexadecimal: RFC 2045 6.8, and what `base64` and `xxd -p` write.
    static let fold = Escapes(rawValue: 8)

    static let kinds: [Escapes] = [.percent, .json, .entity, .fold]

    /// The most bytes of source that one byte of content takes.
    static let widest = 12
}

/// A stretch of text with escapes undone, and where each byte came from.
struct DecodedText {
    private(set) var bytes: [UInt8] = []
    /// Of each byte, the source bytes it stands for.
    private(set) var starts: [Int] = []
    private(set) var ends: [Int] = []
    private(set) var hasEscapes = false

    init(_ text: Span<UInt8>, range: Range<Int>, _ escapes: Escapes) {
        bytes.reserveCapacity(range.count)
        starts.reserveCapacity(range.count)
        ends.reserveCapacity(range.count)
        var position = range.lowerBound
        while position < range.upperBound {
            guard let (content, count) = EscapeReader.read(text, position, range, escapes) else {
                append(text[position], position..<position + 1)
                position += 1
                continue
            }
            hasEscapes = true
            for byte in content { append(byte, position..<position + count) }
            position += count
        }
    }

    /// The same text with the escapes undone that were hidden in escapes.
    func again(_ escapes: Escapes) -> DecodedText {
        var next = DecodedText(bytes.span, range: 0..<bytes.count, escapes)
        for index in next.bytes.indices {
            let inner = next.source(of: index..<index + 1)
            let outer = source(of: inner)
            next.starts[index] = outer.lowerBound
            next.ends[index] = outer.upperBound
        }
        return next
    }

    /// The source of a run of decoded bytes.
    func source(of range: Range<Int>) -> Range<Int> {
        guard let first = range.first, let last = range.last else { return 0..<0 }
        return starts[first]..<max(ends[last], starts[first])
    }

    private mutating func append(_ byte: UInt8, _ source: Range<Int>) {
        bytes.append(byte)
        starts.append(source.lowerBound)
        ends.append(source.upperBound)
    }
}

/// Reads one escape: what it stands for, and how long it is.
enum EscapeReader {
    static func read(
        _ text: Span<UInt8>,
        _ position: Int,
        _ range: Range<Int>,
        _ escapes: Escapes
    ) -> ([UInt8], Int)? {
        switch text[position] {
        case 0x25 where escapes.contains(.percent): percent(text, position, range.upperBound)
        case 0x5c where escapes.contains(.json): json(text, position, range.upperBound)
        case 0x26 where escapes.contains(.entity): entity(text, position, range.upperBound)
        case 0x0a where escapes.contains(.fold), 0x0d where escapes.contains(.fold):
            fold(text, position, range)
        default: nil
        }
    }

    private static func percent(
        _ text: Span<UInt8>,
        _ position: Int,
        _ end: Int
    ) -> ([UInt8], Int)? {
        guard position + 2 < end, let high = hex(text[position + 1]),
            let low = hex(text[position + 2])
        else { return nil }
        return ([high << 4 | low], 3)
    }

    private static func json(_ text: Span<UInt8>, _ position: Int, _ end: Int) -> ([UInt8], Int)? {
        guard position + 1 < end else { return nil }
        switch text[position + 1] {
        case 0x22, 0x2f, 0x5c: return ([text[position + 1]], 2)
        case 0x62: return ([0x08], 2)
        case 0x66: return ([0x0c], 2)
        case 0x6e: return ([0x0a], 2)
        case 0x72: return ([0x0d], 2)
        case 0x74: return ([0x09], 2)
        case 0x75:
            guard let first = unit(text, position, end) else { return nil }
            if (0xd800...0xdbff).contains(first), let second = unit(text, position + 6, end),
                (0xdc00...0xdfff).contains(second)
            {
                return scalar(0x10000 + (first - 0xd800) << 10 + (second - 0xdc00), 12)
            }
            return scalar(first, 6)
        default: return nil
        }
    }

    /// The code unit of `\uXXXX` at `position`.
    private static func unit(_ text: Span<UInt8>, _ position: Int, _ end: Int) -> UInt32? {
        guard position + 5 < end, text[position] == 0x5c, text[position + 1] == 0x75 else {
            return nil
        }
        var value: UInt32 = 0
        for index in position + 2...position + 5 {
            guard let digit = hex(text[index]) else { return nil }
            value = value << 4 | UInt32(digit)
        }
        return value
    }

    private static let names: [(name: [UInt8], byte: UInt8)] = [
        ("amp;", 0x26), ("lt;", 0x3c), ("gt;", 0x3e), ("quot;", 0x22), ("apos;", 0x27),
    ].map { (Array($0.0.utf8), $0.1) }

    private static func entity(
        _ text: Span<UInt8>,
        _ position: Int,
        _ end: Int
    ) -> ([UInt8], Int)? {
        guard position + 3 < end else { return nil }
        guard text[position + 1] == 0x23 else {
            for (name, byte) in names where position + name.count < end {
                if name.indices.allSatisfy({ text[position + 1 + $0] == name[$0] }) {
                    return ([byte], name.count + 1)
                }
            }
            return nil
        }
        let isHex = text[position + 2] | 0x20 == 0x78
        var index = position + (isHex ? 3 : 2)
        let first = index
        var value: UInt32 = 0
        while index < end, index - first < 8, let digit = hex(text[index]), isHex || digit < 10 {
            value = value &* (isHex ? 16 : 10) &+ UInt32(digit)
            index += 1
        }
        guard index > first, index < end, text[index] == 0x3b else { return nil }
        return scalar(value, index + 1 - position)
    }

    /// A break between two lines of Base64 or hexadecimal, with what the second is indented by.
    private static func fold(
        _ text: Span<UInt8>,
        _ position: Int,
        _ range: Range<Int>
    ) -> ([UInt8], Int)? {
        guard position > range.lowerBound, isBase64(text[position - 1]) else { return nil }
        var next = position + 1
        let limit = min(range.upperBound, position + Escapes.widest)
        while next < limit, text[next] == 0x0a || text[next] == 0x20 || text[next] == 0x09 {
            next += 1
        }
        guard next < range.upperBound, isBase64(text[next]) else { return nil }
        return ([], next - position)
    }

    private static func scalar(_ value: UInt32, _ count: Int) -> ([UInt8], Int)? {
        guard let scalar = Unicode.Scalar(value), let encoded = UTF8.encode(scalar) else {
            return nil
        }
        return (Array(encoded), count)
    }

    private static func hex(_ byte: UInt8) -> UInt8? {
        switch byte {
        case 0x30...0x39: byte - 0x30
        case 0x41...0x46: byte - 0x37
        case 0x61...0x66: byte - 0x57
        default: nil
        }
    }
}
