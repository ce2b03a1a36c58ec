import Audit
import Base
import Storage
import TestKit
import Testing

/// What could not be recorded is counted, wherever on its way it was refused.
@Suite(.timeLimit(.minutes(5)))
struct LostRecordTests {
    private struct NoSeal: RowSealing {
        func seal(_ value: [UInt8], at key: StateKey) -> [UInt8]? { nil }
        func open(_ value: [UInt8], at key: StateKey) -> [UInt8]? { nil }
    }

    let folder = TemporaryFolder()

    /// A transaction with a row of the state of that many bytes.
    private func transaction(ofBytes count: Int) -> Transaction {
        let key = StateKey(.main, .usual, "tool")
        let value = [UInt8](repeating: 0, count: count)
        return Transaction(
            records: [record(.outcome)],
            changes: [.put(key, value: value, expecting: .anything)]
        )
    }

    @Test func `a queue without room loses nothing uncounted`() async throws {
        let store = try SQLiteStore.open(try options(in: folder))
        let large = transaction(ofBytes: Limits.auditQueueByteCount)
        #expect(throws: StoreError.queueFull) { try store.post(large) }
        #expect(store.lostCount == 0, "its caller knows")
        store.note(large)
        #expect(store.lostCount == 1)
        await store.noteDurably(large)
        #expect(store.lostCount == 2)
        store.note(record(.outcome))
        await store.noteDurably(record(.outcome))
        #expect(store.lostCount == 2)
        #expect(store.size == 2)
        #expect(store.figures.lostCount == 2)
        await store.close()
        store.note(record(.outcome))
        #expect(store.lostCount == 3, "a closed queue takes nothing")
    }

    @Test func `what the writer refuses later is counted once`() async throws {
        let store = try SQLiteStore.open(try options(in: folder))
        let large = transaction(ofBytes: Limits.stateValueByteCount + 1)
        store.note(large)
        await store.noteDurably(large)
        _ = try await store.commit(record(.outcome))
        #expect(store.lostCount == 2)
        #expect(store.size == 1)
        await store.close()
    }

    @Test func `a row that cannot be sealed is counted`() async throws {
        var options = try options(in: folder)
        options.rows = NoSeal()
        let store = try SQLiteStore.open(options)
        store.note(transaction(ofBytes: 1))
        await store.noteDurably(transaction(ofBytes: 1))
        #expect(store.lostCount == 2)
        #expect(store.size == 0)
        await store.close()
    }
}
