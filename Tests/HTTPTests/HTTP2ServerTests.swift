import Base
import Crypto
import System
import Testing

@testable import HTTP

@Suite(.timeLimit(.minutes(5)))
struct HTTP2ServerTests {
    static var limits: HTTPServerLimits {
        var limits = HTTPServerLimits()
        limits.takesHTTP2InClear = true
        return limits
    }

    /// Runs the body with a server and a connection to it; nothing of a request may stay behind.
    static func serving(
        _ handler: any HTTPHandler = echo,
        limits: HTTPServerLimits = limits,
        consumes: Bool = true,
        _ body: @escaping @Sendable (TestServer, HTTP2Peer) async throws -> Void
    ) async throws {
        try await onLoop { loop in
            let server = try await TestServer.start(on: loop, handler, limits: limits)
            let peer = try await HTTP2Peer.connect(
                to: server.address,
                on: loop,
                consumes: consumes
            )
            try await body(server, peer)
            await peer.close()
            await server.stop()
            #expect(server.budget.usedByteCount == 0)
        }
    }

    @Test func `requests are answered, and HTTP 1 is served beside it`() async throws {
        try await Self.serving { server, peer in
            for count in [0, 1, 1000, 100_000, 1 << 20] {
                let body = [UInt8](repeating: 0x78, count: count)
                let id = try await peer.request("content-length: \(count)\r\n", body: body)
                let answer = try await peer.answer(to: id)
                #expect(answer.status == 200)
                #expect(answer.body == Array("POST /mcp ".utf8) + body)
                #expect(answer.fields["content-length"] == "\(count + 10)")
                #expect(answer.fields["content-type"] == "application/json")
                #expect(answer.fields["date"] != nil)
            }
            let client = try HTTPClient.test(server.url, on: server.server.loop)
            let found1 = try await client.post("old").text
            #expect(found1 == "POST /mcp old")
            await client.close()
        }
    }

    @Test func `without permission a plain port speaks HTTP 1 alone`() async throws {
        try await onLoop { loop in
            let server = try await TestServer.start(on: loop)
            let peer = try await RawPeer.connect(to: server.address, on: loop)
            try await peer.send(RawFrames.start)
            let found2 = try await peer.rest()
            #expect(found2.hasPrefix("HTTP/1.1 400 Bad Request\r\n"))
            await peer.close()
            await server.stop()
        }
    }

    @Test func `a request that waits holds up no other`() async throws {
        let witness = Witness()
        let handler = ClosureHandler { exchange in
            if exchange.head.path.equals("/slow") { await witness.wait(for: "go") }
            await exchange.respond(.ok, body: Array(exchange.head.path))
        }
        try await Self.serving(handler) { _, peer in
            let slow = try await peer.request(to: "/slow")
            let fast = try await peer.request(to: "/fast")
            let found3 = try await peer.answer(to: fast).text
            #expect(found3 == "/fast")
            #expect(await peer.answers[slow] == nil)
            await witness.note("go")
            let found4 = try await peer.answer(to: slow).text
            #expect(found4 == "/slow")
        }
    }

    @Test func `events are sent as they come, and a reset ends the stream`() async throws {
        let witness = Witness()
        let handler = ClosureHandler { exchange in
            guard let stream = await exchange.beginStream() else { return }
            await stream.send(ServerSentEvent(data: Array("one".utf8)))
            if exchange.head.path.equals("/ends") {
                await witness.wait(for: "go")
                await stream.finish(ServerSentEvent(data: Array("two".utf8)))
            } else {
                await exchange.onClose { Task { await witness.note("closed") } }
                await exchange.closed()
                await witness.note("left \(await exchange.isClosed)")
                #expect(await stream.comment() == false)
            }
        }
        try await Self.serving(handler) { _, peer in
            let id = try await peer.request(to: "/ends")
            try await peer.read { $0.assumeIsolated { $0.answers[id]?.text.isEmpty == false } }
            #expect(await peer.answers[id]?.text == "data: one\n\n")
            #expect(await peer.answers[id]?.fields["content-type"] == "text/event-stream")
            await witness.note("go")
            let found5 = try await peer.answer(to: id).text
            #expect(found5 == "data: one\n\ndata: two\n\n")
            let other = try await peer.request(to: "/stays")
            try await peer.read { $0.assumeIsolated { $0.answers[other]?.body.isEmpty == false } }
            try await peer.reset(other)
            await witness.wait(for: "closed")
            await witness.wait(for: "left true")
        }
    }

