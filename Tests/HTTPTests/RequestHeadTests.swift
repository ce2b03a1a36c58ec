import Base
import Testing

@testable import HTTP

struct RequestHeadTests {
    private static func reason(_ text: String) -> FramingError.Reason? {
        var scanner = HeadScanner()
        do throws(FramingError) {
            _ = try RequestHead(from: text.bytes.span, scanner: &scanner)
            return nil
        } catch { return error.reason }
    }

    private static func head(_ text: String) throws -> RequestHead {
        var scanner = HeadScanner()
        let bytes = text.bytes
        let head = try RequestHead(from: bytes.span, scanner: &scanner)
        return try #require(head)
    }

    @Test func `what a head says is found without regard to case`() throws {
        let head = try Self.head(
            "POST /mcp/files?a=b HTTP/1.1\r\nHost: localhost:8930\r\ncontent-LENGTH: 12\r\n"
                + "Mcp-Session-Id: \t abc \t\r\nX-Empty:\r\nX-Twice: 1\r\nx-twice: 2\r\n\r\n"
        )
        #expect(head.method == .post)
        #expect(head.methodBytes.text == "POST")
        #expect(head.target.text == "/mcp/files?a=b")
        #expect(head.path.equals("/mcp/files"))
        #expect(head.query?.text == "a=b")
        #expect(head.body == .length(12))
        #expect(head.keepsAlive)
        #expect(head[.mcpSessionID]?.text == "abc")
        #expect(head.first("mcp-session-id")?.text == "abc")
        #expect(head["x-empty"]?.text == "")
        #expect(head["x-absent"] == nil)
        #expect(head.isRepeated("x-twice"))
        #expect(!head.isRepeated(.host))
        #expect(head.fields.hasRepeatedName)
        #expect(head.fields.count == 6)
    }

    @Test func `a head that comes again is known, whatever the length of its body`() throws {
        let start = "POST /mcp HTTP/1.1\r\nHost: a\r\nContent-Length: "
        let first = try Self.head(start + "12\r\nAuthorization: Bearer abc\r\n\r\n")
        func again(_ text: String) -> RequestHead? { first.again(in: text.bytes.span) }
        let same = try #require(again(start + "12\r\nAuthorization: Bearer abc\r\n\r\n{}"))
        #expect(same.fields === first.fields)
        let other = try #require(again(start + "70\r\nAuthorization: Bearer abc\r\n\r\n{}"))
        #expect(other.body == .length(70))
        #expect(other[.contentLength]?.text == "70")
        #expect(other[.authorization]?.text == "Bearer abc")
        #expect(other.consumedCount == first.consumedCount)
        let none = try #require(again(start + "00\r\nAuthorization: Bearer abc\r\n\r\n"))
        #expect(none.body == .none)
    }

    @Test(
        "any other head is another, and a part of one is none",
        arguments: [
            "12\r\nAuthorization: Bearer abd\r\n\r\n", "12\r\nauthorization: Bearer abc\r\n\r\n",
            "120\r\nAuthorization: Bearer ab\r\n\r\n", "1x\r\nAuthorization: Bearer abc\r\n\r\n",
            "12\r\nAuthorization: Bearer abc\r\n\r",
            "12\r\nAuthorization: Bearer abc\r\nX: y\r\n\r\n",
        ]
    )
    func another(rest: String) throws {
        let start = "POST /mcp HTTP/1.1\r\nHost: a\r\nContent-Length: "
        let first = try Self.head(start + "12\r\nAuthorization: Bearer abc\r\n\r\n")
        #expect(first.again(in: (start + rest).bytes.span) == nil)
    }

    @Test("sees a name that is there twice, whatever its case and place")
    func repeatedNames() throws {
        func isRepeated(_ lines: String) throws -> Bool {
            try Self.head("GET / HTTP/1.1\r\nHost: a\r\n\(lines)\r\n\r\n").fields.hasRepeatedName
        }
        #expect(try isRepeated("X-One: 1\r\nX-Two: 2\r\nx-oNE: 3"))
        #expect(try isRepeated("Mcp-Param-a: 1\r\nMCP-PARAM-A: 1"))
        #expect(try !isRepeated("X-One: 1\r\nX-Two: 2\r\nX-Three: 1"))
    }

