import Audit
import Base

/// One thread that runs pieces of blocking work one after the other, over a value of its own.
final class TaskThread<Resource>: Sendable {
    typealias Work = @Sendable (Resource) -> Void

    private struct State {
        var work: [Work] = []
        var isClosing = false
    }

    /// INVARIANT: at most this many pieces wait; one more is refused and the caller told.
    private static var limit: Int { 1024 }

    private let monitor: Monitor<State>
    private let thread: WorkerThread

    /// Makes the value on the thread; `idle` runs whenever nothing is asked for that long.
    init?(
        idleEvery nanoseconds: UInt64? = nil,
        make: @escaping @Sendable () -> Resource,
        idle: @escaping @Sendable (Resource) -> Void = { _ in },
        finally: @escaping @Sendable (Resource) -> Void = { _ in }
    ) {
        let monitor = Monitor(State())
        self.monitor = monitor
        let thread = WorkerThread {
            let resource = make()
            Self.serve(resource, monitor, idleEvery: nanoseconds, idle)
            finally(resource)
        }
        guard let thread else { return nil }
        self.thread = thread
    }

    private static func serve(
        _ resource: Resource,
        _ monitor: Monitor<State>,
        idleEvery nanoseconds: UInt64?,
        _ idle: (Resource) -> Void
    ) {
        while true {
            let deadline = nanoseconds.map { sleepClock() + $0 }
            let taken: State = monitor.wait { state -> Monitor<State>.Wait<State> in
                let isOver = deadline.map { $0 <= sleepClock() } ?? false
                guard !state.work.isEmpty || state.isClosing || isOver else {
                    return .sleep(until: deadline)
                }
                let taken = state
                state.work = []
                return .done(taken)
            }
            for piece in taken.work { piece(resource) }
            if taken.isClosing { return }
            if taken.work.isEmpty { idle(resource) }
        }
    }

    /// False when the thread is closed or too much waits already.
    func submit(_ work: @escaping Work) -> Bool {
        monitor.withLock { state in
            guard !state.isClosing, state.work.count < Self.limit else { return (false, false) }
            state.work.append(work)
            return (true, state.work.count == 1)
        }
    }

    /// Runs `body` there and waits without blocking.
    func run<Value: Sendable>(
        _ body: @escaping @Sendable (Resource) -> Result<Value, StoreError>
    ) async throws(StoreError) -> Value {
        let result = await unsafe withUnsafeContinuation {
            (continuation: UnsafeContinuation<Result<Value, StoreError>, Never>) in
            let isTaken = submit { resource in
                unsafe continuation.resume(returning: body(resource))
            }
            // Not taken means that the closure above never runs.
            if !isTaken { unsafe continuation.resume(returning: .failure(.closed)) }
        }
        return try result.get()
    }

    /// Runs what was asked for, then ends; blocks until then.
    func close() {
        monitor.withLock { state in
            state.isClosing = true
            return ((), true)
        }
        thread.join()
    }
}
