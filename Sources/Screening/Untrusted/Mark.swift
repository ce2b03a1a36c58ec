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
    let source: SourceName
    private let digits: [UInt8]

    init(source: SourceName, random: any RandomSource) {
        self.source = source
        digits = Hex.digits(of: random.bytes(count: 8))
    }

    var id: String { String(decoding: digits, as: UTF8.self) }

    /// The mark before the text, and a line break as `lineEnd` has it.
    func opening(_ lineEnd: LineEnd) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(source.opening.count + digits.count + 3)
        bytes += source.opening
        bytes += digits
        bytes.append(0x5d)
        bytes += lineEnd.bytes
        return bytes
    }

    /// The mark behind the text, after a line break.
    func closing(_ lineEnd: LineEnd) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(Self.closing.count + digits.count + 3)
        bytes += lineEnd.bytes
        bytes += Self.closing
        bytes += digits
        bytes.append(0x5d)
        return bytes
    }

    private static let closing = Array("[/UNTRUSTED_EXTERNAL_DATA id=".utf8)

    /// How a line ends where the marks stand.
    enum LineEnd {
        case text
        /// Between the quotes of a JSON string.
        case escaped

        fileprivate var bytes: [UInt8] {
            switch self {
            case .text: Self.plain
            case .escaped: Self.backslashed
            }
        }

        private static let plain: [UInt8] = [0x0a]
        private static let backslashed: [UInt8] = [0x5c, 0x6e]
    }
}