    @Test(
        "refuses what frames a message in two ways, or in none we know",
        arguments: [
            ("Content-Length: 1\r\nContent-Length: 1", FramingError.Reason.repeatedContentLength),
            ("Content-Length: 1\r\nContent-Length: 2", .repeatedContentLength),
            ("Content-Length: 1, 1", .badContentLength),
            ("Content-Length: +1", .badContentLength),
            ("Content-Length: -1", .badContentLength),
            ("Content-Length: 0x1", .badContentLength),
            ("Content-Length: 1 1", .badContentLength),
            ("Content-Length:", .badContentLength),
            ("Content-Length: 1000000000000000000", .badContentLength),
            (
                "Content-Length: 1\r\nTransfer-Encoding: chunked",
                .contentLengthWithTransferEncoding
            ),
            (
                "Transfer-Encoding: chunked\r\nContent-Length: 1",
                .contentLengthWithTransferEncoding
            ),
            ("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", .repeatedTransferEncoding),
            ("Transfer-Encoding: chunked, chunked", .badTransferEncoding),
            ("Transfer-Encoding: chunked, gzip", .badTransferEncoding),
            ("Transfer-Encoding: gzip, chunked", .unknownTransferCoding),
            ("Transfer-Encoding: identity", .badTransferEncoding),
            ("Transfer-Encoding: xchunked", .badTransferEncoding),
            ("Transfer-Encoding: \u{0B}chunked", .controlByte(0x0B)),
            ("Transfer-Encoding:", .badTransferEncoding),
            ("Transfer-Encoding : chunked", .badFieldName),
            ("Transfer-Encoding\t: chunked", .badFieldName),
            ("Expect: 200-maybe", .unknownExpectation),
            ("Connection: close;", .badConnection),
        ]
    )
    func refusesFraming(fields: String, reason: FramingError.Reason) {
        #expect(Self.reason("POST / HTTP/1.1\r\nHost: a\r\n\(fields)\r\n\r\n") == reason)
    }

    @Test(
        "refuses lines that are not lines",
        arguments: [
            ("GET / HTTP/1.1\nHost: a\n\n", FramingError.Reason.bareLineFeed),
            ("GET / HTTP/1.1\r\nHost: a\n\r\n", .bareLineFeed),
            ("GET / HTTP/1.1\r\nHost: a\rX: b\r\n\r\n", .bareCarriageReturn),
            ("GET / HTTP/1.1\r\nHost: a\r\n\rX", .bareCarriageReturn),
            ("GET / HTTP/1.1\r\nHost: a\r\nX: b\r\n c\r\n\r\n", .foldedLine),
            ("GET / HTTP/1.1\r\nHost: a\r\n\tb\r\n\r\n", .foldedLine),
            ("GET / HTTP/1.1\r\n Host: a\r\n\r\n", .foldedLine),
            ("\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", .emptyStartLine),
            ("GET / HTTP/1.1\r\nHost: a\r\nX: \u{0}\r\n\r\n", .controlByte(0)),
            ("GET / HTTP/1.1\r\nHost: a\r\nX: \u{7F}\r\n\r\n", .controlByte(0x7F)),
            ("GET / HTTP/1.1\r\nHost: a\r\nno colon\r\n\r\n", .badFieldName),
            ("GET / HTTP/1.1\r\nHost: a\r\n: b\r\n\r\n", .badFieldName),
            ("GET / HTTP/1.1\r\nHost: a\r\nX y: b\r\n\r\n", .badFieldName),
            ("\u{16}\u{3}\u{1}", .badMethod),
            (" GET / HTTP/1.1\r\nHost: a\r\n\r\n", .badMethod),
            ("G(T / HTTP/1.1\r\nHost: a\r\n\r\n", .badMethod),
            ("GET  / HTTP/1.1\r\nHost: a\r\n\r\n", .badTarget),
            ("GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n", .badMethod),
            ("GET /\r\nHost: a\r\n\r\n", .badTarget),
        ]
    )
    func refusesLines(text: String, reason: FramingError.Reason) {
        #expect(Self.reason(text) == reason)
    }

    @Test(
        "takes a path of RFC 3986 as target and nothing else",
        arguments: [
            ("/", nil), ("/mcp", nil), ("/a%2Fb?x=%41&y=/?", nil), ("//a", nil),
            ("*", FramingError.Reason.badTarget), ("http://a/", .badTarget), ("a:443", .badTarget),
            ("/a#b", .badTarget), ("/a\"b", .badTarget), ("/a\\b", .badTarget),
            ("/a%", .badTarget), ("/a%2", .badTarget), ("/a%2G", .badTarget),
            ("/ä", .badTarget), ("", .badTarget), ("/a|b", .badTarget), ("?a", .badTarget),
        ]
    )
    func targets(target: String, reason: FramingError.Reason?) {
        #expect(Self.reason("GET \(target) HTTP/1.1\r\nHost: a\r\n\r\n") == reason)
    }

