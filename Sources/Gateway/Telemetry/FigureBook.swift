import Approval
import Base
import JSON
import System

/// What the gate did over the last hours, one sample after the other; kept over a restart.
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

        var isEmpty: Bool { asked == 0 && verdicts.allSatisfy { $0 == 0 } }
    }

    /// Samples of ten minutes, which are kept as one.
    struct Block: Hashable, Comparable, Sendable {
        static let length: Duration = .seconds(600)
        let number: Int64

        init(_ time: Timestamp) { number = time.milliseconds / Self.length.milliseconds }

        static func < (left: Self, right: Self) -> Bool { left.number < right.number }
    }

    static let interval: Duration = .seconds(10)
    /// Six hours.
    static let sampleCount = 2160

    private(set) var samples: [Sample] = []
    private var last: Totals?
    private var next = 0
    /// Blocks with samples that are not kept yet, and those that are.
    var unkept: Set<Block> = []
    var kept: Set<Block> = []

    init() {}

    /// Goes on after samples an earlier process kept, and those its records tell of besides; in
    /// between nothing happened.
    init(restoring found: [Sample], recorded: [Sample] = [], at now: Timestamp) {
        let oldest = now.advanced(by: Self.interval * -Self.sampleCount)
        kept = Set(found.map { Block($0.at) })
        unkept = Set(recorded.map { Block($0.at) })
        for sample in (found + recorded).sorted(by: { $0.at < $1.at })
        where sample.at > oldest && sample.at <= now {
            fill(upTo: sample.at)
            samples.append(sample)
        }
        fill(upTo: now)
        samples = samples.suffix(Self.sampleCount)
    }

    private mutating func fill(upTo time: Timestamp) {
        while let last = samples.last?.at, time.duration(since: last) >= Self.interval * 2 {
            samples.append(Sample(at: last.advanced(by: Self.interval)))
        }
    }

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
        if !sample.isEmpty { unkept.insert(Block(time)) }
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
