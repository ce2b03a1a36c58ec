import Base
import JSON

/// A call as limits see it.
struct CountedCall {
    let arguments: JSONNode
    /// Of its digest.
    let digest: UInt64
    let time: Instant
}

/// The counts of one tenant.
struct LimitTables: Sendable {
    typealias Rates = RecencyTable<RateWindow>
    typealias Running = RecencyTable<Int>

    private struct Touched: Sendable {
        let place: Rates.Place
        let rate: Rate
        let isIdentical: Bool
    }

    private var rates = Rates(capacity: LimitBook.windowCount)
    private var identical = Rates(capacity: LimitBook.identicalCount)
    /// Calls under way; whoever runs none is retired, so that one who runs some is never forgotten.
    private var running = Running(capacity: LimitBook.windowCount)
    /// What the call at hand counts in; kept for its memory.
    private var touched: [Touched] = []

    // MARK: Rates

    /// Two passes: all limits are asked before any counts.
    ///
    /// - Parameter moved: the plan's lines with counts it did not know the place of; nil for none.
    mutating func admit(
        _ call: CountedCall,
        _ plan: LimitPlan,
        _ moved: inout [LimitPlan.Line]?
    ) -> LimitAnswer {
        touched.removeAll(keepingCapacity: true)
        let lines = plan.lines
        for index in lines.indices where lines[index].limit.applies(to: call.arguments) {
            var place = lines[index].rate
            let kind = look(at: lines[index], &place, call, plan.subject)
            if place != lines[index].rate {
                if moved == nil { moved = lines }
                moved?[index].rate = place
            }
            if let kind {
                return .exceeded(excess(kind, of: lines[index].limit, place, call, plan.subject))
            }
        }
        for window in touched {
            if window.isIdentical {
                identical[window.place].count(window.rate, at: call.time)
            } else {
                rates[window.place].count(window.rate, at: call.time)
            }
        }
        return .within
    }

    /// What the call would go over; nil for nothing.
    ///
    /// - Parameter counted: where the line's calls are counted; set where it is another place.
    private mutating func look(
        at line: LimitPlan.Line,
        _ counted: inout Rates.Place,
        _ call: CountedCall,
        _ subject: LimitSubject
    ) -> LimitExcess.Kind? {
        let limit = line.limit
        if let most = limit.concurrent, running(line, subject) >= most { return .concurrent }
        if let rate = limit.calls {
            guard let place = ratePlace(line, subject, at: call.time) else { return .bookFull }
            counted = place
            guard rates[place].admits(rate, at: call.time) else { return .calls }
            touched.append(Touched(place: place, rate: rate, isIdentical: false))
        }
        if let rate = limit.identical {
            let place = identical.place(
                of: limit.key(subject, call: call.digest | 1),
                initially: RateWindow(),
                mayForget: { _ in true }
            )
            guard let place else { return nil }
            guard identical[place].admits(rate, at: call.time) else { return .identical }
            touched.append(Touched(place: place, rate: rate, isIdentical: true))
        }
        return nil
    }

    /// What is told of a limit the call would go over.
    private mutating func excess(
        _ kind: LimitExcess.Kind,
        of limit: ToolLimit,
        _ counted: Rates.Place,
        _ call: CountedCall,
        _ subject: LimitSubject
    ) -> LimitExcess {
        guard kind != .concurrent, let rate = kind == .identical ? limit.identical : limit.calls
        else { return limit.concurrentExcess(limit.concurrent ?? 0) }
        let wait: Duration?
        switch kind {
        case .calls: wait = rates[counted].waiting(rate, at: call.time)
        case .identical:
            let place = identical.find(limit.key(subject, call: call.digest | 1))
            wait = place.flatMap { identical[$0].waiting(rate, at: call.time) }
        case .bookFull, .concurrent: wait = rate.period.duration
        }
        let what = kind == .identical ? "identical calls" : "calls"
        return LimitExcess(kind: kind, limit: limit.text(rate, what), retryAfter: wait)
    }

    private mutating func ratePlace(
        _ line: LimitPlan.Line,
        _ subject: LimitSubject,
        at now: Instant
    ) -> Rates.Place? {
        guard !rates.holds(line.rate) else {
            rates.touch(line.rate)
            return line.rate
        }
        return rates.place(
            of: line.limit.key(subject),
            initially: RateWindow(),
            mayForget: { $0.quiet <= now }
        )
    }

    // MARK: Running calls

    /// Whether there was room for one more; it is taken then.
    mutating func take(_ place: Running.Place, of most: Int) -> Bool {
        guard running[place] < most else { return false }
        running[place] += 1
        return true
    }

    mutating func giveBack(_ place: Running.Place) {
        guard running.holds(place), running[place] > 0 else { return }
        running[place] -= 1
        if running[place] == 0 { running.retire(place) }
    }

    /// Where the subject's calls under a limit are counted, and whether the line did not know.
    mutating func runningPlace(
        _ line: LimitPlan.Line,
        _ subject: LimitSubject
    ) -> (Running.Place, isMoved: Bool) {
        guard !running.holds(line.running) else {
            running.touch(line.running)
            return (line.running, false)
        }
        let key = line.limit.key(subject)
        while true {
            if let place = running.place(of: key, initially: 0, mayForget: { $0 == 0 }) {
                return (place, true)
            }
            // As many run at once: none of them is forgotten.
            running.widen()
        }
    }

    private func running(_ line: LimitPlan.Line, _ subject: LimitSubject) -> Int {
        running.holds(line.running)
            ? running[line.running] : running(line.limit.key(subject))
    }

    func running(_ key: LimitKey) -> Int { running.find(key).map { running[$0] } ?? 0 }
}
