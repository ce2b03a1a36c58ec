/// A header field name known when we compile; lower case by convention, compared without case.
package struct FieldName: Sendable, ExpressibleByStringLiteral {
    package let text: StaticString
    /// Where a head that arrived keeps the place of such a field; others are looked for.
    let known: KnownField?

    package init(stringLiteral text: StaticString) {
        self.text = text
        known = text.withUTF8Buffer { unsafe KnownField($0.span, 0, $0.count) }
    }

    private init(_ known: KnownField) {
        text = known.text
        self.known = known
    }

    package static var accept: FieldName { FieldName(.accept) }
    package static var allow: FieldName { "allow" }
    package static var authorization: FieldName { FieldName(.authorization) }
    package static var cacheControl: FieldName { "cache-control" }
    package static var connection: FieldName { FieldName(.connection) }
    package static var contentEncoding: FieldName { FieldName(.contentEncoding) }
    package static var contentLength: FieldName { FieldName(.contentLength) }
    package static var contentType: FieldName { FieldName(.contentType) }
    package static var host: FieldName { FieldName(.host) }
    package static var lastEventID: FieldName { FieldName(.lastEventID) }
    package static var mcpMethod: FieldName { FieldName(.mcpMethod) }
    package static var mcpName: FieldName { FieldName(.mcpName) }
    package static var mcpProtocolVersion: FieldName { FieldName(.mcpProtocolVersion) }
    package static var mcpSessionID: FieldName { FieldName(.mcpSessionID) }
    package static var origin: FieldName { FieldName(.origin) }
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
        bytes.appendColon()
        bytes.append(value)
        bytes.appendLineEnd()
    }

    private mutating func finish(_ value: FieldValue) {
        bytes.appendColon()
        bytes.append(contentsOf: value.bytes)
        bytes.appendLineEnd()
    }
}

extension [UInt8] {
    mutating func append(_ text: StaticString) {
        text.withUTF8Buffer { unsafe append(contentsOf: $0) }
    }

    // Two bytes one by one are a fifth of what appending a text of two is.

    mutating func appendColon() {
        append(0x3A)
        append(Bytes.space)
    }

    mutating func appendLineEnd() {
        append(Bytes.carriageReturn)
        append(Bytes.lineFeed)
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
