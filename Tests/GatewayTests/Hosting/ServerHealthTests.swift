import Base
import JSON
import MCP
import System
import TestKit
import Testing

@testable import Gateway

/// One server without a cage, on a loop of its own, with whatever its owner says; ended with `close`.
private struct Stage {
    let loop: EventLoop
    let thread: LoopThread
    let pool = BlockingPool(threadLimit: 2)
    let server: ServerProcess

    init(
        _ script: String,
        health: HealthSettings? = nil,
        handlers: (ServerReference, EventLoop) -> ServerHandlers
    ) throws {
        loop = try EventLoop()
        let reference = ServerReference()
        var request = SpawnRequest(executable: "/bin/sh", arguments: ["-c", script])
        request.environment = ["PATH=/usr/bin:/bin"]
        request.standardInput = .pipe
        request.standardOutput = .pipe
        request.standardError = .pipe
        let start = ServerStart.bare(request)
        server = ServerProcess(
            try ServerName("test"),
            on: loop,
            pool: pool,
            random: CountingRandom(),
            health: health,
            handlers: handlers(reference, loop),
            prepare: { start }
        )
        reference.set(server)
        thread = try loop.start()
    }

    func ready() async throws {
        try await server.ready(until: SystemClock().instant.advanced(by: .seconds(30)))
    }

    func close() async {
        await server.stop()
        loop.stop()
        thread.join()
        pool.shutDown()
    }
}

private final class ServerReference: Sendable {
    private let server = Lock<ServerProcess?>(nil)

    var value: ServerProcess? { server.withLock { $0 } }

    func set(_ value: ServerProcess) { server.withLock { $0 = value } }
}

/// How each probe ends, in their order; the last stands for all that follow.
private final class Probes: Sendable {
    private let state: Lock<(answers: [Bool], count: Int)>
    let notes = Lock<[HealthNote]>([])

    init(_ answers: [Bool]) { state = Lock((answers, 0)) }

    var count: Int { state.withLock { $0.count } }

    func next() -> (number: Int, answer: Bool) {
        state.withLock { state in
            state.count += 1
            return (state.count, state.answers[min(state.count, state.answers.count) - 1])
        }
    }
}

private let often = HealthSettings(interval: .milliseconds(20), timeout: .milliseconds(20))

@Suite("The health of a hosted server", .timeLimit(.minutes(5)))
struct ServerHealthTests {
    private func stage(
        _ probes: Probes,
        _ meanwhile: @escaping @Sendable (Int, ServerProcess?) async -> Void = { _, _ in }
    ) throws -> Stage {
        try Stage("exec cat", health: often) { reference, _ in
            ServerHandlers(
                greet: { nil },
                line: { _ in },
                probe: { _ in
                    let (number, answer) = probes.next()
                    await meanwhile(number, reference.value)
                    return answer
                },
                health: { note in probes.notes.withLock { $0.append(note) } }
            )
        }
    }

    /// Bounded by the time of the suite.
    private func eventually(_ condition: () async -> Bool) async {
        while !(await condition()) { await Task.yield() }
    }

    private static func request(_ id: Int64, _ method: String, isProbe: Bool) -> UpstreamRequest {
        let person: QuestionSink = {
            Envelope.result($0.id, Array("{\"by\":\"the agent\"}".utf8))
        }
        return UpstreamRequest(
            id: id,
            method: method,
            body: Array("{\"id\":\(id)}".utf8),
            name: nil,
            parameters: [],
            deadline: SystemClock().instant.advanced(by: .seconds(30)),
            revision: .r2025_11_25,
            questions: isProbe ? nil : person,
            isProbe: isProbe
        )
    }

    @Test func `one that never answered is not ended, noted once and asked no more`() async throws {
        let probes = Probes([false])
        let stage = try stage(probes)
        try await stage.ready()
        await eventually { await stage.server.health.isUnanswered }
        #expect(await stage.server.state == .ready)
        // Another process may: it is asked once.
        await stage.server.restart()
        await eventually { probes.count == 2 }
        await eventually { await stage.server.health.isUnanswered }
        #expect(await stage.server.state == .ready)
        #expect(await stage.server.health.endedCount == 0)
        #expect(probes.notes.withLock { $0 } == [.notAnswered(within: often.timeout)])
        await stage.close()
        #expect(probes.count == 2)
    }

    @Test func `one that answered and does so no more is ended`() async throws {
        let probes = Probes([true, true, false, true])
        let stage = try stage(probes)
        try await stage.ready()
        await eventually { await stage.server.health.endedCount == 1 }
        #expect(probes.notes.withLock { $0 } == [.ended])
        // It is there again by itself, and asked.
        await eventually { probes.count > 4 }
        await stage.close()
    }

    @Test func `a call that begins while a probe waits keeps it from being ended`() async throws {
        let probes = Probes([true, false])
        let stage = try stage(probes) { number, server in
            if number == 2 { await server?.beginCall() }
        }
        try await stage.ready()
        await eventually { probes.count == 2 }
        let end = SystemClock().instant.advanced(by: often.interval * 10)
        await eventually { SystemClock().instant > end }
        #expect(await stage.server.state == .ready)
        #expect(await stage.server.health.endedCount == 0)
        #expect(probes.count == 2)
        await stage.server.endCall()
        await eventually { await stage.server.health.endedCount > 0 }
        await stage.close()
    }

    @Test func `what a server asks is of its one call though a probe waits as well`() async throws {
        let script = """
            read -r probe; read -r call
            echo '{"jsonrpc":"2.0","id":"q","method":"elicitation/create","params":{}}'
            read -r answer
            echo "{\\"jsonrpc\\":\\"2.0\\",\\"id\\":2,\\"result\\":$answer}"
            read -r end
            """
        let transport = Lock<StdioTransport?>(nil)
        let stage = try Stage(script) { _, loop in
            let made = StdioTransport(
                loop: loop,
                startTimeout: .seconds(30),
                standing: StandingAnswers()
            )
            transport.withLock { $0 = made }
            return ServerHandlers(
                greet: { await made.started() },
                line: { await made.take($0) }
            )
        }
        let pipe = try #require(transport.withLock { $0 })
        await pipe.attach(stage.server, report: { _ in })
        await pipe.onStart { nil }
        _ = try await pipe.ready()
        let probe = Task {
            try await pipe.send(
                Self.request(1, "ping", isProbe: true),
                cancellation: CallCancellation(),
                notifications: { _, _ in }
            )
        }
        let answer = try await pipe.send(
            Self.request(2, "tools/call", isProbe: false),
            cancellation: CallCancellation(),
            notifications: { _, _ in }
        )
        guard case .result(let node) = answer else {
            Issue.record("\(answer)")
            return
        }
        #expect(node["result"]?["by"]?.string == "the agent")
        await pipe.ended("closed")
        await #expect(throws: UpstreamFailure.self) { _ = try await probe.value }
        await stage.close()
    }
}
