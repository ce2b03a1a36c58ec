import Base
import Crypto
import System
import Testing

@testable import HTTP

/// Our client and our server, by agreement in the TLS handshake.
@Suite(
    .timeLimit(.minutes(5)),
    .enabled(if: Certificates.canBeMade, "the program openssl is not here")
)
struct HTTP2ClientTests {
    struct Pair: Sendable {
        let server: HTTPServer
        let client: HTTPClient
        let tls: ServerTLS
        let loop: EventLoop
    }

    static func withPair(
        _ handler: any HTTPHandler,
        serverOffers: Bool = true,
        clientOffers: Bool = true,
        _ body: @escaping @Sendable (Pair) async throws -> Void
    ) async throws {
        let folder = try await Certificates.folder.value
        let context = try TLSContext(serving: [try await Certificates.identity("good")])
        let trusted = try TLSContext(client: .authorities(file: "\(folder)/ca.pem"))
        try await onLoop { loop in
            let tls = ServerTLS(context, offersHTTP2: serverOffers)
            let budget = BufferBudget(on: loop)
            let server = HTTPServer(
                on: loop,
                handler: handler,
                budget: budget,
                clock: SystemClock()
            )
            let address = try await server.listen(on: .ip(.loopback, port: 0), tls: tls)
            var limits = HTTPClientLimits()
            limits.offersHTTP2 = clientOffers
            let client = try HTTPClient.test(
                "https://\(address)/",
                on: loop,
                tls: trusted,
                limits: limits
            )
            try await body(Pair(server: server, client: client, tls: tls, loop: loop))
            await client.close()
            await server.shutDown(within: .seconds(20))
            #expect(budget.usedByteCount == 0)
        }
    }

    @Test func `many requests share one connection`() async throws {
        let witness = Witness()
        let handler = ClosureHandler { exchange in
            await witness.note("began")
            await witness.wait(for: "began", count: 50)
            await exchange.respond(.ok, body: exchange.body)
        }
        try await Self.withPair(handler) { pair in
            // Each waits for all others: they are there at once.
            let texts = try await withThrowingTaskGroup(of: String.self) { group in
                for number in 0..<50 {
                    group.addTask { try await pair.client.post("\(number)").text }
                }
                var texts: Set<String> = []
                for try await text in group { texts.insert(text) }
                return texts
            }
            #expect(texts == Set((0..<50).map(String.init)))
            #expect(await pair.server.connectionCount == 1)
            #expect(await pair.client.connectionCounts == (1, 0))
            #expect(pair.tls.tally.completed == 1)
        }
    }

    @Test func `bodies of any length go both ways`() async throws {
        try await Self.withPair(echo) { pair in
            for count in [0, 1, 65_535, 65_536, 1 << 20] {
                let text = String(repeating: "x", count: count)
                let response = try await pair.client.post(text)
                #expect(response.status == .ok)
                #expect(response.text == "POST /mcp \(text)")
            }
        }
    }

    @Test(arguments: [(true, false), (false, true), (false, false)])
    func `who does not offer it gets HTTP 1`(serverOffers: Bool, clientOffers: Bool) async throws {
        try await Self.withPair(echo, serverOffers: serverOffers, clientOffers: clientOffers) {
            pair in
            let (one, two) = (pair.client, pair.client)
            async let first = one.post("a").text
            async let second = two.post("b").text
            let texts = try await [first, second]
            #expect(texts == ["POST /mcp a", "POST /mcp b"])
            // A pool of connections, each kept.
            #expect(await pair.client.connectionCounts.idle >= 1)
        }
    }

    @Test func `events come one by one, and letting go resets the stream alone`() async throws {
        let witness = Witness()
        let handler = ClosureHandler { exchange in
            guard exchange.head.path.equals("/events") else {
                await exchange.respond(.ok, body: exchange.body)
                return
            }
            await exchange.onClose { Task { await witness.note("closed") } }
            guard let stream = await exchange.beginStream() else { return }
            for number in 1...3 {
                let event = ServerSentEvent(
                    data: Array("\(number)".utf8),
                    id: Array("i\(number)".utf8)
                )
                await stream.send(event)
            }
            await exchange.closed()
        }
        try await Self.withPair(handler) { pair in
            let response = try await pair.client.post("", to: "/events")
            guard case .events(let events) = response.content else {
                Issue.record("no event stream")
                return
            }
            let deadline = pair.loop.now.advanced(by: .seconds(20))
            for number in 1...3 {
                let event = try await events.next(until: deadline)
                #expect(event?.data == Array("\(number)".utf8))
            }
            #expect(await events.lastEventID == Array("i3".utf8))
            await events.close()
            await witness.wait(for: "closed")
            let found1 = try await pair.client.post("after").text
            #expect(found1 == "after")
            #expect(pair.tls.tally.completed == 1)
        }
    }

