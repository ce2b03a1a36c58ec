import Audit
import AuditVerifier
import Base
import Crypto
import Glibc
import Storage
import System
import TestKit

/// A log whose file somebody changed: the offline reader comes back, and nothing that verifies says
/// anything but what was recorded.
///
/// An input is a list of changes to one file: three bytes of place, one to be combined with what is
/// there. An input that begins with a byte 255 also cuts the file after the last place.
enum LogFuzz {
    private struct Original {
        let folder: String
        let bytes: [UInt8]
        let checkpoint: [UInt8]
        let records: [[UInt8]]
        let key: VerifierKey
    }

    private static let hashing: any Hashing = OpenSSLHashing()
    private static let original: Original? = make()

    static func prepare() { _ = original }

    /// One at a time: there is one folder.
    private static let isChecking = Lock(())

    static func check(_ bytes: [UInt8]) {
        isChecking.withLock { _ in change(bytes) }
    }

    private static func change(_ bytes: [UInt8]) {
        guard let original else { return expect(false, "a log can be made to change") }
        var file = original.bytes
        var places: [Int] = []
        for start in stride(from: 0, to: min(bytes.count, 4096) - 3, by: 4) {
            let place =
                (Int(bytes[start]) << 16 | Int(bytes[start + 1]) << 8 | Int(bytes[start + 2]))
                % file.count
            file[place] ^= bytes[start + 3]
            places.append(place)
        }
        if bytes.first == 255, let last = places.last { file.removeSubrange(last...) }
        for name in ["log.db-wal", "log.db-shm", "search.db", "search.db-wal", "search.db-shm"] {
            unsafe unlink(original.folder + "/" + name)
        }
        write(file, to: original.folder + "/log.db")
        read(original, isSearched: bytes.count % 16 == 0)
    }

    private static func read(_ original: Original, isSearched: Bool) {
        guard let archive = try? LogArchive(folder: original.folder, hashing) else { return }
        var records: [[UInt8]] = []
        var verification = LogVerification(hashing)
        for note in (try? archive.checkpointNotes()) ?? [] {
            verification.expect(Array(note.utf8), original.key, Ed25519.Checker())
        }
        let isRead: Void? = try? archive.eachLeaf { leaf in
            records.append(leaf.bytes)
            verification.add(leaf.bytes)
            return records.count < 10_000
        }
        let report = verification.report()
        if isRead != nil, report.holds {
            let covered = Int(clamping: report.coveredSize)
            expect(
                covered <= original.records.count
                    && records.prefix(covered).elementsEqual(original.records.prefix(covered)),
                "what a checkpoint covers is what was recorded"
            )
        }
        evidence(archive, original)
        guard (try? archive.size()) != nil, isSearched else { return }
        // Dear, because an index is made each time: for some inputs only.
        var query = SearchQuery()
        query.words = "write"
        query.limit = 5
        _ = try? archive.search(query)
    }

    private static func evidence(_ archive: LogArchive, _ original: Original) {
        _ = try? archive.consistencyProof(from: 100, to: 300)
        for leaf in [UInt64(0), 255, 299, .max] {
            _ = try? archive.salt(of: leaf)
            _ = try? archive.leaves(from: leaf, limit: 2)
            guard let text = (try? archive.evidence(of: leaf, opening: true)).flatMap({ $0 }),
                let evidence = try? Evidence(text),
                (try? evidence.check(original.key, hashing, Ed25519.Checker())) != nil
            else { continue }
            let place = Int(clamping: leaf)
            expect(
                place < original.records.count && evidence.record == original.records[place],
                "a record that is proved was recorded"
            )
        }
    }

    // MARK: the log to change

