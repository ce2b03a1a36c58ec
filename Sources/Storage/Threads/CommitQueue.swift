import Audit
import Base

/// What waits for the writer, in the order in which it came.
@safe struct PendingCommit: Sendable {
    let transaction: Transaction
    let byteCount: Int
    /// Nil when nobody waits.
    let continuation: UnsafeContinuation<Result<Receipt, StoreError>, Never>?
}

/// The bounded queue between callers and the writer, and who may use the writer now.
///
/// The writer belongs to a thread of its own, which sleeps in `take`. A loop that arranged a wake-up
/// and has come to rest writes itself what little waits, where the disk has been quick: nothing else
/// could go on meanwhile, and the call is spared two switches of threads.
///
/// INVARIANT one-writer: from `.done` of `take` to the next `take` the thread has the writer alone,
/// and while `isWritingHere` the caller of `handOver` has.
final class CommitQueue: Sendable {
    typealias Chore = @Sendable (LogWriter) -> Void
    /// Writes these on the calling thread.
    typealias Writing = @Sendable ([PendingCommit]) -> Written

    /// What the writer says when it has written.
    struct Written {
        /// Whether the disk has answered quickly for a while.
        let isQuick: Bool
        /// Whether there is more to look after than commits, which takes longer than a loop may wait.
        let needsCare: Bool
    }

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
        /// Something was written since the writer's thread looked last.
        var hasTaken = false
        /// The caller's thread has the writer.
        var isWritingHere = false
        var last = Written(isQuick: false, needsCare: false)
        /// Nil where the caller's thread never writes, and once the queue is closed: it holds the writer.
        var write: Writing?
    }

    private let monitor: Monitor<State>
    /// How long a writer that is awake waits for the rest, in nanoseconds.
    private static let longestHandOver: UInt64 = 1_000_000
    private let delay = UInt64(clamping: Limits.outcomeDelay.saturatedNanoseconds)
    /// Not more than this is written by who handed it over.
    private static let countWrittenHere = 256
    private static let byteCountWrittenHere = 1 << 20
    private let arrange: StoreOptions.Arranging

    init(arrange: @escaping StoreOptions.Arranging = { _ in false }, write: Writing? = nil) {
        self.arrange = arrange
        monitor = Monitor(State(write: write))
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
        if wake, !arrange({ isAtRest in self.handOver(isAtRest: isAtRest) }) {
            handOver(isAtRest: false)
        }
        return refusal
    }

    /// All that was at hand has been added: writes it here or wakes the writer.
    private func handOver(isAtRest: Bool) {
        typealias Taken = (commits: [PendingCommit], write: Writing)
        let taken = monitor.withLock { state -> (Taken?, wake: Bool) in
            state.arrangedUntil = nil
            guard isAtRest, let write = state.write, Self.isWrittenHere(state) else {
                return (nil, wake: state.asleepUntil != nil)
            }
            state.isWritingHere = true
            return ((Self.take(from: &state).commits, write), wake: false)
        }
        guard let (commits, write) = taken else { return }
        let written = write(commits)
        monitor.withLock { state in
            state.isWritingHere = false
            state.last = written
            // Who came meanwhile, from other threads, found nobody to write; the thread, too, if it
            // came to look.
            let isWanted =
                written.needsCare || state.waiting > 0 || state.dueAt != nil
                || state.batch.isClosing || !state.batch.chores.isEmpty
                || state.asleepUntil == .max
            return ((), wake: isWanted && state.asleepUntil != nil)
        }
    }

    private static func isWrittenHere(_ state: State) -> Bool {
        // Awake, the thread has the writer, or is about to.
        state.asleepUntil != nil && !state.isWritingHere && state.waiting > 0 && state.last.isQuick
            && !state.last.needsCare && !state.batch.isClosing && state.batch.chores.isEmpty
            && state.batch.commits.count <= countWrittenHere
            && state.byteCount <= byteCountWrittenHere
    }

    private static func take(from state: inout State) -> Batch {
        let taken = state.batch
        state.batch.commits = []
        state.batch.commits.reserveCapacity(taken.commits.count)
        state.batch.chores = []
        state.byteCount = 0
        state.waiting = 0
        state.dueAt = nil
        state.hasTaken = state.hasTaken || !taken.commits.isEmpty
        return taken
    }

    /// How much waits now.
    var waiting: (count: Int, byteCount: Int) {
        monitor.withLock { state in
            ((state.batch.commits.count, state.byteCount), wake: false)
        }
    }

    /// Whether the writer's thread sleeps, and whoever comes to rest may write.
    var isWriterAsleep: Bool {
        monitor.withLock { state in (state.asleepUntil != nil, wake: false) }
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

    /// Takes everything that waits, for the writer's thread, which gives the writer back here.
    ///
    /// Returns as soon as somebody waits for a commit, when the oldest unawaited one is due, and at
    /// `deadline`. Where a wake-up is arranged it is waited for, though the writer has nothing else
    /// to do: one wait for the disk then serves all calls the loop had at hand, not those it came to
    /// first.
    func take(until deadline: UInt64, after written: Written? = nil) -> Batch {
        var written = written
        return monitor.wait { state in
            if let given = written {
                state.last = given
                written = nil
            }
            let now = sleepClock()
            let isDue = state.dueAt.map { $0 <= now } ?? false
            let arranged = state.arrangedUntil.flatMap { $0 > now ? $0 : nil }
            let isWanted = (state.waiting > 0 || isDue) && arranged == nil
            let isReady =
                isWanted || state.batch.isClosing || !state.batch.chores.isEmpty
                || state.last.needsCare || now >= deadline
            guard isReady, !state.isWritingHere else {
                var until = min(deadline, arranged ?? state.dueAt ?? deadline)
                // What was just recorded ends soon most likely: awake by then, nobody has to wake it.
                if state.hasTaken { until = min(until, now + delay) }
                state.hasTaken = false
                // Who writes meanwhile wakes it when it is done.
                if state.isWritingHere { until = .max }
                state.asleepUntil = until
                return .sleep(until: until)
            }
            let taken = Self.take(from: &state)
            state.asleepUntil = nil
            if taken.isClosing { state.write = nil }
            return .done(taken)
        }
    }
}
