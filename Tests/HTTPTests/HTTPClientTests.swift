import Base
import System
import Testing

@testable import HTTP

private let okay = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

@Suite(.timeLimit(.minutes(5)))
struct HTTPClientTests {
    /// Runs a client against a script; the scripted server is stopped at the end.
    private static func with<Success: Sendable>(
        _ script: [String?],
        limits: HTTPClientLimits = HTTPClientLimits(),
        budget: Int = Limits.bufferedByteCount,
        _ body: @escaping @Sendable (HTTPClient, ScriptedServer) async throws -> Success
    ) async throws -> Success {
        try await onLoop { loop in
            let server = ScriptedServer(on: loop, script)
            let client = try HTTPClient.test(
                try await server.start(),
                on: loop,
                budget: budget,
                limits: limits
            )
            let result: Result<Success, any Error>
            do {
                result = .success(try await body(client, server))
            } catch { result = .failure(error) }
            await client.close()
            await server.stop()
            return try result.get()
        }
    }

    private static func failure(
        of client: HTTPClient,
        within limit: Duration = .seconds(20),
        cancellation: Cancellation? = nil
    ) async -> HTTPClientError? {
        let deadline = client.loop.now.advanced(by: limit)
        let request = ClientRequest(.post, "/", body: "x".bytes, deadline: deadline)
        do throws(HTTPClientError) {
            _ = try await client.send(request, cancellation: cancellation)
            return nil
        } catch { return error }
    }