    @Test func `a stream of more than a window waits for its reader`() async throws {
        let line = [UInt8](repeating: 0x61, count: 1000)
        let handler = ClosureHandler { exchange in
            guard let stream = await exchange.beginStream() else { return }
            for _ in 0..<500 { await stream.send(ServerSentEvent(data: line)) }
            await stream.finish()
        }
        try await Self.withPair(handler) { pair in
            let response = try await pair.client.post("")
            guard case .events(let events) = response.content else {
                Issue.record("no event stream")
                return
            }
            let deadline = pair.loop.now.advanced(by: .seconds(20))
            var count = 0
            while let event = try await events.next(until: deadline) {
                #expect(event.data == line)
                count += 1
            }
            #expect(count == 500)
        }
    }

    @Test func `a cancelled request ends, and no other with it`() async throws {
        let witness = Witness()
        let handler = ClosureHandler { exchange in
            guard exchange.head.path.equals("/slow") else {
                await exchange.respond(.ok, body: exchange.body)
                return
            }
            await exchange.onClose { Task { await witness.note("closed") } }
            await witness.note("began")
            await exchange.closed()
        }
        try await Self.withPair(handler) { pair in
            let (client, loop) = (pair.client, pair.loop)
            let cancellation = Cancellation(on: loop)
            let waiting = loop.spawn { () -> String in
                let request = ClientRequest(
                    .post,
                    "/slow",
                    deadline: loop.now.advanced(by: .seconds(20))
                )
                do throws(HTTPClientError) {
                    _ = try await client.send(request, cancellation: cancellation)
                    return "answered"
                } catch { return "\(error.reason) \(error.requestSent)" }
            }
            await witness.wait(for: "began")
            cancellation.cancel()
            #expect(await waiting.value == "cancelled true")
            await witness.wait(for: "closed")
            let late = ClientRequest(
                .post,
                "/slow",
                deadline: loop.now.advanced(by: .milliseconds(50))
            )
            let error = await #expect(throws: HTTPClientError.self) {
                try await client.send(late)
            }
            #expect(error?.description == "the server did not answer in time")
            let found2 = try await client.post("x").text
            #expect(found2 == "x")
            #expect(pair.tls.tally.completed == 1)
        }
    }

    @Test func `a server that goes away loses no request it did not take`() async throws {
        let folder = try await Certificates.folder.value
        let context = try TLSContext(serving: [try await Certificates.identity("good")])
        let trusted = try TLSContext(client: .authorities(file: "\(folder)/ca.pem"))
        try await onLoop { loop in
            let tls = ServerTLS(context, offersHTTP2: true)
            let witness = Witness()
            let slow = ClosureHandler { exchange in
                await witness.note("began")
                await witness.wait(for: "go")
                await exchange.respond(.ok, body: Array("first".utf8))
            }
            func start(_ handler: any HTTPHandler) -> HTTPServer {
                HTTPServer(
                    on: loop,
                    handler: handler,
                    budget: BufferBudget(on: loop),
                    clock: SystemClock()
                )
            }
            let first = start(slow)
            let address = try await first.listen(on: .ip(.loopback, port: 0), tls: tls)
            var limits = HTTPClientLimits()
            limits.offersHTTP2 = true
            let client = try HTTPClient.test(
                "https://\(address)/",
                on: loop,
                tls: trusted,
                limits: limits
            )
            let early = loop.spawnThrowing { try await client.post("x").text }
            await witness.wait(for: "began")
            let stopping = loop.spawn { await first.shutDown(within: .seconds(20)) }
            let second = start(echo)
            // The port is free once the first server listens no more, which it does at once, and no
            // child that is being started elsewhere holds its socket.
            while true {
                await Task.yield()
                do {
                    try await second.listen(on: address, tls: tls)
                    break
                } catch let error as SystemError where error.name == "EADDRINUSE" {
                    try Task.checkCancellation()
                }
            }
            let found3 = try await client.post("y").text
            #expect(found3 == "POST /mcp y")
            await witness.note("go")
            let found4 = try await early.value
            #expect(found4 == "first")
            await stopping.value
            await client.close()
            await second.shutDown(within: .zero)
        }
    }
}
