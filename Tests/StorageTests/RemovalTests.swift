import Audit
import AuditVerifier
import Base
import Crypto
import Glibc
import Storage
import TestKit
import Testing

/// The oldest records go, and what is left is as provable as before.
@Suite(.timeLimit(.minutes(5)))
struct RemovalTests {
    let folder = TemporaryFolder()
    let clock = ManualClock()
    static let start: Int64 = 1_785_585_600_000

    /// Commits `count` calls, a second apart; every intent's outcome comes four calls later.
    private func fill(_ store: SQLiteStore, _ calls: Range<Int>) async throws {
        for call in calls {
            var records = [made(.intent, call, at: call)]
            if call - 4 >= calls.lowerBound { records.append(made(.outcome, call - 4, at: call)) }
            _ = try await store.commit(Transaction(records: records))
        }
        for call in calls.suffix(4) { _ = try await store.commit(made(.outcome, call, at: call)) }
    }

    private func made(_ kind: RecordKind, _ call: Int, at second: Int) -> AuditRecord {
        AuditRecord(
            kind,
            at: Timestamp(milliseconds: Self.start + Int64(second) * 1000),
            tenant: .main,
            environment: environment,
            call: "c\(call)",
            detail: record(kind, arguments: #"{"word":"w\#(call)"}"#).detail,
            salt: Salt(from: SeededRandom(seed: UInt64(call)))
        )
    }

    private func order(before second: Int) -> RemovalOrder {
        var order = RemovalOrder()
        order.before = Timestamp(milliseconds: Self.start + Int64(second) * 1000)
        return order
    }

    private func carryOut(_ order: RemovalOrder, _ store: SQLiteStore) async throws -> UInt64 {
        while try await store.remove(order, at: clock.timestamp) != nil {}
        return store.begin
    }

    private func verify(
        _ change: ([UInt8]?) -> [UInt8]? = { $0 },
        also notes: [String] = []
    ) throws -> VerificationReport {
        let archive = try LogArchive(folder: folder.path, hashing)
        let key = try VerifierKey(archive.key.text, hashing)
        var check = LogVerification(hashing)
        for note in try archive.checkpointNotes() + notes {
            check.expect(Array(note.utf8), key, Ed25519.Checker())
        }
        let begin = { (first: UInt64, tombstone: [UInt8]?) in
            check.begin(at: first, change(tombstone), key, Ed25519.Checker())
        }
        try archive.eachLeaf(from: begin) { leaf in
            check.add(leaf.bytes)
            return true
        }
        return check.report()
    }

    @Test func `what is old goes, and everything else still holds`() async throws {
        var store = try SQLiteStore.open(try options(in: folder, clock: clock))
        try await fill(store, 0..<600)
        let older = try await kept(store)
        try await fill(store, 600..<1200)
        let newer = try await kept(store)
        let begin = try await carryOut(order(before: 700), store)
        // Records of second 700 stay, those of 699 are gone.
        #expect((1390...1410).contains(begin))
        #expect(try await store.leaves(from: begin - 1, limit: 1).isEmpty)
        let first = try #require(try await store.leaves(from: begin, limit: 1).first)
        #expect(RecordHead(leaf: first.bytes)?.time == "2026-08-01T12:11:40.000Z")
        try await kept(store)
        await store.close()

        let report = try verify(also: [older, newer])
        #expect(report.holds, "\(report.findings)")
        #expect(report.removedCount == begin)
        #expect(report.openCallCount == 0)
        #expect(report.coveredSize == report.size)
        // The one of the first half alone cannot be compared any more, and is told so.
        #expect(report.olderCheckpointCount >= 1)

        // A restart finds it as it was and goes on.
        store = try SQLiteStore.open(try options(in: folder, clock: clock))
        #expect(store.begin == begin)
        #expect(store.recoveredIntents.isEmpty)
        try await fill(store, 1200..<1210)
        let size = store.size
        let note = try await store.checkpoint()
        let proof = try #require(try await store.inclusionProof(of: begin, size: size))
        let root = try VerifiedCheckpoint(
            Array(note.utf8),
            VerifierKey(store.key.text, hashing),
            Ed25519.Checker()
        ).root
        #expect(
            TreeCheck.isIncluded(
                record: first.bytes,
                at: begin,
                size: size,
                path: proof.hashes,
                root: root,
                hashing
            )
        )
        #expect(try await store.inclusionProof(of: begin - 1, size: size) == nil)
        #expect(try await store.consistencyProof(from: 1600, to: size) != nil)
        await store.close()
        #expect(try verify(also: [newer]).holds)
    }

    @Test func `the removal itself stands in the log`() async throws {
        let store = try SQLiteStore.open(try options(in: folder, clock: clock))
        try await fill(store, 0..<600)
        try await kept(store)
        let begin = try await carryOut(order(before: 100), store)
        let last = try #require(try await store.leaves(from: store.size - 1, limit: 1).first)
        let text = String(decoding: last.bytes, as: UTF8.self)
        #expect(
            text.contains(#""change":"removed","first":0,"next":\#(begin),"reason":"age""#),
            "\(text)"
        )
        // Nothing more to do: no record about nothing.
        #expect(try await store.remove(order(before: 100), at: clock.timestamp) == nil)
        await store.close()
    }

