package import Base

/// When a server process is started, watched, restarted, put to sleep and ended; a value without I/O.
///
/// Whoever holds it carries out the effects in their order. At most one timer is set at any time; a
/// timer that fires late, after another was set, changes nothing.
package struct Supervision: Sendable, Equatable {
    package struct Settings: Sendable, Equatable {
        /// From the launch to the first answer.
        package var startLimit: Duration = Limits.serverStart
        package var backoffBase: Duration = .milliseconds(500)
        package var backoffLimit: Duration = .seconds(60)
        /// So many crashes inside `crashWindow` open the circuit.
        package var crashLimit = 5
        package var crashWindow: Duration = .seconds(120)
        /// How long an open circuit rests; it doubles with each failed trial.
        package var rest: Duration = .seconds(300)
        package var restLimit: Duration = .seconds(3600)
        /// As many ends for silence as `crashLimit` inside it, and it sleeps until it is called.
        package var silenceWindow: Duration = .seconds(3600)
        /// A process that was ready this long has forgotten its earlier crashes.
        package var steadyAfter: Duration = .seconds(60)
        /// A process without calls for so long is put to sleep; nil keeps it awake.
        package var idleAfter: Duration? = .seconds(600)
        /// Between closing the input, SIGTERM and SIGKILL.
        package var stopGrace: Duration = .seconds(2)
        /// From the first SIGKILL until nobody waits for the end any more.
        package var endLimit: Duration = Limits.endOfKilled

        package init() {}
    }

    package enum State: Sendable, Equatable {
        /// No process; the next call starts one.
        case asleep
        case starting
        case ready
        /// No process until the timer: it crashed.
        case backingOff
        case stopping(StopStep, then: AfterStop)
        /// The circuit is open: calls are refused until the timer or a restart by hand.
        case broken(reason: String)
        /// It cannot be started as it is configured; only a restart by hand tries again.
        case refused(reason: String)
        /// Ended for good.
        case ended
    }

    package enum StopStep: Sendable, Equatable {
        case inputClosed, terminated, killed
        /// Killed, and still there after `endLimit`: the kernel holds it, for a disk that hangs.
        case left
    }

    package enum AfterStop: Sendable, Equatable {
        case sleep
        case start
        case end
        case crash(reason: String)
        case silence(reason: String)
        case broken(reason: String)
    }

    package enum Event: Sendable, Equatable {
        /// A call needs it.
        case wanted
        /// It could not be made; worth another try.
        case launchFailed(reason: String)
        /// It must not be made: the cage says no.
        case launchRefused(reason: String)
        /// There is no room for it now: the next call tries again.
        case launchPostponed
        /// Another server needs its room: it sleeps if nobody calls it.
        case rest
        /// It answered; calls may go to it.
        case answered
        /// How many calls are waiting for its answers now.
        case calls(Int)
        case exited(reason: String)
        /// It broke the protocol in a way that makes all it says doubtful.
        case misbehaved(reason: String)
        /// It does not take its input: as good as a crash.
        case stalled(reason: String)
        /// It stopped, or did not answer a probe: as good as a crash.
        case silent(reason: String)
        /// It used more than it may, where no control group holds it: as good as a crash.
        case overused(reason: String)
        case timer(UInt64)
        /// By hand: start anew, whatever was before.
        case restart
        case stop
    }

    package enum Effect: Sendable, Equatable {
        case launch
        case closeInput
        case terminate
        case kill
        case setTimer(UInt64, Instant)
        case clearTimer
        case report(Report)
        /// It outlived its kill: who waits for its end is told so, and which process it is.
        case leave
    }

    /// What a log, a metric or a person is told.
    package enum Report: Sendable, Equatable {
        /// There is a process; said by whoever made it, because a launch may be refused.
        case started
        case ready
        case crashed(reason: String, restartsIn: Duration)
        case circuitOpened(reason: String, restsFor: Duration)
        case fellAsleep
        /// It fell silent too often while nobody needed it; the next call starts it.
        case leftAsleep(reason: String)
        case refused(reason: String)
        /// Killed, and not gone in time; said by whoever knows what is left.
        case left(reason: String)
        case ended
    }

    package private(set) var state: State = .asleep
    package let settings: Settings
    private var timer: UInt64 = 0
    private var callCount = 0
    private var readySince: Instant?
    private var killedSince: Instant?
    /// The crashes that still count, oldest first; at most `crashLimit`.
    private var crashes: [Instant] = []
    /// The ends for silence that still count, oldest first; at most `crashLimit`.
    private var silences: [Instant] = []
    /// How often the circuit opened since the server was last steady.
    private var openings = 0

    package init(_ settings: Settings = Settings()) { self.settings = settings }

    /// Takes one event; `random` spreads the restarts of servers that crashed together.
    package mutating func handle(_ event: Event, at now: Instant, random: UInt64) -> [Effect] {
        switch event {
        case .wanted: want(now)
        case .launchFailed(let reason): state == .starting ? crash(reason, now, random) : []
        case .launchRefused(let reason): refuse(reason)
        case .launchPostponed: postpone()
        case .rest: state == .ready && callCount == 0 ? closeInput(now, then: .sleep) : []
        case .answered: answer(now)
        case .calls(let count): calls(count, now)
        case .exited(let reason): exit(reason, now, random)
        case .misbehaved(let reason): condemn(now, then: .broken(reason: reason))
        case .stalled(let reason), .overused(let reason):
            condemn(now, then: .crash(reason: reason))
        case .silent(let reason): condemn(now, then: .silence(reason: reason))
        case .timer(let number): number == timer ? ring(now, random) : []
        case .restart: restart(now)
        case .stop: stop(now)
        }
    }

    // MARK: Starting

    private mutating func want(_ now: Instant) -> [Effect] {
        guard state == .asleep else { return [] }
        silences = []
        return launch(now)
    }

    private mutating func launch(_ now: Instant) -> [Effect] {
        state = .starting
        readySince = nil
        return [.launch, setTimer(now, settings.startLimit)]
    }

    private mutating func refuse(_ reason: String) -> [Effect] {
        guard state == .starting else { return [] }
        state = .refused(reason: reason)
        return [clearTimer(), .report(.refused(reason: reason))]
    }

    private mutating func postpone() -> [Effect] {
        guard state == .starting else { return [] }
        state = .asleep
        return [clearTimer()]
    }

    private mutating func answer(_ now: Instant) -> [Effect] {
        guard state == .starting else { return [] }
        state = .ready
        readySince = now
        return [idleTimer(now), .report(.ready)]
    }

    // MARK: Being used

    private mutating func calls(_ count: Int, _ now: Instant) -> [Effect] {
        callCount = max(0, count)
        return state == .ready ? [idleTimer(now)] : []
    }

    private mutating func idleTimer(_ now: Instant) -> Effect {
        guard callCount == 0, let idleAfter = settings.idleAfter else { return clearTimer() }
        return setTimer(now, idleAfter)
    }

    // MARK: Ending

    private mutating func exit(_ reason: String, _ now: Instant, _ random: UInt64) -> [Effect] {
        switch state {
        case .starting, .ready: return crash(reason, now, random)
        case .stopping(_, then: let next):
            switch next {
            case .sleep:
                state = .asleep
                return [clearTimer(), .report(.fellAsleep)]
            case .start: return launch(now)
            case .end:
                state = .ended
                return [clearTimer(), .report(.ended)]
            case .crash(let reason): return crash(reason, now, random)
            case .silence(let reason): return fallSilent(reason, now, random)
            case .broken(let reason): return open(reason, now)
            }
        default: return []
        }
    }

    private mutating func crash(_ reason: String, _ now: Instant, _ random: UInt64) -> [Effect] {
        if let readySince, now.duration(since: readySince) >= settings.steadyAfter {
            crashes = []
            openings = 0
        }
        readySince = nil
        crashes.removeAll { now.duration(since: $0) > settings.crashWindow }
        crashes.append(now)
        // After a rest one crash is enough: nothing has shown that the cause is gone.
        if crashes.count >= settings.crashLimit || openings > 0 { return open(reason, now) }
        state = .backingOff
        let delay = backoff(random)
        return [setTimer(now, delay), .report(.crashed(reason: reason, restartsIn: delay))]
    }

    /// What cannot hold out between calls is not started again and again for nobody.
    private mutating func fallSilent(
        _ reason: String,
        _ now: Instant,
        _ random: UInt64
    ) -> [Effect] {
        silences.removeAll { now.duration(since: $0) > settings.silenceWindow }
        silences.append(now)
        guard silences.count >= settings.crashLimit else { return crash(reason, now, random) }
        silences = []
        readySince = nil
        state = .asleep
        return [clearTimer(), .report(.leftAsleep(reason: reason))]
    }

    /// Doubles with each crash; half of it is random.
    private func backoff(_ random: UInt64) -> Duration {
        let base = settings.backoffBase.saturatedNanoseconds
        let limit = settings.backoffLimit.saturatedNanoseconds
        let shift = min(max(crashes.count, silences.count) - 1, 20)
        let (product, overflow) = base.multipliedReportingOverflow(by: 1 << Int64(max(0, shift)))
        let whole = max(1, overflow ? limit : min(product, limit))
        return .nanoseconds(whole / 2 + Int64(random % UInt64(whole / 2 + 1)))
    }

    private mutating func open(_ reason: String, _ now: Instant) -> [Effect] {
        let limit = settings.restLimit.saturatedNanoseconds
        let (product, overflow) = settings.rest.saturatedNanoseconds
            .multipliedReportingOverflow(by: 1 << Int64(min(openings, 20)))
        let rest = Duration.nanoseconds(overflow ? limit : min(product, limit))
        openings += 1
        crashes = []
        state = .broken(reason: reason)
        return [setTimer(now, rest), .report(.circuitOpened(reason: reason, restsFor: rest))]
    }

    /// Without a goodbye: nothing it writes is worth reading, or it does not read.
    private mutating func condemn(_ now: Instant, then next: AfterStop) -> [Effect] {
        guard state == .starting || state == .ready else { return [] }
        return kill(now, then: next)
    }

    // MARK: By hand

    private mutating func restart(_ now: Instant) -> [Effect] {
        crashes = []
        silences = []
        openings = 0
        switch state {
        case .starting, .ready: return closeInput(now, then: .start)
        case .stopping(let step, then: let next):
            guard next != .end else { return [] }
            state = .stopping(step, then: .start)
            return []
        case .asleep, .backingOff, .broken, .refused: return launch(now)
        case .ended: return []
        }
    }

    private mutating func stop(_ now: Instant) -> [Effect] {
        switch state {
        case .starting, .ready: return closeInput(now, then: .end)
        case .stopping(let step, then: _):
            state = .stopping(step, then: .end)
            return []
        case .asleep, .backingOff, .broken, .refused:
            state = .ended
            return [clearTimer(), .report(.ended)]
        case .ended: return []
        }
    }

    // MARK: The steps of an end (2025-11-25, basic/lifecycle: shutdown of stdio)

    private mutating func closeInput(_ now: Instant, then next: AfterStop) -> [Effect] {
        state = .stopping(.inputClosed, then: next)
        return [.closeInput, setTimer(now, settings.stopGrace)]
    }

    private mutating func kill(_ now: Instant, then next: AfterStop) -> [Effect] {
        state = .stopping(.killed, then: next)
        killedSince = now
        // It dies by itself now; the timer only repeats the kill, should the kernel be slow.
        return [.kill, setTimer(now, settings.stopGrace)]
    }

    /// What comes after its end stays as it was: only who waits goes on.
    private mutating func killAgain(
        _ now: Instant,
        _ step: StopStep,
        then next: AfterStop
    ) -> [Effect] {
        let again = [.kill, setTimer(now, settings.stopGrace)]
        guard step == .killed, let killedSince,
            now.duration(since: killedSince) >= settings.endLimit
        else { return again }
        state = .stopping(.left, then: next)
        return again + [.leave]
    }

    private mutating func ring(_ now: Instant, _ random: UInt64) -> [Effect] {
        switch state {
        case .starting:
            return kill(now, then: .crash(reason: "no answer within the time to start"))
        case .ready: return callCount == 0 ? closeInput(now, then: .sleep) : []
        case .backingOff: return launch(now)
        case .broken:
            state = .asleep
            return [clearTimer()]
        case .stopping(.inputClosed, then: let next):
            state = .stopping(.terminated, then: next)
            return [.terminate, setTimer(now, settings.stopGrace)]
        case .stopping(.terminated, then: let next): return kill(now, then: next)
        case .stopping(let step, then: let next): return killAgain(now, step, then: next)
        case .asleep, .refused, .ended: return []
        }
    }

    private mutating func setTimer(_ now: Instant, _ duration: Duration) -> Effect {
        timer += 1
        return .setTimer(timer, now.advanced(by: duration))
    }

    private mutating func clearTimer() -> Effect {
        timer += 1
        return .clearTimer
    }
}
