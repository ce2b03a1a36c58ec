import Audit
import Base
import Glibc
import Storage
import TestKit
import Testing

/// A disk that is full, refuses writes, or was changed behind the log's back.
@Suite(.serialized, .timeLimit(.minutes(5)))
struct DiskTests {
    let folder = TemporaryFolder()
    let clock = ManualClock()

    private func limitedOptions() throws -> StoreOptions {
        var options = try options(in: folder, clock: clock)
        options.layer = FaultLayer.limited
        options.hasSearchIndex = false
        return options
    }

    /// Waits until the writer thread has seen the disk; bounded by the suite's time limit.
    private func wait(
        for store: SQLiteStore,
        _ condition: (StoreHealth) -> Bool
    ) async throws {
        while !condition(store.health) {
            clock.advance(by: .seconds(1))
            // A chore wakes the writer, which looks after its disk then.
            _ = try? await store.checkpoint()
            await Task.yield()
        }
    }

    @Test func `on a full disk calls are refused, decisions are kept, and space heals`()
        async throws
    {
        try #require(FaultLayer.limit(byteCount: 64 << 20))
        let store = try SQLiteStore.open(try limitedOptions())
        _ = try await store.commit(record(.intent, call: "before"))
        try #require(FaultLayer.limit(byteCount: 0))
        // The write-ahead log has room of its own, so that the first calls still pass.
        var refusal: StoreError?
        let filler = record(.intent, arguments: String(repeating: "x", count: 60_000))
        var passed = 0
        while refusal == nil {
            do throws(StoreError) { _ = try await store.commit(Transaction(filler)) } catch {
                refusal = error
            }
            passed += 1
            try #require(passed < 1000)
        }
        guard case .noSpace = refusal else { throw try #require(refusal) }
        #expect(!store.health.isWritable)
        for kind in [RecordKind.outcome, .denied, .lockdown, .judged] {
            _ = try await store.commit(record(kind, call: "before"))
        }
        let lock = StateKey(.main, .lockdowns, "all")
        _ = try await store.commit(
            Transaction(
                records: [record(.lockdown)],
                changes: [.put(lock, value: [1], expecting: .absent)]
            )
        )
        let size = store.size

        try #require(FaultLayer.limit(byteCount: 64 << 20))
        try await wait(for: store) { $0.isWritable }
        #expect(try await store.commit(record(.intent, call: "after")) == size)
        await store.close()

        let again = try SQLiteStore.open(try limitedOptions())
        #expect(again.size >= size + 1)
        #expect(try await again.entry(lock) != nil)
        await again.close()
    }

    @Test func `what a commit writes goes to the disk at once`() async throws {
        try #require(FaultLayer.limit(byteCount: 64 << 20))
        let store = try SQLiteStore.open(try limitedOptions())
        // The first one begins the write-ahead log.
        _ = try await store.commit(record(.log))
        let before = FaultLayer.writes
        for round in 1...8 {
            let text = String(repeating: "x", count: round * 1000)
            _ = try await store.commit(
                Transaction(records: [record(.intent, call: "c\(round)", arguments: text)])
            )
        }
        #expect(FaultLayer.writes == before + 8)
        await store.close()
    }

    @Test func `a commit larger than what is written at once is there after a restart`()
        async throws
    {
        try #require(FaultLayer.limit(byteCount: 64 << 20))
        let store = try SQLiteStore.open(try limitedOptions())
        // Beyond SQLite's cache of 2 MB, which writes before the commit then and reads back.
        let records = (0..<60).map { place in
            record(
                .log,
                detail: .fields([
                    RecordField(
                        "texts",
                        .texts(
                            (0..<60).map { "\(place) \($0) " + String(repeating: "y", count: 1000) }
                        )
                    )
                ])
            )
        }
        _ = try await store.commit(Transaction(records: records))
        // The copy into the database reads the log back.
        await store.close()
        let again = try SQLiteStore.open(try limitedOptions())
        let leaves = try await again.leaves(from: 0, limit: 100)
        #expect(leaves.map(\.bytes) == records.map { $0.encoded() })
        await again.close()
    }

    @Test func `the reserve ends, and refusals an agent causes may use half of it`() async throws {
        try #require(FaultLayer.limit(byteCount: 64 << 20))
        let store = try SQLiteStore.open(try limitedOptions())
        try #require(FaultLayer.limit(byteCount: 0))
        let filler = record(.judged, arguments: String(repeating: "x", count: 60_000))
        func fill(with record: AuditRecord) async -> Int {
            var count = 0
            while count < 2000, (try? await store.commit(Transaction(record))) != nil { count += 1 }
            return count
        }
        let refusals = await fill(with: filler)
        #expect(refusals > 10)
        // Locking still works after an agent has used all it may.
        _ = try await store.commit(record(.lockdown))
        let reason = RecordField("reason", String(repeating: "y", count: 8000))
        let long = record(.denied, detail: .fields([reason]))
        let decisions = await fill(with: long)
        #expect(decisions > 50)
        #expect(decisions < 2000)
        await #expect(throws: StoreError.self) { _ = try await store.commit(record(.lockdown)) }
        try #require(FaultLayer.limit(byteCount: 64 << 20))
        try await wait(for: store) { $0.isWritable }
        _ = try await store.commit(record(.lockdown))
        await store.close()
    }

    @Test func `a disk that refuses writes refuses calls until it takes them again`() async throws {
        try #require(FaultLayer.limit(byteCount: 64 << 20))
        let store = try SQLiteStore.open(try limitedOptions())
        _ = try await store.commit(record(.intent, call: "c1"))
        try #require(FaultLayer.limit(byteCount: 64 << 20, isReadOnly: true))
        await #expect(throws: StoreError.self) { _ = try await store.commit(record(.intent)) }
        #expect(!store.health.isWritable)
        await #expect(throws: StoreError.self) { _ = try await store.commit(record(.lockdown)) }
        try #require(FaultLayer.limit(byteCount: 64 << 20))
        try await wait(for: store) { $0.isWritable }
        #expect(try await store.commit(record(.outcome, call: "c1")) == 1)
        await store.close()
    }

    // MARK: start

    private func write(_ bytes: [UInt8], to name: String) throws {
        let file = unsafe fopen(folder.path + "/" + name, "wb")
        let opened = try unsafe #require(file)
        unsafe fwrite(bytes, 1, bytes.count, opened)
        unsafe fclose(opened)
    }

    private func fill(_ count: Int, sentTo destinations: [String] = []) async throws {
        var options = try options(in: folder)
        options.destinations = destinations
        let store = try SQLiteStore.open(options)
        for call in 0..<count { _ = try await store.commit(record(.judged, call: "c\(call)")) }
        await store.close()
    }

    @Test func `an older database beside a newer checkpoint does not start`() async throws {
        try await fill(5)
        let old = try ["log.db", "log.db-wal"].map { name in
            (name, try #require(Corpus.bytes(folder.path + "/" + name)))
        }
        try await fill(5)
        for (name, bytes) in old { try write(bytes, to: name) }
        let error = #expect(throws: StoreOpenError.self) {
            try SQLiteStore.open(try options(in: folder))
        }
        guard case .evidenceBroken(let reason) = error else { throw try #require(error) }
        #expect(reason.contains("covers 10 records, the log has 5"))
    }

    @Test func `an older copy of the whole folder does not start against what was sent`()
        async throws
    {
        let elsewhere = TemporaryFolder()
        let destinations = [elsewhere.path + "/a", elsewhere.path + "/b"]
        try await fill(5, sentTo: destinations)
        let old = try ["log.db", "log.db-wal", "checkpoint"].map { name in
            (name, try #require(Corpus.bytes(folder.path + "/" + name)))
        }
        try await fill(5, sentTo: destinations)
        for (name, bytes) in old { try write(bytes, to: name) }
        // Nothing in the folder tells: each file fits the others.
        try await fill(0)
        var options = try options(in: folder)
        options.destinations = [elsewhere.path + "/none", destinations[1]]
        let error = #expect(throws: StoreOpenError.self) { try SQLiteStore.open(options) }
        guard case .evidenceBroken(let reason) = error else { throw try #require(error) }
        #expect(reason == "the checkpoint in `\(destinations[1])` covers 10 records, the log has 5")
    }

    @Test(arguments: ["torn", "garbage", "another log's", "forged", "a folder"])
    func `what this log did not sign at a destination stops no start`(state: String) async throws {
        let elsewhere = TemporaryFolder()
        let place = elsewhere.path + "/sent"
        try await fill(5, sentTo: [place])
        var notes = try #require(Corpus.bytes(place))
        switch state {
        case "torn": notes += notes.prefix(notes.count / 2)
        case "garbage": notes = [UInt8](repeating: 0x0a, count: 70_000) + [0xff, 0]
        case "another log's":
            let text = String(decoding: notes, as: UTF8.self)
            let other = text.replacing("gatehouse/log/", with: "gatehouse/log/f")
            notes += Array(other.replacing("\n5\n", with: "\n500\n").utf8)
        case "forged":
            let text = String(decoding: notes, as: UTF8.self)
            notes += Array(text.replacing("\n5\n", with: "\n500\n").utf8)
        default: break
        }
        let file = unsafe fopen(place, "wb")
        let opened = try unsafe #require(file)
        unsafe fwrite(notes, 1, notes.count, opened)
        unsafe fclose(opened)
        try await fill(1, sentTo: [state == "a folder" ? elsewhere.path : place])
    }

    @Test func `a checkpoint beside a new log does not start`() async throws {
        try await fill(3)
        for name in ["log.db", "log.db-wal", "log.db-shm"] {
            unsafe unlink(folder.path + "/" + name)
        }
        #expect(throws: StoreOpenError.self) { try SQLiteStore.open(try options(in: folder)) }
    }

    @Test func `another key does not start, and a changed checkpoint neither`() async throws {
        try await fill(3)
        var other = try options(in: folder)
        other.signer = try otherKey()
        #expect(throws: StoreOpenError.otherKey) { try SQLiteStore.open(other) }
        var note = try #require(Corpus.bytes(folder.path + "/checkpoint"))
        note[note.count - 10] ^= 1
        try write(note, to: "checkpoint")
        #expect(throws: StoreOpenError.self) { try SQLiteStore.open(try options(in: folder)) }
    }

    @Test func `a changed record below a checkpoint does not start`() async throws {
        try await fill(3)
        let path = folder.path + "/log.db"
        for file in [path, path + "-wal"] {
            guard var bytes = Corpus.bytes(file) else { continue }
            let needle = Array("agent-7".utf8)
            for index in 0..<max(0, bytes.count - 7) where bytes[index] == needle[0] {
                if Array(bytes[index..<index + 7]) == needle { bytes[index + 6] = 0x38 }
            }
            try write(bytes, to: String(file.dropFirst(folder.path.count + 1)))
        }
        #expect(throws: StoreOpenError.self) { try SQLiteStore.open(try options(in: folder)) }
    }
}
