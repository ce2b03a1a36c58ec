import Audit
import Base
import Crypto
import JSON
import Storage
import TestKit
import Testing

@Suite(.timeLimit(.minutes(5)))
struct SQLiteStoreTests {
    let folder = TemporaryFolder()

    @Test func `a committed record is there after a restart, byte for byte`() async throws {
        let store = try SQLiteStore.open(try options(in: folder))
        let intent = record(.intent, call: "c1")
        #expect(try await store.commit(intent) == 0)
        try store.post(record(.outcome, call: "c1"))
        await store.close()

        let again = try SQLiteStore.open(try options(in: folder))
        let leaves = try await again.leaves(from: 0, limit: 10)
        #expect(leaves.map(\.bytes) == [intent.encoded(), record(.outcome, call: "c1").encoded()])
        #expect(again.recoveredIntents.isEmpty)
        await again.close()
    }

    @Test func `an intent without outcome is closed as unknown at the next start`() async throws {
        let store = try SQLiteStore.open(try options(in: folder))
        let salt = Salt(from: SeededRandom(seed: 5))
        _ = try await store.commit(record(.intent, call: "lost", salt: salt))
        _ = try await store.commit(record(.intent, call: "settled"))
        _ = try await store.commit(record(.outcome, call: "settled"))
        await store.close()

        var second = try options(in: folder)
        let key = StateKey(.main, .unknownCalls, "lost")
        second.changesOnClosing = { intent in
            [.put(key, value: Array("leaf \(intent.leaf)".utf8), expecting: .absent)]
        }
        let again = try SQLiteStore.open(second)
        let recovered = again.recoveredIntents
        #expect(recovered.map(\.leaf) == [0])
        #expect(recovered.map(\.head.call) == ["lost"])
        #expect(recovered.map(\.salt) == [salt])
        let last = try #require(try await again.leaves(from: 3, limit: 10).last)
        let head = try #require(RecordHead(leaf: last.bytes))
        #expect(head.kind == "unknown")
        #expect(head.call == "lost")
        #expect(head.detail?["intent"]?.number?.int == 0)
        // Whoever asks what closing an intent changes finds it changed with the same commit.
        #expect(try await again.entry(key)?.value == Array("leaf 0".utf8))
        await again.close()

        // Closed once, not at every start.
        let third = try SQLiteStore.open(try options(in: folder))
        #expect(third.recoveredIntents.isEmpty)
        await third.close()
    }

    @Test func `many callers at once get leaves of their own, in whole transactions`() async throws
    {
        let store = try SQLiteStore.open(try options(in: folder))
        let ranges = try await withThrowingTaskGroup(of: Range<UInt64>.self) { group in
            for call in 0..<500 {
                group.addTask {
                    let id = "c\(call)"
                    return try await store.commit(
                        Transaction(records: [
                            record(.intent, call: id), record(.outcome, call: id),
                        ])
                    ).leaves
                }
            }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(Set(ranges.flatMap { Array($0) }) == Set(0..<1000))
        #expect(store.size == 1000)
        for range in ranges {
            let pair = try await store.leaves(from: range.lowerBound, limit: 2)
            let heads = pair.compactMap { RecordHead(leaf: $0.bytes) }
            #expect(heads.map(\.kind) == ["intent", "outcome"])
            #expect(Set(heads.map(\.call)).count == 1)
        }
        await store.close()
    }
}
