import Audit
import Base
import Crypto
import Storage
import TestKit
import Testing

/// Rows of the state that count only where the gateway itself wrote them.
@Suite(.timeLimit(.minutes(5)))
struct SealedRowTests {
    /// A seal of one byte a row: enough to tell own rows from others.
    struct Stamp: RowSealing {
        let stamp: String

        func seal(_ value: [UInt8], at key: StateKey) -> [UInt8]? {
            Array("\(stamp) \(key)\n".utf8) + value
        }

        func open(_ value: [UInt8], at key: StateKey) -> [UInt8]? {
            let head = Array("\(stamp) \(key)\n".utf8)
            return value.starts(with: head) ? Array(value.dropFirst(head.count)) : nil
        }
    }

    let folder = TemporaryFolder()

    private func store(_ stamp: String?) throws -> SQLiteStore {
        var options = try options(in: folder)
        options.rows = stamp.map { Stamp(stamp: $0) }
        return try SQLiteStore.open(options)
    }

    private func put(_ store: SQLiteStore, _ name: String, _ value: String) async throws {
        let key = StateKey(.main, .approvers, name)
        let change = StateChange.put(key, value: Array(value.utf8), expecting: .anything)
        _ = try await store.commit(Transaction(changes: [change]))
    }

    @Test func `a row somebody else wrote is not there, and is named`() async throws {
        let own = try store("own")
        try await put(own, "ana", "hash")
        await own.close()
        // Whoever writes the database while nothing runs: without a seal, or with another.
        for stamp in [nil, "theirs"] {
            let theirs = try store(stamp)
            try await put(theirs, stamp ?? "bare", "hash")
            await theirs.close()
        }
        let again = try store("own")
        let entries = try await again.allEntries(.approvers)
        #expect(entries.map(\.key.name) == ["ana"])
        #expect(entries.map(\.value) == [Array("hash".utf8)])
        #expect(try await again.entry(StateKey(.main, .approvers, "bare")) == nil)
        #expect(again.foreignRows.map(\.name) == ["bare", "theirs"])
        await again.close()
    }

    @Test func `a row moved to another place does not open there`() {
        let stamp = Stamp(stamp: "own")
        let ana = StateKey(.main, .approvers, "ana")
        let sealed = stamp.seal(Array("hash".utf8), at: ana) ?? []
        #expect(stamp.open(sealed, at: ana) == Array("hash".utf8))
        #expect(stamp.open(sealed, at: StateKey(.main, .approvers, "bob")) == nil)
    }

    @Test func `foreign rows hide none of ours behind them`() async throws {
        let own = try store("own")
        for number in 0..<4 { try await put(own, "z\(number)", "own") }
        await own.close()
        let theirs = try store("theirs")
        for number in 0..<40 { try await put(theirs, "a\(number)", "theirs") }
        await theirs.close()
        let again = try store("own")
        let page = try await again.entries(.approvers, tenant: .main, after: nil, limit: 3)
        #expect(page.map(\.key.name) == ["z0", "z1", "z2"])
        let rest = try await again.entries(
            .approvers,
            tenant: .main,
            after: page.last?.key,
            limit: 3
        )
        #expect(rest.map(\.key.name) == ["z3"])
        await again.close()
    }

    @Test func `what closing an intent changes is sealed like any row`() async throws {
        let own = try store("own")
        _ = try await own.commit(record(.intent, call: "lost"))
        await own.close()
        let key = StateKey(.main, .unknownCalls, "lost")
        var options = try options(in: folder)
        options.rows = Stamp(stamp: "own")
        options.changesOnClosing = { _ in
            [.put(key, value: Array("asked".utf8), expecting: .absent)]
        }
        await (try SQLiteStore.open(options)).close()
        // The start after the one that closed it reads the row back.
        let again = try store("own")
        #expect(try await again.entry(key)?.value == Array("asked".utf8))
        #expect(again.foreignRows.isEmpty)
        await again.close()
    }
}
