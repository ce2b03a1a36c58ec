import Base
import JSON
import Patterns
import System
import TestKit
import Testing

@testable import Screening

/// A clock of which waiting and working are told apart.
private final class WorkingClock: Clock {
    private let state = Lock((passed: Duration.zero, worked: Duration.zero))

    var instant: Instant { Instant(nanoseconds: 1).advanced(by: state.withLock { $0.passed }) }
    var timestamp: Timestamp { Timestamp(milliseconds: 0) }
    var threadTime: Duration { state.withLock { $0.worked } }

    func wait(_ time: Duration) { state.withLock { $0.passed += time } }
    func work(_ time: Duration) {
        state.withLock { $0 = ($0.passed + time, $0.worked + time) }
    }
}

/// The system's clock, of a thread that loses its processor whenever it looks.
private struct StallingClock: Clock {
    let system = SystemClock()
    var instant: Instant {
        Process.pause(.milliseconds(30))
        return system.instant
    }
    var timestamp: Timestamp { system.timestamp }
    var threadTime: Duration {
        Process.pause(.milliseconds(30))
        return system.threadTime
    }
}

@Suite struct WorkBudgetTests {
    @Test func `over its work a message is withheld`() throws {
        let screener = try Fixture.screener(clock: SteppingClock(step: .milliseconds(25)))
        let result = screener.screen(text: "password=n84ASM54y4")
        #expect(result.text == "[WITHHELD: looking for secrets took more than 20 ms of work]")
        #expect(result.report.withheld.count == 1)
        let value = screener.screen(value: try Fixture.node(#"{"password":"n84ASM54y4"}"#))
        #expect(
            String(decoding: value.bytes, as: UTF8.self)
                == #""[WITHHELD: looking for secrets took more than 20 ms of work]""#
        )
    }

    @Test func `the budget grows with the text and counts work alone`() {
        let clock = WorkingClock()
        var budget = WorkBudget(byteCount: 1_000_000, clock: clock)
        clock.work(.milliseconds(120))
        #expect(throws: Never.self) { try budget.check() }
        clock.wait(.nanoseconds(1))
        #expect(throws: Never.self) { try budget.check() }
        clock.wait(.seconds(3600))
        #expect(throws: Never.self) { try budget.check() }
        clock.work(.milliseconds(120))
        clock.wait(.seconds(3600))
        #expect(throws: Never.self) { try budget.check() }
        clock.work(.nanoseconds(1))
        #expect(throws: ScreeningFailure.overBudget(limitInMilliseconds: 120)) {
            try budget.check()
        }
    }

    @Test func `what is exempted counts neither as time nor as work`() throws {
        let clock = WorkingClock()
        var budget = WorkBudget(byteCount: 0, clock: clock)
        try budget.exempting { clock.work(.seconds(1)) }
        clock.work(.milliseconds(20))
        // Not over its time, so that the thread's clock is not looked at yet.
        try budget.check()
        clock.wait(.milliseconds(1))
        try budget.check()
        try budget.exempting { clock.work(.seconds(1)) }
        clock.work(.milliseconds(20))
        try budget.check()
        clock.work(.nanoseconds(1))
        #expect(throws: ScreeningFailure.overBudget(limitInMilliseconds: 20)) {
            try budget.check()
        }
    }

    @Test func `a thread that gets no processor withholds nothing`() throws {
        let secret = try Fixture.secret("x", "0123456789")
        let screener = try Fixture.screener(secrets: [secret], clock: StallingClock())
        let text = screener.screen(text: "0123456789 and %30 password=n84ASM54y4")
        #expect(text.report.withheld == [])
        #expect(text.report.redactions.count == 2)
    }

    @Test func `a text that costs too much is stopped by the work it costs`() throws {
        // Each letter is a match, and to know that, the rest of the text is read.
        let rule = RedactionRule(
            "x",
            "s",
            keywords: ["aaaa"],
            pattern: "a[^b]*b|a",
            check: .none,
            reason: "r"
        )
        let screener = Screener(
            secrets: [],
            rules: try RuleBook([rule], engine: RegexEngine()),
            clock: SystemClock(),
            random: CountingRandom()
        )
        let before = Process.threadCPUTime()
        let result = screener.screen(
            text: String(repeating: "a", count: 90_000),
            limitInBytes: 1 << 20
        )
        #expect(result.text == "[WITHHELD: looking for secrets took more than 29 ms of work]")
        #expect(Process.threadCPUTime() - before > .milliseconds(29))
    }
}
