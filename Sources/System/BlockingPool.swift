import Base
import CLinux
import Glibc

/// A pool that has no room for more work.
package struct PoolFull: Error, Equatable, Sendable, CustomStringConvertible {
    package var description: String { "too much blocking work is waiting; try again later" }
}

/// A few threads for calls that block: name look-ups, file reads, database queries, long scans.
///
/// Threads are made when work comes and stay. The queue is bounded: beyond `queueLimit` waiting
/// pieces of work, `run` throws `PoolFull` at once, and the caller answers with an overload.
package final class BlockingPool: Sendable {
    private let threadLimit: Int
    private let queueLimit: Int
    private let state = Lock(State())
    private let work: WorkSignal

    /// Does the work and gives back what tells its waiter, so that all the work held is let go
    /// before somebody goes on because of it.
    private typealias Work = @Sendable () -> @Sendable () -> Void

    private struct State: Sendable {
        /// Nil where it is taken.
        var queue: [Work?] = []
        /// The first of `queue` that is not taken yet.
        var next = 0
        var threads: [LoopThread] = []
        var idleCount = 0
        var isStopping = false

        var waitingCount: Int { queue.count - next }
    }

    package init(threadLimit: Int = 4, queueLimit: Int = 256) {
        self.threadLimit = threadLimit
        self.queueLimit = queueLimit
        work = WorkSignal()
    }

    /// Runs `body` on a thread of the pool and waits for it without blocking the caller's thread.
    ///
    /// Cancellation does not stop a body that began. Throws what it throws, or `PoolFull`.
    package func run<Success: Sendable>(
        _ body: @escaping @Sendable () throws -> Success
    ) async throws -> Success {
        let result: Result<Success, any Error> = await withCheckedContinuation { continuation in
            let isTaken = enqueue {
                let result = Result { try body() }
                return { continuation.resume(returning: result) }
            }
            if !isTaken { continuation.resume(returning: .failure(PoolFull())) }
        }
        return try result.get()
    }

    /// Starts `body` without waiting; false when the pool is full or shut down.
    package func start(_ body: @escaping @Sendable () -> Void) -> Bool {
        enqueue {
            body()
            return {}
        }
    }

    private func enqueue(_ body: @escaping Work) -> Bool {
        let isTaken = state.withLock { state in
            guard !state.isStopping, state.waitingCount < queueLimit else { return false }
            if state.idleCount <= state.waitingCount, state.threads.count < threadLimit {
                if let thread = try? LoopThread({ self.serve() }) { state.threads.append(thread) }
            }
            // Without any thread nobody would ever take it.
            guard !state.threads.isEmpty else { return false }
            state.queue.append(body)
            return true
        }
        if isTaken { work.signal() }
        return isTaken
    }

    private func serve() {
        while true {
            state.withLock { $0.idleCount += 1 }
            work.wait()
            var body: Work? = state.withLock { state in
                state.idleCount -= 1
                guard state.next < state.queue.count else { return nil }
                let body = state.queue[state.next].take()
                state.next += 1
                if state.next == state.queue.count || state.next >= 64 {
                    state.queue.removeFirst(state.next)
                    state.next = 0
                }
                return body
            }
            // Woken with nothing to take: the pool ends.
            guard let tell = Self.done(&body) else { return }
            tell()
        }
    }

    /// The work is gone when this returns.
    private static func done(_ body: inout Work?) -> (@Sendable () -> Void)? { body.take()?() }

    /// Finishes the work that waits and joins the threads; takes nothing new.
    ///
    /// Blocks.
    package func shutDown() {
        let threads = state.withLock { state in
            state.isStopping = true
            let threads = state.threads
            state.threads = []
            return threads
        }
        for _ in threads { work.signal() }
        for thread in threads { thread.join() }
    }
}

/// A counting semaphore: one signal per piece of work.
///
/// INVARIANT: the semaphore lives as long as this object, which every waiting thread holds; sem_t is
/// made for use from many threads. This is what makes `@unchecked Sendable` and `@safe` true.
@safe
private final class WorkSignal: @unchecked Sendable {
    private let semaphore: UnsafeMutablePointer<sem_t>

    init() {
        unsafe semaphore = .allocate(capacity: 1)
        unsafe sem_init(semaphore, 0, 0)
    }

    func signal() { unsafe sem_post(semaphore) }

    func wait() {
        // EINTR is the only failure of a valid semaphore.
        while unsafe sem_wait(semaphore) != 0 {}
    }

    deinit {
        unsafe sem_destroy(semaphore)
        unsafe semaphore.deallocate()
    }
}
