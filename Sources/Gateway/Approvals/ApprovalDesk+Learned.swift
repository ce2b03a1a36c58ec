import Approval
import Audit
import Base
import JSON
import System

/// What the desk learned of clients and people, kept beside the questions.
///
/// A help and no evidence: what cannot be kept is forgotten with the process.
extension ApprovalDesk {
    func restoreLearned(from store: any RecordStore) async throws(StoreError) {
        var seen: [HoldMemory.Client: HoldMemory.Seen] = [:]
        for entry in try await store.allEntries(.holds) {
            let client = HoldMemory.Client(entry.key.tenant, entry.key.name)
            seen[client] = entry.read(HoldMemory.Seen.init(json:))
        }
        holds = HoldMemory(restoring: seen)
        var rows: [AnswerFigures.Subject: AnswerFigures.Row] = [:]
        for entry in try await store.allEntries(.figures) {
            guard let subject = AnswerFigures.Subject(entry.key.name) else { continue }
            rows[subject] = entry.read(AnswerFigures.Row.init(json:))
        }
        figures = AnswerFigures(restoring: rows, waiting: book.waiting())
    }

    func keep(_ changes: [HoldMemory.Change]) {
        note(
            changes.map { client, seen in
                Self.change(StateKey(client.tenant, .holds, client.credential), seen?.value)
            }
        )
    }

    /// Counts what was recorded.
    func count(_ effects: [ApprovalEffect]) {
        let isKept = unkeptFigures.isEmpty
        for case .record(let record) in effects {
            // A closed question may be gone by now; its causes were noted when it was asked.
            let causes = book.question(record.ticket)?.causes ?? []
            unkeptFigures.formUnion(figures.note(record, causes: causes, at: clock.timestamp))
        }
        guard isKept, !unkeptFigures.isEmpty else { return }
        // Once a second: an agent that asks and calls off again and again writes no more by it.
        loop.schedule(after: .seconds(1)) { [weak self] in
            self?.assumeIsolated { $0.keepFigures() }
        }
    }

    /// Hands over the figures that are not kept yet; nobody waits for it.
    package func keepFigures() {
        let changed = unkeptFigures
        unkeptFigures = []
        note(
            changed.map { subject in
                Self.change(StateKey(.main, .figures, subject.text), figures.rows[subject]?.value)
            }
        )
    }

    private func note(_ changes: [StateChange]) {
        // On a full disk the reserve is for decisions and stops.
        guard !changes.isEmpty, store.health == .writable else { return }
        var transaction = Transaction()
        transaction.changes = changes
        store.note(transaction)
    }

    private static func change(_ key: StateKey, _ value: JSONValue?) -> StateChange {
        value.map { .put(key, value: $0.serialised(), expecting: .anything) }
            ?? .delete(key, expecting: .anything)
    }
}
