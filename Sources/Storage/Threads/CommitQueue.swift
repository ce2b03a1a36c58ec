import Audit
import Base

/// What waits for the writer, in the order in which it came.
@safe struct PendingCommit: Sendable {
    let transaction: Transaction
    let byteCount: Int
    /// Nil when nobody waits.
    let continuation: UnsafeContinuation<Result<Receipt, StoreError>, Never>?
}

/// The bounded queue between callers and the writer thread.
final class CommitQueue: Sendable {
    typealias Chore = @Sendable (LogWriter) -> Void

    struct Batch {
        var commits: [PendingCommit] = []
        var isClosing = false
        /// Rare work only the writer may do.
        var chores: [Chore] = []
    }

    private struct State {
        var batch = Batch()
        var byteCount = 0
        var waiting = 0
        /// When the oldest commit nobody waits for has waited long enough.
        var dueAt: UInt64?
        /// Until when the writer sleeps when nobody wakes it; nil while it works.
        var asleepUntil: UInt64?
        /// Whoever hands over commits has more of them, and says so when that is all; not waited for
        /// beyond this.
        var arrangedUntil: UInt64?
        /// The writer took something last.
        var hasTaken = false
    }

    private let monitor = Monitor(State())
    /// How long a writer that is awake waits for the rest, in nanoseconds.
    private static let longestHandOver: UInt64 = 1_000_000
    private let delay = UInt64(clamping: Limits.outcomeDelay.saturatedNanoseconds)
    /// Runs a wake-up when the caller has handed over all it has; false when it should be now.
    private let arrange: @Sendable (@escaping @Sendable () -> Void) -> Bool

    init(arrange: @escaping @Sendable (@escaping @Sendable () -> Void) -> Bool = { _ in false }) {
        self.arrange = arrange
    }

    /// Nil when it was taken; otherwise why not, and the caller still owns the continuation.
    ///
    /// INVARIANT: bounded by count and bytes. When full the caller fails closed: no evidence, no call.
    func add(_ commit: PendingCommit) -> StoreError? {
        let (refusal, wake) = monitor.withLock { state -> ((StoreError?, Bool), wake: Bool) in
            if state.batch.isClosing { return ((.closed, false), wake: false) }
            guard state.batch.commits.count < Limits.auditQueueCount,
                state.byteCount + commit.byteCount <= Limits.auditQueueByteCount
            else { return ((.queueFull, false), wake: false) }
            state.batch.commits.append(commit)
            state.byteCount += commit.byteCount
            var wake = false
            if unsafe commit.continuation != nil {
                state.waiting += 1
                wake = state.waiting == 1
            } else if state.dueAt == nil {
                let due = sleepClock() + delay
                state.dueAt = due
                wake = state.asleepUntil.map { $0 > due } ?? false
            }
            let isWanted = wake && state.arrangedUntil == nil
            if isWanted { state.arrangedUntil = sleepClock() + Self.longestHandOver }
            return ((nil, isWanted), wake: false)
        }
        if wake, !arrange({ self.wake() }) { self.wake() }
        return refusal
    }

    private func wake() {
        monitor.withLock { state in
            state.arrangedUntil = nil
            return ((), wake: state.asleepUntil != nil)
        }
    }

    /// How much waits now.
    var waiting: (count: Int, byteCount: Int) {
        monitor.withLock { state in
            ((state.batch.commits.count, state.byteCount), wake: false)
        }
    }

    /// False when the queue is closed or many chores wait; the chore then never runs.
    func add(_ chore: @escaping Chore) -> Bool {
        monitor.withLock { state in
            guard !state.batch.isClosing, state.batch.chores.count < 64 else {
                return (false, false)
            }
            state.batch.chores.append(chore)
            return (true, wake: state.asleepUntil != nil)
        }
    }

    func close() {
        monitor.withLock { state in
            state.batch.isClosing = true
            return ((), wake: true)
        }
    }

    /// Everything that waits, at the latest at `deadline`: as soon as somebody waits for it, or when
    /// the oldest unawaited commit is due.
    ///
    /// Where a wake-up is arranged it is waited for, though the writer has nothing else to do: one
    /// wait for the disk then serves all calls the loop had at hand, not those it came to first.
    func take(until deadline: UInt64) -> Batch {
        monitor.wait { state in
            let now = sleepClock()
            let isDue = state.dueAt.map { $0 <= now } ?? false
            let arranged = state.arrangedUntil.flatMap { $0 > now ? $0 : nil }
            let isWanted = (state.waiting > 0 || isDue) && arranged == nil
            let isReady =
                isWanted || state.batch.isClosing || !state.batch.chores.isEmpty || now >= deadline
            guard isReady else {
                var until = min(deadline, arranged ?? state.dueAt ?? deadline)
                // What was just recorded ends soon most likely: awake by then, nobody has to wake it.
                if state.hasTaken { until = min(until, now + delay) }
                state.hasTaken = false
                state.asleepUntil = until
                return .sleep(until: until)
            }
            let taken = state.batch
            let arrangedUntil = state.arrangedUntil
            state = State()
            state.batch.isClosing = taken.isClosing
            state.batch.commits.reserveCapacity(taken.commits.count)
            state.arrangedUntil = arrangedUntil
            state.hasTaken = !taken.commits.isEmpty
            return .done(taken)
        }
    }
}
