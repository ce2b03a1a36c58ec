import Audit
import AuditVerifier
import Base
import Crypto
import Glibc
import Storage
import TestKit
import Testing

/// A log as its reader sees it: proofs, exports, searches, and what a stranger can check.
@Suite(.timeLimit(.minutes(20)))
struct ArchiveTests {
    let folder = TemporaryFolder()

    /// 700 calls, 1,400 records: five full tiles and a rest, with checkpoints on the way.
    private func fill(_ change: (inout StoreOptions) -> Void = { _ in }) async throws {
        var options = try options(in: folder)
        options.checkpointRecordCount = 300
        change(&options)
        let store = try SQLiteStore.open(options)
        let random = SeededRandom(seed: 4)
        for batch in 0..<70 {
            let records = (0..<10).flatMap { place in
                let id = "c\(batch * 10 + place)"
                let arguments = #"{"city":"Zürich","n":\#(batch)}"#
                return [
                    record(.intent, call: id, arguments: arguments, salt: Salt(from: random)),
                    record(.outcome, call: id),
                ]
            }
            _ = try await store.commit(Transaction(records: records))
        }
        await store.close()
    }

    @Test func `every kind of proof from the stored tree convinces the second reader`() async throws
    {
        try await fill()
        let store = try SQLiteStore.open(try options(in: folder))
        let records = try await store.leaves(from: 0, limit: 2000).map(\.bytes)
        #expect(records.count == 1400)
        var roots: [Digest] = []
        var tree = TreeCheck(hashing)
        roots.append(tree.root)
        for record in records {
            tree.add(record)
            roots.append(tree.root)
        }
        for size in [UInt64(1), 255, 256, 257, 512, 777, 1399, 1400] {
            for leaf in [UInt64(0), 1, 254, 255, 256, 511, 776, 1398, 1399] where leaf < size {
                let path = try #require(try await store.inclusionProof(of: leaf, size: size))
                let holds = TreeCheck.isIncluded(
                    record: records[Int(leaf)],
                    at: leaf,
                    size: size,
                    path: path.hashes,
                    root: roots[Int(size)],
                    hashing
                )
                #expect(holds, "record \(leaf) of \(size)")
            }
            for older in [UInt64(1), 2, 255, 256, 300, 1024, 1400] where older <= size {
                let path = try #require(try await store.consistencyProof(from: older, to: size))
                let holds = TreeCheck.isConsistent(
                    older: (older, roots[Int(older)]),
                    newer: (size, roots[Int(size)]),
                    path: path.hashes,
                    hashing
                )
                #expect(holds, "\(older) of \(size)")
            }
        }
        #expect(try await store.inclusionProof(of: 0, size: 1401) == nil)
        #expect(try await store.inclusionProof(of: 1400, size: 1400) == nil)
        await store.close()
    }

    @Test func `the second reader finds that the whole log holds`() async throws {
        try await fill()
        let archive = try LogArchive(folder: folder.path, hashing)
        let key = try VerifierKey(archive.key.text, hashing)
        var verification = LogVerification(hashing)
        for note in try archive.checkpointNotes() {
            verification.expect(Array(note.utf8), key, Ed25519.Checker())
        }
        try archive.eachLeaf { leaf in
            verification.add(leaf.bytes)
            return true
        }
        let report = verification.report()
        #expect(report.findings == [])
        #expect(report.size == 1400)
        #expect(report.coveredSize == 1400)
        #expect(report.checkpointCount > 3)
    }

