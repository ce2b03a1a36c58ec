import Base

/// The methods we tell apart; every other token is `other` and the handler answers 405 or 501.
package enum HTTPMethod: Sendable {
    case get, head, post, put, delete, options, patch, other
}

/// What ends the body of a message (RFC 9112 section 6.3).
package enum BodyFraming: Equatable, Sendable {
    case none
    case length(Int)
    case chunked
    /// Responses only: the body ends with the connection.
    case untilClose
}

/// The head of a request, checked in full: whoever holds one needs no look at its framing again.
package struct RequestHead: Sendable {
    package let method: HTTPMethod
    package let fields: HeaderFields
    package let body: BodyFraming
    /// False for HTTP/1.0, whose connections are closed after one response.
    package let isVersion11: Bool
    /// Whether the client lets the connection stay open.
    package let keepsAlive: Bool
    /// Whether the client waits for `100 Continue` before it sends the body.
    package let expectsContinue: Bool

    private let methodCount: UInt16
    private let targetStart: UInt16
    private let pathEnd: UInt16
    private let targetEnd: UInt16

    /// The value of the only or first field of that name, without blanks around it.
    package subscript(name: FieldName) -> ArraySlice<UInt8>? { fields[name] }

    /// As the subscript: `head.first("mcp-session-id")`.
    package func first(_ name: FieldName) -> ArraySlice<UInt8>? { fields[name] }

    /// Whether more than one field has that name.
    package func isRepeated(_ name: FieldName) -> Bool { fields.isRepeated(name) }

    /// The method as it came.
    package var methodBytes: ArraySlice<UInt8> { fields.bytes[0..<Int(methodCount)] }

    /// Path and query as they came; percent signs are not decoded.
    package var target: ArraySlice<UInt8> { fields.bytes[Int(targetStart)..<Int(targetEnd)] }

    /// The target up to its question mark; begins with `/`.
    package var path: ArraySlice<UInt8> { fields.bytes[Int(targetStart)..<Int(pathEnd)] }

    /// What follows the question mark, nil when there is none.
    package var query: ArraySlice<UInt8>? {
        pathEnd < targetEnd ? fields.bytes[Int(pathEnd) + 1..<Int(targetEnd)] : nil
    }

    /// Reads a head from the front of `bytes`; nil when it has not all arrived.
    ///
    /// `scanner` belongs to this one head and keeps how far it came between calls. The head's bytes
    /// are copied out: `consumedCount` of them.
    package init?(
        from bytes: Span<UInt8>,
        scanner: inout HeadScanner
    ) throws(FramingError) {
        // The lines are checked without a scanner, too; it tells what is bad from what is to come.
        if let limit = scanner.unscanned,
            let head = try? RequestHead(bytes.extracting(first: limit), whole: nil)
        {
            self = head
            return
        }
        guard let count = try scanner.scan(bytes) else { return nil }
        try self.init(whole: Bytes.array(bytes.extracting(first: count)))
    }

    /// The head at the front of `bytes`, where it is this one but for the length of its body; nil for
    /// any other.
    ///
    /// Clients send the same head again and again.
    /// How long a look takes says nothing of how much of a head is the same: behind a proxy, another
    /// client's credential may stand in this one.
    func again(in bytes: Span<UInt8>) -> RequestHead? {
        let count = consumedCount
        guard bytes.count >= count else { return nil }
        let kept = fields.bytes
        let own = kept.span
        let length = fields.range(of: .contentLength) ?? count..<count
        let difference =
            Bytes.difference(own, bytes, 0..<length.lowerBound)
            | Bytes.difference(own, bytes, length.upperBound..<count)
        guard difference == 0 else { return nil }
        guard !length.isEmpty else { return self }
        guard let number = Bytes.number(in: bytes, length) else { return nil }
        if number == fields.framing.contentLength { return self }
        let whole = Bytes.array(bytes.extracting(first: count))
        return RequestHead(self, HeaderFields(fields, bytes: whole, contentLength: number))
    }

    /// The same request with another length of its body.
    private init(_ other: RequestHead, _ fields: HeaderFields) {
        method = other.method
        methodCount = other.methodCount
        targetStart = other.targetStart
        pathEnd = other.pathEnd
        targetEnd = other.targetEnd
        isVersion11 = other.isVersion11
        self.fields = fields
        body = Self.body(of: fields.framing)
        keepsAlive = other.keepsAlive
        expectsContinue = other.expectsContinue
    }

    private static func body(of framing: FramingFields) -> BodyFraming {
        framing.contentLength.map { $0 == 0 ? .none : .length($0) } ?? .none
    }

    /// How many bytes the head took.
    package var consumedCount: Int { fields.bytes.count }

    /// Reads a whole head that a scanner has found.
    init(whole bytes: [UInt8]) throws(FramingError) {
        try self.init(bytes.span, whole: bytes)
    }

    private init(_ bytes: Span<UInt8>, whole: [UInt8]?) throws(FramingError) {
        let line = try RequestLine(bytes)
        method = line.method
        methodCount = UInt16(line.methodCount)
        targetStart = UInt16(line.methodCount + 1)
        pathEnd = UInt16(line.pathEnd)
        targetEnd = UInt16(line.targetEnd)
        isVersion11 = line.isVersion11
        fields = try HeaderFields(bytes, from: line.end, whole: whole)
        let framing = try fields.framing.checked()
        if framing.isChunked {
            // RFC 9112 section 6.1: 1.0 knows no transfer coding; the framing is faulty.
            guard line.isVersion11 else {
                throw FramingError(.transferEncodingInOldVersion, at: framing.offset)
            }
            body = .chunked
        } else {
            body = Self.body(of: framing)
        }
        // RFC 9112 section 3.2: a 1.1 request without Host is answered 400.
        guard framing.hasHost || !line.isVersion11 else {
            throw FramingError(.missingHost, at: line.end)
        }
        keepsAlive = line.isVersion11 && !framing.saysClose
        // RFC 9110 section 10.1.1: an expectation in a 1.0 request is ignored.
        expectsContinue = framing.expectsContinue && line.isVersion11
    }
}

