private import Base

/// Why a text is no JSON Pointer.
package enum JSONPointerError: Error, Equatable, Sendable, CustomStringConvertible {
    case noLeadingSlash(String)
    case badEscape(String)

    package var description: String {
        switch self {
        case .noLeadingSlash(let text):
            "pointer `\(printable(text))` does not start with `/`; write `/name`, or nothing for the whole"
        case .badEscape(let text):
            "pointer `\(printable(text))` has a `~` that is neither `~0` nor `~1`; write `~0` for `~`"
        }
    }
}

/// A path to one value in a document (RFC 6901).
package struct JSONPointer: Hashable, Sendable, Comparable, CustomStringConvertible {
    /// The reference tokens, unescaped.
    package let tokens: [JSONString]

    /// The value itself.
    package static let root = JSONPointer(tokens: [])

    package init(tokens: [JSONString]) { self.tokens = tokens }

    package init(_ text: String) throws(JSONPointerError) {
        guard !text.isEmpty else {
            tokens = []
            return
        }
        guard text.utf8.first == 0x2f else { throw .noLeadingSlash(text) }
        var tokens: [JSONString] = []
        for part in text.utf8.dropFirst().split(separator: 0x2f, omittingEmptySubsequences: false) {
            guard let token = Self.unescape(part) else { throw .badEscape(text) }
            tokens.append(JSONString(token))
        }
        self.tokens = tokens
    }

    /// The pointer as text, with `~` and `/` in tokens escaped.
    package var description: String {
        var bytes: [UInt8] = []
        for token in tokens {
            bytes.append(0x2f)
            for byte in token.text.utf8 {
                switch byte {
                case 0x7e: bytes += [0x7e, 0x30]
                case 0x2f: bytes += [0x7e, 0x31]
                default: bytes.append(byte)
                }
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    package func appending(_ token: JSONString) -> JSONPointer {
        JSONPointer(tokens: tokens + [token])
    }

    package func appending(_ index: Int) -> JSONPointer { appending(JSONString(String(index))) }

    /// The value it points to; nil when there is none.
    package func resolve(_ node: JSONNode) -> JSONNode? {
        var current = node
        for token in tokens {
            let next: JSONNode?
            switch current.kind {
            case .object: next = current.member(token.text)
            case .array: next = Self.index(token).flatMap { current.element(at: $0) }
            default: next = nil
            }
            guard let next else { return nil }
            current = next
        }
        return current
    }

    package static func < (left: JSONPointer, right: JSONPointer) -> Bool {
        left.tokens.lexicographicallyPrecedes(right.tokens)
    }

    /// RFC 6901 section 4: digits without leading zeros; `-` names nothing that exists.
    private static func index(_ token: JSONString) -> Int? {
        let utf8 = token.text.utf8
        guard (1...9).contains(utf8.count), utf8.allSatisfy({ $0 &- 0x30 < 10 }) else { return nil }
        guard utf8.count == 1 || utf8.first != 0x30 else { return nil }
        return Int(token.text)
    }

    private static func unescape(_ part: some Sequence<UInt8>) -> String? {
        var bytes: [UInt8] = []
        var isEscape = false
        for byte in part {
            if isEscape {
                guard byte == 0x30 || byte == 0x31 else { return nil }
                bytes.append(byte == 0x30 ? 0x7e : 0x2f)
                isEscape = false
            } else if byte == 0x7e {
                isEscape = true
            } else {
                bytes.append(byte)
            }
        }
        return isEscape ? nil : String(decoding: bytes, as: UTF8.self)
    }
}

extension JSONNode {
    /// The element at that place; nil when this is no array or is shorter.
    package func element(at place: Int) -> JSONNode? {
        guard place >= 0, kind == .array, place < count else { return nil }
        for (index, element) in elements.enumerated() where index == place { return element }
        return nil
    }
}