    @Test func `one record can be proved without the log, and its arguments opened`() async throws {
        try await fill()
        let archive = try LogArchive(folder: folder.path, hashing)
        let key = try VerifierKey(archive.key.text, hashing)
        let bytes = try #require(try archive.evidence(of: 600, opening: true))
        let evidence = try Evidence(bytes)
        try evidence.check(key, hashing, Ed25519.Checker())
        let said = Array(#"{"city":"Zürich","n":30}"#.utf8)
        #expect(evidence.opens(commitment: "commitment", to: said, hashing) == true)
        #expect(evidence.opens(commitment: "commitment", to: said + [0x20], hashing) == false)
        let closed = try Evidence(try #require(try archive.evidence(of: 600, opening: false)))
        #expect(closed.opens(commitment: "commitment", to: said, hashing) == nil)
        for needle in ["Zürich", "\"index\":600"] {
            let changed = String(decoding: bytes, as: UTF8.self)
                .replacing(needle, with: needle == "Zürich" ? "Zurich" : "\"index\":601")
            let forged = try Evidence(Array(changed.utf8))
            #expect(throws: EvidenceError.notIncluded) {
                try forged.check(key, hashing, Ed25519.Checker())
            }
        }
        #expect(try archive.evidence(of: 1400, opening: false) == nil)
    }

    @Test func `a forgotten salt is gone from the disk, and the log still holds`() async throws {
        try await fill()
        let store = try SQLiteStore.open(try options(in: folder))
        let salt = try #require(try await store.salt(of: 600))
        let neighbour = try await store.salt(of: 602)
        func isOnDisk() -> Bool {
            ["log.db", "log.db-wal"].contains { name in
                let bytes = Corpus.bytes(folder.path + "/" + name) ?? []
                return bytes.indices.contains { index in
                    bytes[index] == salt.bytes[0]
                        && bytes[index...].prefix(32).elementsEqual(salt.bytes)
                }
            }
        }
        #expect(isOnDisk())
        try await store.forgetSalt(of: 600)
        #expect(try await store.salt(of: 600) == nil)
        #expect(try await store.salt(of: 602) == neighbour)
        #expect(!isOnDisk())
        try await store.forgetSalt(of: 601)
        #expect(try await store.leaves(from: 600, limit: 1).count == 1)
        await store.close()
    }

    @Test func `a search finds by word, call and place, newest first`() async throws {
        try await fill()
        let store = try SQLiteStore.open(try options(in: folder))
        var query = SearchQuery()
        query.words = "zürich 30"
        query.limit = 3
        let found = try await store.search(query)
        #expect(found.isComplete)
        #expect(found.leaves.map(\.index) == [618, 616, 614])
        query.before = 614
        #expect(try await store.search(query).leaves.map(\.index) == [612, 610, 608])
        var byCall = SearchQuery()
        byCall.call = "c17"
        #expect(try await store.search(byCall).leaves.map(\.index) == [35, 34])
        byCall.kind = .outcome
        #expect(try await store.search(byCall).leaves.map(\.index) == [35])
        byCall.tenant = TenantID(unchecked: "acme")
        #expect(try await store.search(byCall).leaves.isEmpty)
        var strange = SearchQuery()
        strange.words = "\" OR NEAR( * :"
        _ = try await store.search(strange)
        let archive = try LogArchive(folder: folder.path, hashing)
        #expect(try archive.search(query).leaves.count == 3)
        await store.close()
    }

    @Test func `checkpoints are sent to every destination and divide again`() async throws {
        let sent = folder.path + "/sent"
        try await fill { $0.destinations = [sent] }
        let archive = try LogArchive(folder: folder.path, hashing)
        let key = try VerifierKey(archive.key.text, hashing)
        let notes = VerifiedCheckpoint.split(try #require(Corpus.bytes(sent)))
        #expect(notes.count > 3)
        for note in notes { _ = try VerifiedCheckpoint(note, key, Ed25519.Checker()) }
        #expect(Corpus.bytes(folder.path + "/checkpoint") == notes.last)
    }

    @Test func `a tenant's budget ends its calls, not its outcomes or others' calls`() async throws
    {
        var options = try options(in: folder)
        options.dailyByteLimit = 3000
        let store = try SQLiteStore.open(options)
        let acme = TenantID(unchecked: "acme")
        var refused = false
        for call in 0..<20 {
            do throws(StoreError) {
                _ = try await store.commit(
                    Transaction(record(.intent, call: "c\(call)", tenant: acme))
                )
            } catch {
                #expect(error == .budgetSpent(acme, limit: 3000))
                refused = true
                break
            }
        }
        #expect(refused)
        _ = try await store.commit(record(.outcome, call: "c0", tenant: acme))
        _ = try await store.commit(record(.intent, call: "other"))
        await store.close()
    }

    // MARK: the script

    private func verifyLog(_ arguments: [String]) throws -> CInt {
        let words = ["/usr/bin/env", "python3", Corpus.packageRoot + "/scripts/verify-log.py"]
        let all = words + arguments
        var pointers: [UnsafeMutablePointer<CChar>?] = unsafe all.map { unsafe strdup($0) } + [nil]
        defer { for place in all.indices { unsafe free(pointers[place]) } }
        var actions = unsafe posix_spawn_file_actions_t()
        unsafe posix_spawn_file_actions_init(&actions)
        defer { unsafe posix_spawn_file_actions_destroy(&actions) }
        for end in [STDOUT_FILENO, STDERR_FILENO] {
            unsafe posix_spawn_file_actions_addopen(&actions, end, "/dev/null", O_WRONLY, 0)
        }
        var child: pid_t = 0
        let status = unsafe posix_spawn(&child, all[0], &actions, nil, &pointers, environ)
        try #require(status == 0)
        var result: CInt = 0
        _ = unsafe waitpid(child, &result, 0)
        return result >> 8 & 0xff
    }

    private func write(_ bytes: [UInt8], to name: String) throws -> String {
        let path = folder.path + "/" + name
        let file = unsafe fopen(path, "wb")
        let opened = try unsafe #require(file)
        unsafe fwrite(bytes, 1, bytes.count, opened)
        unsafe fclose(opened)
        return path
    }

    @Test func `the script says of the database what we say`() async throws {
        try await fill()
        let archive = try LogArchive(folder: folder.path, hashing)
        let key = archive.key.text
        let database = folder.path + "/log.db"
        #expect(try verifyLog(["--key", key, database]) == 0)
        var lines: [UInt8] = []
        try archive.eachLeaf { leaf in
            lines += RecordExport.jsonLine(leaf)
            return true
        }
        let checkpoint = folder.path + "/checkpoint"
        let export = try write(lines, to: "export.jsonl")
        #expect(try verifyLog(["--key", key, "--checkpoint", checkpoint, export]) == 0)
        // One bit of one record.
        let place = try #require(lines.firstIndex(of: UInt8(ascii: "Z")))
        lines[place] ^= 1
        let changed = try write(lines, to: "changed.jsonl")
        #expect(try verifyLog(["--key", key, "--checkpoint", checkpoint, changed]) == 4)
        // The key of another log.
        let other = key.replacing("gatehouse/log/", with: "gatehouse/log/0")
        #expect(try verifyLog(["--key", other, database]) == 2)
        let evidence = try #require(try archive.evidence(of: 600, opening: false))
        let proof = try write(evidence, to: "evidence.json")
        #expect(try verifyLog(["--key", key, "--evidence", proof]) == 0)
        let forged = String(decoding: evidence, as: UTF8.self).replacing("Zürich", with: "Zurich")
        let false_ = try write(Array(forged.utf8), to: "forged.json")
        #expect(try verifyLog(["--key", key, "--evidence", false_]) == 4)
    }
}