    @Test(
        "takes HTTP/1.1 and 1.0",
        arguments: [
            ("HTTP/1.1", nil), ("HTTP/1.0", nil),
            ("HTTP/2.0", FramingError.Reason.unsupportedVersion), ("HTTP/0.9", .unsupportedVersion),
            ("HTTP/1.2", .unsupportedVersion), ("http/1.1", .badVersion),
            ("HTTP/1.10", .badVersion),
            ("HTTP/11", .badVersion), ("HTTP/1.1 ", .badVersion), ("HTTPS/1.1", .badVersion),
            ("HTTP/1.x", .badVersion), ("", .badVersion),
        ]
    )
    func versions(version: String, reason: FramingError.Reason?) {
        #expect(Self.reason("GET / \(version)\r\nHost: a\r\n\r\n") == reason)
    }

    @Test(
        "takes one Host, which is a name or an address and perhaps a port",
        arguments: [
            ("Host: a", nil), ("Host: a.example:8930", nil), ("Host: 127.0.0.1", nil),
            ("Host: [::1]:80", nil), ("X: b", FramingError.Reason.missingHost),
            ("Host: a\r\nHost: a", .repeatedHost), ("Host: a\r\nhost: b", .repeatedHost),
            ("Host:", .badHost), ("Host: a b", .badHost), ("Host: a,b", .badHost),
            ("Host: u@a", .badHost), ("Host: a/", .badHost), ("Host: a:", .badHost),
            ("Host: a:123456", .badHost), ("Host: a:8x", .badHost), ("Host: [::1", .badHost),
            ("Host: []", .badHost), ("Host: a%2e", .badHost), ("Host: :80", .badHost),
        ]
    )
    func hosts(fields: String, reason: FramingError.Reason?) {
        #expect(Self.reason("GET / HTTP/1.1\r\n\(fields)\r\n\r\n") == reason)
    }

    @Test func `HTTP 1.0 has no transfer coding, needs no Host and closes`() throws {
        let head = try Self.head("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
        #expect(!head.isVersion11)
        #expect(!head.keepsAlive)
        #expect(
            Self.reason("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n")
                == .transferEncodingInOldVersion
        )
        let expecting = try Self.head("POST / HTTP/1.0\r\nExpect: 100-continue\r\n\r\n")
        #expect(!expecting.expectsContinue)
    }

    @Test(
        "close among other tokens closes",
        arguments: [
            ("close", false), ("Close", false), ("keep-alive, close", false), (",, close ,", false),
            ("keep-alive", true), ("upgrade", true), ("closed", true), ("", true),
        ]
    )
    func connection(value: String, keepsAlive: Bool) throws {
        let head = try Self.head("GET / HTTP/1.1\r\nHost: a\r\nConnection: \(value)\r\n\r\n")
        #expect(head.keepsAlive == keepsAlive)
    }

    @Test func `bytes above ASCII stay in a value as they are`() throws {
        let head = try Self.head("GET / HTTP/1.1\r\nHost: a\r\nX: \u{E9}\u{4E2D}\r\n\r\n")
        #expect(head["x"].map { Array($0) } == "\u{E9}\u{4E2D}".bytes)
    }

    @Test func `a whole head is found at no byte before its end`() throws {
        let text =
            "POST /mcp?x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nX:\t b \r\n\r\n"
        let bytes = text.bytes
        for count in 0..<bytes.count {
            var scanner = HeadScanner()
            let part = Array(bytes[..<count])
            #expect(try RequestHead(from: part.span, scanner: &scanner) == nil)
            let whole = try RequestHead(from: bytes.span, scanner: &scanner)
            #expect(whole?.consumedCount == bytes.count)
            #expect(whole?.body == .chunked)
        }
    }

    @Test func `a head may have its limit of bytes and not one more`() {
        let rest = "GET / HTTP/1.1\r\nHost: a\r\nX: \r\n\r\n".utf8.count
        for (extra, reason) in [
            (0, nil), (1, FramingError.Reason.headTooLarge(limit: Limits.headByteCount)),
        ] {
            let value = String(repeating: "v", count: Limits.headByteCount - rest + extra)
            #expect(Self.reason("GET / HTTP/1.1\r\nHost: a\r\nX: \(value)\r\n\r\n") == reason)
        }
    }