    private static func make() -> Original? {
        let folder = made.path
        let signer = try? Ed25519.SigningKey(seed: SecretBytes([UInt8](repeating: 7, count: 32)))
        guard let signer else { return nil }
        var options = StoreOptions(
            folder: folder,
            environment: EnvironmentName(unchecked: "staging"),
            hashing: hashing,
            signer: signer,
            checker: Ed25519.Checker(),
            random: CountingRandom(),
            clock: StandingClock()
        )
        options.checkpointRecordCount = 100
        fill(options)
        guard let bytes = contents(of: folder + "/log.db"),
            let checkpoint = contents(of: folder + "/checkpoint"),
            let archive = try? LogArchive(folder: folder, hashing),
            let key = try? VerifierKey(archive.key.text, hashing)
        else { return nil }
        var records: [[UInt8]] = []
        let isRead: Void? = try? archive.eachLeaf { leaf in
            records.append(leaf.bytes)
            return true
        }
        guard isRead != nil, records.count == 300 else { return nil }
        return Original(
            folder: folder,
            bytes: bytes,
            checkpoint: checkpoint,
            records: records,
            key: key
        )
    }

    /// 150 calls: a full tile and a rest, with checkpoints on the way.
    private static func fill(_ options: StoreOptions) {
        // A thread of its own: the one that waits here may be the last of Swift's pool.
        guard let loop = try? EventLoop(), let thread = try? loop.start(), let done = try? Done()
        else { return }
        defer {
            loop.stop()
            thread.join()
        }
        let options = options
        // Ends before this function: it is waited for below.
        Task(executorPreference: loop) {
            defer { done.signal() }
            guard let store = try? SQLiteStore.open(options) else { return }
            let random = CountingRandom()
            for batch in 0..<15 {
                let records = (0..<10).flatMap { place -> [AuditRecord] in
                    let call = "c\(batch * 10 + place)"
                    return [
                        record(.intent, call, Salt(from: random)), record(.outcome, call, nil),
                    ]
                }
                _ = try? await store.commit(Transaction(records: records))
            }
            await store.close()
        }
        done.wait()
    }

    private static func record(_ kind: RecordKind, _ call: String, _ salt: Salt?) -> AuditRecord {
        let arguments = #"{"path":"/data/out/a.txt"}"#
        let detail: RecordDetail =
            kind == .intent
            ? .judgement(
                JudgementDetail(
                    verdict: "allow",
                    tier: "T1",
                    arguments: arguments,
                    argumentsByteCount: arguments.utf8.count,
                    commitment: salt?.commitment(to: Array(arguments.utf8), hashing)
                )
            )
            : .outcome(OutcomeDetail(status: .ok, duration: .milliseconds(1), result: "done"))
        return AuditRecord(
            kind,
            at: Timestamp(milliseconds: 1_785_585_600_123),
            tenant: .main,
            environment: EnvironmentName(unchecked: "staging"),
            call: call,
            principal: PrincipalName(unchecked: "agent-7"),
            server: ServerName(unchecked: "files"),
            tool: try? ToolName("write_file"),
            detail: detail,
            salt: salt
        )
    }

    private static let made = TemporaryFolder("fuzz")

    private static func write(_ bytes: [UInt8], to path: String) {
        guard let file = unsafe fopen(path, "wb") else { return }
        unsafe fwrite(bytes, 1, bytes.count, file)
        unsafe fclose(file)
    }

    private static func contents(of path: String) -> [UInt8]? {
        guard let file = unsafe fopen(path, "rb") else { return nil }
        defer { unsafe fclose(file) }
        var bytes = [UInt8](repeating: 0, count: 4 << 20)
        let count = unsafe fread(&bytes, 1, bytes.count, file)
        return Array(bytes[..<count])
    }
}

/// One signal from a task to the thread that waits for it.
private final class Done: Sendable {
    private let descriptors: (reading: CInt, writing: CInt)

    init() throws(SystemError) { descriptors = try Pipe().split() }

    func signal() { close(descriptors.writing) }

    func wait() {
        var byte: UInt8 = 0
        while unsafe read(descriptors.reading, &byte, 1) < 0, errno == EINTR {}
        close(descriptors.reading)
    }
}