    @Test func `a request says who we are and carries the credential of its origin`() async throws {
        try await Self.with([okay, okay]) { (client, server) async throws in
            await client.setAuthorization(FieldValue("Bearer secret"))
            var fields = FieldBlock()
            fields.add(.accept, literal: "application/json")
            if let name = FieldToken("Mcp-Param-City") {
                fields.add(name, "Bern")
            }
            let deadline = client.loop.now.advanced(by: .seconds(20))
            let request = ClientRequest(
                .post,
                "/mcp?x=1",
                fields,
                body: "{}".bytes,
                deadline: deadline
            )
            let response = try await client.send(request)
            #expect(response.status == .ok)
            #expect(response.text == "ok")
            let sent = await server.requests.first
            #expect(
                sent == "POST /mcp?x=1 HTTP/1.1\r\nHost: \(client.origin.authority)\r\n"
                    + "Authorization: Bearer secret\r\nContent-Length: 2\r\n"
                    + "accept: application/json\r\nMcp-Param-City: Bern\r\n\r\n{}"
            )
            _ = try await client.send(ClientRequest(.get, "/", deadline: deadline))
            #expect(await server.requests.last?.contains("Content-Length") == false)
            #expect(await server.connectionCount == 1)
        }
    }

    @Test(
        "a response is read whole, however its body is framed",
        arguments: [
            ("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc", "abc"),
            (
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n2\r\nbc\r\n0\r\n\r\n",
                "abc"
            ),
            ("HTTP/1.1 204 No Content\r\n\r\n", ""),
            ("HTTP/1.1 202\r\nContent-Length: 0\r\n\r\n", ""),
            (
                "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nX: y\r\n\r\n"
                    + "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc",
                "abc"
            ),
        ]
    )
    func framings(answer: String, body: String) async throws {
        try await Self.with([answer, okay]) { (client, server) async throws in
            #expect(try await client.post("{}").text == body)
            #expect(try await client.post("{}").text == "ok")
            #expect(await server.connectionCount == 1)
        }
    }

    @Test func `a body that the connection ends is whole, the connection gone`() async throws {
        try await onLoop { loop in
            let server = ScriptedServer(on: loop, ["HTTP/1.1 200 OK\r\n\r\nabc", okay])
            let client = try HTTPClient.test(try await server.start(), on: loop)
            async let response = client.post("{}")
            while await server.requests.isEmpty { await Task.yield() }
            await server.closeAll()
            #expect(try await response.text == "abc")
            #expect(try await client.post("{}").text == "ok")
            #expect(await server.connectionCount == 2)
            await client.close()
            await server.stop()
        }
    }

    @Test(
        "a bad or broken response is an error of a request that was sent",
        arguments: [
            "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\nabc",
            "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\nabc",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n0\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Encoding: gzip\r\n\r\nabc",
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n",
            "HTTP/1.1 200 OK\nContent-Length: 3\n\nabc",
            "HTTP/1.1 200 OK\r\nContent-Length: 3\n\r\nabc",
            "HTTP/1.1 200 OK\r\nX: a\rContent-Length: 3\r\n\r\nabc",
            "HTTP/1.1 200 OK\r\nX: a\r\n Content-Length: 3\r\n\r\nabc",
            "HTTP/1.1 200 OK\r\nContent-Length : 3\r\n\r\nabc",
            "HTTP/1.1 200 OK\r\nContent-Length: +3\r\n\r\nabc",
            "HTTP/1.1 200 OK\r\nContent-Length: 3, 3\r\n\r\nabc",
            "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nX: \u{0}\r\n\r\nabc",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: identity\r\n\r\nabc",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\nabc\r\n0\r\n\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabcX0\r\n\r\n",
            "HTTP/1.1 200 OK\r\nX: \(String(repeating: "a", count: Limits.headByteCount))\r\n\r\n",
            "HTTP/1.1 200 OK\r\n\(String(repeating: "X: a\r\n", count: Limits.headerCount + 1))\r\n",
            String(repeating: "HTTP/1.1 100 Continue\r\n\r\n", count: 9) + okay,
            "SSH-2.0-server\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n",
        ]
    )
    func broken(answer: String) async throws {
        try await Self.with([answer, okay]) { (client, server) async throws in
            let error = try #require(await Self.failure(of: client))
            #expect(error.requestSent)
            // The connection is not used again.
            #expect(try await client.post("{}").text == "ok")
            #expect(await server.connectionCount == 2)
        }
    }

    @Test func `bytes behind a response end the connection`() async throws {
        try await Self.with([okay + "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil", okay]) {
            (client, server) async throws in
            #expect(try await client.post("{}").text == "ok")
            #expect(try await client.post("{}").text == "ok")
            #expect(await server.connectionCount == 2)
        }
    }

    @Test func `bytes nobody asked for on an idle connection end it`() async throws {
        try await Self.with([okay, okay]) { (client, server) async throws in
            #expect(try await client.post("{}").text == "ok")
            try await server.send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil")
            // More rounds than a turn of the loop has: it has looked at the kernel since.
            for _ in 0..<64 { await Task.yield() }
            #expect(try await client.post("{}").text == "ok")
            #expect(await server.connectionCount == 2)
        }
    }

    @Test func `a body may have its limit of bytes and not one more`() async throws {
        for (framing, isTaken) in [
            ("Content-Length: 5\r\n\r\n01234", true), ("Content-Length: 6\r\n\r\n012345", false),
            ("Transfer-Encoding: chunked\r\n\r\n5\r\n01234\r\n0\r\n\r\n", true),
            ("Transfer-Encoding: chunked\r\n\r\n6\r\n012345\r\n0\r\n\r\n", false),
        ] {
            try await Self.with(["HTTP/1.1 200 OK\r\n" + framing]) { (client, _) async throws in
                var request = ClientRequest(
                    .get,
                    "/",
                    deadline: client.loop.now.advanced(by: .seconds(20))
                )
                request.responseByteCount = 5
                do throws(HTTPClientError) {
                    #expect(try await client.send(request).text == "01234")
                    #expect(isTaken)
                } catch {
                    #expect(!isTaken)
                    guard case .framing(let error) = error.reason else { throw error }
                    #expect(error.reason == .bodyTooLarge(limit: 5))
                }
            }
        }
    }

    @Test func `a kept connection that the server closed is replaced before a byte is sent`()
        async throws
    {
        try await Self.with([okay, nil, okay]) { (client, server) async throws in
            #expect(try await client.post("{}").text == "ok")
            await server.closeAll()
            while await client.connectionCounts.open > 0 { await Task.yield() }
            // This one is read and not answered: nobody sends it again.
            let error = try #require(await Self.failure(of: client))
            #expect(error.requestSent)
            #expect(await server.requests.count == 2)
            #expect(try await client.post("{}").text == "ok")
        }
    }

    @Test func `a server that is not there saw nothing`() async throws {
        try await onLoop { loop in
            // A port of our own would do only until a test beside this one is given it.
            let client = try HTTPClient.test("http://127.0.0.1:1/", on: loop)
            let error = try #require(await Self.failure(of: client))
            #expect(!error.requestSent)
            guard case .connection = error.reason else { throw error }
            #expect(await client.connectionCounts == (0, 0))
        }
    }

    @Test func `a server that says nothing is given up at the deadline`() async throws {
        try await Self.with([""]) { (client, _) async throws in
            let error = try #require(await Self.failure(of: client, within: .milliseconds(500)))
            #expect(error.requestSent)
            guard case .timedOut = error.reason else { throw error }
            #expect(await client.connectionCounts == (0, 0))
        }
    }

    @Test func `a connection in use ends with its response once its client is closed`()
        async throws
    {
        try await Self.with([""]) { (client, server) async throws in
            async let answer = client.post("{}")
            while await server.requests.isEmpty { await Task.yield() }
            await client.close()
            try await server.send(okay)
            #expect(try await answer.text == "ok")
            while await server.endedCount == 0 { await Task.yield() }
            #expect(await client.connectionCounts == (0, 0))
        }
    }

    @Test func `a cancelled request closes its connection`() async throws {
        try await Self.with([""]) { (client, server) async throws in
            let cancellation = Cancellation(on: client.loop)
            async let failure = Self.failure(of: client, cancellation: cancellation)
            while await server.requests.isEmpty { await Task.yield() }
            cancellation.cancel()
            let error = try #require(await failure)
            guard case .cancelled = error.reason else { throw error }
            #expect(error.requestSent)
            let late = try #require(await Self.failure(of: client, cancellation: cancellation))
            guard case .cancelled = late.reason else { throw late }
            #expect(!late.requestSent)
            #expect(await client.connectionCounts == (0, 0))
        }
    }

    @Test func `requests beyond the connections wait, beyond that they fail at once`() async throws
    {
        var limits = HTTPClientLimits()
        limits.connectionCount = 1
        limits.waitingCount = 1
        try await Self.with(["", okay], limits: limits) { (client, server) async throws in
            async let first = client.post("1")
            while await server.requests.isEmpty { await Task.yield() }
            async let second = client.post("2")
            while await client.waitingCount == 0 { await Task.yield() }
            let refusal = await Self.failure(of: client)
            guard case .tooManyWaiting = refusal?.reason else { throw CancellationError() }
            #expect(refusal?.requestSent == false)
            try await server.send(okay)
            #expect(try await first.text == "ok")
            #expect(try await second.text == "ok")
            #expect(await server.connectionCount == 1)
        }
    }

    @Test func `a lost connection gives its place to whoever waits`() async throws {
        var limits = HTTPClientLimits()
        limits.connectionCount = 1
        try await Self.with([nil, okay], limits: limits) { (client, server) async throws in
            async let first = Self.failure(of: client)
            async let second = client.post("2")
            #expect(await first?.requestSent == true)
            #expect(try await second.text == "ok")
            #expect(await server.connectionCount == 2)
        }
    }

    @Test func `idle connections are closed after a while`() async throws {
        var limits = HTTPClientLimits()
        limits.idleTimeout = .milliseconds(2)
        try await Self.with([okay], limits: limits) { (client, _) async throws in
            #expect(try await client.post("{}").text == "ok")
            while await client.connectionCounts.open > 0 { await Task.yield() }
        }
    }

    @Test(
        "plain http reaches loopback addresses only, by what the name leads to",
        arguments: [
            ("http://example.test/", IPAddress("192.0.2.1"), false),
            ("http://example.test/", IPAddress("10.0.0.1"), false),
            ("http://example.test/", IPAddress("0.0.0.0"), false),
            ("http://192.0.2.1/", nil, false), ("http://[2001:db8::1]/", nil, false),
            ("http://unknown.test/", nil, false),
        ]
    )
    func plain(url: String, address: IPAddress?, isReached: Bool) async throws {
        try await onLoop { loop in
            let answers = address.map { ["example.test": [$0]] } ?? [:]
            let client = try HTTPClient.test(url, on: loop, answers: answers)
            let error = try #require(await Self.failure(of: client))
            #expect(!error.requestSent)
            switch error.reason {
            case .addressRefused, .resolution: break
            default: throw error
            }
        }
    }

    @Test func `the addresses of the route are used, and what was connected to is looked at`()
        async throws
    {
        try await onLoop { loop in
            let server = ScriptedServer(on: loop, [okay])
            let url = try HTTPURL(parsing: try await server.start())
            let named = "http://upstream.test:\(url.origin.port)/"
            let answers = ["upstream.test": [IPAddress.loopback]]
            let client = try HTTPClient.test(named, on: loop, answers: answers)
            #expect(try await client.post("{}").text == "ok")
            #expect(await server.requests.first?.contains("Host: upstream.test:") == true)
            let strict = try HTTPClient.test(named, on: loop, answers: answers) { _, _ in false }
            let error = try #require(await Self.failure(of: strict))
            guard case .addressRefused = error.reason else { throw error }
            #expect(!error.requestSent)
            // One that is not for http refuses them all.
            let mixed = ["upstream.test": [IPAddress.loopback, .v4(0xC000_0201)]]
            let refused = try HTTPClient.test(named, on: loop, answers: mixed)
            guard case .addressRefused? = await Self.failure(of: refused)?.reason else {
                throw error
            }
            #expect(await server.requests.count == 1)
            await client.close()
            await server.stop()
        }
    }

    @Test func `https without certificates to believe is refused`() async throws {
        try await onLoop { loop in
            let client = try HTTPClient.test("https://127.0.0.1:1/", on: loop)
            let error = try #require(await Self.failure(of: client))
            guard case .tls = error.reason else { throw error }
            #expect(!error.requestSent)
        }
    }

    @Test func `what would break a line is no value and no target`() async throws {
        #expect(FieldValue(String("a\r\nb")) == nil)
        #expect(FieldValue(String(" a")) == nil)
        #expect(FieldValue(String("a\u{0}")) == nil)
        #expect(FieldToken("a b") == nil)
        #expect(FieldToken("") == nil)
        try await onLoop { loop in
            let client = try HTTPClient.test("http://127.0.0.1:1/", on: loop)
            for target in ["/a b", "a", "", "/a\r\nX: y", "/ä"] {
                let request = ClientRequest(.get, target, deadline: loop.now)
                await #expect(throws: HTTPClientError.self) { try await client.send(request) }
            }
        }
    }
}

