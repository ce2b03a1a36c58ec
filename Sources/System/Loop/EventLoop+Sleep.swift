package import Base

extension EventLoop {
    /// Waits until `deadline`, or throws `CancellationError` when the task is cancelled before.
    ///
    /// Works from any task; 600 ns for the cancellation handler, so it is no tool for the hot path
    /// (streams and `Pending` have deadlines of their own).
    package func sleep(until deadline: Instant) async throws(CancellationError) {
        let sleeper = Sleeper()
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                submit { sleeper.begin(continuation, on: self, due: deadline.nanoseconds) }
            }
        } onCancel: {
            submit { sleeper.end(on: self, cancelled: true) }
        }
        if sleeper.wasCancelled { throw CancellationError() }
    }

    /// Waits for `duration`, counted from now.
    package func sleep(for duration: Duration) async throws(CancellationError) {
        try await sleep(until: SystemClock().instant.advanced(by: duration))
    }

    /// Runs `operation` as a task of this loop and cancels it at `deadline`.
    ///
    /// Returns what it returned; throws what it threw, or `DeadlinePassed` when the deadline came
    /// first. It waits for the operation to end either way, so the operation has to heed its
    /// cancellation.
    package func withDeadline<Success: Sendable>(
        _ deadline: Instant,
        _ operation: sending @escaping @isolated(any) () async throws -> Success
    ) async throws -> Success {
        let task = spawnThrowing(operation)
        let alarm = Alarm(task: task)
        submit { alarm.set(on: self, due: deadline.nanoseconds) }
        defer { submit { alarm.clear(on: self) } }
        let result = await withTaskCancellationHandler {
            await task.result
        } onCancel: {
            task.cancel()
        }
        if case .failure = result, alarm.hasFired { throw DeadlinePassed() }
        return try result.get()
    }
}

/// The state of one `sleep`.
///
/// INVARIANT loop-thread: touched only in closures submitted to one loop, whose order is that of
/// their submission; `wasCancelled` is read after the continuation was resumed there.
private final class Sleeper: Timed, @unchecked Sendable {
    private var continuation: CheckedContinuation<Void, Never>?
    private var isEnded = false
    private(set) var wasCancelled = false

    func begin(_ continuation: CheckedContinuation<Void, Never>, on loop: EventLoop, due: UInt64) {
        guard !isEnded else { return continuation.resume() }
        self.continuation = continuation
        loop.setTimer(self, due: due)
    }

    func end(on loop: EventLoop, cancelled: Bool) {
        guard !isEnded else { return }
        isEnded = true
        wasCancelled = cancelled
        loop.cancelTimer(self)
        continuation?.resume()
        continuation = nil
    }

    override func fire() {
        isEnded = true
        continuation?.resume()
        continuation = nil
    }
}

/// The timer of one `withDeadline`.
///
/// INVARIANT loop-thread: the timer is touched only in closures submitted to one loop; `hasFired`
/// is behind a lock because the waiting task may run elsewhere.
private final class Alarm<Success: Sendable>: Timed, @unchecked Sendable {
    private let task: Task<Success, any Error>
    private let fired = Lock(false)
    private var isCleared = false

    init(task: Task<Success, any Error>) { self.task = task }

    var hasFired: Bool { fired.withLock { $0 } }

    func set(on loop: EventLoop, due: UInt64) {
        guard !isCleared else { return }
        loop.setTimer(self, due: due)
    }

    func clear(on loop: EventLoop) {
        isCleared = true
        loop.cancelTimer(self)
    }

    override func fire() {
        fired.withLock { $0 = true }
        task.cancel()
    }
}
