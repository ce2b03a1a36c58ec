import Audit
import Base
import Testing

@testable import Gateway

/// What the log says of calls that no kept sample counted.
@Suite struct RecordedFiguresTests {
    private let begin = Timestamp(milliseconds: 1_785_585_600_000)

    private func at(_ seconds: Int64) -> Timestamp { begin.advanced(by: .seconds(seconds)) }

    private func leaf(
        _ kind: RecordKind,
        _ seconds: Int64,
        approval: String? = nil,
        server: ServerName? = ServerName(unchecked: "shop")
    ) -> StoredLeaf {
        let detail = JudgementDetail(
            verdict: "allow",
            approval: approval,
            arguments: "{}",
            argumentsByteCount: 2,
            commitment: hashing.sha256([])
        )
        let record = AuditRecord(
            kind,
            at: at(seconds),
            tenant: .main,
            environment: EnvironmentName(unchecked: "staging"),
            server: server,
            detail: .judgement(detail)
        )
        return StoredLeaf(index: 0, bytes: record.encoded())
    }

    private func sample(
        _ seconds: Int64,
        _ verdicts: [UInt64],
        asked: UInt64 = 0
    ) -> FigureBook.Sample {
        FigureBook.Sample(
            at: at(seconds),
            verdicts: verdicts,
            asked: asked,
            median: nil,
            slowest: nil
        )
    }

    @Test func `records after the last kept sample make those that follow it`() {
        var figures = RecordedFigures(after: at(0), upTo: at(27))
        let leaves = [
            leaf(.intent, 1), leaf(.outcome, 1), leaf(.intent, 10, approval: "ask-1"),
            leaf(.judged, 11), leaf(.proposed, 25), leaf(.intent, 26),
            // No call of a tool, and nothing yet.
            leaf(.judged, 12, server: nil), leaf(.intent, 28),
        ]
        let areWanted = leaves.map { figures.add($0) }
        #expect(!areWanted.contains(false))
        let older = [leaf(.intent, 0), leaf(.intent, -5)].map { figures.add($0) }
        #expect(older == [false, false])
        // In the order allowed, approved, waiting, refused; the last one ends now.
        let samples = figures.samples.sorted { $0.at < $1.at }
        #expect(
            samples == [
                sample(10, [1, 1, 0, 0]), sample(20, [0, 0, 0, 1]),
                sample(27, [1, 0, 1, 0], asked: 1),
            ]
        )
    }

    @Test func `what was read out of records is shown in its place, and kept`() {
        let kept = [sample(0, [3, 0, 0, 0])]
        let recorded = [sample(17, [1, 0, 0, 0])]
        var book = FigureBook(restoring: kept, recorded: recorded, at: at(20))
        #expect(book.inOrder.filter { !$0.isEmpty } == kept + recorded)
        #expect(book.takeUnkept().map(\.block) == [FigureBook.Block(at(17))])
    }
}
