private import Base
package import JSON

/// The headers that mirror the body in 2026-07-28 (basic/transports/streamable-http).
///
/// The body is the truth; a header that is missing or differs is refused with -32020.
package enum HeaderMirror {
    /// Checks the headers of any message: a notification may come without them, and never with
    /// others.
    package static func check(
        _ message: Message,
        header: (StaticString) -> String?
    ) throws(ProtocolError) {
        switch message {
        case .request(let request): try check(request, header: header)
        case .notification(let notification):
            guard header("mcp-method") ?? notification.method == notification.method else {
                throw mismatch("Mcp-Method")
            }
        case .response: break
        }
    }

    /// Checks `Mcp-Method` and, for methods that name a thing, `Mcp-Name`.
    ///
    /// - Parameter header: the header's value, its outer blanks trimmed; nil when absent.
    package static func check(
        _ request: Message.Request,
        header: (StaticString) -> String?
    ) throws(ProtocolError) {
        guard let method = header("mcp-method") else { throw missing("Mcp-Method") }
        guard method == request.method else { throw mismatch("Mcp-Method") }
        guard let member = namingMember(of: request.method) else { return }
        guard let value = header("mcp-name") else { throw missing("Mcp-Name") }
        guard let name = decode(value) else { throw undecodable("Mcp-Name") }
        guard let body = request.params?[member]?.utf8, body == Array(name.utf8) else {
            throw mismatch("Mcp-Name")
        }
    }

    /// Checks one `Mcp-Param-*` header against the argument it mirrors.
    package static func check(
        _ parameter: MirroredParameter,
        arguments: JSONNode?,
        header: (String) -> String?
    ) throws(ProtocolError) {
        let value = arguments.flatMap { parameter.value(in: $0) }
        let sent = header("mcp-param-" + parameter.header.lowercased())
        guard let value, !value.isNull else {
            if sent != nil { throw mismatch("Mcp-Param-" + parameter.header) }
            return
        }
        guard let sent else { throw missing("Mcp-Param-" + parameter.header) }
        guard let decoded = decode(sent) else {
            throw undecodable("Mcp-Param-" + parameter.header)
        }
        guard parameter.agrees(decoded, with: value) else {
            throw mismatch("Mcp-Param-" + parameter.header)
        }
    }

    /// The member of `params` that `Mcp-Name` mirrors.
    package static func namingMember(of method: String) -> StaticString? {
        switch method {
        case "tools/call", "prompts/get": "name"
        case "resources/read": "uri"
        default: nil
        }
    }

    /// A header value for `text`: plain where it may stand so, else `=?base64?…?=`.
    package static func encode(_ text: String) -> String {
        let bytes = Array(text.utf8)
        let isPlain =
            bytes.allSatisfy { (0x20...0x7e).contains($0) || $0 == 0x09 }
            && bytes.first != 0x20 && bytes.first != 0x09
            && bytes.last != 0x20 && bytes.last != 0x09
            && !(text.hasPrefix(prefix) && text.hasSuffix(suffix))
        return isPlain ? text : prefix + Base64.encode(bytes) + suffix
    }

    /// The text a header value stands for; nil for a broken encoding, and for bytes that may stand
    /// there only encoded.
    package static func decode(_ value: String) -> String? {
        guard value.utf8.allSatisfy({ (0x20...0x7e).contains($0) || $0 == 0x09 }) else {
            return nil
        }
        guard value.hasPrefix(prefix), value.hasSuffix(suffix),
            value.utf8.count >= prefix.utf8.count + suffix.utf8.count
        else { return value }
        let body = value.utf8.dropFirst(prefix.utf8.count).dropLast(suffix.utf8.count)
        guard let bytes = Base64.decode(String(decoding: body, as: UTF8.self)) else { return nil }
        return String(validating: bytes, as: UTF8.self)
    }

    private static let prefix = "=?base64?"
    private static let suffix = "?="

    private static func missing(_ name: String) -> ProtocolError {
        ProtocolError(.headerMismatch, "the header \(name) is missing; send what the body has")
    }

    private static func mismatch(_ name: String) -> ProtocolError {
        ProtocolError(
            .headerMismatch,
            "the header \(name) differs from the body; send what the body has"
        )
    }

    private static func undecodable(_ name: String) -> ProtocolError {
        ProtocolError(
            .headerMismatch,
            "the header \(name) is not encoded as it must be; send =?base64?…?= of its UTF-8"
        )
    }
}

/// An argument that its schema marks with `x-mcp-header` (2026-07-28, server/tools).
package struct MirroredParameter: Hashable, Sendable {
    package enum Kind: Sendable { case string, integer, boolean }

    /// The name after `Mcp-Param-`, as the schema spells it.
    package let header: String
    /// The properties that lead to the argument.
    package let path: [JSONString]
    package let kind: Kind

    /// The argument, or nil where it is absent.
    package func value(in arguments: JSONNode) -> JSONNode? {
        var node = arguments
        for name in path {
            guard let next = node.member(utf8: Array(name.text.utf8)) else { return nil }
            node = next
        }
        return node
    }

    /// The header's value for that argument; nil for null or another kind of value.
    package func text(of value: JSONNode) -> String? {
        switch kind {
        case .string: value.string
        case .boolean: value.bool.map { $0 ? "true" : "false" }
        case .integer: value.number?.int64.map { String($0) }
        }
    }

    fileprivate func agrees(_ text: String, with value: JSONNode) -> Bool {
        switch kind {
        case .string: value.utf8 == Array(text.utf8)
        case .boolean: value.bool == (text == "true" ? true : text == "false" ? false : nil)
        case .integer:
            if let sent = JSONNumber(text), let number = value.number {
                sent == number
            } else {
                false
            }
        }
    }
}
