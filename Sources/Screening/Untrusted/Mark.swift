import Base

/// Where a text comes from, as it stands in the mark round it: in letters that cannot end the mark.
///
/// Made once for a tool.
package struct SourceName: Equatable, Sendable, ExpressibleByStringLiteral {
    package static let longest = 128

    let text: String
    /// What stands round its texts between the quotes of JSON strings.
    fileprivate let escaped: MarkTemplate

    /// What is no letter, digit, `.`, `-`, `_` or `/` becomes `_`; what is over 128 bytes is cut.
    package init(_ name: String) {
        let letters = name.utf8.prefix(Self.longest).map { byte in
            Letters.isAlphanumeric(byte) || [0x2e, 0x2d, 0x5f, 0x2f].contains(byte) ? byte : 0x5f
        }
        text = String(decoding: letters, as: UTF8.self)
        escaped = MarkTemplate(text, lineEnd: "\\n")
    }

    package init(stringLiteral name: String) { self.init(name) }
}

/// Both marks of a source, the one behind the other, with room for their ids.
private struct MarkTemplate: Equatable, Sendable {
    static let digitCount = 16

    var bytes: [UInt8]
    /// Where the closing mark begins.
    let middle: Int
    /// Where the digits of both ids begin.
    let first: Int
    let second: Int

    init(_ source: String, lineEnd: String) {
        let room = String(repeating: "0", count: Self.digitCount)
        bytes = Array("[UNTRUSTED_EXTERNAL_DATA source=\(source) id=".utf8)
        first = bytes.count
        bytes += "\(room)]\(lineEnd)".utf8
        middle = bytes.count
        bytes += "\(lineEnd)[/UNTRUSTED_EXTERNAL_DATA id=".utf8
        second = bytes.count
        bytes += "\(room)]".utf8
    }

    mutating func fill(_ id: [UInt8]) {
        var halves = SIMD16<UInt8>()
        for index in 0..<Self.digitCount / 2 {
            halves[index * 2] = id[index] >> 4
            halves[index * 2 + 1] = id[index] & 15
        }
        // Digits and small letters, all at once.
        let digits = (halves &+ 0x30).replacing(with: halves &+ 0x57, where: halves .> 9)
        let (first, second) = (first, second)
        var bytes = bytes.mutableSpan
        for index in 0..<Self.digitCount {
            bytes[first + index] = digits[index]
            bytes[second + index] = digits[index]
        }
    }
}

/// The two marks of one text, with an id nobody could know before.
struct Mark {
    /// How a line ends where the marks stand.
    enum LineEnd {
        case text
        /// Between the quotes of a JSON string.
        case escaped
    }

    let source: SourceName
    private var template: MarkTemplate

    init(source: SourceName, random: any RandomSource, _ lineEnd: LineEnd) {
        self.source = source
        switch lineEnd {
        case .text: template = MarkTemplate(source.text, lineEnd: "\n")
        case .escaped: template = source.escaped
        }
        template.fill(random.bytes(count: MarkTemplate.digitCount / 2))
    }

    /// What stands before the text: the mark and a line break.
    var opening: ArraySlice<UInt8> { template.bytes[..<template.middle] }

    /// What stands behind it: a line break and the mark.
    var closing: ArraySlice<UInt8> { template.bytes[template.middle...] }

    var id: String {
        let digits = template.bytes[template.second...].prefix(MarkTemplate.digitCount)
        return String(decoding: digits, as: UTF8.self)
    }
}
