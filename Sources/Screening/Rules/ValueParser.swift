/// Reads the value that stands after a name and its separator.
struct ValueParser {
    struct Value: Equatable {
        let range: Range<Int>
        let isQuoted: Bool
    }

    /// Longer runs are data, not what somebody assigned to a name.
    static let longest = 2048
    private static let quotes: [[UInt8]] = ["&quot;", "&#34;", "%22"].map { Array($0.utf8) }

    let text: [UInt8]

    /// The value at `position`: in quotes, or up to a blank or bracket, or what a call falls back to.
    func value(at position: Int) -> Value? {
        var index = skipBlanks(position)
        if byte(index) == 0x28 { index += 1 }  // (
        if let prefix = byte(index), [0x62, 0x72, 0x66, 0x75].contains(prefix | 0x20),
            let next = byte(index + 1), next == 0x22 || next == 0x27
        {
            index += 1  // b"…", r'…'
        }
        if let quoted = quoted(at: index) { return quoted }
        if openingQuote(at: index) != nil { return nil }
        let end = endOfRun(from: index)
        guard end > index else { return nil }
        if let fallback = fallback(from: index) { return fallback }
        return Value(range: index..<end, isQuoted: false)
    }

    /// The value of `name, "value"` or `name or "value"`: only one in quotes counts.
    func quotedValue(at position: Int) -> Value? { quoted(at: skipBlanks(position)) }

    private func byte(_ index: Int) -> UInt8? {
        index >= 0 && index < text.count ? text[index] : nil
    }

    private func skipBlanks(_ position: Int) -> Int {
        var index = position
        while index < position + 8, let next = byte(index), next == 0x20 || next == 0x09 {
            index += 1
        }
        return index
    }

    /// The length of an opening quote, its backslashes included, and how many those are.
    private func openingQuote(at position: Int) -> (length: Int, mark: [UInt8], escapes: Int)? {
        var index = position
        while index < position + 3, byte(index) == 0x5c { index += 1 }
        if let mark = byte(index), mark == 0x22 || mark == 0x27 || mark == 0x60 {
            return (index + 1 - position, [mark], index - position)
        }
        guard index == position, position < text.count else { return nil }
        return Self.quotes.first { text[position...].starts(with: $0) }.map { ($0.count, $0, 0) }
    }

    private func quoted(at position: Int) -> Value? {
        guard let (length, mark, escapes) = openingQuote(at: position), let first = mark.first
        else {
            return nil
        }
        let start = position + length
        var index = start
        let limit = min(text.count, start + Self.longest)
        while index < limit, text[index] != 0x0a, text[index] != 0x0d {
            if text[index] == first, text[index...].starts(with: mark) {
                let end = max(start, index - escapes)
                return Value(range: start..<end, isQuoted: true)
            }
            // An escaped quote inside a plainly quoted value does not end it.
            index += escapes == 0 && text[index] == 0x5c ? 2 : 1
        }
        return nil
    }

    private func endOfRun(from start: Int) -> Int {
        var index = start
        let limit = min(text.count, start + Self.longest)
        while index < limit {
            switch text[index] {
            case 0...0x20, 0x22, 0x27, 0x60, 0x3c, 0x3e, 0x5b, 0x5d, 0x7b, 0x7d, 0x2c, 0x3b, 0x26,
                0x7c, 0x5c:
                return index
            default: index += 1
            }
        }
        return index
    }

    /// `getenv("NAME", "value")`, `environ["NAME"] or "value"`: what is used when nothing is found.
    private func fallback(from start: Int) -> Value? {
        var index = start
        while let next = byte(index), Letters.isAlphanumeric(next) || next == 0x5f || next == 0x2e {
            index += 1
            guard index - start <= 60 else { return nil }
        }
        guard index > start, byte(index) == 0x28 || byte(index) == 0x5b else { return nil }
        index += 1
        if let argument = quoted(at: index) {
            guard argument.range.count <= 100 else { return nil }
            index = argument.range.upperBound + 1
        }
        index = skipBlanks(index)
        if byte(index) == 0x2c { return quoted(at: skipBlanks(index + 1)) }
        guard byte(index) == 0x29 || byte(index) == 0x5d else { return nil }
        index = skipBlanks(index + 1)
        let rest = index < text.count ? text[index...] : []
        guard ["or", "||", "??"].contains(where: { rest.starts(with: Array($0.utf8)) }) else {
            return nil
        }
        return quoted(at: skipBlanks(index + 2))
    }
}
