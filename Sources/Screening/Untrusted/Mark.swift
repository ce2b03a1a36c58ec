import Base

/// Where a text comes from, as it stands in the mark round it: in letters that cannot end the mark.
///
/// Made once for a tool.
package struct SourceName: Equatable, Sendable, ExpressibleByStringLiteral {
    package static let longest = 128

    let text: String
    /// The opening mark up to the id.
    fileprivate let opening: [UInt8]

    /// What is no letter, digit, `.`, `-`, `_` or `/` becomes `_`; what is over 128 bytes is cut.
    package init(_ name: String) {
        let letters = name.utf8.prefix(Self.longest).map { byte in
            Letters.isAlphanumeric(byte) || [0x2e, 0x2d, 0x5f, 0x2f].contains(byte) ? byte : 0x5f
        }
        text = String(decoding: letters, as: UTF8.self)
        opening = Array("[UNTRUSTED_EXTERNAL_DATA source=\(text) id=".utf8)
    }

    package init(stringLiteral name: String) { self.init(name) }
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
    /// What stands before the text: the mark and a line break.
    let opening: [UInt8]
    /// What stands behind it: a line break and the mark.
    let closing: [UInt8]

    private static let closing = Array("[/UNTRUSTED_EXTERNAL_DATA id=".utf8)
    private static let digitCount = 16

    init(source: SourceName, random: any RandomSource, _ lineEnd: LineEnd) {
        self.source = source
        let id = random.bytes(count: 8)
        var opening: [UInt8] = []
        opening.reserveCapacity(source.opening.count + Self.digitCount + 3)
        opening += source.opening
        let digits = opening.count..<opening.count + Self.digitCount + 1
        opening.appendID(id)
        Self.append(lineEnd, to: &opening)
        self.opening = opening
        var closing: [UInt8] = []
        closing.reserveCapacity(Self.closing.count + Self.digitCount + 3)
        Self.append(lineEnd, to: &closing)
        closing += Self.closing
        closing += opening[digits]
        self.closing = closing
    }

    var id: String {
        String(decoding: closing.dropLast().suffix(Self.digitCount), as: UTF8.self)
    }

    private static func append(_ lineEnd: LineEnd, to bytes: inout [UInt8]) {
        switch lineEnd {
        case .text: bytes.append(0x0a)
        case .escaped:
            bytes.append(0x5c)
            bytes.append(0x6e)
        }
    }
}

extension [UInt8] {
    /// The id's digits and the bracket that ends a mark.
    fileprivate mutating func appendID(_ id: [UInt8]) {
        for byte in id {
            append(Hex.digit(byte >> 4))
            append(Hex.digit(byte & 15))
        }
        append(0x5d)
    }
}