/// `GET /path?query HTTP/1.1 CR LF`, as offsets.
///
/// Only the origin form of the target is taken. RFC 9112 section 3.2.2 asks servers to take the
/// absolute form too; it would bring a second authority beside Host, which a check of the Host
/// would have to read as well, and clients send it to proxies only.
private struct RequestLine {
    let method: HTTPMethod
    let methodCount: Int
    let pathEnd: Int
    let targetEnd: Int
    let isVersion11: Bool
    let end: Int

    init(_ bytes: Span<UInt8>) throws(FramingError) {
        var index = 0
        while index < bytes.count, Bytes.isToken(bytes[index]) { index += 1 }
        guard index > 0, index < bytes.count, bytes[index] == Bytes.space else {
            throw FramingError(.badMethod, at: index)
        }
        methodCount = index
        method = Self.method(in: bytes, index)
        index += 1
        (pathEnd, targetEnd) = try Self.target(in: bytes, from: index)
        index = targetEnd + 1
        isVersion11 = try HTTPVersion.isVersion11(in: bytes, at: index)
        index += HTTPVersion.count
        guard index + 1 < bytes.count, bytes[index] == Bytes.carriageReturn,
            bytes[index + 1] == Bytes.lineFeed
        else { throw FramingError(.badVersion, at: index) }
        end = index + 2
    }

    private static func target(
        in bytes: Span<UInt8>,
        from start: Int
    ) throws(FramingError) -> (pathEnd: Int, end: Int) {
        guard start < bytes.count, bytes[start] == 0x2F else {
            throw FramingError(.badTarget, at: start)
        }
        var index = start
        var pathEnd: Int?
        while index < bytes.count, Bytes.isTarget(bytes[index]) {
            switch bytes[index] {
            case 0x25:  // RFC 3986 section 2.1: two hexadecimal digits follow a percent sign
                guard index + 2 < bytes.count, Bytes.hexValue(bytes[index + 1]) != nil,
                    Bytes.hexValue(bytes[index + 2]) != nil
                else { throw FramingError(.badTarget, at: index) }
                index += 3
            case 0x3F where pathEnd == nil:
                pathEnd = index
                index += 1
            default:
                index += 1
            }
            guard index - start <= Limits.requestTargetByteCount else {
                throw FramingError(
                    .targetTooLong(limit: Limits.requestTargetByteCount),
                    at: index
                )
            }
        }
        guard index < bytes.count, bytes[index] == Bytes.space else {
            throw FramingError(.badTarget, at: index)
        }
        return (pathEnd ?? index, index)
    }

    // RFC 9110 section 9.1: methods are case-sensitive.
    private static func method(in bytes: Span<UInt8>, _ count: Int) -> HTTPMethod {
        func isText(_ text: StaticString) -> Bool {
            guard count == text.utf8CodeUnitCount else { return false }
            return text.withUTF8Buffer { expected in
                for index in 0..<count where unsafe bytes[index] != expected[index] { return false }
                return true
            }
        }
        switch count {
        case 3: return isText("GET") ? .get : isText("PUT") ? .put : .other
        case 4: return isText("POST") ? .post : isText("HEAD") ? .head : .other
        case 5: return isText("PATCH") ? .patch : .other
        case 6: return isText("DELETE") ? .delete : .other
        case 7: return isText("OPTIONS") ? .options : .other
        default: return .other
        }
    }
}

/// `HTTP/1.1` or `HTTP/1.0`.
enum HTTPVersion {
    static var count: Int { 8 }

    static func isVersion11(in bytes: Span<UInt8>, at start: Int) throws(FramingError) -> Bool {
        guard start + count <= bytes.count else { throw FramingError(.badVersion, at: start) }
        let name: StaticString = "HTTP/"
        let isNamed = name.withUTF8Buffer { expected in
            for index in 0..<5 where unsafe bytes[start + index] != expected[index] { return false }
            return true
        }
        let major = bytes[start + 5]
        let minor = bytes[start + 7]
        guard isNamed, Bytes.isDigit(major), bytes[start + 6] == 0x2E, Bytes.isDigit(minor) else {
            throw FramingError(.badVersion, at: start)
        }
        guard major == 0x31, minor == 0x31 || minor == 0x30 else {
            throw FramingError(.unsupportedVersion, at: start)
        }
        return minor == 0x31
    }
}
