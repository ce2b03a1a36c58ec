import Audit
import Base
import Crypto
import Storage
import TestKit
import Testing

/// What every store promises, asked of both.
@Suite(.timeLimit(.minutes(5)))
struct StateTests {
    enum Kind: String, CaseIterable { case memory, sqlite }

    let folder = TemporaryFolder()
    let acme = TenantID(unchecked: "acme")

    private func store(_ kind: Kind) throws -> any RecordStore {
        switch kind {
        case .memory:
            MemoryStore(
                hashing: OpenSSLHashing(),
                signer: try signingKey(),
                random: SeededRandom(seed: 2)
            )
        case .sqlite: try SQLiteStore.open(try options(in: folder))
        }
    }

    @Test(arguments: Kind.allCases)
    func `a row changes only from the version it is expected to have`(kind: Kind) async throws {
        let store = try store(kind)
        let key = StateKey(.main, .approvals, "a1")
        func put(_ value: String, _ expecting: Audit.Expectation) async throws -> UInt64 {
            let change = StateChange.put(key, value: Array(value.utf8), expecting: expecting)
            return try await store.commit(Transaction(changes: [change])).versions[0]
        }
        #expect(try await put("asked", .absent) == 1)
        #expect(try await put("approved", .version(1)) == 2)
        await #expect(throws: StoreError.conflict(index: 0, key: key, found: 2)) {
            _ = try await put("again", .absent)
        }
        await #expect(throws: StoreError.conflict(index: 0, key: key, found: 2)) {
            _ = try await put("late", .version(1))
        }
        let entry = try #require(try await store.entry(key))
        #expect(entry.version == 2)
        #expect(entry.value == Array("approved".utf8))
        let gone = StateChange.delete(key, expecting: .version(2))
        #expect(try await store.commit(Transaction(changes: [gone])).versions == [0])
        #expect(try await store.entry(key) == nil)
        await #expect(throws: StoreError.conflict(index: 0, key: key, found: 0)) {
            _ = try await put("spent", .version(2))
        }
        await store.close()
    }

    @Test(arguments: Kind.allCases)
    func `a refused transaction leaves neither record nor change`(kind: Kind) async throws {
        let store = try store(kind)
        let first = StateKey(.main, .approvals, "a1")
        let second = StateKey(.main, .approvals, "a2")
        let transaction = Transaction(
            records: [record(.intent, call: "c1")],
            changes: [
                .put(first, value: [1], expecting: .anything),
                .check(second, expecting: .version(1)),
            ]
        )
        await #expect(throws: StoreError.conflict(index: 1, key: second, found: 0)) {
            _ = try await store.commit(transaction)
        }
        #expect(store.size == 0)
        #expect(try await store.entry(first) == nil)
        await store.close()
    }

    /// One approval, many callers: it is spent once.
    @Test(arguments: Kind.allCases)
    func `of many who spend one row at once, one succeeds`(kind: Kind) async throws {
        let store = try store(kind)
        let key = StateKey(.main, .approvals, "a1")
        _ = try await store.commit(
            Transaction(changes: [.put(key, value: [0], expecting: .absent)])
        )
        let won = await withTaskGroup(of: Bool.self) { group in
            for caller in 0..<50 {
                group.addTask {
                    let spend = Transaction(
                        records: [record(.intent, call: "c\(caller)")],
                        changes: [.put(key, value: [1], expecting: .version(1))]
                    )
                    return (try? await store.commit(spend)) != nil
                }
            }
            return await group.reduce(into: 0) { $0 += $1 ? 1 : 0 }
        }
        #expect(won == 1)
        #expect(store.size == 1)
        await store.close()
    }

    @Test(arguments: Kind.allCases)
    func `a change sees those before it in its transaction`(kind: Kind) async throws {
        let store = try store(kind)
        let key = StateKey(.main, .settings, "policy")
        let receipt = try await store.commit(
            Transaction(changes: [
                .put(key, value: [1], expecting: .absent),
                .put(key, value: [2], expecting: .version(1)),
                .delete(key, expecting: .version(2)),
                .put(key, value: [3], expecting: .absent),
            ])
        )
        #expect(receipt.versions == [1, 2, 0, 1])
        #expect(try await store.entry(key)?.value == [3])
        await store.close()
    }

    @Test(arguments: Kind.allCases)
    func `rows are listed by tenant and name as bytes, in pages`(kind: Kind) async throws {
        let store = try store(kind)
        let names = ["b", "a", "ä", "Z", "a\u{0}", "🏠", "\u{fffd}"]
        for tenant in [TenantID.main, acme] {
            for name in names {
                let key = StateKey(tenant, .tokens, name)
                let change = StateChange.put(key, value: [1], expecting: .absent)
                _ = try await store.commit(Transaction(changes: [change]))
            }
        }
        let other = StateKey(.main, .pins, "x")
        _ = try await store.commit(
            Transaction(changes: [.put(other, value: [], expecting: .absent)])
        )
        let sorted = names.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
        let own = try await store.entries(.tokens, tenant: acme, after: nil, limit: 100)
        #expect(own.map(\.key.name) == sorted)
        var paged: [StateEntry] = []
        while true {
            let page = try await store.entries(
                .tokens,
                tenant: nil,
                after: paged.last?.key,
                limit: 3
            )
            paged += page
            if page.count < 3 { break }
        }
        #expect(
            paged.map(\.key.tenant) == Array(repeating: acme, count: 7)
                + Array(repeating: .main, count: 7)
        )
        #expect(paged.map(\.key.name) == sorted + sorted)
        #expect(try await store.allEntries(.tokens, tenant: .main).count == 7)
        await store.close()
    }

    @Test(arguments: Kind.allCases)
    func `a closed store takes nothing`(kind: Kind) async throws {
        let store = try store(kind)
        await store.close()
        await #expect(throws: StoreError.closed) { _ = try await store.commit(record(.intent)) }
        #expect(throws: StoreError.closed) { try store.post(record(.outcome)) }
    }

    @Test(arguments: Kind.allCases)
    func `a record over the limit is refused alone`(kind: Kind) async throws {
        let store = try store(kind)
        let texts = Array(repeating: String(repeating: "\u{1}", count: 8000), count: 40)
        let fields = texts.indices.prefix(26).map { index in
            RecordField(Self.names[index], texts[index])
        }
        let large = record(.log, detail: .fields(fields))
        await #expect(throws: StoreError.self) { _ = try await store.commit(large) }
        _ = try await store.commit(record(.intent))
        #expect(store.size == 1)
        await store.close()
    }

    static let names: [StaticString] = [
        "a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l", "m", "n", "o", "p", "q", "r",
        "s", "t", "u", "w", "x", "y", "z", "zz",
    ]
}
