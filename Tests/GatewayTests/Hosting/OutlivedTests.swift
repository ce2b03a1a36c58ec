import Base
import System
import TestKit
import Testing

@testable import Gateway

/// A server whose first start does not end before `release`, as if a disk did not answer; its later
/// ones are shells that wait for the end of their input.
private struct Stage {
    let loop: EventLoop
    let thread: LoopThread
    let pool = BlockingPool(threadLimit: 2)
    let server: ServerProcess
    let starts = Lock(0)
    let isReleased = Lock(false)
    let reports = Lock<[Supervision.Report]>([])

    init(place: HostingPlace = .own, isHeld: Bool = true) throws {
        Signals.ignoreBrokenPipes()
        loop = try EventLoop()
        var settings = Supervision.Settings()
        settings.stopGrace = .milliseconds(1)
        settings.endLimit = .zero
        isReleased.withLock { $0 = !isHeld }
        let (starts, isReleased, reports) = (starts, isReleased, reports)
        server = ServerProcess(
            try ServerName("test"),
            on: loop,
            pool: pool,
            random: CountingRandom(),
            settings: settings,
            handlers: ServerHandlers(
                greet: { nil },
                line: { _ in },
                report: { report in reports.withLock { $0.append(report) } }
            ),
            prepare: {
                starts.withLock { $0 += 1 }
                // A thread of that pool is made to be held.
                while !isReleased.withLock({ $0 }) { Process.pause(.milliseconds(1)) }
                var request = SpawnRequest(executable: "/bin/sh", arguments: ["-c", "read -r end"])
                request.standardInput = .pipe
                request.standardOutput = .pipe
                request.standardError = .pipe
                return .bare(request)
            },
            place: place
        )
        thread = try loop.start()
    }

    func release() { isReleased.withLock { $0 = true } }

    func call() async -> ServerProcessError? {
        do throws(ServerProcessError) {
            try await server.ready(until: SystemClock().instant.advanced(by: .seconds(120)))
            return nil
        } catch {
            return error
        }
    }

    func close() async {
        release()
        await server.stop()
        await server.gone()
        loop.stop()
        thread.join()
        pool.shutDown()
    }
}

@Suite("A server that does not end", .timeLimit(.minutes(5)))
struct OutlivedTests {
    private static let reason = "its start cannot be called off and does not end"

    @Test func `holds up nobody who ends it, and says what is left of it`() async throws {
        let stage = try Stage()
        async let call = stage.call()
        while stage.starts.withLock({ $0 }) == 0 { await Task.yield() }
        await stage.server.stop()
        #expect(await stage.server.left == Self.reason)
        #expect(stage.reports.withLock { $0 } == [.left(reason: Self.reason)])
        #expect(await call == .ended)
        stage.release()
        await stage.server.gone()
        #expect(await stage.server.left == nil)
        #expect(await stage.server.state == .ended)
        #expect(stage.reports.withLock { $0.last } == .ended)
        await stage.close()
    }

    @Test func `tells calls so, and starts anew when it is gone`() async throws {
        let stage = try Stage()
        async let call = stage.call()
        while stage.starts.withLock({ $0 }) == 0 { await Task.yield() }
        await stage.server.restart()
        #expect(await call == .outlived(reason: Self.reason))
        #expect(await stage.call() == .outlived(reason: Self.reason))
        #expect(stage.starts.withLock { $0 } == 1)
        stage.release()
        while await stage.server.left != nil { await Task.yield() }
        #expect(await stage.call() == nil)
        #expect(stage.starts.withLock { $0 } == 2)
        await stage.close()
    }

    @Test func `keeps its successor from starting, and each call asks again`() async throws {
        let left = Lock<ServerProcessError?>(.outlived(reason: "process 7 does not end"))
        let place = HostingPlace(take: { left.withLock { $0 } }, giveBack: {})
        let stage = try Stage(place: place, isHeld: false)
        #expect(await stage.call() == left.withLock { $0 })
        #expect(await stage.server.state == .asleep)
        left.withLock { $0 = nil }
        #expect(await stage.call() == nil)
        #expect(stage.starts.withLock { $0 } == 1)
        await stage.close()
    }
}
