/// Why a text is not taken as JSON, each with the offset of the byte that says so.
package enum JSONError: Error, Equatable, Sendable, CustomStringConvertible {
    case unexpectedEnd(offset: Int)
    case unexpectedByte(offset: Int)
    case invalidNumber(offset: Int)
    case invalidEscape(offset: Int)
    case controlCharacter(offset: Int)
    case loneSurrogate(offset: Int)
    case invalidUTF8(offset: Int)
    case byteOrderMark(offset: Int)
    /// Reported only when the text is JSON otherwise.
    case duplicateKey(offset: Int)
    case trailingBytes(offset: Int)
    case tooLarge(limit: Int, offset: Int)
    case tooDeep(limit: Int, offset: Int)
    case tooManyNodes(limit: Int, offset: Int)
    case tooManyKeys(limit: Int, offset: Int)

    /// Where in the text, counted in bytes from 0.
    package var offset: Int {
        switch self {
        case .unexpectedEnd(let offset), .unexpectedByte(let offset), .invalidNumber(let offset),
            .invalidEscape(let offset), .controlCharacter(let offset), .loneSurrogate(let offset),
            .invalidUTF8(let offset), .byteOrderMark(let offset), .duplicateKey(let offset),
            .trailingBytes(let offset), .tooLarge(_, let offset), .tooDeep(_, let offset),
            .tooManyNodes(_, let offset), .tooManyKeys(_, let offset):
            offset
        }
    }

    package var description: String { "byte \(offset): \(reason)" }

    private var reason: String {
        switch self {
        case .unexpectedEnd: "the JSON text ends too early; send it whole"
        case .unexpectedByte: "this byte does not belong here; send JSON as RFC 8259 has it"
        case .invalidNumber: "this is no JSON number; write it as RFC 8259 section 6 has it"
        case .invalidEscape: "unknown escape; use one of \\\" \\\\ \\/ \\b \\f \\n \\r \\t \\uXXXX"
        case .controlCharacter: "a control character in a string; escape it"
        case .loneSurrogate: "half of a surrogate pair; write both halves"
        case .invalidUTF8: "this is not UTF-8; send UTF-8"
        case .byteOrderMark: "a byte order mark; leave it out"
        case .duplicateKey: "this key stands twice in its object; keep one of them"
        case .trailingBytes: "more bytes after the value; send one value"
        case .tooLarge(let limit, _): "longer than \(limit) bytes; send less"
        case .tooDeep(let limit, _): "nested deeper than \(limit); flatten it"
        case .tooManyNodes(let limit, _): "more than \(limit) values and keys; send fewer"
        case .tooManyKeys(let limit, _): "more than \(limit) keys in one object; send fewer"
        }
    }
}
