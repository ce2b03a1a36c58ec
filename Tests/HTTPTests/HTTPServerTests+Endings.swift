import Base
import System
import Testing

@testable import HTTP

/// Streams of events, and how a server ends what still runs.
extension HTTPServerTests {
    @Test func `events go out one by one and end in order`() async throws {
        try await onLoop { loop in
            let witness = Witness()
            let handler = ClosureHandler { exchange in
                guard let stream = await exchange.beginStream() else { return }
                await stream.retry(after: .milliseconds(500))
                await stream.comment()
                await stream.send(ServerSentEvent(data: "one".bytes, id: "1".bytes))
                await witness.wait(for: "seen")
                await stream.finish(ServerSentEvent(data: "two".bytes))
                #expect(await !stream.send(ServerSentEvent(data: "three".bytes)))
            }
            let server = try await TestServer.start(on: loop, handler)
            let peer = try await RawPeer.connect(to: server.address, on: loop)
            try await peer.send("GET /1 HTTP/1.1\r\nHost: a\r\n\r\n")
            let start = try await peer.read(through: "data: one\n\n\r\n")
            #expect(start.contains("\r\nContent-Type: text/event-stream\r\n"))
            #expect(start.contains("\r\nX-Accel-Buffering: no\r\n"))
            #expect(start.contains("retry: 500\n\n"))
            #expect(start.contains(":\n\n"))
            await witness.note("seen")
            #expect(try await peer.read(through: "0\r\n\r\n") == "b\r\ndata: two\n\n\r\n0\r\n\r\n")
            // The connection is good for another request.
            try await peer.send("GET /2 HTTP/1.1\r\nHost: a\r\n\r\n")
            #expect(try await peer.read(through: "0\r\n\r\n").hasPrefix("HTTP/1.1 200 OK"))
            await peer.close()
            await server.stop()
        }
    }

    @Test func `a stream to an old client ends with the connection`() async throws {
        let answer = try await Self.answer(
            to: "GET / HTTP/1.0\r\n\r\n",
            ClosureHandler { exchange in
                let stream = await exchange.beginStream()
                await stream?.finish(ServerSentEvent(data: "x".bytes))
            }
        )
        #expect(!answer.contains("chunked"))
        #expect(answer.hasSuffix("\r\n\r\ndata: x\n\n"))
    }

    @Test func `a stream that its handler leaves is cut off, not ended`() async throws {
        let answer = try await Self.answer(
            to: "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
            ClosureHandler { exchange in
                let stream = await exchange.beginStream()
                await stream?.send(ServerSentEvent(data: "x".bytes))
            }
        )
        #expect(answer.hasSuffix("data: x\n\n\r\n"))
    }

    @Test func `shutting down lets requests in flight finish and idle ones go`() async throws {
        try await onLoop { loop in
            let witness = Witness()
            let handler = ClosureHandler { exchange in
                await witness.note("begun")
                await witness.wait(for: "go")
                await exchange.respond(.ok, body: "done".bytes)
            }
            let server = try await TestServer.start(on: loop, handler)
            let idle = try await RawPeer.connect(to: server.address, on: loop)
            let busy = try await RawPeer.connect(to: server.address, on: loop)
            try await busy.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            await witness.wait(for: "begun")
            async let stopped: Void = server.server.shutDown(within: .seconds(20))
            #expect(try await idle.rest() == "")
            await witness.note("go")
            let answer = try await busy.rest()
            #expect(answer.contains("\r\nConnection: close\r\n"))
            #expect(answer.hasSuffix("done"))
            await busy.close()
            await stopped
            #expect(await server.server.connectionCount == 0)
            // A child that is being started elsewhere holds the socket until it executes.
            while let late = try? await RawPeer.connect(to: server.address, on: loop) {
                await late.close()
                try Task.checkCancellation()
            }
            await idle.close()
        }
    }

    @Test func `shutting down cuts off what does not end`() async throws {
        try await onLoop { loop in
            let witness = Witness()
            let handler = ClosureHandler { exchange in
                _ = await exchange.beginStream()
                await witness.note("open")
                await exchange.closed()
                await witness.note("closed")
            }
            let server = try await TestServer.start(on: loop, handler)
            let peer = try await RawPeer.connect(to: server.address, on: loop)
            try await peer.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            await witness.wait(for: "open")
            await server.server.shutDown(within: .milliseconds(2))
            #expect(await witness.count(of: "closed") == 1)
            await peer.close()
        }
    }

    @Test func `connections beyond the cap wait for their turn`() async throws {
        var limits = HTTPServerLimits()
        limits.connectionCount = 1
        let limitsNow = limits
        try await onLoop { loop in
            let server = try await TestServer.start(on: loop, limits: limitsNow)
            let first = try await RawPeer.connect(to: server.address, on: loop)
            try await first.send("GET /first HTTP/1.1\r\nHost: a\r\n\r\n")
            _ = try await first.read(through: "GET /first ")
            let second = try await RawPeer.connect(to: server.address, on: loop)
            try await second.send("GET /second HTTP/1.1\r\nHost: a\r\n\r\n")
            #expect(await server.server.connectionCount == 1)
            await first.close()
            _ = try await second.read(through: "GET /second ")
            await second.close()
            await server.stop()
        }
    }
}