struct HTTPURLTests {
    @Test(
        "reads a URL into one origin and one target",
        arguments: [
            ("https://api.example.com/mcp/", "https://api.example.com", "/mcp/"),
            ("HTTPS://API.Example.com:443/x?y=z", "https://api.example.com", "/x?y=z"),
            ("http://127.0.0.1:8080", "http://127.0.0.1:8080", "/"),
            ("http://[::1]:80?q", "http://[::1]", "/?q"),
            ("https://a_b.example./%7e", "https://a_b.example.", "/%7e"),
        ]
    )
    func reads(text: String, origin: String, target: String) throws {
        let url = try HTTPURL(parsing: text)
        #expect(url.origin.description == origin)
        #expect(url.target == target)
    }

    @Test(
        "refuses what could be read in two ways",
        arguments: [
            "", "example.com", "//example.com/", "ftp://a/", "file:///etc/passwd", "https://",
            "https:///a", "https://user@a/", "https://a:b@c/", "https://a:0/", "https://a:65536/",
            "https://a:x/", "https://a/#b", "https://a/ b", "https://a/\\b", "https://a b/",
            "https://127.1/", "https://0x7f.0.0.1/", "https://2130706433/", "https://[::1/",
            "https://::1/", "https://[127.0.0.1]/", "https://[::1%25eth0]/", "https://a/%",
            "https://a/\u{E4}", "https://\u{E4}.example/", "https://a\r\nHost: b/",
        ]
    )
    func refuses(text: String) {
        #expect(throws: HTTPURLError.self) { try HTTPURL(parsing: text) }
    }
}
