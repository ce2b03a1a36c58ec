package import Base
import CLinux
import Glibc

extension EventLoop {
    /// Starts a task that runs on this loop; the only way to start one in the data plane.
    ///
    /// A plain `Task {}` goes to the global pool, even inside a task that prefers the loop, and
    /// costs ten microseconds per hop.
    @discardableResult
    package func spawn<Success: Sendable>(
        _ operation: sending @escaping @isolated(any) () async -> Success
    ) -> Task<Success, Never> {
        Task(executorPreference: self, operation: operation)
    }

    @discardableResult
    package func spawnThrowing<Success: Sendable>(
        _ operation: sending @escaping @isolated(any) () async throws -> Success
    ) -> Task<Success, any Error> {
        Task(executorPreference: self, operation: operation)
    }

    /// Waits until what arrived while the loop was held has been read and dealt with.
    ///
    /// That is until the loop comes to rest, a quarter of a second at most. On the loop only.
    package func catchUp() async {
        // Not from `now`, which is of before the hold.
        let deadline = SystemClock().instant.advanced(by: .milliseconds(250))
        while isBehind, now < deadline {
            await unsafe withUnsafeContinuation { (waiting: UnsafeContinuation<Void, Never>) in
                // Run once, or not taken and never.
                if !beforeSleeping({ _ in unsafe waiting.resume() }) { unsafe waiting.resume() }
            }
        }
    }

    /// Runs `body` once at `deadline`, unless the token is cancelled; on the loop only.
    @discardableResult
    package func schedule(at deadline: Instant, _ body: @escaping () -> Void) -> TimerToken {
        let token = TimerToken(on: self, body)
        token.set(deadline)
        return token
    }

    /// Runs `body` once after `duration`, counted from the start of this turn; on the loop only.
    @discardableResult
    package func schedule(after duration: Duration, _ body: @escaping () -> Void) -> TimerToken {
        schedule(at: now.advanced(by: duration), body)
    }

    /// Runs the loop on a thread of its own and returns at once; join the result after `stop`.
    package func start() throws(SystemError) -> LoopThread {
        try LoopThread { self.run() }
    }
}

/// A thread that runs one closure to its end.
package struct LoopThread: Sendable {
    private let number: pthread_t

    /// Carries the closure over to the new thread, which takes it exactly once.
    private final class Start: Sendable {
        let body: @Sendable () -> Void
        init(_ body: @escaping @Sendable () -> Void) { self.body = body }
    }

    package init(_ body: @escaping @Sendable () -> Void) throws(SystemError) {
        // Retained here, released by the thread; or below when there is no thread.
        let start = unsafe Unmanaged.passRetained(Start(body))
        var number = pthread_t()
        let code = unsafe pthread_create(
            &number,
            nil,
            { context in
                guard let context = unsafe context else { return nil }
                unsafe Unmanaged<Start>.fromOpaque(context).takeRetainedValue().body()
                return nil
            },
            start.toOpaque()
        )
        guard code == 0 else {
            unsafe start.release()
            throw SystemError(call: "pthread_create", code: code)
        }
        self.number = number
    }

    /// Waits for the closure to return; once, and not from the thread itself.
    package func join() { _ = pthread_join(number, nil) }
}
