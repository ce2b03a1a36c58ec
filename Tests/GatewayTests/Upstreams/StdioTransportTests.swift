import Base
import Glibc
import JSON
import MCP
import System
import TestKit
import Testing

@testable import Gateway

/// A server whose processes are shell scripts, one after another, the last of them again and again;
/// ended with `close`.
private struct Stage {
    let loop: EventLoop
    let thread: LoopThread
    let pool = BlockingPool(threadLimit: 2)
    let pipe: StdioTransport
    let server: ServerProcess

    init(_ scripts: [String]) async throws {
        // As the gateway does: what is written to a process that is gone is an error.
        Signals.ignoreBrokenPipes()
        loop = try EventLoop()
        let pipe = StdioTransport(loop: loop, startTimeout: .seconds(30))
        self.pipe = pipe
        var settings = Supervision.Settings()
        settings.backoffBase = .milliseconds(2)
        let (count, loop) = (Lock(0), loop)
        server = ServerProcess(
            try ServerName("test"),
            on: loop,
            pool: pool,
            random: CountingRandom(),
            settings: settings,
            handlers: ServerHandlers(
                greet: { await pipe.started() },
                line: { await pipe.take($0) },
                ended: { reason in loop.spawn { await pipe.ended(reason) } }
            ),
            prepare: {
                let number = count.withLock { count in
                    defer { count += 1 }
                    return count
                }
                let script = scripts[min(number, scripts.count - 1)]
                var request = SpawnRequest(executable: "/bin/sh", arguments: ["-c", script])
                request.environment = ["PATH=/usr/bin:/bin"]
                request.standardInput = .pipe
                request.standardOutput = .pipe
                request.standardError = .pipe
                return .bare(request)
            }
        )
        thread = try loop.start()
        await pipe.attach(server, report: { _ in })
        await pipe.onStart { nil }
    }

    func close() async {
        await server.stop()
        loop.stop()
        thread.join()
        pool.shutDown()
    }

    /// Ends the process in a way that the loop, which is held meanwhile, does not notice yet.
    static func end(_ process: Int32) {
        kill(process, SIGKILL)
        while ProcessFacts(process)?.isZombie == false {}
    }
}

