/// A stretch of text with one kind of escape undone, and where each byte came from.
struct DecodedText {
    enum Escape: CaseIterable {
        /// RFC 3986 2.1.
        case percent
        /// RFC 8259 7, as a JSON text inside a string has it.
        case json

        /// The byte such an escape begins with.
        var mark: UInt8 { self == .percent ? 0x25 : 0x5c }
        /// How many bytes of source one byte of content takes at most.
        var widest: Int { self == .percent ? 3 : 6 }
    }

    private(set) var bytes: [UInt8] = []
    /// Of each byte, the source bytes it stands for.
    private(set) var starts: [Int] = []
    private(set) var ends: [Int] = []
    private(set) var hasEscapes = false

    init(_ text: Span<UInt8>, range: Range<Int>, _ escape: Escape) {
        bytes.reserveCapacity(range.count)
        starts.reserveCapacity(range.count)
        ends.reserveCapacity(range.count)
        var position = range.lowerBound
        while position < range.upperBound {
            let decoded =
                text[position] != escape.mark
                ? nil
                : escape == .percent
                    ? Self.percent(text, position, range.upperBound)
                    : Self.json(text, position, range.upperBound)
            guard let (content, count) = decoded else {
                append(text[position], position..<position + 1)
                position += 1
                continue
            }
            hasEscapes = true
            for byte in content { append(byte, position..<position + count) }
            position += count
        }
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
                (0xdc00...0xdfff).contains(second),
                let scalar = Unicode.Scalar(
                    0x10000 + (first - 0xd800) << 10 + (second - 0xdc00)
                )
            {
                return (Array(UTF8.encode(scalar) ?? .init()), 12)
            }
            guard let scalar = Unicode.Scalar(first) else { return nil }
            return (Array(UTF8.encode(scalar) ?? .init()), 6)
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

    private static func hex(_ byte: UInt8) -> UInt8? {
        switch byte {
        case 0x30...0x39: byte - 0x30
        case 0x41...0x46: byte - 0x37
        case 0x61...0x66: byte - 0x57
        default: nil
        }
    }
}
