import Base
import Glibc
import Synchronization
import System
import Testing

/// Runs the body on a fresh loop with a thread of its own, and stops the loop afterwards.
func onLoop<Success: Sendable>(
    _ body: @escaping @Sendable (EventLoop) async throws -> Success
) async throws -> Success {
    let loop = try EventLoop()
    let thread = try loop.start()
    let result = await loop.spawnThrowing { try await body(loop) }.result
    loop.stop()
    thread.join()
    return try result.get()
}

/// An actor that lives on a loop, as connections do.
actor Resident {
    nonisolated let loop: EventLoop
    nonisolated var unownedExecutor: UnownedSerialExecutor { unsafe loop.asUnownedSerialExecutor() }
    private var tokens: [TimerToken] = []
    private(set) var fired: [Int] = []

    init(on loop: EventLoop) { self.loop = loop }

    /// Cancels one of them before the loop can look at its timers, where that is given.
    func arm(_ milliseconds: [Int], cancelling index: Int? = nil) {
        for (index, delay) in milliseconds.enumerated() {
            tokens.append(
                loop.schedule(after: .milliseconds(delay)) { self.fired.append(index) }
            )
        }
        if let index { cancel(index) }
    }

    func cancel(_ index: Int) { tokens[index].cancel() }

    func settled() async throws {
        let pending = Pending<Bool>(on: loop)
        loop.schedule(after: .milliseconds(12)) { pending.fulfil(true) }
        _ = try await pending.value()
    }

    /// A timer that is due again as soon as it fired, until another one has fired too.
    func restless() async throws -> Int {
        let pending = Pending<Bool>(on: loop)
        tokens = [
            TimerToken(on: loop) {
                self.fired.append(0)
                self.tokens.last?.set(self.loop.now)
            }
        ]
        tokens[0].set(loop.now)
        loop.schedule(after: .nanoseconds(1)) { pending.fulfil(true) }
        _ = try await pending.value()
        tokens[0].cancel()
        return fired.count
    }

    private var awaited: Pending<Int>?

    private func bring(_ value: Int) { awaited?.fulfil(value) }

    /// A value that is brought by whoever comes next on the loop.
    func nextValue() async throws -> Int {
        let pending = Pending<Int>(on: loop)
        awaited = pending
        loop.spawn { await self.bring(7) }
        return try await pending.value()
    }

    func lateValue() async -> String {
        let pending = Pending<Int>(on: loop)
        do {
            return "\(try await pending.value(until: loop.now.advanced(by: .milliseconds(2))))"
        } catch {
            return "\(error)"
        }
    }
}

/// Waits for a value that is made of what comes on a socket, on a loop that it can hold.
private actor Held {
    nonisolated let loop: EventLoop
    nonisolated var unownedExecutor: UnownedSerialExecutor { unsafe loop.asUnownedSerialExecutor() }
    private let stream: System.Stream
    private let other: Descriptor
    private let pending: Pending<Bool>
    private(set) var isReading = false

    init(on loop: EventLoop) throws {
        self.loop = loop
        let (first, second) = try SocketPair(nonblocking: true).split()
        stream = try System.Stream(adopting: Descriptor(adopting: first), on: loop)
        other = Descriptor(adopting: second)
        pending = Pending(on: loop)
    }

    func read() async {
        isReading = true
        if let count = try? await stream.fill(), count > 0 { pending.fulfil(true) }
    }

    func value() async -> Bool {
        let deadline = loop.now.advanced(by: .milliseconds(20))
        loop.spawn { await self.hold(past: deadline) }
        return (try? await pending.value(until: deadline)) ?? false
    }

    private func hold(past deadline: Instant) {
        _ = unsafe Glibc.write(other.number, [1], 1)
        while SystemClock().instant <= deadline {}
    }

    func close() { stream.close() }
}

@Suite(.timeLimit(.minutes(5)))
struct EventLoopTests {
    @Test func `what came in time counts though the loop was held past the deadline`() async throws
    {
        let hasCome = try await onLoop { loop in
            let held = try Held(on: loop)
            loop.spawn { await held.read() }
            while !(await held.isReading) { await Task.yield() }
            let hasCome = await held.value()
            await held.close()
            return hasCome
        }
        #expect(hasCome)
    }

    @Test func `what holds the loop before it sleeps is in its time`() async throws {
        let isCounted = try await onLoop { loop in
            await withCheckedContinuation { continuation in
                loop.submit {
                    let isArranged = loop.beforeSleeping { _ in
                        let began = SystemClock().instant
                        while SystemClock().instant <= began.advanced(by: .milliseconds(6)) {}
                        let ended = SystemClock().instant
                        loop.spawn { continuation.resume(returning: loop.now >= ended) }
                    }
                    if !isArranged { continuation.resume(returning: false) }
                }
            }
        }
        #expect(isCounted)
    }

    @Test func `a spawned task and an actor of the loop run on the loop's thread`() async throws {
        let isOnLoop = try await onLoop { loop in
            let inner = await loop.spawn { loop.isOnLoop }.value
            let resident = Resident(on: loop)
            await resident.arm([])
            return loop.isOnLoop && inner
        }
        #expect(isOnLoop)
    }

    @Test func `timers fire in the order of their deadlines and a cancelled one never`()
        async throws
    {
        let fired = try await onLoop { loop in
            let resident = Resident(on: loop)
            await resident.arm([9, 1, 5, 3, 7], cancelling: 2)
            try await resident.settled()
            return await resident.fired
        }
        #expect(fired == [1, 3, 4, 0])
    }

    @Test func `a pending value whose deadline passes says so`() async throws {
        let text = try await onLoop { loop in await Resident(on: loop).lateValue() }
        #expect(text == "DeadlinePassed()")
    }

