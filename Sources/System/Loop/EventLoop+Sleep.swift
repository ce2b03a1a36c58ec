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