@Suite("The pipes of a hosted server", .timeLimit(.minutes(5)))
struct StdioTransportTests {
    /// Answers each request with a whole result that says which revision it speaks.
    private static let modern = #"""
        while read -r line; do
            id=${line#*'"id":'}
            result='{"resultType":"complete","supportedVersions":["2026-07-28"]}'
            echo '{"jsonrpc":"2.0","id":'"${id%%[!0-9]*}"',"result":'"$result"'}'
        done
        """#

    private static func request(
        _ id: Int64,
        _ questions: QuestionSink? = nil,
        of generation: UInt64? = nil
    ) -> UpstreamRequest {
        var request = UpstreamRequest(
            id: id,
            method: "tools/call",
            body: Array("{\"id\":\(id)}".utf8),
            name: nil,
            parameters: [],
            deadline: SystemClock().instant.advanced(by: .seconds(30)),
            revision: .r2025_11_25
        )
        request.generation = generation
        request.questions = questions
        return request
    }

    private static func send(
        _ request: UpstreamRequest,
        _ pipe: StdioTransport
    ) async -> Result<UpstreamAnswer, UpstreamFailure> {
        do throws(UpstreamFailure) {
            return .success(
                try await pipe.send(
                    request,
                    cancellation: CallCancellation(),
                    notifications: { _, _ in }
                )
            )
        } catch {
            return .failure(error)
        }
    }

    /// The next process may have asked something else under the same id.
    @Test func `what a process asked is answered to no other`() async throws {
        let stage = try await Stage([
            """
            read -r call
            echo '{"jsonrpc":"2.0","id":"q","method":"elicitation/create","params":{}}'
            read -r end
            """,
            """
            read -r first
            echo '{"jsonrpc":"2.0","id":2,"result":{"first":'"$first"'}}'
            read -r end
            """,
        ])
        let (isAsked, mayAnswer, hasAnswered) = (Lock(false), Lock(false), Lock(false))
        let person: QuestionSink = { asked in
            isAsked.withLock { $0 = true }
            while !mayAnswer.withLock({ $0 }) { await Task.yield() }
            hasAnswered.withLock { $0 = true }
            return Envelope.result(asked.id, Array(#"{"by":"the person"}"#.utf8))
        }
        let pipe = stage.pipe
        _ = try await pipe.ready()
        let call = stage.loop.spawn { await Self.send(Self.request(1, person), pipe) }
        while !isAsked.withLock({ $0 }) { await Task.yield() }
        await stage.server.restart()
        guard case .failure(let failure) = await call.value else {
            Issue.record("it was answered")
            return
        }
        #expect(failure.kind == .lost)
        _ = try await pipe.ready()
        mayAnswer.withLock { $0 = true }
        while !hasAnswered.withLock({ $0 }) { await Task.yield() }
        let answer = await stage.loop.spawn { await Self.send(Self.request(2), pipe) }.value
        guard case .success(.result(let result)) = answer else {
            Issue.record("\(answer)")
            return
        }
        #expect(result["first"]?["id"]?.number?.int64 == 2)
        await stage.close()
    }

    @Test func `what is meant for a process that is gone is not told to the next`() async throws {
        let stage = try await Stage([Self.modern])
        let pipe = stage.pipe
        let first = try await pipe.ready()
        await stage.server.restart()
        #expect(try await pipe.ready() != first)
        let answer = await stage.loop.spawn {
            await Self.send(Self.request(1, of: first), pipe)
        }.value
        guard case .failure(let failure) = answer else {
            Issue.record("it was sent")
            return
        }
        #expect(failure.kind == .notSent)
        #expect(failure.isOvertaken)
        await stage.close()
    }

    @Test func `one that is told to go refuses nothing by calling off what it has open`()
        async throws
    {
        let refusal = #"echo '{"jsonrpc":"2.0","id":7,"error":{"code":-32000,"message":"closed"}}'"#
        let stage = try await Stage([
            "read -r line; \(refusal); cat >/dev/null", "read -r line; cat >/dev/null; \(refusal)",
        ])
        let (pipe, loop) = (stage.pipe, stage.loop)
        let refused = Lock(0)
        await pipe.onNotice { notice in
            if case .listeningRefused(7, code: -32000) = notice { refused.withLock { $0 += 1 } }
        }
        for _ in 0..<2 {
            let generation = try await pipe.ready()
            let opened = Opened(generation: generation, revision: .newest)
            await loop.spawn { await pipe.listen(Self.request(7), to: opened) }.value
            while refused.withLock({ $0 }) == 0 { await Task.yield() }
            await stage.server.restart()
            while await pipe.currentGeneration == generation { await Task.yield() }
        }
        await stage.close()
        #expect(refused.withLock { $0 } == 1)
    }

    /// The write found nobody: that was told to agents as an outcome that nobody knows.
    @Test func `a call to a process that has just ended goes to the next`() async throws {
        let stage = try await Stage([Self.modern])
        let client = MCPClient(
            server: try ServerName("test"),
            transport: stage.pipe,
            loop: stage.loop,
            identity: Implementation(name: "test", version: "1"),
            pinned: .newest,
            startTimeout: .seconds(30)
        )
        await client.attach { nil }
        _ = try await stage.pipe.ready()
        let process = try #require(await stage.server.processID)
        let asked = Lock(0)
        let failure = await stage.loop.spawn {
            do throws(UpstreamFailure) {
                _ = try await client.call(
                    ServerCall(method: "tools/call", name: "x", members: [], mirrored: []),
                    wantsProgress: false,
                    timeout: .seconds(30),
                    isStillAllowed: {
                        // Right before it is sent.
                        if asked.withLock({
                            $0 += 1; return $0
                        }) == 1 {
                            Stage.end(process)
                        }
                        return true
                    },
                    cancellation: CallCancellation(),
                    notifications: { _, _ in }
                )
                return UpstreamFailure?.none
            } catch {
                return error
            }
        }.value
        #expect(failure == nil)
        // What it rests on is looked at again before the second one.
        #expect(asked.withLock { $0 } == 2)
        #expect(await stage.server.processID != process)
        await stage.close()
    }
}
