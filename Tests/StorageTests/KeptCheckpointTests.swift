import Audit
import AuditVerifier
import Base
import Crypto
import Glibc
import TestKit
import Testing

@testable import Storage

/// What was kept outside decides what may go, and tells a beginning somebody made up.
@Suite(.timeLimit(.minutes(5)))
struct KeptCheckpointTests {
    let folder = TemporaryFolder()
    private var sent: String { folder.path + "/sent" }
    private var away: String { folder.path + "/away" }

    private func open(_ destinations: [String]) throws -> SQLiteStore {
        var options = try options(in: folder)
        options.destinations = destinations
        options.hasSearchIndex = false
        return try SQLiteStore.open(options)
    }

    private func fill(_ store: SQLiteStore, _ count: Int = 600) async throws {
        for _ in 0..<count { _ = try await store.commit(record(.log)) }
    }

    private func removeAll(_ store: SQLiteStore) async throws -> UInt64 {
        var order = RemovalOrder()
        order.before = Timestamp(milliseconds: .max)
        while try await store.remove(order, at: Timestamp(milliseconds: 0)) != nil {}
        return store.begin
    }

    private func notes(_ path: String) throws -> [[UInt8]] {
        VerifiedCheckpoint.split(try LogFile.read(path) ?? [])
    }

    private func coveredSize(_ path: String, _ key: CheckpointKey) throws -> UInt64 {
        let key = try VerifierKey(key.text, hashing)
        return try notes(path).map { try VerifiedCheckpoint($0, key, Ed25519.Checker()).size }.max()
            ?? 0
    }

    @Test func `nothing goes while one of two destinations does not take checkpoints`() async throws
    {
        var store = try open([sent, away + "/sent"])
        try await fill(store)
        _ = try await store.checkpoint()
        try await until { store.keepFailure != nil }
        #expect(try await removeAll(store) == 0)
        await store.close()

        // A restart does not forget it: the last checkpoint at hand was never kept there.
        store = try open([sent, away + "/sent"])
        #expect(store.keptSize == 0)
        #expect(try await removeAll(store) == 0)

        // It comes back; what it took then may go, and no more.
        unsafe mkdir(away, 0o700)
        let size = store.size
        _ = try await store.checkpoint()
        try await until { store.keptSize == size }
        #expect(store.keepFailure == nil)
        #expect(try await removeAll(store) == 512)
        try await fill(store)
        // Signed only at the close: nothing covers the new records yet.
        #expect(try await removeAll(store) <= size)
        let key = store.key
        await store.close()
        #expect(try coveredSize(away + "/sent", key) >= store.begin)

        // The next start reads back what both have, and goes on from there.
        store = try open([sent, away + "/sent"])
        #expect(store.keptSize >= 1200)
        #expect(try await removeAll(store) >= 1024)
        await store.close()
    }

    @Test func `a destination that takes nothing later on stops what goes`() async throws {
        let store = try open([sent])
        try await fill(store)
        try await kept(store)
        let size = store.size
        #expect(try await removeAll(store) == 512)
        // A pipe nobody reads takes nothing.
        unsafe unlink(sent)
        unsafe mkfifo(sent, 0o600)
        try await fill(store)
        _ = try await store.checkpoint()
        try await until { store.keepFailure != nil }
        #expect(store.keptSize == size)
        #expect(try await removeAll(store) <= size)
        await store.close()
    }

