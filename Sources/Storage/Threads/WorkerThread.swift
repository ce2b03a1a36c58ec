import Base
import Glibc

/// A thread of our own; its owner waits for it in `join`.
final class WorkerThread: Sendable {
    private let handle: Lock<pthread_t?>

    /// Starts the thread; nil when the machine gives none.
    init?(_ body: @escaping @Sendable () -> Void) {
        let box = unsafe Unmanaged.passRetained(Body(run: body))
        var thread = pthread_t()
        // The box is released once, by the thread, or here when there is no thread.
        let status = unsafe pthread_create(
            &thread,
            nil,
            { pointer in
                guard let pointer = unsafe pointer else { return nil }
                unsafe Unmanaged<Body>.fromOpaque(pointer).takeRetainedValue().run()
                return nil
            },
            box.toOpaque()
        )
        guard status == 0 else {
            unsafe box.release()
            return nil
        }
        handle = Lock(thread)
    }

    /// Waits for the thread's end; a second call returns at once.
    func join() {
        let thread = handle.withLock { handle in
            defer { handle = nil }
            return handle
        }
        if let thread { pthread_join(thread, nil) }
    }

    /// From now on the calling thread runs when others leave it time (setpriority(2): on Linux the
    /// nice value is the thread's, not the process's).
    static func lowerPriority() {
        _ = setpriority(__priority_which_t(PRIO_PROCESS.rawValue), 0, 19)
    }

    /// Leaves the processor to others for two milliseconds.
    static func pause() { usleep(2000) }

    private final class Body {
        let run: @Sendable () -> Void
        init(run: @escaping @Sendable () -> Void) { self.run = run }
    }
}

/// A mutex with a condition, for the two places where a thread sleeps until there is work.
@safe final class Monitor<Value>: @unchecked Sendable {
    private let mutex: UnsafeMutablePointer<pthread_mutex_t>
    private let condition: UnsafeMutablePointer<pthread_cond_t>
    // Touched under `mutex` only.
    private var value: Value

    init(_ value: Value) {
        self.value = value
        unsafe mutex = .allocate(capacity: 1)
        unsafe condition = .allocate(capacity: 1)
        unsafe pthread_mutex_init(mutex, nil)
        var attributes = pthread_condattr_t()
        unsafe pthread_condattr_init(&attributes)
        unsafe pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
        unsafe pthread_cond_init(condition, &attributes)
        unsafe pthread_condattr_destroy(&attributes)
    }

    deinit {
        unsafe pthread_cond_destroy(condition)
        unsafe pthread_mutex_destroy(mutex)
        unsafe condition.deallocate()
        unsafe mutex.deallocate()
    }

    /// Runs `body` alone; wakes the sleeper when it returns true beside its result.
    func withLock<Result>(_ body: (inout Value) -> (Result, wake: Bool)) -> Result {
        unsafe pthread_mutex_lock(mutex)
        let (result, wake) = body(&value)
        unsafe pthread_mutex_unlock(mutex)
        // Behind the lock: who wakes would have to wait for it.
        if wake { unsafe pthread_cond_signal(condition) }
        return result
    }

    enum Wait<Result> {
        case done(Result)
        /// Until woken, or until that moment of the monotonic clock in nanoseconds.
        case sleep(until: UInt64?)
    }

    /// Asks `body` again after each wake-up until it is done.
    func wait<Result>(_ body: (inout Value) -> Wait<Result>) -> Result {
        unsafe pthread_mutex_lock(mutex)
        defer { unsafe pthread_mutex_unlock(mutex) }
        while true {
            switch body(&value) {
            case .done(let result): return result
            case .sleep(nil): unsafe pthread_cond_wait(condition, mutex)
            case .sleep(let deadline?):
                var time = timespec(
                    tv_sec: Int(deadline / 1_000_000_000),
                    tv_nsec: Int(deadline % 1_000_000_000)
                )
                unsafe pthread_cond_timedwait(condition, mutex, &time)
            }
        }
    }
}

/// The monotonic clock the monitor sleeps by, in nanoseconds.
///
/// Not the injected clock: it only decides how long a thread sleeps, never what is recorded.
func sleepClock() -> UInt64 {
    var time = timespec()
    unsafe clock_gettime(CLOCK_MONOTONIC, &time)
    return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
}
