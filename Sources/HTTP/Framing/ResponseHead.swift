/// The head of a response to a request of ours that was no HEAD, checked in full.
package struct ResponseHead: Sendable {
    package let status: HTTPStatus
    package let fields: HeaderFields
    package let body: BodyFraming
    /// Whether another request may be sent on the connection.
    package let keepsAlive: Bool

    package subscript(name: FieldName) -> ArraySlice<UInt8>? { fields[name] }
    package func isRepeated(_ name: FieldName) -> Bool { fields.isRepeated(name) }

    /// How many bytes the head took.
    package var consumedCount: Int { fields.bytes.count }

    /// An interim response (1xx): another head follows.
    package var isInterim: Bool { status.code < 200 }

    /// Reads a head from the front of `bytes`; nil when it has not all arrived.
    package init?(
        from bytes: Span<UInt8>,
        scanner: inout HeadScanner
    ) throws(FramingError) {
        // Another protocol may never send what ends a head: told from its first bytes.
        try StatusLine.checkStart(bytes)
        // As with requests.
        if let limit = scanner.unscanned,
            let head = try? ResponseHead(bytes.extracting(first: limit), whole: nil)
        {
            self = head
            return
        }
        guard let count = try scanner.scan(bytes) else { return nil }
        try self.init(whole: Bytes.array(bytes.extracting(first: count)))
    }

    init(whole bytes: [UInt8]) throws(FramingError) {
        try self.init(bytes.span, whole: bytes)
    }

    private init(_ bytes: Span<UInt8>, whole: [UInt8]?) throws(FramingError) {
        let line = try StatusLine(bytes)
        status = HTTPStatus(code: line.code)
        fields = try HeaderFields(bytes, from: line.end, whole: whole)
        let framing = try fields.framing.checked()
        guard !framing.isChunked || line.isVersion11 else {
            throw FramingError(.transferEncodingInOldVersion, at: framing.offset)
        }
        if status.hasNoContent {
            // RFC 9112 section 6.1: a server sends no Transfer-Encoding with these.
            guard !framing.isChunked else {
                throw FramingError(.badTransferEncoding, at: framing.offset)
            }
            body = .none
        } else if framing.isChunked {
            body = .chunked
        } else if let length = framing.contentLength {
            body = length == 0 ? .none : .length(length)
        } else {
            body = .untilClose
        }
        keepsAlive = line.isVersion11 && !framing.saysClose && body != .untilClose
    }
}

/// `HTTP/1.1 200 OK CR LF`, as offsets; the reason and the blank before it may be missing, as
/// they are with some servers, and is not looked at (RFC 9112 section 4).
private struct StatusLine {
    let isVersion11: Bool
    let code: Int
    let end: Int

    static func checkStart(_ bytes: Span<UInt8>) throws(FramingError) {
        let name: StaticString = "HTTP/"
        let isNamed = name.withUTF8Buffer { expected in
            for index in 0..<min(5, bytes.count) where unsafe bytes[index] != expected[index] {
                return false
            }
            return true
        }
        guard isNamed else { throw FramingError(.badVersion, at: 0) }
    }

    init(_ bytes: Span<UInt8>) throws(FramingError) {
        isVersion11 = try HTTPVersion.isVersion11(in: bytes, at: 0)
        var index = HTTPVersion.count
        guard index + 5 < bytes.count, bytes[index] == Bytes.space else {
            throw FramingError(.badStatusLine, at: index)
        }
        var code = 0
        for place in index + 1...index + 3 {
            guard Bytes.isDigit(bytes[place]) else { throw FramingError(.badStatusLine, at: place) }
            code = code * 10 + Int(bytes[place] &- 0x30)
        }
        guard 100...599 ~= code else { throw FramingError(.badStatusLine, at: index + 1) }
        self.code = code
        index += 4
        guard bytes[index] == Bytes.space || bytes[index] == Bytes.carriageReturn else {
            throw FramingError(.badStatusLine, at: index)
        }
        while true {
            index = Bytes.firstControl(in: bytes, from: index, to: bytes.count)
            guard index < bytes.count, bytes[index] == Bytes.tab else { break }
            index += 1
        }
        guard index + 1 < bytes.count, bytes[index] == Bytes.carriageReturn,
            bytes[index + 1] == Bytes.lineFeed
        else { throw FramingError(.badStatusLine, at: index) }
        end = index + 2
    }
}
