package import Base
import CLinux
import Glibc
import Synchronization

/// One thread, one epoll instance: actors live on it, tasks run on it, descriptors wake them.
///
/// It is a serial executor (an actor whose `unownedExecutor` is the loop lives here) and a task
/// executor (a task started with `spawn` runs here between its suspensions). Both together make a
/// suspension cost a third of a microsecond; either alone costs ten (decision record "loop").
///
/// INVARIANT loop-thread: everything but `inbox`, `wakeState`, `isStopping` and `threadNumber` is
/// touched only by the thread that runs the loop, or before any thread does. `requireOnLoop` guards
/// the entries; this is what makes `@unchecked Sendable` true.
package final class EventLoop: SerialExecutor, TaskExecutor, @unchecked Sendable {
    /// The most rounds of ready jobs between two looks at the kernel: work that keeps making
    /// ready work cannot starve descriptors and timers.
    private static let roundsPerTurn = 16
    private static let eventsPerTurn = 256
    /// So many streams with something to send do not wait for the end of the turn.
    private static let sendersPerTurn = 32
    /// How long `beforeSleeping` waits for a loop that does not come to rest, in nanoseconds.
    private static let longestRestlessness: UInt64 = 1_000_000
    /// A loop that was held this long, in nanoseconds, has something to catch up on.
    private static let hold: UInt64 = 5_000_000
    private static let wakeData = UInt64.max

    // Any thread.
    private let inbox = Lock(Inbox())
    private let wakeState = Atomic<Int>(WakeState.running)
    private let isStopping = Atomic<Bool>(false)
    private let threadNumber = Atomic<UInt>(0)
    private let wakeup: Descriptor
    private let epoll: Descriptor

    // Loop thread only.
    private var ready: ContiguousArray<UnownedJob> = []
    private var running: ContiguousArray<UnownedJob> = []
    private var sources: ContiguousArray<EventSource?> = []
    private var generations: ContiguousArray<UInt32> = []
    private var timers = TimerHeap()
    private var nowNanoseconds: UInt64
    /// When the kernel was asked last what it has: no deadline after it may win over what came.
    private var fetchedAt: UInt64
    private var inboxJobs: ContiguousArray<UnownedJob> = []
    private var beforeSleep: ContiguousArray<@Sendable (_ isAtRest: Bool) -> Void> = []
    private var beforeSleepDue: UInt64 = 0
    private var senders: ContiguousArray<Stream> = []
    /// Whether `beforeSleeping` held the loop, and it has not come to rest since: what arrived
    /// meanwhile may not have been read.
    package private(set) var isBehind = false
    /// How many answers of servers are waited for here; whoever asks a server counts.
    package var answersDue = 0
    private var nearness = Nearness()
    let buffers = BufferPool()

    private struct Inbox: Sendable {
        var jobs: ContiguousArray<UnownedJob> = []
        var bodies: ContiguousArray<@Sendable () -> Void> = []
    }

    /// Whether a wake-up by eventfd is needed: only a sleeping loop has to be woken.
    private enum WakeState {
        static let running = 0
        static let sleeping = 1
        static let notified = 2
    }

    package init() throws(SystemError) {
        epoll = Descriptor(adopting: try checked("epoll_create1", cgate_epoll_create()))
        wakeup = Descriptor(adopting: try checked("eventfd", cgate_eventfd()))
        nowNanoseconds = cgate_monotonic()
        fetchedAt = nowNanoseconds
        // Edge-triggered: each addition is an event of its own, so that nobody has to read it.
        let interest: Readiness = [.readable, .edgeTriggered]
        _ = try checked(
            "epoll_ctl",
            cgate_epoll_add(epoll.number, wakeup.number, interest.rawValue, Self.wakeData)
        )
        ready.reserveCapacity(1024)
        running.reserveCapacity(1024)
    }

    // MARK: Where am I

    /// Whether the calling thread runs this loop.
    package var isOnLoop: Bool { threadNumber.load(ordering: .relaxed) == pthread_self() }

    /// The monotonic time when the work of this turn began; costs nothing.
    package var now: Instant { Instant(nanoseconds: nowNanoseconds) }

    /// Stops the process when our own code uses loop state from another thread; before the loop
    /// runs, whoever made it may set it up.
    @inline(__always)
    func requireOnLoop() {
        let owner = threadNumber.load(ordering: .relaxed)
        precondition(owner == pthread_self() || owner == 0, "used outside of its event loop")
    }

    // MARK: Executor

    package func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        if isOnLoop {
            ready.append(job)
        } else {
            inbox.withLock { $0.jobs.append(job) }
            wake()
        }
    }

    package func asUnownedSerialExecutor() -> UnownedSerialExecutor {
        unsafe UnownedSerialExecutor(ordinary: self)
    }

    package func checkIsolated() { precondition(isOnLoop, "not on the event loop") }

    package func isIsolatingCurrentContext() -> Bool? { isOnLoop }

    /// Runs a closure on the loop, from any thread, in the order of submission.
    package func submit(_ body: @escaping @Sendable () -> Void) {
        inbox.withLock { $0.bodies.append(body) }
        wake()
    }

    /// Runs `body` when the loop has nothing left to do, or after a millisecond without rest.
    ///
    /// For what serves many calls at once when it waits for them; it is told whether the loop has
    /// come to rest. False when not called on the loop.
    package func beforeSleeping(_ body: @escaping @Sendable (_ isAtRest: Bool) -> Void) -> Bool {
        guard isOnLoop else { return false }
        if beforeSleep.isEmpty { beforeSleepDue = nowNanoseconds + Self.longestRestlessness }
        beforeSleep.append(body)
        return true
    }

    private func runBeforeSleep(isAtRest: Bool) {
        var bodies: ContiguousArray<@Sendable (_ isAtRest: Bool) -> Void> = []
        swap(&bodies, &beforeSleep)
        for body in bodies { body(isAtRest) }
    }

    /// Has what that stream queued given to the kernel when the work of this turn is done.
    func sendAtTurnsEnd(_ stream: Stream) {
        requireOnLoop()
        senders.append(stream)
    }

    private func giveDeferred() {
        // Sending may resume who queues more, of the same stream, too; that is of the next turn.
        var given: ContiguousArray<Stream> = []
        swap(&given, &senders)
        for stream in given { stream.giveDeferred() }
        if senders.isEmpty {
            given.removeAll(keepingCapacity: true)
            swap(&given, &senders)
        }
    }

    private func wake() {
        let before = wakeState.exchange(WakeState.notified, ordering: .acquiringAndReleasing)
        if before == WakeState.sleeping { _ = cgate_eventfd_add(wakeup.number) }
    }

    // MARK: Descriptors

    /// Starts watching; `source.handle` is called with what becomes ready.
    ///
    /// The loop keeps the source alive until `unwatch`.
    func watch(_ source: EventSource, _ number: CInt, _ interest: Readiness) throws(SystemError) {
        requireOnLoop()
        guard number >= 0 else { throw SystemError(call: "epoll_ctl", code: EBADF) }
        let index = Int(number)
        while index >= sources.count {
            let more = max(1024, sources.count)
            sources.append(contentsOf: repeatElement(nil, count: more))
            generations.append(contentsOf: repeatElement(0, count: more))
        }
        generations[index] &+= 1
        _ = try checked(
            "epoll_ctl",
            cgate_epoll_add(epoll.number, number, interest.rawValue, data(index))
        )
        source.watched = number
        sources[index] = source
    }

    /// Replaces what a level-triggered source waits for.
    func rewatch(_ source: EventSource, _ interest: Readiness) {
        guard source.watched >= 0 else { return }
        let number = source.watched
        _ = cgate_epoll_modify(epoll.number, number, interest.rawValue, data(Int(number)))
    }

    /// Stops watching and cancels the source's timer; call it before the descriptor is closed.
    func unwatch(_ source: EventSource) {
        requireOnLoop()
        timers.remove(source)
        guard source.watched >= 0 else { return }
        let number = source.watched
        source.watched = -1
        generations[Int(number)] &+= 1
        sources[Int(number)] = nil
        _ = cgate_epoll_remove(epoll.number, number)
    }

    /// The number and its generation: an event that was fetched before the number was closed and
    /// given to another connection must not reach the new one.
    private func data(_ index: Int) -> UInt64 {
        UInt64(generations[index]) << 32 | UInt64(index)
    }

    // MARK: Timers

    func setTimer(_ node: Timed, due: UInt64) {
        requireOnLoop()
        timers.set(node, due: due)
    }

    func cancelTimer(_ node: Timed) {
        requireOnLoop()
        timers.remove(node)
    }

    // MARK: The turn

    /// Runs on the calling thread until `stop`; a loop runs once.
    package func run() {
        let (isFirst, _) = threadNumber.compareExchange(
            expected: 0,
            desired: pthread_self(),
            ordering: .relaxed
        )
        precondition(isFirst, "an event loop runs once")
        var events = [cgate_event](repeating: cgate_event(), count: Self.eventsPerTurn)
        while !isStopping.load(ordering: .relaxed) {
            takeInbox()
            // First what the kernel had: a deadline that passed while the loop was held, or stopped,
            // must not win over what came in time.
            runReadyJobs()
            fireTimers()
            runReadyJobs()
            giveDeferred()
            let isRestless = !beforeSleep.isEmpty
            let mayRest = !isRestless && ready.isEmpty && senders.isEmpty
            let count = mayRest ? rest(&events) : fetch(&events, waiting: 0)
            let state = wakeState.exchange(WakeState.running, ordering: .acquiringAndReleasing)
            if state == WakeState.notified { drainInbox() }
            let isAtRest = count == 0 && ready.isEmpty && senders.isEmpty
            if isAtRest { isBehind = false }
            if isRestless, isAtRest || nowNanoseconds >= beforeSleepDue {
                runBeforeSleep(isAtRest: isAtRest)
                nowNanoseconds = cgate_monotonic()
                if nowNanoseconds - fetchedAt >= Self.hold { isBehind = true }
            }
            for index in 0..<count { dispatch(events[index]) }
        }
        giveDeferred()
        // Who counts on it may be on another thread.
        runBeforeSleep(isAtRest: false)
    }

    /// What the kernel has, after so many milliseconds at most; -1 waits for ever.
    private func fetch(_ events: inout [cgate_event], waiting milliseconds: CInt) -> Int {
        let count = unsafe cgate_epoll_wait(
            epoll.number,
            &events,
            CInt(Self.eventsPerTurn),
            milliseconds
        )
        precondition(count >= 0, "epoll_wait failed")
        nowNanoseconds = cgate_monotonic()
        fetchedAt = nowNanoseconds
        return Int(count)
    }

    /// Waits until there is something to do.
    private func rest(_ events: inout [cgate_event]) -> Int {
        let began = cgate_monotonic()
        nowNanoseconds = began
        var count = 0
        let awake = nearness.awake(answersDue: answersDue)
        if awake > 0 {
            // Whoever else is to run on this processor does, the answering one, perhaps.
            repeat {
                sched_yield()
                count = fetch(&events, waiting: 0)
            } while count == 0 && nowNanoseconds - began < awake && !isNotified
        }
        if count == 0 { count = fetch(&events, waiting: prepareToWait()) }
        nearness.note(waited: nowNanoseconds - began, answersDue: answersDue)
        return count
    }

    private var isNotified: Bool { wakeState.load(ordering: .relaxed) == WakeState.notified }

    private func dispatch(_ event: cgate_event) {
        guard event.data != Self.wakeData else { return }
        let index = Int(UInt32(truncatingIfNeeded: event.data))
        // A stale event of a number that was closed in this very turn.
        guard generations[index] == UInt32(event.data >> 32), let source = sources[index] else {
            return
        }
        source.handle(Readiness(rawValue: event.events))
    }

    /// How long the kernel may let us sleep, in milliseconds; announces the sleep to other threads.
    private func prepareToWait() -> CInt {
        let (isQuiet, _) = wakeState.compareExchange(
            expected: WakeState.running,
            desired: WakeState.sleeping,
            ordering: .acquiringAndReleasing
        )
        guard isQuiet, !isStopping.load(ordering: .relaxed) else { return 0 }
        guard let due = timers.nextDue else { return -1 }
        guard due > nowNanoseconds else { return 0 }
        // Rounded up, or the last millisecond would be spent spinning.
        return CInt(clamping: (due - nowNanoseconds + 999_999) / 1_000_000)
    }

    private func fireTimers() {
        // At most as many as there are: one that sets itself again at once must not hold the turn.
        for _ in 0..<timers.count {
            guard let node = timers.next(dueAt: fetchedAt) else { return }
            node.fire()
        }
    }

    private func runReadyJobs() {
        let serial = unsafe asUnownedSerialExecutor()
        let task = unsafe asUnownedTaskExecutor()
        var rounds = 0
        while !ready.isEmpty, rounds < Self.roundsPerTurn {
            rounds += 1
            swap(&ready, &running)
            for index in running.indices {
                unsafe running[index].runSynchronously(isolatedTo: serial, taskExecutor: task)
            }
            running.removeAll(keepingCapacity: true)
            if senders.count >= Self.sendersPerTurn { giveDeferred() }
        }
    }

    private func takeInbox() {
        guard wakeState.load(ordering: .acquiring) == WakeState.notified else { return }
        // Reset before the look: what comes after it notifies again.
        wakeState.store(WakeState.running, ordering: .sequentiallyConsistent)
        drainInbox()
    }

    private func drainInbox() {
        var bodies: ContiguousArray<@Sendable () -> Void> = []
        inbox.withLock { inbox in
            swap(&inbox.jobs, &inboxJobs)
            swap(&inbox.bodies, &bodies)
        }
        ready.append(contentsOf: inboxJobs)
        inboxJobs.removeAll(keepingCapacity: true)
        for body in bodies { body() }
    }

    /// Asks the loop to return from `run` after its current turn; any thread.
    ///
    /// What is still suspended on it never resumes: stop a loop after its work is done.
    package func stop() {
        isStopping.store(true, ordering: .sequentiallyConsistent)
        wake()
    }
}