    @Test func `a value that comes on the way into its wait is not missed`() async throws {
        let loop = try EventLoop()
        let thread = try loop.start()
        let resident = Resident(on: loop)
        // This task does not prefer the loop: it gives way at each asynchronous call.
        for _ in 0..<100 { #expect(try await resident.nextValue() == 7) }
        loop.stop()
        thread.join()
    }

    @Test func `closures submitted by another thread run in order`() async throws {
        let seen = Lock<[Int]>([])
        try await onLoop { loop in
            let thread = try LoopThread {
                for number in 0..<1000 { loop.submit { seen.withLock { $0.append(number) } } }
            }
            thread.join()
            await withCheckedContinuation { done in loop.submit { done.resume() } }
        }
        #expect(seen.withLock { $0 } == Array(0..<1000))
    }

    @Test func `every task woken by other threads arrives`() async throws {
        let count = try await onLoop { loop in
            await withTaskGroup(of: Int.self) { group in
                for number in 0..<200 {
                    group.addTask(executorPreference: loop) {
                        await Task.detached { number }.value
                    }
                }
                return await group.reduce(0, +)
            }
        }
        #expect(count == 199 * 100)
    }

    @Test func `what waits for the loop's rest runs after everything that was ready`() async throws
    {
        let order = Lock<[String]>([])
        let isTaken = try await onLoop { loop in
            await withCheckedContinuation { done in
                let isTaken = loop.beforeSleeping { isAtRest in
                    order.withLock { $0.append(isAtRest ? "rest" : "restless") }
                    done.resume(returning: ())
                }
                for number in 0..<3 {
                    loop.spawn {
                        await Task.yield()
                        order.withLock { $0.append("\(number)") }
                    }
                }
                order.withLock { $0.append("\(isTaken)") }
            }
            return order.withLock { $0 }
        }
        #expect(isTaken.first == "true")
        #expect(isTaken.last == "rest")
        #expect(isTaken.count == 5)
    }

    @Test func `a loop that never rests runs it all the same`() async throws {
        let done = Atomic<Bool>(false)
        try await onLoop { loop in
            let isTaken = loop.beforeSleeping { isAtRest in
                #expect(!isAtRest)
                done.store(true, ordering: .relaxed)
            }
            #expect(isTaken)
            while !done.load(ordering: .relaxed) { await Task.yield() }
        }
        let hasRun = done.load(ordering: .relaxed)
        #expect(hasRun)
    }

    @Test func `another thread is told that it is not on the loop`() throws {
        let loop = try EventLoop()
        #expect(!loop.beforeSleeping { _ in Issue.record("nobody was to keep it") })
    }

    @Test func `a loop that was held catches up with what came meanwhile`() async throws {
        let order = Lock<[String]>([])
        try await onLoop { loop in
            await unsafe withUnsafeContinuation { (held: UnsafeContinuation<Void, Never>) in
                let isTaken = loop.beforeSleeping { _ in
                    // From another thread it would come while the loop is held.
                    loop.submit {
                        order.withLock { $0.append("first") }
                        loop.spawn { order.withLock { $0.append("second") } }
                    }
                    let clock = SystemClock()
                    let until = clock.instant.advanced(by: .milliseconds(6))
                    while clock.instant < until {}
                    unsafe held.resume()
                }
                #expect(isTaken)
            }
            #expect(loop.isBehind)
            await loop.catchUp()
            #expect(!loop.isBehind)
            order.withLock { $0.append("caught up") }
            // Nothing held it since: nothing is waited for.
            await loop.catchUp()
        }
        #expect(order.withLock { $0 } == ["first", "second", "caught up"])
    }

    @Test func `work that keeps making work does not keep timers waiting`() async throws {
        try await onLoop { loop in
            let done = Atomic<Bool>(false)
            let alarm = Task(executorPreference: loop) {
                try await loop.sleep(for: .milliseconds(3))
                done.store(true, ordering: .relaxed)
            }
            while !done.load(ordering: .relaxed) { await Task.yield() }
            try await alarm.value
        }
    }

    @Test func `a timer that sets itself again at once does not hold the loop`() async throws {
        let count = try await onLoop { loop in try await Resident(on: loop).restless() }
        // That it ended is the point: it would hold the turn for ever.
        #expect(count >= 1)
    }

    @Test func `a cancelled sleep ends at once with a cancellation error`() async throws {
        let error = try await onLoop { loop in
            let sleeper = loop.spawnThrowing { try await loop.sleep(for: .seconds(3600)) }
            await Task.yield()
            sleeper.cancel()
            return await #expect(throws: CancellationError.self) { try await sleeper.value }
        }
        #expect(error != nil)
    }

    @Test func `a sleep in a task cancelled before does not begin`() async throws {
        try await onLoop { loop in
            let sleeper = Task(executorPreference: loop) {
                unsafe withUnsafeCurrentTask { unsafe $0?.cancel() }
                try await loop.sleep(for: .seconds(3600))
            }
            _ = await #expect(throws: CancellationError.self) { try await sleeper.value }
        }
    }

    @Test func `a thousand timers cancelled in any order leave none behind`() async throws {
        let fired = try await onLoop { loop in
            let resident = Resident(on: loop)
            await resident.arm((0..<1000).map { ($0 * 7919) % 10 })
            var generator = SystemRandomNumberGenerator()
            for index in Array(0..<1000).shuffled(using: &generator) where index % 10 != 0 {
                await resident.cancel(index)
            }
            try await resident.settled()
            return await resident.fired
        }
        #expect(Set(fired).isSuperset(of: stride(from: 0, to: 1000, by: 10)))
        #expect(fired.count == Set(fired).count)
    }
}
