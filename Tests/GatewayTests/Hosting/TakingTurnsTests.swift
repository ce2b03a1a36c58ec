import Base
import System
import Testing

@testable import Gateway

@Suite struct TakingTurnsTests {
    private struct Failure: Error {}

    @Test(.timeLimit(.minutes(5)))
    func `each begins where the one before ended, whether it failed or not`() async throws {
        let loop = try EventLoop()
        let thread = try loop.start()
        let turns = TakingTurns(on: loop)
        let steps = Lock<[Int]>([])
        let result = await loop.spawnThrowing {
            let tasks = (0..<6).map { number in
                loop.spawnThrowing {
                    try await turns.take {
                        steps.withLock { $0.append(number) }
                        // Gives way, so that any other could begin.
                        await Task.yield()
                        steps.withLock { $0.append(number) }
                        if number.isMultiple(of: 2) { throw Failure() }
                    }
                }
            }
            var failures = 0
            for task in tasks {
                if case .failure = await task.result { failures += 1 }
            }
            #expect(failures == 3)
        }.result
        loop.stop()
        thread.join()
        try result.get()
        let taken = steps.withLock { $0 }
        #expect(taken.count == 12)
        for turn in 0..<taken.count / 2 { #expect(taken[2 * turn] == taken[2 * turn + 1]) }
    }
}
