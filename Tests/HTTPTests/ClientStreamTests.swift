import Base
import System
import Testing

@testable import HTTP

/// Event streams as the client reads them.
@Suite(.timeLimit(.minutes(5)))
struct ClientStreamTests {
    private static let head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"

    private static func with(
        _ script: [String?],
        eventByteCount: Int = 1 << 20,
        _ body: @escaping @Sendable (HTTPClient, ScriptedServer, EventStream) async throws -> Void
    ) async throws {
        try await onLoop { loop in
            let server = ScriptedServer(on: loop, script)
            let client = try HTTPClient.test(try await server.start(), on: loop)
            var request = ClientRequest(.get, "/", deadline: loop.now.advanced(by: .seconds(20)))
            request.responseByteCount = eventByteCount
            let response = try await client.send(request)
            guard case .events(let events) = response.content else { throw CancellationError() }
            let result: Result<Void, any Error>
            do {
                result = .success(try await body(client, server, events))
            } catch { result = .failure(error) }
            await client.close()
            await server.stop()
            try result.get()
        }
    }

    private static func all(_ events: EventStream, _ loop: EventLoop) async throws -> [String] {
        var texts: [String] = []
        while let event = try await events.next(until: loop.now.advanced(by: .seconds(20))) {
            texts.append(String(decoding: event.data, as: UTF8.self))
        }
        return texts
    }

    @Test(
        "events are the same in every framing, wherever chunks begin and end",
        arguments: [
            "Content-Length: 22\r\n\r\ndata: one\n\ndata: two\n\n",
            "Transfer-Encoding: chunked\r\n\r\n16\r\ndata: one\n\ndata: two\n\n\r\n0\r\n\r\n",
            "Transfer-Encoding: chunked\r\n\r\n3\r\ndat\r\n9\r\na: one\n\nd\r\na\r\nata: two\n\n\r\n"
                + "0\r\n\r\n",
            "Transfer-Encoding: chunked\r\n\r\n"
                + "data: one\n\ndata: two\n\n".map { "1\r\n\($0)\r\n" }.joined() + "0\r\n\r\n",
        ]
    )
    func framings(answer: String) async throws {
        let okay = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
        try await Self.with([Self.head + answer, okay]) { (client, server, events) async throws in
            #expect(try await Self.all(events, client.loop) == ["one", "two"])
            // The connection is back in the pool, and the handle of the stream reads nothing.
            #expect(await client.connectionCounts == (1, 1))
            #expect(try await client.post("{}").text == "ok")
            #expect(try await events.next(until: client.loop.now) == nil)
            #expect(await server.connectionCount == 1)
        }
    }

    @Test func `an event is there when its end is, not when the chunk ends`() async throws {
        let start = Self.head + "Transfer-Encoding: chunked\r\n\r\nff\r\ndata: one\n\n"
        try await Self.with([start]) { (client, server, events) async throws in
            let deadline = client.loop.now.advanced(by: .seconds(20))
            #expect(try await events.next(until: deadline)?.data == "one".bytes)
            async let second = events.next(until: deadline)
            try await server.send("id: 7\nretry: 20\ndata: two\n\n")
            #expect(try await second?.data == "two".bytes)
            #expect(await events.lastEventID == "7".bytes)
            #expect(await events.retryDelay == .milliseconds(20))
            await events.close()
            #expect(await client.connectionCounts == (0, 0))
        }
    }

    @Test func `a stream that breaks off is no stream that ended`() async throws {
        let start = Self.head + "Transfer-Encoding: chunked\r\n\r\nb\r\ndata: one\n\n\r\n"
        try await Self.with([start]) { (client, server, events) async throws in
            let deadline = client.loop.now.advanced(by: .seconds(20))
            #expect(try await events.next(until: deadline)?.data == "one".bytes)
            await server.closeAll()
            do throws(HTTPClientError) {
                _ = try await events.next(until: deadline)
                Issue.record("a cut stream looked whole")
            } catch {
                #expect(error.requestSent)
                guard case .endedEarly = error.reason else { throw error }
            }
            #expect(await client.connectionCounts == (0, 0))
        }
    }

    @Test func `a stream without length ends with its connection`() async throws {
        try await Self.with([Self.head + "\r\ndata: one\n\ndata: cut"]) {
            (client, server, events) async throws in
            let deadline = client.loop.now.advanced(by: .seconds(20))
            #expect(try await events.next(until: deadline)?.data == "one".bytes)
            await server.closeAll()
            #expect(try await events.next(until: deadline) == nil)
            #expect(await client.connectionCounts == (0, 0))
        }
    }

    @Test func `an event may have its limit of bytes and not one more`() async throws {
        for (count, isTaken) in [(4, true), (5, false)] {
            let data = "data: " + String(repeating: "x", count: count) + "\n\n"
            let answer = "\(Self.head)Content-Length: \(data.utf8.count)\r\n\r\n\(data)"
            try await Self.with([answer], eventByteCount: 10) { (client, _, events) async throws in
                do throws(HTTPClientError) {
                    let deadline = client.loop.now.advanced(by: .seconds(20))
                    #expect(try await events.next(until: deadline)?.data.count == count)
                    #expect(isTaken)
                } catch {
                    #expect(!isTaken)
                    guard case .event(.eventTooLarge(limit: 10)) = error.reason else { throw error }
                }
            }
        }
    }

    @Test func `comments without end use no room`() async throws {
        let comments = String(repeating: ": ping\n\n", count: 10_000)
        let answer = Self.head + "Content-Length: \(comments.utf8.count + 9)\r\n\r\n"
        try await onLoop { loop in
            let server = ScriptedServer(on: loop, [answer + comments + "data: x\n\n"])
            let client = try HTTPClient.test(try await server.start(), on: loop, budget: 70_000)
            let deadline = loop.now.advanced(by: .seconds(20))
            let response = try await client.send(ClientRequest(.get, "/", deadline: deadline))
            guard case .events(let events) = response.content else { throw CancellationError() }
            #expect(try await events.next(until: deadline)?.data == "x".bytes)
            #expect(try await events.next(until: deadline) == nil)
            await client.close()
            await server.stop()
        }
    }

    @Test func `a server hears that its stream was let go`() async throws {
        try await onLoop { loop in
            let witness = Witness()
            let handler = ClosureHandler { exchange in
                let stream = await exchange.beginStream()
                await stream?.send(ServerSentEvent(data: "x".bytes))
                await exchange.closed()
                await witness.note("gone")
            }
            let server = try await TestServer.start(on: loop, handler)
            let client = try HTTPClient.test(server.url, on: loop)
            let cancellation = Cancellation(on: loop)
            let deadline = loop.now.advanced(by: .seconds(20))
            let request = ClientRequest(.get, "/", deadline: deadline)
            let response = try await client.send(request, cancellation: cancellation)
            guard case .events(let events) = response.content else { throw CancellationError() }
            _ = try await events.next(until: deadline)
            async let next = Self.failure(of: events, deadline)
            await Task.yield()
            cancellation.cancel()
            guard case .cancelled = await next?.reason else { throw CancellationError() }
            await witness.wait(for: "gone")
            await client.close()
            await server.stop()
        }
    }

    private static func failure(
        of events: EventStream,
        _ deadline: Instant
    ) async -> HTTPClientError? {
        do throws(HTTPClientError) {
            _ = try await events.next(until: deadline)
            return nil
        } catch { return error }
    }
}