    @Test func `a handler that forgets to answer is answered for`() async throws {
        try await Self.serving(ClosureHandler { _ in }) { _, peer in
            let id = try await peer.request()
            let answer = try await peer.answer(to: id)
            #expect(answer.status == 500)
        }
        let forgetful = ClosureHandler { exchange in _ = await exchange.beginStream() }
        try await Self.serving(forgetful) { _, peer in
            let id = try await peer.request()
            let answer = try await peer.answer(to: id)
            #expect(answer.code == HTTP2Code.internalError)
        }
    }

    @Test func `what is too long is refused on its stream alone`() async throws {
        try await Self.serving { _, peer in
            let long = String(repeating: "x", count: Limits.headByteCount)
            let head = try await peer.request("x: \(long)\r\n")
            let found6 = try await peer.answer(to: head).status
            #expect(found6 == 431)
            let many = String(repeating: "x: y\r\n", count: Limits.headerCount + 1)
            let fields = try await peer.request(many)
            let found7 = try await peer.answer(to: fields).status
            #expect(found7 == 431)
            let announced = try await peer.request(
                "content-length: \(Limits.requestByteCount + 1)\r\n",
                body: [1],
                isWhole: false
            )
            let found8 = try await peer.answer(to: announced).status
            #expect(found8 == 413)
            let body = [UInt8](repeating: 0, count: Limits.requestByteCount + 1)
            let sent = try await peer.request(body: body)
            let answer = try await peer.answer(to: sent)
            #expect(answer.status == 413)
            #expect(answer.text.hasPrefix("error: a body of more than 1048576 bytes"))
            let target = try await peer.request(to: "/" + String(repeating: "a", count: 8192))
            let found9 = try await peer.answer(to: target).status
            #expect(found9 == 414)
            let good = try await peer.request(body: [0x61])
            let found10 = try await peer.answer(to: good).text
            #expect(found10 == "POST /mcp a")
        }
    }

    @Test func `a body that does not come in time, or is not wanted`() async throws {
        var limits = Self.limits
        limits.bodyTimeout = .milliseconds(50)
        try await Self.serving(limits: limits) { _, peer in
            let id = try await peer.request(body: [1], isWhole: false)
            let answer = try await peer.answer(to: id)
            #expect(answer.status == 408)
            #expect(answer.text.contains("did not arrive in time"))
        }
        struct Unwilling: HTTPHandler {
            func handle(_ exchange: Exchange) async {
                await exchange.respond(.unauthorized, body: exchange.body)
            }
            func awaitsBody(
                of head: RequestHead,
                from peer: SocketAddress,
                _ certificate: Certificate?
            ) -> Bool { false }
        }
        try await Self.serving(Unwilling()) { _, peer in
            let id = try await peer.request(body: [1], isWhole: false)
            let found11 = try await peer.answer(to: id).status
            #expect(found11 == 401)
            // The rest is not wanted, and the stream is over.
            try await peer.read { $0.assumeIsolated { $0.answers[id]?.code != nil } }
            #expect(await peer.answers[id]?.code == HTTP2Code.noError)
        }
    }

    /// The same request in both protocols has one answer.
    @Test(arguments: [
        ("/mcp", "a", "", 200), ("/mcp?a=%20", "a.b:80", "", 200), ("/a b", "a", "", 400),
        ("/%2", "a", "", 400), ("a", "a", "", 400), ("*", "a", "", 400), ("/mcp", "a/b", "", 400),
        ("/mcp", "", "", 400), ("/mcp", "user@a", "", 400), ("/mcp", "a:x", "", 400),
        ("/mcp", "a", "expect: nothing\r\n", 417), ("/mcp", "a", "content-length: 1x\r\n", 400),
        ("/mcp", "a", "host: b\r\n", 400), ("/mcp", "a", "b c: d\r\n", 400),
        ("/mcp", "a", "b: \u{1}\r\n", 400), ("/mcp", "a", ": d\r\n", 400),
    ])
    func `one set of rules`(
        target: String,
        authority: String,
        lines: String,
        status: Int
    )
        async throws
    {
        let old = try await HTTPServerTests.answer(
            to: "POST \(target) HTTP/1.1\r\nHost: \(authority)\r\nConnection: close\r\n\(lines)\r\n"
        )
        #expect(old.hasPrefix("HTTP/1.1 \(status) "), "\(old.prefix(40))")
        try await onLoop { loop in
            let server = try await TestServer.start(on: loop, limits: Self.limits)
            let peer = try await HTTP2Peer.connect(to: server.address, on: loop)
            let id = try await peer.request(lines, to: target, authority: authority)
            let answer = try await peer.answer(to: id)
            // Where it breaks a rule of HTTP/2 itself there is a reset and no answer.
            let isBroken = answer.code == HTTP2Code.protocolError && status == 400
            #expect(answer.status == status || isBroken, "\(answer)")
            await peer.close()
            await server.stop()
        }
    }

