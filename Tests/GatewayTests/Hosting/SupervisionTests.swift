import Base
import Gateway
import TestKit
import Testing

/// Feeds a machine and remembers its timer, on a clock of its own.
private struct Stage {
    var machine: Supervision
    var now = Instant(nanoseconds: 1_000_000_000)
    var timer: (number: UInt64, at: Instant)?
    var random: UInt64 = 0
    private(set) var reports: [Supervision.Report] = []

    init(_ change: (inout Supervision.Settings) -> Void = { _ in }) {
        var settings = Supervision.Settings()
        change(&settings)
        machine = Supervision(settings)
    }

    @discardableResult
    mutating func feed(_ event: Supervision.Event) -> [Supervision.Effect] {
        let effects = machine.handle(event, at: now, random: random)
        for effect in effects {
            switch effect {
            case .setTimer(let number, let deadline): timer = (number, deadline)
            case .clearTimer: timer = nil
            case .report(let report): reports.append(report)
            default: break
            }
        }
        return effects
    }

    /// Advances to the timer and lets it fire.
    @discardableResult
    mutating func ring() -> [Supervision.Effect] {
        guard let set = timer else { return [] }
        timer = nil
        now = set.at
        return feed(.timer(set.number))
    }

    mutating func becomeReady() {
        feed(.wanted)
        feed(.answered)
    }
}

@Suite struct SupervisionTests {
    @Test func `a server starts with the first call and not before`() {
        var stage = Stage()
        #expect(stage.feed(.calls(0)) == [])
        #expect(stage.feed(.wanted).first == .launch)
        #expect(stage.feed(.wanted) == [])
        #expect(stage.machine.state == .starting)
    }

    @Test func `a start for which there is no room is none, and the next call tries again`() {
        var stage = Stage()
        stage.feed(.wanted)
        #expect(stage.feed(.launchPostponed) == [.clearTimer])
        #expect(stage.machine.state == .asleep && stage.reports == [])
        #expect(stage.feed(.wanted).first == .launch)
        stage.feed(.answered)
        #expect(stage.feed(.launchPostponed) == [])
        #expect(stage.machine.state == .ready)
    }

    @Test func `a server makes room for another only while nobody calls it`() {
        var stage = Stage()
        #expect(stage.feed(.rest) == [])
        stage.becomeReady()
        stage.feed(.calls(1))
        #expect(stage.feed(.rest) == [])
        stage.feed(.calls(0))
        #expect(stage.feed(.rest).first == .closeInput)
        #expect(stage.feed(.rest) == [])
        stage.feed(.exited(reason: "code 0"))
        #expect(stage.machine.state == .asleep)
    }

    @Test func `a server that does not answer in time is killed and counts as crashed`() {
        var stage = Stage { $0.startLimit = .seconds(30) }
        stage.feed(.wanted)
        #expect(stage.timer?.at == stage.now.advanced(by: .seconds(30)))
        #expect(stage.ring().first == .kill)
        stage.feed(.exited(reason: "signal 9"))
        #expect(stage.machine.state == .backingOff)
        guard case .crashed(let reason, _) = stage.reports.last else {
            Issue.record("no crash reported")
            return
        }
        #expect(reason == "no answer within the time to start")
    }

    @Test func `restarts wait longer each time, up to the limit, and half of it is random`() {
        var delays: [Int64] = []
        for random in [0, UInt64.max] {
            var stage = Stage {
                $0.crashLimit = 100
                $0.crashWindow = .seconds(100_000)
                $0.backoffLimit = .seconds(4)
            }
            stage.random = random
            for _ in 0..<6 {
                if stage.machine.state == .asleep { stage.feed(.wanted) }
                stage.feed(.exited(reason: "exit code 1"))
                guard let at = stage.timer?.at else { break }
                delays.append(at.duration(since: stage.now).milliseconds)
                stage.ring()
            }
        }
        #expect(delays.prefix(6) == [250, 500, 1000, 2000, 2000, 2000])
        #expect(zip(delays.prefix(6), delays.suffix(6)).allSatisfy { $1 >= $0 && $1 <= 2 * $0 })
    }

