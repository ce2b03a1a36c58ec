package import Base
import Sandbox
package import System

/// A stdio server and its life: started when wanted, watched, restarted, put to sleep, ended whole.
///
/// Lives on the loop. `Supervision` decides; this carries it out and moves lines.
package actor ServerProcess {
    package nonisolated let loop: EventLoop
    package nonisolated var unownedExecutor: UnownedSerialExecutor {
        unsafe loop.asUnownedSerialExecutor()
    }

    package nonisolated let name: ServerName
    let pool: BlockingPool
    private let random: any RandomSource
    /// Waits, without a thread, until it is known what `prepare` asks; nil where it asks nothing.
    private let learn: (@Sendable () async -> Void)?
    private let prepare: @Sendable () throws -> ServerStart
    /// Why what was prepared is not started, or nil; asked each time.
    private let admit: @Sendable () async -> String?
    private let place: HostingPlace
    let handlers: ServerHandlers
    private(set) var supervision: Supervision
    private var timer: TimerToken?
    private var timerNumber: UInt64 = 0
    var running: Running?
    private var isPreparing = false
    /// A process is gone and what its control group says of its end is being read.
    var concluding: Running?
    /// One that its control group still holds after the outermost is gone.
    var survivor: Int32?
    private var generation = 0
    private(set) var callCount = 0
    /// Calls that wait until it is ready; bounded by `waiterLimit`, one more is refused.
    private var readyWaiters: [Pending<Void>] = []
    private var endWaiters: [Pending<Void>] = []
    /// Who wait until it is not being stopped any more.
    private var restWaiters: [Pending<Void>] = []
    /// Who wait for its end however long it takes.
    private var goneWaiters: [Pending<Void>] = []
    private var lastUse: Instant?
    /// Nil where it is never asked whether it still answers.
    let healthSettings: HealthSettings?
    package internal(set) var health = ServerHealth()
    var healthTimer: TimerToken?
    var wasNotedUnanswered = false
    /// Lines of its standard output so far, of all its processes.
    private(set) var heardCount: UInt64 = 0

    package static let waiterLimit = 1024

    /// One process; replaced with the next start.
    struct Running {
        let generation: Int
        let child: ChildProcess
        /// Init's control socket; nil without a cage.
        let control: Stream?
        /// What bounds the tree; nil where only the limits of processes do.
        let group: CageGroup?
        let limits: CageLimits?
        var end: String?
        /// The limit it ran into, where its end says so.
        var excess: String?
        var isOutputRead = false
        var hasStarted = false
        var failure: CageStartFailure?
        var lastErrorLine: [UInt8] = []
        var noise = NoiseCounter()

        /// Whether nothing can be written to it any more.
        var isDeaf: Bool { child.input?.isClosed ?? true }
    }

    /// `prepare` makes a fresh start; it runs in the pool and may block.
    package init(
        _ name: ServerName,
        on loop: EventLoop,
        pool: BlockingPool,
        random: any RandomSource,
        settings: Supervision.Settings = Supervision.Settings(),
        health: HealthSettings? = nil,
        handlers: ServerHandlers,
        learn: (@Sendable () async -> Void)? = nil,
        prepare: @escaping @Sendable () throws -> ServerStart,
        admit: @escaping @Sendable () async -> String? = { nil },
        place: HostingPlace = .own
    ) {
        self.name = name
        self.loop = loop
        self.pool = pool
        self.random = random
        healthSettings = health
        self.learn = learn
        self.prepare = prepare
        self.admit = admit
        self.place = place
        self.handlers = handlers
        supervision = Supervision(settings)
    }

    // MARK: What the upstream uses

    package var state: Supervision.State { supervision.state }

    /// The outermost process, for `status`; nil while there is none.
    package var processID: Int32? { running?.child.processID }

    /// Returns when calls may go to the server; starts it when it sleeps.
    package func ready(until deadline: Instant) async throws(ServerProcessError) {
        if takesCalls { return }
        expectEndOfDeaf()
        feed(.wanted)
        try checkHope()
        guard readyWaiters.count < Self.waiterLimit else { throw .tooManyWaiting }
        let waiter = Pending<Void>(on: loop)
        readyWaiters.append(waiter)
        defer { readyWaiters.removeAll { $0 === waiter } }
        do {
            try await waiter.value(until: deadline)
        } catch let error as ServerProcessError {
            throw error
        } catch {
            throw .startTookTooLong
        }
    }

    /// False, too, while the process is gone and the rest of its end is still to be worked out, or
    /// takes no input.
    private var takesCalls: Bool {
        guard supervision.state == .ready, let running else { return false }
        return running.end == nil && !running.isDeaf
    }

    /// Has the process greeted, and takes what comes of it unless the process is gone by then: its
    /// successor would be taken for it.
    private func greet(_ generation: Int) async {
        let refusal = await handlers.greet()
        guard let running, running.generation == generation, running.end == nil else { return }
        // Of one that takes no input any more the end says more, which is on its way.
        guard !running.isDeaf else { return expectEndOfDeaf() }
        if let refusal { return condemn(refusal) }
        lastUse = loop.now
        health.isUnanswered = false
        feed(.answered)
        watchHealth()
    }

    /// A call is on its way; the server does not sleep before `endCall`.
    package func beginCall() {
        callCount += 1
        feed(.calls(callCount))
    }

    package func endCall() {
        callCount = max(0, callCount - 1)
        lastUse = loop.now
        feed(.calls(callCount))
    }

    /// Since when it runs and nobody calls it; nil while somebody does, and while it does not run.
    package var idleSince: Instant? {
        supervision.state == .ready && callCount == 0 ? lastUse : nil
    }

    /// Puts it to sleep unless somebody calls it, and returns when its whole tree is gone, or `left`.
    package func rest() async {
        feed(.rest)
        guard isStopping, left == nil else { return }
        let waiter = Pending<Void>(on: loop)
        restWaiters.append(waiter)
        try? await waiter.value()
    }

    var isStopping: Bool {
        if case .stopping = supervision.state { true } else { false }
    }

    /// A line was no message; one too many ends the process.
    package func noteInvalidMessage() {
        guard running?.noise.note() == true, let count = running?.noise.lineCount else { return }
        feed(.misbehaved(reason: "it prints what is no message (\(count) lines)"))
    }

    /// What it says cannot be trusted; ends it at once, and its circuit opens.
    package func condemn(_ reason: String) { feed(.misbehaved(reason: reason)) }

    /// Ends the process and starts anew, whatever state it was in.
    package func restart() { feed(.restart) }

    /// Ends the process for good and returns when its whole tree is gone, or `left`.
    package func stop() async {
        feed(.stop)
        guard supervision.state != .ended, left == nil else { return }
        let waiter = Pending<Void>(on: loop)
        endWaiters.append(waiter)
        try? await waiter.value()
    }

    /// Returns when it has ended for good and its whole tree is gone, however long the kernel holds it.
    package func gone() async {
        guard supervision.state != .ended else { return }
        let waiter = Pending<Void>(on: loop)
        goneWaiters.append(waiter)
        try? await waiter.value()
    }

    /// What is there although it was killed and had its time to end; nil where nothing is.
    package var left: String? {
        guard case .stopping(.left, then: _) = supervision.state else { return nil }
        guard let process = running?.child.processID ?? survivor else {
            return "its start cannot be called off and does not end"
        }
        return "process \(process) was killed and does not end"
    }

    // MARK: Supervision

    func feed(_ event: Supervision.Event) {
        switch event {
        // No process is left, or none was made.
        case .exited, .launchFailed, .launchRefused, .launchPostponed: place.giveBack()
        default: break
        }
        let effects = supervision.handle(event, at: loop.now, random: chance(for: event))
        for effect in effects { carryOut(effect) }
        if supervision.state != .ready { endHealthWatch() }
        settleWaiters()
    }

    /// Only an end can be followed by a delay; nothing else pays for random bytes.
    private func chance(for event: Supervision.Event) -> UInt64 {
        switch event {
        case .exited, .launchFailed:
            random.bytes(count: 8).reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        default: 0
        }
    }

    private func carryOut(_ effect: Supervision.Effect) {
        switch effect {
        case .launch:
            generation += 1
            let generation = generation
            isPreparing = true
            // Ends by itself: it waits for the pool, and what it starts is watched by `Running`.
            loop.spawn { await self.launch(generation) }
        case .closeInput:
            if let running { running.child.input?.close() } else { vanish() }
        case .terminate: terminate()
        case .kill: kill()
        case .setTimer(let number, let deadline):
            timerNumber = number
            let timer = timer ?? TimerToken(on: loop) { [self] in feed(.timer(timerNumber)) }
            timer.set(deadline)
            self.timer = timer
        case .clearTimer: timer?.cancel()
        case .report(let report): handlers.report(report)
        case .leave: if let left { handlers.report(.left(reason: left)) }
        }
    }

    /// A stop while there is no process yet: `launch` sees it when the pool answers.
    private func vanish() {
        guard !isPreparing, concluding == nil else { return }
        // Not at once: the effects of this event are still being carried out.
        loop.schedule(after: .zero) { [self] in feed(.exited(reason: "it never ran")) }
    }

    /// Whether what the process says still counts, and what it is told.
    var isHeard: Bool {
        switch supervision.state {
        case .stopping(.killed, then: _), .stopping(.left, then: _): false
        default: true
        }
    }

    private func terminate() {
        guard let running else { return vanish() }
        if let control = running.control {
            try? control.send(CageReport.terminateCommand)
        } else {
            running.child.signal(.terminate)
        }
    }

    /// Both ways at once: init leaves when its socket closes, the kernel kills it when bubblewrap
    /// dies; with PID 1 its whole namespace ends.
    private func kill() {
        guard let running else { return vanish() }
        if let control = running.control {
            control.close()
            running.child.signal(.kill)
        } else {
            running.child.killTree()
        }
    }

    func checkHope() throws(ServerProcessError) {
        if let error = hopeless { throw error }
    }

    private var hopeless: ServerProcessError? {
        switch supervision.state {
        case .broken(let reason), .stopping(_, then: .broken(let reason)): .broken(reason: reason)
        case .refused(let reason): .refused(reason: reason)
        case .ended, .stopping(_, then: .end): .ended
        case .stopping(.left, then: _): left.map { .outlived(reason: $0) }
        default: nil
        }
    }

    private func settleWaiters() {
        if takesCalls {
            for waiter in readyWaiters { waiter.fulfil(()) }
            readyWaiters = []
        } else if let error = hopeless {
            for waiter in readyWaiters { waiter.fail(error) }
            readyWaiters = []
        } else if supervision.state == .asleep, !readyWaiters.isEmpty {
            // It fell asleep, or its rest ended, while calls were waiting.
            feed(.wanted)
        }
        let isLeft = left != nil
        if !isStopping || isLeft { Self.settle(&restWaiters) }
        if supervision.state == .ended || isLeft { Self.settle(&endWaiters) }
        if supervision.state == .ended { Self.settle(&goneWaiters) }
    }

    private static func settle(_ waiters: inout [Pending<Void>]) {
        for waiter in waiters { waiter.fulfil(()) }
        waiters = []
    }

    // MARK: One process

    private func launch(_ generation: Int) async {
        let outcome: Result<ServerStart, any Error>
        do {
            if let error = await place.take() { throw error }
            await learn?()
            let start = try await pool.run(prepare)
            if supervision.state == .starting, let reason = await admit() {
                throw ServerProcessError.refused(reason: reason)
            }
            outcome = .success(start)
        } catch {
            outcome = .failure(error)
        }
        isPreparing = false
        guard supervision.state == .starting else {
            return feed(.exited(reason: "it was stopped before it ran"))
        }
        do {
            try start(try outcome.get(), generation)
        } catch {
            let event = Self.event(for: error)
            if event == .launchPostponed {
                // They are told, and do not ask once more by themselves.
                for waiter in readyWaiters { waiter.fail(error) }
                readyWaiters = []
            }
            feed(event)
        }
    }

    private static func event(for error: any Error) -> Supervision.Event {
        switch error {
        case CageError.launchFailed(let reason): .launchFailed(reason: reason)
        case let error as CageError where error.mayPass: .launchFailed(reason: error.description)
        case let error as CageError: .launchRefused(reason: error.description)
        case ServerProcessError.refused(let reason): .launchRefused(reason: reason)
        case ServerProcessError.crowded, ServerProcessError.outlived: .launchPostponed
        default: .launchFailed(reason: "\(error)")
        }
    }

    private func start(_ start: ServerStart, _ generation: Int) throws {
        let child: ChildProcess
        var control: Stream?
        var cage: PreparedCage?
        switch start {
        case .caged(let prepared):
            cage = prepared
            let ours = try prepared.launch.control.duplicate()
            child = try ChildProcess.spawn(prepared.request, on: loop)
            do {
                control = try Stream(adopting: ours, .socket, on: loop)
            } catch {
                child.signal(.kill)
                child.closeStreams()
                throw error
            }
        case .bare(let request): child = try ChildProcess.spawn(request, on: loop)
        }
        running = Running(
            generation: generation,
            child: child,
            control: control,
            group: cage?.group,
            limits: cage?.plan.limits
        )
        handlers.report(.started)
        child.onExit = { [self] end in hasExited(generation, "\(end)") }
        // All end when the process does: its death, and at the latest the drain timer, closes what
        // they read.
        loop.spawn { await self.readOutput(generation) }
        loop.spawn { await self.readErrors(generation) }
        if let cage, cage.group == nil {
            let limit = cage.plan.limits.memoryByteCount
            loop.spawn { await self.watchMemory(generation, limit) }
        }
        if control != nil {
            loop.spawn { await self.readReports(generation) }
        } else {
            running?.hasStarted = true
            loop.spawn { await self.greet(generation) }
        }
    }

    private func readOutput(_ generation: Int) async {
        var splitter = LineSplitter()
        do {
            while let stream = running?.child.output, running?.generation == generation {
                var bytes: [UInt8] = []
                guard try await stream.read(appendingTo: &bytes, atMost: 256 << 10) > 0 else {
                    break
                }
                for line in try splitter.append(bytes) {
                    heardCount &+= 1
                    if NoiseCounter.mayBeMessage(line) {
                        await handlers.line(line)
                    } else {
                        noteInvalidMessage()
                    }
                    guard isHeard else { break }
                }
                guard isHeard else { break }
            }
        } catch let failure as LineSplitter.Failure {
            feed(.misbehaved(reason: "it wrote \(failure)"))
        } catch {
            // The stream is closed; the exit tells the rest.
        }
        guard running?.generation == generation else { return }
        running?.isOutputRead = true
        finishIfOver()
    }

    private func readErrors(_ generation: Int) async {
        var lines = ErrorLines()
        while let stream = running?.child.error, running?.generation == generation {
            var bytes: [UInt8] = []
            guard let count = try? await stream.read(appendingTo: &bytes, atMost: 64 << 10),
                count > 0
            else { break }
            for item in lines.append(bytes, at: loop.now) { pass(item, generation) }
        }
        for item in lines.finish(at: loop.now) { pass(item, generation) }
    }

    private func pass(_ item: ErrorLines.Item, _ generation: Int) {
        if case .line(let line, isCut: _) = item, running?.generation == generation {
            running?.lastErrorLine = line
        }
        handlers.errorItem(item)
    }

    /// What init says of the start and the end, 16 bytes each.
    private func readReports(_ generation: Int) async {
        while let stream = running?.control, running?.generation == generation {
            guard var message = try? await stream.message(byteLimit: CageReport.byteCount),
                running?.generation == generation, let report = CageReport(message.bytes)
            else { return }
            switch report {
            case .listening(let kind):
                if let socket = message.descriptor.take() { handlers.listening(kind, socket) }
            case .started:
                running?.hasStarted = true
                loop.spawn { await self.greet(generation) }
            case .failed(let failure): running?.failure = failure
            case .stopped(let signal): noteStop(signal)
            case .exited(let exit):
                let limits = running?.limits
                running?.end = "\(exit)"
                if case .signal(let number) = exit {
                    running?.excess = limits?.reason(for: number)
                }
            }
        }
    }

    private func hasExited(_ generation: Int, _ end: String) {
        guard running?.generation == generation else { return }
        if running?.end == nil { running?.end = end }
        running?.child.input?.close()
        guard running?.isOutputRead == false else { return finishIfOver() }
        // A grandchild without a cage may hold the pipe; what it still writes is nobody's.
        timerOfDrain = loop.schedule(after: .seconds(1)) { [self] in
            guard running?.generation == generation else { return }
            running?.child.closeStreams()
        }
    }

    private var timerOfDrain: TimerToken?

    /// The process is over when it is reaped and all it said was delivered.
    private func finishIfOver() {
        guard let over = running, over.end != nil, over.child.status != nil, over.isOutputRead
        else { return }
        timerOfDrain?.cancel()
        timerOfDrain = nil
        over.child.closeStreams()
        over.control?.close()
        running = nil
        guard let group = over.group else { return conclude(over) }
        concluding = over
        // Ends by itself: what it asks the kernel is answered at once.
        loop.spawn { await self.conclude(removing: group) }
    }
}