    @Test func `a head may have its limit of fields and not one more`() {
        for (extra, reason) in [
            (0, nil), (1, FramingError.Reason.tooManyFields(limit: Limits.headerCount)),
        ] {
            let fields = String(repeating: "X: y\r\n", count: Limits.headerCount - 1 + extra)
            #expect(Self.reason("GET / HTTP/1.1\r\nHost: a\r\n\(fields)\r\n") == reason)
        }
    }

    @Test func `a target may have its limit of bytes and not one more`() {
        for (extra, reason) in [
            (0, nil),
            (1, FramingError.Reason.targetTooLong(limit: Limits.requestTargetByteCount)),
        ] {
            let count = Limits.requestTargetByteCount - 1 + extra
            let target = "/" + String(repeating: "t", count: count)
            #expect(Self.reason("GET \(target) HTTP/1.1\r\nHost: a\r\n\r\n") == reason)
        }
    }

    @Test(
        "each kind of error has the status a client can act on",
        arguments: [
            (FramingError.Reason.headTooLarge(limit: 1), 431), (.tooManyFields(limit: 1), 431),
            (.targetTooLong(limit: 1), 414), (.bodyTooLarge(limit: 1), 413),
            (.unknownExpectation, 417), (.unknownTransferCoding, 501), (.unsupportedVersion, 505),
            (.badTarget, 400), (.contentLengthWithTransferEncoding, 400), (.bareLineFeed, 400),
        ]
    )
    func statuses(reason: FramingError.Reason, code: Int) {
        let error = FramingError(reason, at: 7)
        #expect(error.status.code == code)
        #expect(error.description.hasSuffix("at byte 7"))
    }

    /// Single flipped bits of a good request: whatever comes of it, nothing traps, and what is
    /// accepted is framed one way.
    @Test func `no flipped bit traps`() {
        let bytes = "POST /mcp?a=%41 HTTP/1.1\r\nHost: a:1\r\nContent-Length: 3\r\n\r\nabc".bytes
        for index in bytes.indices {
            for bit in 0..<8 {
                var changed = bytes
                changed[index] ^= 1 << UInt8(bit)
                let reader = SampleReader.read(changed)
                #expect(reader.messages.count <= 1)
            }
        }
    }
}

struct ResponseHeadTests {
    private static func head(_ text: String) -> Result<ResponseHead?, FramingError> {
        var scanner = HeadScanner()
        do throws(FramingError) {
            return .success(try ResponseHead(from: text.bytes.span, scanner: &scanner))
        } catch { return .failure(error) }
    }

    @Test(
        "the body of a response is framed by status and fields",
        arguments: [
            ("200 OK\r\nContent-Length: 5", BodyFraming.length(5), true),
            ("200 OK\r\nContent-Length: 0", .none, true),
            ("200 OK\r\nTransfer-Encoding: chunked", .chunked, true),
            ("200 OK", .untilClose, false),
            ("200", .untilClose, false),
            ("204 No Content\r\nContent-Length: 5", .none, true),
            ("304 Not Modified\r\nContent-Length: 5", .none, true),
            ("100 Continue", .none, true),
            ("500 \r\nConnection: close\r\nContent-Length: 1", .length(1), false),
        ]
    )
    func framing(text: String, body: BodyFraming, keepsAlive: Bool) throws {
        let head = try #require(try Self.head("HTTP/1.1 \(text)\r\n\r\n").get())
        #expect(head.body == body)
        #expect(head.keepsAlive == keepsAlive)
    }

    @Test(
        "a status line has one form",
        arguments: [
            "HTTP/1.1 20 OK", "HTTP/1.1 2000 OK", "HTTP/1.1 099 OK", "HTTP/1.1 600 OK",
            "HTTP/1.1  200 OK", "HTTP/1.1200 OK", "HTTP/1.1 2x0 OK", "HTTP/1.1", "ICY 200 OK",
            "HTTP/1.1 200,OK",
        ]
    )
    func refuses(line: String) {
        #expect(throws: FramingError.self) { try Self.head("\(line)\r\n\r\n").get() }
    }

    @Test(
        "an event stream is known by its type",
        arguments: [
            ("text/event-stream", true), ("Text/Event-Stream; charset=utf-8", true),
            ("text/event-stream ;x", true), ("text/event-streams", false),
            ("application/json", false), ("", false),
        ]
    )
    func eventStream(type: String, isStream: Bool) throws {
        let head = try Self.head("HTTP/1.1 200 OK\r\nContent-Type: \(type)\r\n\r\n").get()
        #expect(try #require(head).isEventStream == isStream)
    }
}