    @Test func `no more requests at once than was said, whoever resets them`() async throws {
        let witness = Witness()
        let handler = ClosureHandler { exchange in
            await witness.note("began")
            await witness.wait(for: "go")
            await exchange.respond(.ok)
        }
        try await Self.serving(handler) { _, peer in
            var ids: [Int32] = []
            for _ in 0..<Limits.http2StreamCount { ids.append(try await peer.request()) }
            await witness.wait(for: "began", count: Limits.http2StreamCount)
            // Their streams are free again; what was begun for them is not.
            for id in ids { try await peer.reset(id) }
            let late = try await peer.request()
            let found12 = try await peer.answer(to: late).code
            #expect(found12 == HTTP2Code.refusedStream)
            await witness.note("go")
            try await peer.read { _ in true }
        }
    }

    @Test func `a client that takes nothing loses its stream, not the connection`() async throws {
        var limits = Self.limits
        limits.writeTimeout = .milliseconds(100)
        let handler = ClosureHandler { exchange in
            let count = exchange.head.path.equals("/long") ? 1 << 20 : 1
            await exchange.respond(.ok, body: [UInt8](repeating: 0x61, count: count))
        }
        try await Self.serving(handler, limits: limits, consumes: false) { _, peer in
            let long = try await peer.request(to: "/long")
            let answer = try await peer.answer(to: long)
            #expect(answer.code == HTTP2Code.cancel)
            #expect(answer.body.count == Limits.http2StreamWindowByteCount)
        }
    }

    @Test func `going away, what was begun is answered and nothing more is taken`() async throws {
        let witness = Witness()
        let handler = ClosureHandler { exchange in
            await witness.note("began")
            await witness.wait(for: "go")
            await exchange.respond(.ok, body: [0x61])
        }
        try await Self.serving(handler) { server, peer in
            let id = try await peer.request()
            await witness.wait(for: "began")
            let stopping = server.server.loop.spawn {
                await server.server.shutDown(within: .seconds(20))
            }
            try await peer.read { $0.assumeIsolated { $0.goneAway != nil } }
            #expect(await peer.goneAway == HTTP2Code.noError)
            await witness.note("go")
            let found13 = try await peer.answer(to: id).text
            #expect(found13 == "a")
            let found14 = try await peer.end()
            #expect(found14 == HTTP2Code.noError)
            await peer.close()
            await stopping.value
        }
    }

    @Test func `a connection is renewed without losing a request`() async throws {
        let witness = Witness()
        let handler = ClosureHandler { exchange in
            await witness.note("began")
            await witness.wait(for: "go")
            await exchange.respond(.ok, body: [0x61])
        }
        try await Self.serving(handler) { server, peer in
            let id = try await peer.request()
            await witness.wait(for: "began")
            await server.server.renewConnections()
            try await peer.read { $0.assumeIsolated { $0.goneAway != nil } }
            await witness.note("go")
            let answer = try await peer.answer(to: id)
            #expect(answer.text == "a")
            let code = try await peer.end()
            #expect(code == HTTP2Code.noError)
            // The server takes new connections as before.
            let next = try await HTTP2Peer.connect(to: server.address, on: server.server.loop)
            let again = try await next.answer(to: try await next.request())
            #expect(again.text == "a")
            await next.close()
        }
    }

    @Test func `a silent connection is ended in order`() async throws {
        var limits = Self.limits
        limits.headTimeout = .milliseconds(50)
        try await Self.serving(limits: limits) { _, peer in
            let code = try await peer.end()
            #expect(code == HTTP2Code.noError)
        }
        limits = Self.limits
        limits.keepAliveTimeout = .milliseconds(50)
        try await Self.serving(limits: limits) { _, peer in
            let id = try await peer.request()
            let answer = try await peer.answer(to: id)
            #expect(answer.status == 200)
            let code = try await peer.end()
            #expect(code == HTTP2Code.noError)
        }
    }
}
