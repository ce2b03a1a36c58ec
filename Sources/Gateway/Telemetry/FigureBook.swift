import Approval
import Base
import JSON
import System

/// What the gate did over the last hours, one sample after the other; gone at a restart.
struct FigureBook: Sendable {
    /// What was counted since the start, at one moment.
    struct Totals: Sendable {
        var verdicts: [UInt64] = []
        var ownTime = DurationHistogram()
        var asked: UInt64 = 0
    }

    /// What happened between two looks.
    struct Sample: Sendable, Equatable {
        let at: Timestamp
        let verdicts: [UInt64]
        let asked: UInt64
        /// Upper bounds in microseconds; nil where nothing was measured.
        let median: Int?
        let slowest: Int?
    }

    static let interval: Duration = .seconds(10)
    /// Six hours.
    static let sampleCount = 2160

    private(set) var samples: [Sample] = []
    private var last: Totals?
    private var next = 0

    mutating func add(_ totals: Totals, at time: Timestamp) {
        defer { last = totals }
        guard let last else { return }
        let counts = zip(totals.ownTime.counts, last.ownTime.counts).map { $0 &- $1 }
        let sample = Sample(
            at: time,
            verdicts: zip(totals.verdicts, last.verdicts).map { $0 &- $1 },
            asked: totals.asked &- last.asked,
            median: Self.quantile(0.5, counts),
            slowest: Self.quantile(0.99, counts)
        )
        if samples.count < Self.sampleCount {
            samples.append(sample)
        } else {
            samples[next] = sample
            next = (next + 1) % samples.count
        }
    }

    /// The oldest first.
    var inOrder: [Sample] { Array(samples[next...] + samples[..<next]) }

    /// The upper bound of the bucket the quantile falls in, in microseconds.
    static func quantile(_ share: Double, _ counts: [UInt64]) -> Int? {
        let total = counts.reduce(0, &+)
        guard total > 0 else { return nil }
        let wanted = UInt64((Double(total) * share).rounded(.up))
        var sum: UInt64 = 0
        for (index, count) in counts.enumerated() {
            sum &+= count
            guard sum >= wanted else { continue }
            let bound = index < DurationHistogram.bounds.count ? index : index - 1
            return Int(DurationHistogram.bounds[bound] / 1000)
        }
        return nil
    }

    var value: JSONValue {
        let names = ServerTally.Verdict.allCases.map { "\($0.label)" }
        return [
            "interval_seconds": JSONValue(Int(Self.interval.milliseconds / 1000)),
            "samples": .array(
                inOrder.map { sample in
                    var object = JSONObject()
                    object["time"] = JSONValue(sample.at.description)
                    for (name, count) in zip(names, sample.verdicts) {
                        object[JSONString(name)] = JSONValue(count)
                    }
                    object["asked"] = JSONValue(sample.asked)
                    object["p50_us"] = sample.median.map { JSONValue($0) } ?? .null
                    object["p99_us"] = sample.slowest.map { JSONValue($0) } ?? .null
                    return .object(object)
                }
            ),
        ]
    }
}

/// Counts questions; several notices of one question are one.
///
/// INVARIANT loop-thread: used on the gateway's loop only; this is what makes `@unchecked Sendable`
/// true.
final class QuestionCount: @unchecked Sendable {
    private(set) var count: UInt64 = 0
    private var open: Set<TicketID> = []

    func note(_ notice: ApprovalNotice) {
        switch notice {
        case .waiting(let ticket, _): if open.insert(ticket).inserted { count &+= 1 }
        case .closed(let ticket): open.remove(ticket)
        default: break
        }
    }
}

extension ControlCommands {
    static let figures: [String: ControlCommand] = [
        "figures": ControlCommand(level: .observe) { gateway, _ in
            await gateway.figures.value.serialised()
        }
    ]
}

extension Gateway {
    /// Looks at the counts every ten seconds for as long as the loop runs.
    func keepFigures() async {
        let questions = QuestionCount()
        _ = await desk.watch { questions.note($0) }
        lookAtFigures(questions)
    }

    private func lookAtFigures(_ questions: QuestionCount) {
        var totals = FigureBook.Totals()
        totals.verdicts = ServerTally.Verdict.allCases.map { tally.count($0) }
        totals.ownTime = tally.ownTime
        totals.asked = questions.count
        figures.add(totals, at: parts.clock.timestamp)
        loop.schedule(after: FigureBook.interval) { [weak self] in
            self?.assumeIsolated { $0.lookAtFigures(questions) }
        }
    }
}
