import Approval
import Audit
import Base
import JSON
import Storage
import System

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
        "figures": ControlCommand(level: .observe) { gateway, call in
            // Calls of every tenant are counted together.
            try call.require(nil)
            return await gateway.figures.value.serialised()
        }
    ]
}

extension Gateway {
    /// Takes up the plots an earlier process kept, and looks at the counts every ten seconds for as
    /// long as the loop runs.
    func beginFigures() async throws {
        let found = try await store.allEntries(.figures).flatMap { entry in
            Self.isPlot(entry.key) ? FigureBook.samples(in: entry.value) : []
        }
        let questions = QuestionCount()
        _ = await desk.watch { questions.note($0) }
        let now = parts.clock.timestamp
        let recorded = try await recordedFigures(after: found.map(\.at).max(), upTo: now)
        figures = FigureBook(restoring: found, recorded: recorded, at: now)
        lookAtFigures(questions)
    }

    /// What the end of the log says of the time after the last kept sample.
    private func recordedFigures(
        after kept: Timestamp?,
        upTo now: Timestamp
    ) async throws -> [FigureBook.Sample] {
        guard let end = store.endedAt else { return [] }
        let earliest = end.advanced(by: .zero - RecordedFigures.time)
        var figures = RecordedFigures(after: max(kept ?? earliest, earliest), upTo: now)
        let size = store.size
        let begin = max(store.begin, size - min(size, UInt64(RecordedFigures.recordCount)))
        var next = size
        while next > begin {
            let from = next - min(next - begin, UInt64(RecordedFigures.stepCount))
            let step = try await store.leaves(from: from, limit: Int(next - from))
            // To the end of each step: clocks may have stepped back within it.
            guard step.reduce(true, { figures.add($1) && $0 }) else { break }
            next = from
        }
        return figures.samples
    }

    private func lookAtFigures(_ questions: QuestionCount) {
        var totals = FigureBook.Totals()
        totals.verdicts = ServerTally.Verdict.allCases.map { tally.count($0) }
        totals.ownTime = tally.ownTime
        totals.asked = questions.count
        figures.add(totals, at: parts.clock.timestamp)
        // Each time something happened: the rest is a few seconds, which the next start reads out of
        // the log.
        storePlots()
        loop.schedule(after: FigureBook.interval) { [weak self] in
            self?.assumeIsolated { $0.lookAtFigures(questions) }
        }
    }

    /// Hands over what of the plots is not kept yet; nobody waits for it.
    func storePlots() {
        guard store.health == .writable else { return }
        var transaction = Transaction()
        transaction.changes = figures.takeUnkept().map { block, value in
            let key = StateKey(.main, .figures, Self.plotPrefix + "\(block.number)")
            return value.map { .put(key, value: $0.serialised(), expecting: .anything) }
                ?? .delete(key, expecting: .anything)
        }
        if !transaction.changes.isEmpty { store.note(transaction) }
    }

    private static let plotPrefix = "plot/"

    private static func isPlot(_ key: StateKey) -> Bool {
        key.name.utf8.starts(with: plotPrefix.utf8)
    }
}