    @Test func `what is over the size goes, the oldest first`() async throws {
        let store = try SQLiteStore.open(try options(in: folder, clock: clock))
        let filler = String(repeating: "x", count: 4000)
        for call in 0..<1000 {
            _ = try await store.commit(record(.judged, call: "c\(call)", arguments: filler))
        }
        try await kept(store)
        var order = RemovalOrder()
        order.byteCount = 8 << 20
        #expect(try await carryOut(order, store) == 0)
        order.byteCount = 2 << 20
        // However much an agent lets be recorded, what is younger than a week or so stays.
        order.sizeBefore = Timestamp(milliseconds: 0)
        #expect(try await carryOut(order, store) == 0)
        order.sizeBefore = Timestamp(milliseconds: .max)
        let begin = try await carryOut(order, store)
        #expect((400..<768).contains(begin))
        // It is under now, so nothing more goes.
        #expect(try await store.remove(order, at: clock.timestamp) == nil)
        await store.close()
        #expect(try verify().holds)
    }

    @Test func `what is needed stays, however old it is`() async throws {
        let store = try SQLiteStore.open(try options(in: folder, clock: clock))
        try await fill(store, 0..<300)
        var order = order(before: 100_000)
        // Without a checkpoint over them nothing goes.
        #expect(try await carryOut(order, store) == 0)
        try await kept(store)
        order.neededFrom = 100
        #expect((97...100).contains(try await carryOut(order, store)))
        order.neededFrom = nil
        order.neededSince = Timestamp(milliseconds: Self.start + 80_000)
        let begin = try await carryOut(order, store)
        #expect((150...160).contains(begin))
        order.neededSince = nil
        // An intent without its end stays, and all after it.
        let open = try await store.commit(made(.intent, 5000, at: 300))
        try await fill(store, 5001..<5400)
        try await kept(store)
        #expect(try await carryOut(order, store) == open)
        _ = try await store.commit(made(.outcome, 5000, at: 5400))
        try await kept(store)
        #expect(try await carryOut(order, store) > open)
        // The end of the log stays as well: it is what the tree goes on from.
        #expect(store.begin < store.size)
        await store.close()
        let report = try verify()
        #expect(report.holds, "\(report.findings)")
        let again = try SQLiteStore.open(try options(in: folder, clock: clock))
        await again.close()
    }

    @Test func `calls across the border are told by the tombstone`() async throws {
        let store = try SQLiteStore.open(try options(in: folder, clock: clock))
        try await fill(store, 0..<600)
        try await kept(store)
        _ = try await carryOut(order(before: 100), store)
        _ = try await carryOut(order(before: 150), store)
        await store.close()
        let note = try #require(try LogArchive(folder: folder.path, hashing).tombstone())
        let calls = String(decoding: note, as: UTF8.self).split(separator: "\n")
            .filter { $0.hasPrefix("call ") }
        #expect(calls == ["call c146", "call c147", "call c148", "call c149"])
        #expect(try verify().holds)
    }

    @Test func `a removal without its tombstone, or with a forged one, is found`() async throws {
        let store = try SQLiteStore.open(try options(in: folder, clock: clock))
        try await fill(store, 0..<600)
        try await kept(store)
        _ = try await carryOut(order(before: 100), store)
        try await kept(store)
        let key = store.key
        await store.close()
        #expect(try verify().holds)
        #expect(try !verify { _ in nil }.holds)
        // Every character that says something.
        let note = try #require(try LogArchive(folder: folder.path, hashing).tombstone())
        for place in note.indices where place % 3 == 0 {
            let changed = { (note: [UInt8]?) -> [UInt8]? in
                var note = note ?? []
                note[place] ^= 1
                return note
            }
            // Bits of the last base64 digit that stand for nothing are the only ones that may change.
            let isLast = place >= note.count - 5
            #expect(try !verify(changed).holds || isLast, "byte \(place)")
        }
        // Signed by another key, and by the right key over other records.
        let tombstone = try #require(
            key.tombstone(String(decoding: note, as: UTF8.self), Ed25519.Checker())
        )
        let foreign = key.note(tombstone, signedBy: try otherKey())
        #expect(try !verify { _ in Array(foreign.utf8) }.holds)
        let wrong = Tombstone(
            size: tombstone.size,
            time: tombstone.time,
            peaks: tombstone.peaks.reversed(),
            calls: tombstone.calls
        )
        let signed = key.note(wrong, signedBy: try signingKey())
        #expect(try !verify { _ in Array(signed.utf8) }.holds)
    }

    @Test func `the index follows`() async throws {
        let store = try SQLiteStore.open(try options(in: folder, clock: clock))
        try await fill(store, 0..<600)
        try await kept(store)
        var query = SearchQuery()
        query.words = "w50"
        #expect(try await store.search(query).leaves.count == 1)
        let begin = try await carryOut(order(before: 100), store)
        #expect(try await store.search(query).leaves.isEmpty)
        query.words = "w150"
        #expect(try await store.search(query).leaves.count == 1)
        query.words = nil
        query.limit = 1000
        let all = try await store.search(query)
        #expect(all.leaves.last?.index == begin || all.leaves.count == 1000)
        #expect(all.isComplete)
        await store.close()
        // A new index begins where the log does.
        unsafe unlink(folder.path + "/search.db")
        let archive = try LogArchive(folder: folder.path, hashing)
        _ = try archive.indexMore()
        query.words = "w150"
        #expect(try archive.search(query).leaves.count == 1)
    }
}
