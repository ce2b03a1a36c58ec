/// A header field name known when we compile; lower case by convention, compared without case.
package struct FieldName: Sendable, ExpressibleByStringLiteral {
    package let text: StaticString

    package init(stringLiteral text: StaticString) { self.text = text }

    package static var accept: FieldName { "accept" }
    package static var allow: FieldName { "allow" }
    package static var authorization: FieldName { "authorization" }
    package static var cacheControl: FieldName { "cache-control" }
    package static var connection: FieldName { "connection" }
    package static var contentLength: FieldName { "content-length" }
    package static var contentType: FieldName { "content-type" }
    package static var host: FieldName { "host" }
    package static var lastEventID: FieldName { "last-event-id" }
    package static var mcpMethod: FieldName { "mcp-method" }
    package static var mcpName: FieldName { "mcp-name" }
    package static var mcpProtocolVersion: FieldName { "mcp-protocol-version" }
    package static var mcpSessionID: FieldName { "mcp-session-id" }
    package static var origin: FieldName { "origin" }
    package static var retryAfter: FieldName { "retry-after" }
    package static var wwwAuthenticate: FieldName { "www-authenticate" }
}

/// A field name made at run time (`Mcp-Param-city`), known to be a token.
package struct FieldToken: Sendable, Hashable {
    let bytes: [UInt8]

    /// Nil when the text is not a token of RFC 9110 section 5.6.2.
    package init?(_ text: String) {
        let bytes = Array(text.utf8)
        guard !bytes.isEmpty, bytes.allSatisfy(Bytes.isToken) else { return nil }
        self.bytes = bytes
    }
}

/// The value of a field we send, known to hold nothing that could end its line.
package struct FieldValue: Sendable, Hashable, ExpressibleByStringLiteral {
    let bytes: [UInt8]

    /// For values written in the source; a literal with a control byte is our own mistake.
    package init(stringLiteral text: StaticString) {
        bytes = text.withUTF8Buffer { unsafe Array($0) }
        precondition(Self.isValid(bytes), "a field value must be one line without outer blanks")
    }

    /// Nil when the text holds a control byte or begins or ends with a blank: it would not arrive
    /// as it is.
    package init?(_ text: String) { self.init(bytes: Array(text.utf8)) }

    package init?(bytes: some Sequence<UInt8>) {
        let bytes = Array(bytes)
        guard Self.isValid(bytes) else { return nil }
        self.bytes = bytes
    }

    package init(_ number: Int) { bytes = Array(String(number).utf8) }

    private static func isValid(_ bytes: [UInt8]) -> Bool {
        guard let first = bytes.first, let last = bytes.last else { return true }
        return !Bytes.isBlank(first) && !Bytes.isBlank(last)
            && bytes.allSatisfy { !Bytes.isControl($0) || $0 == Bytes.tab }
    }
}

/// The fields of a message we send, as the bytes of their lines.
///
/// What frames a message (Content-Length, Transfer-Encoding, Connection, Date, Host) is written by
/// the server and the client themselves and has no place here.
package struct FieldBlock: Sendable {
    package private(set) var bytes: [UInt8] = []

    package init() { bytes.reserveCapacity(Self.usualByteCount) }

    /// Most blocks are shorter: they grow into their room without moving.
    private static let usualByteCount = 224

    package mutating func add(_ name: FieldName, _ value: FieldValue) {
        bytes.append(name.text)
        finish(value)
    }

    package mutating func add(_ name: FieldToken, _ value: FieldValue) {
        bytes.append(contentsOf: name.bytes)
        finish(value)
    }

    /// For values written in the source, which are copied without a look.
    package mutating func add(_ name: FieldName, literal value: StaticString) {
        bytes.append(name.text)
        bytes.append(": ")
        bytes.append(value)
        bytes.append("\r\n")
    }

    private mutating func finish(_ value: FieldValue) {
        bytes.append(": ")
        bytes.append(contentsOf: value.bytes)
        bytes.append("\r\n")
    }
}

extension [UInt8] {
    mutating func append(_ text: StaticString) {
        text.withUTF8Buffer { unsafe append(contentsOf: $0) }
    }

    /// Appends a number that is not negative, in decimal, without allocating.
    mutating func append(decimal number: Int) {
        guard number >= 10 else { return append(0x30 + UInt8(clamping: number)) }
        append(decimal: number / 10)
        append(0x30 + UInt8(number % 10))
    }

    /// Appends a number that is not negative, in hexadecimal, without allocating.
    mutating func append(hexadecimal number: Int) {
        if number >= 16 { append(hexadecimal: number / 16) }
        let digit = UInt8(number % 16)
        append(digit < 10 ? 0x30 + digit : 0x57 + digit)
    }
}
