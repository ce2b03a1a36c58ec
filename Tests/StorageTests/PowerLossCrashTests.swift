import Audit
import Base
import Storage
import TestKit
import Testing

/// What callers were told is durable, and what they were told last about their own row.
private actor Acknowledged {
    var leaves: [UInt64: [UInt8]] = [:]
    var versions: [StateKey: UInt64] = [:]

    func note(_ receipt: Receipt, _ records: [AuditRecord], _ key: StateKey) {
        for (leaf, record) in zip(receipt.leaves, records) { leaves[leaf] = record.encoded() }
        versions[key] = receipt.versions.first ?? 0
    }
}

/// The disk keeps, loses or tears what was written since the last sync, at a random point.
@Suite(.serialized, .timeLimit(.minutes(5)))
struct PowerLossCrashTests {
    /// One run: eight callers write until the power goes; returns what is wrong afterwards.
    private func run(
        seed: UInt64,
        _ synchronous: StoreOptions.Synchronous
    ) async throws -> [String] {
        let folder = TemporaryFolder()
        let random = SeededRandom(seed: seed)
        var options = try options(in: folder, seed: seed)
        options.reservedByteCount = 128 << 10
        options.hasSearchIndex = false
        options.checkpointRecordCount = 40
        options.synchronous = synchronous
        options.layer = FaultLayer.crash
        let acknowledged = Acknowledged()
        try #require(FaultLayer.losePower(seed: seed, after: 20 + random.next() % 600))
        if let store = try? SQLiteStore.open(options) {
            await write(to: store, acknowledged)
            await store.close()
        }
        #expect(FaultLayer.restorePower(), "seed \(seed): the plan was too long")
        return try await faults(options, acknowledged)
    }

    private func write(to store: SQLiteStore, _ acknowledged: Acknowledged) async {
        await withTaskGroup { group in
            for caller in 0..<8 {
                group.addTask {
                    let key = StateKey(.main, .approvals, "a\(caller)")
                    var round = 0
                    while true {
                        round += 1
                        let id = "\(caller)-\(round)"
                        let records = [
                            record(.intent, call: id),
                            record(
                                .outcome,
                                call: id,
                                arguments: String(repeating: "x", count: round)
                            ),
                        ]
                        let change = StateChange.put(
                            key,
                            value: Array(id.utf8),
                            expecting: round == 1 ? .absent : .version(UInt64(round - 1))
                        )
                        let transaction = Transaction(records: records, changes: [change])
                        guard let receipt = try? await store.commit(transaction) else { return }
                        await acknowledged.note(receipt, records, key)
                    }
                }
            }
        }
    }

    private func faults(
        _ original: StoreOptions,
        _ acknowledged: Acknowledged
    ) async throws -> [String] {
        var options = original
        options.layer = nil
        options.synchronous = .full
        let store: SQLiteStore
        do { store = try SQLiteStore.open(options) } catch { return ["does not open: \(error)"] }
        var faults: [String] = []
        for (leaf, bytes) in await acknowledged.leaves {
            let found = try? await store.leaves(from: leaf, limit: 1).first
            if found?.bytes != bytes { faults.append("record \(leaf) is gone") }
        }
        for (key, version) in await acknowledged.versions {
            let found = try? await store.entry(key)
            if found?.version ?? 0 < version { faults.append("row \(key) went back") }
        }
        await store.close()
        return faults
    }

    @Test func `nothing acknowledged is lost in 200 losses of power`() async throws {
        for seed in UInt64(1)...200 {
            let faults = try await run(seed: seed, .full)
            #expect(faults == [], "seed \(seed)")
        }
    }

    /// The test of the test: without syncs the same runs must lose something.
    @Test func `without syncs the same runs lose acknowledged records`() async throws {
        var losses = 0
        for seed in UInt64(1)...20 where try await run(seed: seed, .off) != [] { losses += 1 }
        #expect(losses > 10)
    }
}
