import Base
import System
import Testing

@testable import HTTP

@Suite(.timeLimit(.minutes(5)))
struct HTTPServerTests {
    /// Sends the text and closes our side; all that comes back.
    static func answer(
        to text: String,
        _ handler: any HTTPHandler = echo,
        limits: HTTPServerLimits = HTTPServerLimits(),
        budget: Int = Limits.bufferedByteCount
    ) async throws -> String {
        try await onLoop { loop in
            let server = try await TestServer.start(
                on: loop,
                handler,
                limits: limits,
                budget: budget
            )
            let peer = try await RawPeer.connect(to: server.address, on: loop)
            try await peer.send(text)
            let answer = try await peer.rest()
            await peer.close()
            await server.stop()
            #expect(server.budget.usedByteCount == 0)
            return answer
        }
    }

    @Test func `a request is answered and the connection kept`() async throws {
        try await onLoop { loop in
            let server = try await TestServer.start(on: loop)
            let peer = try await RawPeer.connect(to: server.address, on: loop)
            for body in ["one", "two"] {
                try await peer.send(
                    "POST /mcp?x=1 HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\n\(body)"
                )
                let answer = try await peer.read(through: body)
                #expect(answer.hasPrefix("HTTP/1.1 200 OK\r\nDate: "))
                #expect(answer.contains("\r\nContent-Length: 17\r\n"))
                #expect(answer.hasSuffix("\r\n\r\nPOST /mcp?x=1 \(body)"))
                #expect(!answer.contains("Connection"))
            }
            await peer.close()
            await server.stop()
        }
    }

    @Test func `what a handler keeps is there with the same head only`() async throws {
        let handler = ClosureHandler { exchange in
            let before = (exchange.reading as? Kept)?.body ?? "none"
            exchange.keep(Kept(exchange.body[...].text))
            await exchange.respond(.ok, body: Array("before: \(before).".utf8))
        }
        try await onLoop { loop in
            let server = try await TestServer.start(on: loop, handler)
            let peer = try await RawPeer.connect(to: server.address, on: loop)
            for (path, body, before) in [
                ("/a", "one", "none"), ("/a", "three", "one"), ("/b", "six", "none"),
                ("/a", "two", "none"), ("/a", "ten", "two"),
            ] {
                let length = body.utf8.count
                try await peer.send(
                    "POST \(path) HTTP/1.1\r\nHost: a\r\nContent-Length: \(length)\r\n\r\n\(body)"
                )
                #expect(try await peer.read(through: ".").hasSuffix("before: \(before)."))
            }
            await peer.close()
            await server.stop()
        }
    }

    private final class Kept: Sendable {
        let body: String
        init(_ body: String) { self.body = body }
    }

    @Test func `a client of ours and a server of ours understand each other`() async throws {
        try await onLoop { loop in
            let server = try await TestServer.start(on: loop)
            let client = try HTTPClient.test(server.url, on: loop)
            for count in [0, 1, 1000, 20_000, 1 << 20] {
                let text = String(repeating: "x", count: count)
                let response = try await client.post(text)
                #expect(response.status == .ok)
                #expect(response.text == "POST /mcp \(text)")
            }
            let counts = await client.connectionCounts
            #expect(counts == (1, 1))
            await client.close()
            await server.stop()
            #expect(server.budget.usedByteCount == 0)
        }
    }

    @Test func `pipelined requests are answered in order, one after the other`() async throws {
        let witness = Witness()
        let handler = ClosureHandler { exchange in
            await witness.note("begin")
            #expect(await witness.count(of: "begin") == witness.count(of: "end") + 1)
            await Task.yield()
            await exchange.respond(.ok, body: exchange.body)
            await witness.note("end")
        }
        let requests = (1...9).map {
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n"
                + ($0 == 9 ? "Connection: close\r\n" : "") + "\r\n\($0)"
        }
        let answer = try await Self.answer(to: requests.joined() + "GET / HTTP/1.1\r\n", handler)
        let bodies = answer.split(separator: "HTTP/1.1 200 OK").compactMap(\.last)
        #expect(String(bodies) == "123456789")
    }

