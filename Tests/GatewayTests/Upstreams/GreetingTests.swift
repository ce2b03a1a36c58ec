import Base
import JSON
import MCP
import System
import Testing

@testable import Gateway

/// Answers every request, and starts a process when it is told to.
private actor Pipe: UpstreamTransport {
    nonisolated let isHTTP = false
    private let loop: EventLoop
    nonisolated var unownedExecutor: UnownedSerialExecutor {
        unsafe loop.asUnownedSerialExecutor()
    }
    private(set) var currentGeneration: UInt64 = 0
    private var greet: (@Sendable () async -> UpstreamFailure?)?
    private var notice: (@Sendable (UpstreamNotice) -> Void)?

    init(on loop: EventLoop) { self.loop = loop }

    func start() async -> UpstreamFailure? {
        currentGeneration += 1
        return await greet?()
    }

    func send(
        _ request: UpstreamRequest,
        cancellation: CallCancellation,
        notifications: @escaping NotificationSink
    ) async throws(UpstreamFailure) -> UpstreamAnswer {
        do {
            let text = #"{"resultType":"complete","supportedVersions":["2026-07-28"]}"#
            return .result(try JSONDocument(parsing: Array(text.utf8)).root)
        } catch {
            throw UpstreamFailure(.invalidAnswer, "\(error)")
        }
    }

    func notify(_ message: [UInt8], to opened: Opened) async {}
    func ready() async throws(UpstreamFailure) -> UInt64 { currentGeneration }
    nonisolated var generationAtHand: UInt64? { nil }
    func onStart(_ greet: @escaping @Sendable () async -> UpstreamFailure?) { self.greet = greet }
    func onNotice(_ body: @escaping @Sendable (UpstreamNotice) -> Void) { notice = body }
    func listen(_ request: UpstreamRequest?, to opened: Opened) async {}
    func say(_ said: UpstreamNotice) { notice?(said) }
    func close() async {}
}

extension MCPClient {
    /// Of a server of the newest revision.
    init(of transport: some UpstreamTransport, on loop: EventLoop) throws {
        self.init(
            server: try ServerName("test"),
            transport: transport,
            loop: loop,
            identity: Implementation(name: "test", version: "1"),
            pinned: .newest,
            startTimeout: .seconds(30)
        )
    }

    fileprivate var unacknowledgedCount: Int { acknowledged.count }
}

@Suite("The greeting of a process", .timeLimit(.minutes(5)))
struct GreetingTests {
    @Test func `what is found out of a process that is gone does not free its successor`()
        async throws
    {
        let loop = try EventLoop()
        let thread = try loop.start()
        let pipe = Pipe(on: loop)
        let client = try MCPClient(of: pipe, on: loop)
        let (looks, isSecondKnown) = (Lock(0), Lock(false))
        await client.attach {
            let number = looks.withLock { count in
                count += 1
                return count
            }
            guard number == 1 else { return "its program changed" }
            while !isSecondKnown.withLock({ $0 }) { await Task.yield() }
            return nil
        }
        let first = loop.spawn { await pipe.start() }
        while looks.withLock({ $0 }) == 0 { await Task.yield() }
        #expect(await loop.spawn { await pipe.start() }.value == nil)
        isSecondKnown.withLock { $0 = true }
        #expect(await first.value?.kind == .lost)
        let refusal = await loop.spawn {
            do throws(UpstreamFailure) {
                _ = try await client.call(
                    ServerCall(method: "tools/call", name: "x", members: [], mirrored: []),
                    wantsProgress: false,
                    timeout: .seconds(30),
                    cancellation: CallCancellation(),
                    notifications: { _, _ in }
                )
                return "called"
            } catch {
                return error.description
            }
        }.value
        #expect(refusal == "its program changed")
        loop.stop()
        thread.join()
    }

    /// The first waited for five seconds, and with it the agent that subscribed.
    @Test func `two who subscribe at once are answered by the one listening request`() async throws
    {
        let loop = try EventLoop()
        let thread = try loop.start()
        let pipe = Pipe(on: loop)
        let client = try MCPClient(of: pipe, on: loop)
        await client.attach { nil }
        await client.onNotice(changed: {}, updated: { _ in }, told: { _ in })
        let waiting = await loop.spawn {
            _ = await pipe.start()
            for uri in ["file:///a", "file:///b"] { loop.spawn { await client.watch(uri, true) } }
            while await client.unacknowledgedCount < 2 { await Task.yield() }
            await pipe.say(.acknowledged(await client.listeningID ?? 0))
            return await client.unacknowledgedCount
        }.value
        #expect(waiting == 0)
        loop.stop()
        thread.join()
    }
}
