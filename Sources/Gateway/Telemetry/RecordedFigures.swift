import Audit
import Base
import JSON

/// What a gateway that was killed had counted since the last sample it kept, read out of its log.
///
/// How long calls took is not in there. A call that waits is counted with its question, and one that
/// was on its way at the last look is missing: none is in two samples.
struct RecordedFigures {
    /// As far back as records are looked at: samples are kept every ten seconds.
    static let time: Duration = .seconds(60)
    /// Most records looked at, the newest ones, and how many at once.
    static let recordCount = 20_000
    static let stepCount = 100

    private let begin: Timestamp
    private let now: Timestamp
    private var counts: [Int64: (verdicts: [UInt64], asked: UInt64)] = [:]

    /// - Parameter begin: when the last kept sample ended.
    init(after begin: Timestamp, upTo now: Timestamp) {
        self.begin = begin
        self.now = now
    }

    /// Counts what a record says of a call; false where it is older than all that is wanted.
    mutating func add(_ leaf: StoredLeaf) -> Bool {
        guard let head = RecordHead(leaf: leaf.bytes), let time = head.timestamp else {
            return true
        }
        guard begin < time else { return false }
        guard time <= now, let verdict = Self.verdict(of: head) else { return true }
        let passed = time.milliseconds - begin.milliseconds - 1
        let place = passed / FigureBook.interval.milliseconds
        var sample = counts[place] ?? (ServerTally.Verdict.allCases.map { _ in 0 }, 0)
        sample.verdicts[verdict.rawValue] &+= 1
        if verdict == .waiting { sample.asked &+= 1 }
        counts[place] = sample
        return true
    }

    /// Samples that go on where the kept ones end.
    var samples: [FigureBook.Sample] {
        counts.map { place, counted in
            FigureBook.Sample(
                at: min(now, begin.advanced(by: FigureBook.interval * Int(place + 1))),
                verdicts: counted.verdicts,
                asked: counted.asked,
                median: nil,
                slowest: nil
            )
        }
    }

    /// Nil where the record says nothing of a call of a tool.
    private static func verdict(of record: RecordHead) -> ServerTally.Verdict? {
        guard record.server != nil else { return nil }
        switch RecordKind(rawValue: record.kind) {
        case .intent: return record.detail?["approval"] == nil ? .allowed : .approved
        case .judged: return .refused
        case .proposed: return .waiting
        default: return nil
        }
    }
}
