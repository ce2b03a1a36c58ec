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
        #expect(nearness.isAwake(answersDue: 1))
        #expect(!nearness.isAwake(answersDue: 0))
        #expect(!nearness.isAwake(answersDue: 2))
    }

    @Test func `it sleeps until an answer was quick, and again after a slow one`() {
        #expect(!Nearness().isAwake(answersDue: 1))
        #expect(made(quick: Nearness.window - 1).isAwake(answersDue: 1))
        var nearness = made(quick: Nearness.window)
        #expect(!nearness.isAwake(answersDue: 1))
        nearness.note(waited: 1, answersDue: 1)
        #expect(nearness.isAwake(answersDue: 1))
    }

    @Test func `it sleeps until it has rested, and again after a short rest`() {
        var nearness = made(rest: Nearness.rest - 1)
        #expect(!nearness.isAwake(answersDue: 1))
        nearness.note(waited: Nearness.rest, answersDue: 0)
        #expect(nearness.isAwake(answersDue: 1))
        nearness.note(waited: 1, answersDue: 0)
        #expect(!nearness.isAwake(answersDue: 1))
    }

    @Test func `waits for several answers teach nothing`() {
        var nearness = made()
        nearness.note(waited: 10 * Nearness.rest, answersDue: 2)
        #expect(nearness.isAwake(answersDue: 1))
    }

    @Test func `a loop that waits awake hears other threads and its timers`() async throws {
        try await onLoop { loop in
            // A rest, and a timer that must not be passed over.
            try await loop.sleep(for: .milliseconds(2))
            loop.answersDue = 1
            // Each of them ends on another thread while the loop waits, awake after the first.
            for _ in 0..<2_000 { await Task.detached {}.value }
            try await loop.sleep(for: .milliseconds(2))
            loop.answersDue = 0
        }
    }
}