    @Test func `the crash at the limit opens the circuit, the one before does not`() {
        var stage = Stage { $0.crashLimit = 3 }
        stage.feed(.wanted)
        for _ in 0..<2 {
            stage.feed(.exited(reason: "exit code 1"))
            #expect(stage.machine.state == .backingOff)
            stage.ring()
        }
        stage.feed(.exited(reason: "exit code 1"))
        #expect(stage.machine.state == .broken(reason: "exit code 1"))
        #expect(stage.feed(.wanted) == [])
    }

    @Test func `a trial after the rest that fails rests twice as long`() {
        var stage = Stage {
            $0.crashLimit = 1
            $0.rest = .seconds(100)
            $0.restLimit = .seconds(300)
        }
        var rests: [Int64] = []
        for _ in 0..<4 {
            stage.feed(.wanted)
            stage.feed(.exited(reason: "exit code 1"))
            if let at = stage.timer?.at { rests.append(at.duration(since: stage.now).milliseconds) }
            stage.ring()
            #expect(stage.machine.state == .asleep)
        }
        #expect(rests == [100_000, 200_000, 300_000, 300_000])
    }

    @Test func `crashes are forgotten once a server was steady`() {
        var stage = Stage {
            $0.crashLimit = 2
            $0.idleAfter = nil
        }
        for _ in 0..<10 {
            if stage.machine.state == .asleep { stage.feed(.wanted) }
            stage.feed(.answered)
            stage.now = stage.now.advanced(by: .seconds(60))
            stage.feed(.exited(reason: "exit code 1"))
            #expect(stage.machine.state == .backingOff)
            stage.ring()
        }
    }

    @Test func `an idle server sleeps, one with a call does not`() {
        var stage = Stage { $0.idleAfter = .seconds(10) }
        stage.becomeReady()
        stage.feed(.calls(1))
        #expect(stage.timer == nil)
        stage.feed(.calls(0))
        #expect(stage.ring().first == .closeInput)
        stage.feed(.exited(reason: "exit code 0"))
        #expect(stage.machine.state == .asleep)
        #expect(stage.reports.last == .fellAsleep)
        #expect(stage.feed(.wanted).first == .launch)
    }

    @Test func `one that falls silent again and again for nobody sleeps until it is called`() {
        var stage = Stage { $0.idleAfter = nil }
        stage.becomeReady()
        var delays: [Int64] = []
        for number in 1...5 {
            // Longer than `steadyAfter`: no crash of before counts any more.
            stage.now = stage.now.advanced(by: .seconds(70))
            #expect(stage.feed(.silent(reason: "no answer")).first == .kill)
            stage.feed(.exited(reason: "signal 9"))
            guard number < 5, let at = stage.timer?.at else { break }
            #expect(stage.machine.state == .backingOff)
            delays.append(at.duration(since: stage.now).milliseconds)
            stage.ring()
            stage.feed(.answered)
        }
        #expect(delays == [250, 500, 1000, 2000])
        #expect(stage.machine.state == .asleep && stage.timer == nil)
        #expect(stage.reports.last == .leftAsleep(reason: "no answer"))
        // A call begins anew, with as many tries.
        stage.becomeReady()
        stage.feed(.silent(reason: "no answer"))
        stage.feed(.exited(reason: "signal 9"))
        #expect(stage.machine.state == .backingOff)
    }

    @Test func `one that falls silent now and then is always started again`() {
        var stage = Stage { $0.idleAfter = nil }
        stage.becomeReady()
        for _ in 1...10 {
            stage.now = stage.now.advanced(by: .seconds(1000))
            stage.feed(.silent(reason: "no answer"))
            stage.feed(.exited(reason: "signal 9"))
            #expect(stage.machine.state == .backingOff)
            stage.ring()
            stage.feed(.answered)
        }
    }

    @Test func `a stop closes the input, then terminates, then kills, and a late exit ends it`() {
        var stage = Stage()
        stage.becomeReady()
        #expect(stage.feed(.stop).first == .closeInput)
        #expect(stage.ring().first == .terminate)
        #expect(stage.ring().first == .kill)
        #expect(stage.ring().first == .kill)
        stage.feed(.exited(reason: "signal 9"))
        #expect(stage.machine.state == .ended)
        #expect(stage.feed(.wanted) == [])
        #expect(stage.feed(.restart) == [])
    }

