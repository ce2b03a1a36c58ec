import Testing

@testable import System

@Suite(.timeLimit(.minutes(5)))
struct NearnessTests {
    private func made(rest: UInt64 = Nearness.rest, quick: UInt64 = 0) -> Nearness {
        var nearness = Nearness()
        nearness.note(waited: quick, answersDue: 1)
        nearness.note(waited: rest, answersDue: 0)
        return nearness
    }

    @Test func `a loop waits awake for one quick answer after a rest`() {
        let nearness = made()
        #expect(nearness.awake(answersDue: 1) > 0)
        #expect(nearness.awake(answersDue: 0) == 0)
        #expect(nearness.awake(answersDue: 2) == 0)
    }

    @Test func `it sleeps until an answer was quick, and again after a slow one`() {
        #expect(Nearness().awake(answersDue: 1) == 0)
        #expect(made(quick: Nearness.window - 1).awake(answersDue: 1) > 0)
        var nearness = made(quick: Nearness.window)
        #expect(nearness.awake(answersDue: 1) == 0)
        nearness.note(waited: 1, answersDue: 1)
        #expect(nearness.awake(answersDue: 1) > 0)
    }

    @Test func `of one rest it is awake for so long and no longer`() {
        var nearness = made()
        for _ in 0..<3 {
            #expect(nearness.awake(answersDue: 1) > 0)
            nearness.note(waited: Nearness.window / 3, answersDue: 1)
        }
        #expect(nearness.awake(answersDue: 1) == 0)
        nearness.note(waited: Nearness.rest, answersDue: 0)
        #expect(nearness.awake(answersDue: 1) > 0)
    }

    @Test func `it sleeps until it has rested, and again after a short rest`() {
        var nearness = made(rest: Nearness.rest - 1)
        #expect(nearness.awake(answersDue: 1) == 0)
        nearness.note(waited: Nearness.rest, answersDue: 0)
        #expect(nearness.awake(answersDue: 1) > 0)
        nearness.note(waited: 1, answersDue: 0)
        #expect(nearness.awake(answersDue: 1) == 0)
    }

    @Test func `waits for several answers teach nothing`() {
        var nearness = made()
        nearness.note(waited: 10 * Nearness.rest, answersDue: 2)
        #expect(nearness.awake(answersDue: 1) > 0)
    }

    @Test func `a loop that waits awake hears other threads and its timers`() async throws {
        try await onLoop { loop in
            for _ in 0..<200 {
                // A rest, and a timer that must not be passed over.
                try await loop.sleep(for: .milliseconds(1))
                loop.answersDue = 1
                // Ends on another thread while the loop waits, awake after the first time.
                await Task.detached {}.value
                loop.answersDue = 0
            }
        }
    }
}