    @Test func `a new destination is fine, one that knows less than was removed is not`()
        async throws
    {
        var store = try open([sent])
        try await fill(store)
        try await kept(store)
        let early = try LogFile.read(sent)
        try await fill(store)
        try await kept(store)
        #expect(try await removeAll(store) == 1024)
        await store.close()

        store = try open([sent, away])
        #expect(store.keptSize == 0)
        try await kept(store)
        await store.close()

        try LogFile.replace(away, with: early ?? [])
        #expect(
            throws: StoreOpenError.removedUncovered(
                begin: 1024,
                covered: 600,
                place: "in `\(away)`"
            )
        ) {
            _ = try open([sent, away])
        }
        await (try open([sent])).close()
    }

    @Test func `a beginning made up with the log's own key is told by what was sent away`()
        async throws
    {
        let store = try open([sent])
        try await fill(store, 100)
        let key = store.key
        await store.close()
        try forge(key)

        #expect(
            throws: StoreOpenError.removedUncovered(
                begin: 65_536,
                covered: 100,
                place: "in `\(sent)`"
            )
        ) { _ = try open([sent]) }
        let report = try verify(key, outside: try notes(sent))
        #expect(
            report.findings.map(\.description) == [
                "the first 65536 records are gone, and no checkpoint kept elsewhere covers them: "
                    + "the last one covers 100"
            ]
        )
        // In itself it is without a flaw, which is why something has to lie elsewhere.
        #expect(try verify(key, outside: []).holds)
        await (try open([])).close()
    }

    /// Puts an invented log in the place of the one there is, as whoever has the key can.
    private func forge(_ key: CheckpointKey) throws {
        let database = try Database(path: folder.path + "/log.db")
        try database.execute(
            """
            DELETE FROM segment; DELETE FROM tile; DELETE FROM checkpoint;
            DELETE FROM meta WHERE name IN ('open_intents', 'daily_bytes')
            """
        )
        unsafe unlink(folder.path + "/checkpoint")
        let hashes = [UInt8](repeating: 9, count: 256 * 32)
        let tile = try #require(Tile(level: 1, index: 0, bytes: hashes))
        let peak = TreeHashing(hashing).root(ofComplete: tile.hashes[...])
        let statements = try WriterStatements(database)
        try statements.insert(tile)
        var segment = Segment(first: 65_536)
        for _ in 0..<200 { segment.append(record(.log).encoded().span, salt: nil) }
        try statements.insert(segment)
        let tombstone = Tombstone(
            size: 65_536,
            time: Timestamp(milliseconds: 0),
            peaks: [peak],
            calls: []
        )
        let note = key.note(tombstone, signedBy: try signingKey())
        try statements.setMeta(LogSchema.tombstone, Array(note.utf8))
    }

    private func verify(
        _ key: CheckpointKey,
        outside: [[UInt8]]
    ) throws -> VerificationReport {
        let archive = try LogArchive(folder: folder.path, hashing)
        let key = try VerifierKey(key.text, hashing)
        var check = LogVerification(hashing)
        for note in outside { check.expect(note, key, Ed25519.Checker(), isOutside: true) }
        let begin = { (first: UInt64, tombstone: [UInt8]?) in
            check.begin(at: first, tombstone, key, Ed25519.Checker())
        }
        try archive.eachLeaf(from: begin) { leaf in
            check.add(leaf.bytes)
            return true
        }
        return check.report()
    }

    @Test func `removed records do not stay in the write-ahead log`() async throws {
        let store = try open([])
        let word = "kestrel-in-the-log"
        for _ in 0..<600 {
            _ = try await store.commit(record(.judged, call: "c", arguments: #"{"w":"\#(word)"}"#))
        }
        try await kept(store)
        let names = ["log.db-wal", "log.db"]
        func holds(_ name: String) throws -> Bool {
            let bytes = try LogFile.end(of: folder.path + "/" + name, byteCount: 64 << 20)
            return String(decoding: bytes ?? [], as: UTF8.self).contains(word)
        }
        #expect(try holds("log.db-wal"))
        try await fill(store, 300)
        try await kept(store)
        #expect(try await removeAll(store) == 768)
        for name in names { #expect(try !holds(name), "\(name)") }
        // Its room is made again.
        #expect(
            LogFile.byteCount(folder.path + "/log.db-wal") >= UInt64(LogSchema.reservedByteCount)
        )
        await store.close()
    }
}