    /// The kernel may hold a process that was killed for as long as a disk does not answer.
    @Test(arguments: [(limit: Duration.seconds(10), rings: 5), (.milliseconds(10_001), 6)])
    func `one that outlives its kill is waited for no longer, and said so once`(
        limit: Duration,
        rings: Int
    ) {
        var stage = Stage {
            $0.stopGrace = .seconds(2)
            $0.endLimit = limit
        }
        stage.becomeReady()
        stage.feed(.stop)
        #expect(stage.ring().first == .terminate)
        #expect(stage.ring().first == .kill)
        for number in 1...(rings + 2) {
            let effects = stage.ring()
            #expect(effects.first == .kill)
            #expect(effects.contains(.leave) == (number == rings))
            let step: Supervision.StopStep = number < rings ? .killed : .left
            #expect(stage.machine.state == .stopping(step, then: .end))
        }
        stage.feed(.exited(reason: "signal 9"))
        #expect(stage.machine.state == .ended)
        #expect(stage.timer == nil)
    }

    @Test func `one that outlives its kill is started anew when it is gone, and not before`() {
        var stage = Stage { $0.endLimit = .zero }
        stage.becomeReady()
        stage.feed(.stalled(reason: "it takes no input"))
        #expect(stage.ring().contains(.leave))
        #expect(stage.feed(.restart) == [])
        #expect(stage.feed(.wanted) == [])
        #expect(stage.machine.state == .stopping(.left, then: .start))
        #expect(stage.feed(.exited(reason: "signal 9")).first == .launch)
    }

    @Test func `a timer that was replaced changes nothing`() {
        var stage = Stage()
        stage.feed(.wanted)
        let old = stage.timer
        stage.feed(.answered)
        #expect(stage.feed(.timer(old?.number ?? 0)) == [])
        #expect(stage.machine.state == .ready)
    }

    @Test func `a refusal by the cage is not tried again until a restart by hand`() {
        var stage = Stage()
        stage.feed(.wanted)
        stage.feed(.launchRefused(reason: "no user namespaces"))
        #expect(stage.machine.state == .refused(reason: "no user namespaces"))
        #expect(stage.timer == nil)
        #expect(stage.feed(.wanted) == [])
        #expect(stage.feed(.restart).first == .launch)
    }

    @Test func `a restart while it stops for good stays a stop`() {
        var stage = Stage()
        stage.becomeReady()
        stage.feed(.stop)
        stage.feed(.restart)
        stage.feed(.exited(reason: "exit code 0"))
        #expect(stage.machine.state == .ended)
    }

    @Test func `one that misbehaves is killed and rests, whatever it says later`() {
        var stage = Stage()
        stage.becomeReady()
        #expect(stage.feed(.misbehaved(reason: "noise")).first == .kill)
        #expect(stage.feed(.misbehaved(reason: "more")) == [])
        stage.feed(.exited(reason: "signal 9"))
        #expect(stage.machine.state == .broken(reason: "noise"))
    }

    /// Any order of events: never two processes, never a timer for nothing, always an end.
    @Test(arguments: 0..<200)
    func `no order of events starts a second process`(seed: Int) {
        var generator = Seeded(UInt64(seed))
        var stage = Stage { $0.crashLimit = 3 }
        var isAlive = false
        for _ in 0..<300 {
            let event: Supervision.Event
            switch generator.next() % 10 {
            case 0: event = .wanted
            case 1: event = .answered
            case 2: event = .calls(Int(generator.next() % 3))
            case 3 where isAlive: event = .exited(reason: "x")
            case 4: event = .restart
            case 5: event = .misbehaved(reason: "x")
            case 6 where !isAlive: event = .launchFailed(reason: "x")
            case 7: event = .stalled(reason: "x")
            default: event = .timer(stage.timer?.number ?? 0)
            }
            if case .timer = event { stage.now = stage.timer?.at ?? stage.now }
            if case .exited = event { isAlive = false }
            for effect in stage.feed(event) where effect == .launch {
                #expect(!isAlive, "seed \(seed)")
                isAlive = true
            }
            if case .launchFailed = event { isAlive = stage.machine.state == .starting }
        }
        stage.feed(.stop)
        for _ in 0..<3 { stage.ring() }
        if isAlive { stage.feed(.exited(reason: "signal 9")) }
        #expect(stage.machine.state == .ended, "seed \(seed)")
    }
}