    @Test func `a request that comes byte by byte is one request`() async throws {
        try await onLoop { loop in
            let server = try await TestServer.start(on: loop)
            let peer = try await RawPeer.connect(to: server.address, on: loop)
            let text =
                "POST /mcp HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
                + "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"
            for byte in text.utf8 {
                try await peer.send([byte])
                await Task.yield()
            }
            #expect(try await peer.read(through: "abcde").hasSuffix("\r\n\r\nPOST /mcp abcde"))
            await peer.close()
            await server.stop()
        }
    }

    @Test(
        "bad framing is answered with its status, and the connection ends",
        arguments: [
            ("GET / HTTP/1.1\r\n\r\n", 400), ("GET / HTTP/1.1\nHost: a\n\n", 400),
            ("GET http://a/ HTTP/1.1\r\nHost: a\r\n\r\n", 400),
            ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nx", 400),
            ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", 501),
            ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3;x\r\n", 400),
            ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1048577\r\n\r\n", 413),
            ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n100001\r\n", 413),
            ("GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505), ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
            ("POST / HTTP/1.1\r\nHost: a\r\nExpect: x\r\n\r\n", 417), ("\u{16}\u{3}\u{1}", 400),
            ("GET / HTTP/1.1\r\n" + String(repeating: "X: y\r\n", count: 70) + "\r\n", 431),
            ("GET / HTTP/1.1\r\nX: " + String(repeating: "x", count: 17 << 10), 431),
            ("GET /" + String(repeating: "x", count: 9 << 10) + " HTTP/1.1\r\n\r\n", 414),
        ]
    )
    func refuses(text: String, code: Int) async throws {
        // What follows must never be taken for a request.
        let answer = try await Self.answer(to: text + "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(answer.hasPrefix("HTTP/1.1 \(code) "))
        #expect(answer.contains("\r\nConnection: close\r\n"))
        #expect(answer.contains("\r\n\r\nerror: "))
        #expect(!answer.contains("smuggled"))
        #expect(answer.split(separator: "\r\nDate: ").count == 2)
    }

    @Test func `a body may have its limit of bytes`() async throws {
        var limits = HTTPServerLimits()
        limits.requestByteCount = 10
        let head = "POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n"
        for (framed, isServed) in [
            ("Content-Length: 10\r\n\r\n0123456789", true),
            ("Content-Length: 11\r\n\r\n0123456789a", false),
            ("Transfer-Encoding: chunked\r\n\r\n5\r\n01234\r\n5\r\n56789\r\n0\r\n\r\n", true),
            ("Transfer-Encoding: chunked\r\n\r\n5\r\n01234\r\n6\r\n56789a\r\n0\r\n\r\n", false),
        ] {
            let answer = try await Self.answer(to: head + framed, limits: limits)
            #expect(answer.hasPrefix(isServed ? "HTTP/1.1 200 " : "HTTP/1.1 413 "))
        }
    }

    @Test func `a client that waits for it is told to continue`() async throws {
        try await onLoop { loop in
            let server = try await TestServer.start(on: loop)
            let peer = try await RawPeer.connect(to: server.address, on: loop)
            try await peer.send(
                "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n"
            )
            #expect(try await peer.read(through: "\r\n\r\n") == "HTTP/1.1 100 Continue\r\n\r\n")
            try await peer.send("abc")
            #expect(try await peer.read(through: "abc").hasPrefix("HTTP/1.1 200 OK\r\n"))
            // One that is refused anyway is not told to send.
            try await peer.send(
                "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9999999\r\n"
                    + "Expect: 100-continue\r\n\r\n"
            )
            #expect(try await peer.rest().hasPrefix("HTTP/1.1 413 "))
            await peer.close()
            await server.stop()
        }
    }

    @Test func `an old client is answered and the connection closed`() async throws {
        let answer = try await Self.answer(to: "GET /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
        #expect(answer.contains("\r\nConnection: close\r\n"))
        #expect(answer.hasSuffix("GET /a "))
    }

    @Test func `a HEAD request gets the head of the answer only`() async throws {
        let answer = try await Self.answer(
            to: "HEAD /a HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
        )
        #expect(answer.contains("\r\nContent-Length: 8\r\n"))
        #expect(answer.hasSuffix("\r\n\r\n"))
    }

    @Test func `an answer without content has no length`() async throws {
        let answer = try await Self.answer(
            to: "POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
            ClosureHandler { await $0.respond(.noContent, body: [1, 2, 3]) }
        )
        #expect(!answer.contains("Content-Length"))
        #expect(answer.hasSuffix("\r\n\r\n"))
    }

    @Test func `a handler that forgets to answer is a 500, a second answer is none`() async throws {
        let forgotten = try await Self.answer(
            to: "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
            ClosureHandler { _ in }
        )
        #expect(forgotten.hasPrefix("HTTP/1.1 500 "))
        let twice = try await Self.answer(
            to: "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
            ClosureHandler { exchange in
                #expect(await exchange.respond(.ok, body: "one".bytes))
                #expect(await !exchange.respond(.ok, body: "two".bytes))
                #expect(await exchange.beginStream() == nil)
            }
        )
        #expect(twice.hasSuffix("\r\n\r\none"))
    }

    @Test func `a large answer reaches a slow reader whole`() async throws {
        let count = 8 << 20
        let answer = try await Self.answer(
            to: "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
            ClosureHandler { await $0.respond(.ok, body: [UInt8](repeating: 0x61, count: count)) }
        )
        #expect(answer.utf8.count(where: { $0 == 0x61 }) >= count)
        #expect(answer.utf8.suffix(count).allSatisfy { $0 == 0x61 })
    }

    @Test func `slow heads and slow bodies are answered 408, silence is closed`() async throws {
        var limits = HTTPServerLimits()
        // Longer than a machine under load takes to bring what was sent.
        limits.headTimeout = .milliseconds(200)
        limits.bodyTimeout = .milliseconds(200)
        limits.keepAliveTimeout = .milliseconds(200)
        let limitsNow = limits
        for (text, start) in [
            ("GET / HTTP/1.1\r\nHost: a\r\n", "HTTP/1.1 408 "), ("G", "HTTP/1.1 408 "),
            ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nab", "HTTP/1.1 408 "),
            (
                "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
                "HTTP/1.1 408 "
            ),
            ("", ""),
        ] {
            let answer = try await Self.answer(to: text, limits: limitsNow)
            #expect(start.isEmpty ? answer.isEmpty : answer.hasPrefix(start))
        }
        let kept = try await Self.answer(
            to: "GET /kept HTTP/1.1\r\nHost: a\r\n\r\n",
            limits: limitsNow
        )
        #expect(kept.hasSuffix("GET /kept "))
    }

    @Test func `a client that never reads does not hold the server`() async throws {
        var limits = HTTPServerLimits()
        limits.writeTimeout = .milliseconds(5)
        let limitsNow = limits
        try await onLoop { loop in
            let witness = Witness()
            let handler = ClosureHandler { exchange in
                guard let stream = await exchange.beginStream() else { return }
                let event = ServerSentEvent(data: [UInt8](repeating: 0x61, count: 1 << 20))
                while await stream.send(event) {}
                #expect(await exchange.isClosed)
                await witness.note("gone")
            }
            let server = try await TestServer.start(on: loop, handler, limits: limitsNow)
            let peer = try await RawPeer.connect(to: server.address, on: loop)
            try await peer.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            await witness.wait(for: "gone")
            await peer.close()
            await server.stop()
        }
    }

    @Test func `a handler hears that its client has gone`() async throws {
        try await onLoop { loop in
            let witness = Witness()
            let handler = ClosureHandler { exchange in
                await exchange.onClose { loop.spawn { await witness.note("hook") } }
                await witness.note("waiting")
                await exchange.closed()
                #expect(await exchange.isClosed)
                // Too late to be called once, and at once when asked again.
                await exchange.onClose { loop.spawn { await witness.note("late") } }
                await witness.note("closed")
            }
            let server = try await TestServer.start(on: loop, handler)
            let peer = try await RawPeer.connect(to: server.address, on: loop)
            try await peer.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            await witness.wait(for: "waiting")
            await peer.close()
            for text in ["hook", "closed", "late"] { await witness.wait(for: text) }
            #expect(await witness.count(of: "hook") == 1)
            await server.stop()
        }
    }

    @Test func `a hook of an answered request is not called later`() async throws {
        try await onLoop { loop in
            let witness = Witness()
            let handler = ClosureHandler { exchange in
                await exchange.onClose { loop.spawn { await witness.note("hook") } }
                await exchange.respond(.ok, body: exchange.body)
            }
            let server = try await TestServer.start(on: loop, handler)
            let peer = try await RawPeer.connect(to: server.address, on: loop)
            try await peer.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx")
            _ = try await peer.read(through: "\r\n\r\nx")
            await peer.close()
            await server.stop()
            #expect(await witness.count(of: "hook") == 0)
        }
    }

    @Test func `a client that leaves in the middle of its body reaches no handler`() async throws {
        try await onLoop { loop in
            let handler = ClosureHandler { _ in Issue.record("half a request was handed on") }
            let server = try await TestServer.start(on: loop, handler)
            for text in [
                "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc",
                "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabc",
                "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
                "POST / HTTP/1.1\r\nHost: a\r\n",
            ] {
                let peer = try await RawPeer.connect(to: server.address, on: loop)
                try await peer.send(text)
                try await peer.finish()
                #expect(try await peer.rest() == "")
                await peer.close()
            }
            await server.stop()
            #expect(server.budget.usedByteCount == 0)
        }
    }

    @Test func `bodies wait for room and are refused when none comes`() async throws {
        var limits = HTTPServerLimits()
        limits.bufferWait = .milliseconds(5)
        let refused = try await Self.answer(
            to: "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\n\r\n0123456789a",
            limits: limits,
            budget: 10
        )
        #expect(refused.hasPrefix("HTTP/1.1 503 "))
        let served = try await Self.answer(
            to: "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\nConnection: close\r\n\r\n"
                + "0123456789",
            limits: limits,
            budget: 10
        )
        #expect(served.hasPrefix("HTTP/1.1 200 "))
    }

    @Test func `a body that waits for room goes on when another request ends`() async throws {
        try await onLoop { loop in
            let witness = Witness()
            let handler = ClosureHandler { exchange in
                await witness.note(exchange.head.path.text)
                if exchange.head.path.equals("/first") { await witness.wait(for: "go") }
                await exchange.respond(.ok, body: exchange.body)
            }
            let server = try await TestServer.start(on: loop, handler, budget: 10)
            func request(_ path: String) -> String {
                "POST \(path) HTTP/1.1\r\nHost: a\r\nContent-Length: 8\r\n\r\n01234567"
            }
            let first = try await RawPeer.connect(to: server.address, on: loop)
            try await first.send(request("/first"))
            await witness.wait(for: "/first")
            let second = try await RawPeer.connect(to: server.address, on: loop)
            try await second.send(request("/second"))
            #expect(server.budget.usedByteCount == 8)
            #expect(await witness.count(of: "/second") == 0)
            await witness.note("go")
            _ = try await first.read(through: "01234567")
            #expect(try await second.read(through: "01234567").hasPrefix("HTTP/1.1 200 "))
            await first.close()
            await second.close()
            await server.stop()
        }
    }
}
