import Approval
import Audit
import Base
import Crypto
import JSON

/// Questions as rows of the state: one that anybody with the store's key reads, and beside it, while
/// the question is open, its arguments under a seal of their own.
struct QuestionRows: Sendable {
    let sealing: SealingKey
    let random: any RandomSource

    /// Nil where the arguments cannot be sealed: a question without them could not be shown after a
    /// restart.
    func keeping(_ question: Question) -> [StateChange]? {
        let sealed = Self.sealedKey(question)
        if question.words.isEmpty {
            return [Self.row(question), .delete(sealed, expecting: .anything)]
        }
        let bytes = try? sealing.seal(
            question.words,
            context: Array(question.ticket.rawValue.utf8),
            random: random
        )
        return bytes.map { [Self.row(question), .put(sealed, value: $0, expecting: .anything)] }
    }

    /// Of a question whose yes is spent: nobody is shown its arguments again.
    static func spending(_ question: Question) -> [StateChange] {
        [row(question), .delete(sealedKey(question), expecting: .anything)]
    }

    static func forgetting(_ ticket: TicketID, of tenant: TenantID) -> [StateChange] {
        [StateTable.approvals, .sealedArguments].map { table in
            .delete(StateKey(tenant, table, ticket.rawValue), expecting: .anything)
        }
    }

    /// What an earlier process kept, with its arguments, and the rows that cannot be read.
    func kept(
        in store: any RecordStore
    ) async throws(StoreError) -> (questions: [Question], unread: [StateKey]) {
        var questions: [Question] = []
        var unread: [StateKey] = []
        for entry in try await store.allEntries(.approvals) {
            let sealed = StateKey(entry.key.tenant, .sealedArguments, entry.key.name)
            if let question = question(entry, sealed: try await store.entry(sealed)) {
                questions.append(question)
            } else {
                unread.append(entry.key)
            }
        }
        return (questions, unread)
    }

    private func question(_ entry: StateEntry, sealed: StateEntry?) -> Question? {
        var words: [UInt8] = []
        if let sealed {
            let context = Array(entry.key.name.utf8)
            guard let opened = try? sealing.open(sealed.value, context: context) else { return nil }
            words = opened
        }
        let question = entry.read { node in try Question(json: node, words: words) }
        return question.flatMap { $0.isOpen && words.isEmpty ? nil : $0 }
    }

    private static func row(_ question: Question) -> StateChange {
        let key = StateKey(question.binding.tenant, .approvals, question.ticket.rawValue)
        return .put(key, value: question.value.serialised(), expecting: .anything)
    }

    private static func sealedKey(_ question: Question) -> StateKey {
        StateKey(question.binding.tenant, .sealedArguments, question.ticket.rawValue)
    }
}

extension StateEntry {
    /// What the row says; nil where it cannot be read.
    func read<Value>(_ value: (JSONNode) throws -> Value) -> Value? {
        guard let document = try? JSONDocument(parsing: self.value) else { return nil }
        return try? value(document.root)
    }
}
