import Base
import HTTP
import JSON
import MCP
import System
import Testing

@testable import Gateway

/// A server of a handshake revision whose processes are replaced while it answers; takes what is meant
/// for the one that is there, as the transports do.
private actor Replaced: UpstreamTransport {
    nonisolated let isHTTP = false
    private let loop: EventLoop
    nonisolated var unownedExecutor: UnownedSerialExecutor {
        unsafe loop.asUnownedSerialExecutor()
    }
    private(set) var currentGeneration: UInt64 = 0
    private var greet: (@Sendable () async -> UpstreamFailure?)?
    /// What each process was told.
    private(set) var heard: [UInt64: [String]] = [:]
    private(set) var askedCount = 0
    /// What is not answered before `answer`, and the requests that wait for it.
    private var isHeld: Set<String> = []
    private var held: [String: Pending<Void>] = [:]

    init(on loop: EventLoop) { self.loop = loop }

    func start() async -> UpstreamFailure? {
        currentGeneration += 1
        return await greet?()
    }

    func hold(_ method: String) { isHeld.insert(method) }

    func isHolding(_ method: String) -> Bool { held[method] != nil }

    func answer(_ method: String) { held.removeValue(forKey: method)?.fulfil(()) }

    func send(
        _ request: UpstreamRequest,
        cancellation: CallCancellation,
        notifications: @escaping NotificationSink
    ) async throws(UpstreamFailure) -> UpstreamAnswer {
        askedCount += 1
        let asked = currentGeneration
        guard request.generation == nil || request.generation == asked else {
            throw UpstreamFailure(.notSent, "another process", isOvertaken: true)
        }
        heard[asked, default: []].append(request.method)
        if isHeld.remove(request.method) != nil {
            let pending = Pending<Void>(on: loop)
            held[request.method] = pending
            try? await pending.value()
        }
        do {
            let text = """
                {"protocolVersion":"2025-11-25","capabilities":{"resources":{"subscribe":true},
                "logging":{},"experimental":{"process":\(asked)}}}
                """
            return .result(try JSONDocument(parsing: Array(text.utf8)).root)
        } catch {
            throw UpstreamFailure(.invalidAnswer, "\(error)")
        }
    }

    func notify(_ message: [UInt8], to opened: Opened) async {
        guard opened.generation == currentGeneration else { return }
        heard[currentGeneration, default: []].append("initialized")
    }

    func ready() async throws(UpstreamFailure) -> UInt64 { currentGeneration }
    nonisolated var generationAtHand: UInt64? { nil }
    func onStart(_ greet: @escaping @Sendable () async -> UpstreamFailure?) { self.greet = greet }
    func onNotice(_ body: @escaping @Sendable (UpstreamNotice) -> Void) {}
    func listen(_ request: UpstreamRequest?, to opened: Opened) async {}
    func close() async {}
}

private struct Nowhere: Route {
    func addresses() async throws(HTTPClientError) -> [IPAddress] { [] }
    func check(peer: SocketAddress, local: SocketAddress) throws(HTTPClientError) {}
}

@Suite("What was agreed with a process or session", .timeLimit(.minutes(5)))
struct AgreementTests {
    private static let whole = [
        "initialize", "initialized", "resources/subscribe", "resources/subscribe",
        "logging/setLevel",
    ]

    private func stage(
        _ body: @escaping @Sendable (EventLoop, Replaced, MCPClient) async -> Void
    ) async throws {
        let loop = try EventLoop()
        let thread = try loop.start()
        let pipe = Replaced(on: loop)
        let client = MCPClient(
            server: try ServerName("test"),
            transport: pipe,
            loop: loop,
            identity: Implementation(name: "test", version: "1"),
            pinned: .r2025_11_25,
            startTimeout: .seconds(30)
        )
        await client.attach { nil }
        await loop.spawn { await body(loop, pipe, client) }.value
        loop.stop()
        thread.join()
    }

    /// It was subscribed to and told a level before it was greeted.
    @Test func `is asked of no process that took its place meanwhile`() async throws {
        try await stage { loop, pipe, client in
            _ = await pipe.start()
            await client.watch("file:///a", true)
            await client.watch("file:///b", true)
            await client.wantLogs(from: .debug)
            await pipe.hold("resources/subscribe")
            _ = await pipe.start()
            // The first subscription with the second process is under way.
            while await !pipe.isHolding("resources/subscribe") { await Task.yield() }
            await pipe.hold("initialize")
            let third = loop.spawn { await pipe.start() }
            while await !pipe.isHolding("initialize") { await Task.yield() }
            let asked = await pipe.askedCount
            await pipe.answer("resources/subscribe")
            while await pipe.askedCount == asked { await Task.yield() }
            #expect(await pipe.heard[3] == ["initialize"])
            await pipe.answer("initialize")
            #expect(await third.value == nil)
            while await (pipe.heard[3] ?? []).count < Self.whole.count { await Task.yield() }
            #expect(await pipe.heard[3] == Self.whole)
        }
    }

    @Test func `is not replaced by what one says that is gone`() async throws {
        try await stage { loop, pipe, client in
            await pipe.hold("initialize")
            let first = loop.spawn { await pipe.start() }
            while await !pipe.isHolding("initialize") { await Task.yield() }
            #expect(await pipe.start() == nil)
            await pipe.answer("initialize")
            #expect(await first.value?.isOvertaken == true)
            #expect(await client.opened == Opened(generation: 2, revision: .r2025_11_25))
            let process = await client.capabilities?["experimental"]?["process"]
            #expect(process?.source.elementsEqual("2".utf8) == true)
            #expect(await pipe.heard[1] == ["initialize"])
        }
    }

    /// Each late refusal ended a session that it was not about.
    @Test func `over HTTP is not ended by an answer to the session before`() async throws {
        let loop = try EventLoop()
        let thread = try loop.start()
        let transport = HTTPTransport(
            loop: loop,
            client: HTTPClient(
                to: try HTTPURL(parsing: "http://127.0.0.1:9/").origin,
                on: loop,
                by: Nowhere(),
                tls: nil,
                budget: BufferBudget(on: loop, limit: 1 << 20)
            ),
            target: "/"
        )
        let request = UpstreamRequest(
            id: 1,
            method: "resources/subscribe",
            body: [],
            name: nil,
            parameters: [],
            deadline: SystemClock().instant,
            revision: .r2025_11_25
        )
        await loop.spawn {
            for opened: UInt64 in [1, 1, 2, 1] {
                _ = try? await transport.read([], HTTPStatus(code: 405), of: request, opened)
            }
        }.value
        #expect(await transport.currentGeneration == 3)
        loop.stop()
        thread.join()
    }
}
