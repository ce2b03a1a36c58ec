import Audit
import AuditVerifier
import Base
import Crypto
import Glibc
import Storage
import System
import TestKit
import Testing

/// A real process that is killed with SIGKILL while sixteen callers write.
@Suite(.serialized, .timeLimit(.minutes(60)))
struct KillCrashTests {
    static let victim: String = {
        let bundle = CommandLine.arguments.first { $0.hasSuffix(".xctest") }
        let folder = bundle.flatMap { path in
            path.lastIndex(of: "/").map { String(path[..<$0]) }
        }
        return (folder ?? Corpus.packageRoot + "/.build/debug") + "/storage-victim"
    }()

    /// 100 kills, or as many as `GATEHOUSE_KILLS` says.
    static let kills: Int = {
        guard let text = unsafe getenv("GATEHOUSE_KILLS") else { return 100 }
        return Int(unsafe String(cString: text)) ?? 100
    }()

    /// Starts the victim and kills it after that many lines; every line it wrote.
    private func run(_ folder: String, _ name: String, killAfter count: Int) throws -> [String] {
        // Closed on exec: a process that another test starts would keep the pipe open for ever.
        let (reading, writing) = try Pipe().split()
        var actions = unsafe posix_spawn_file_actions_t()
        unsafe posix_spawn_file_actions_init(&actions)
        defer { unsafe posix_spawn_file_actions_destroy(&actions) }
        unsafe posix_spawn_file_actions_adddup2(&actions, writing, STDOUT_FILENO)
        unsafe posix_spawn_file_actions_addclose(&actions, reading)
        var arguments: [UnsafeMutablePointer<CChar>?] = unsafe [nil, nil, nil, nil]
        for (place, text) in [Self.victim, folder, name].enumerated() {
            unsafe arguments[place] = unsafe strdup(text)
        }
        defer { for place in 0..<3 { unsafe free(arguments[place]) } }
        var child: pid_t = 0
        let status = unsafe posix_spawn(&child, Self.victim, &actions, nil, &arguments, environ)
        close(writing)
        defer { close(reading) }
        try #require(status == 0, "cannot start \(Self.victim)")
        var text: [UInt8] = []
        var lines = 0
        var chunk = [UInt8](repeating: 0, count: 4096)
        while true {
            let read = unsafe Glibc.read(reading, &chunk, chunk.count)
            guard read > 0 else { break }
            text += chunk[..<read]
            lines += chunk[..<read].count { $0 == 0x0a }
            if lines >= count { kill(child, SIGKILL) }
        }
        kill(child, SIGKILL)
        _ = waitpid(child, nil, 0)
        let whole = text.lastIndex(of: 0x0a).map { text[...$0] } ?? []
        return whole.split(separator: 0x0a).map { String(decoding: $0, as: UTF8.self) }
    }

    @Test(.enabled(if: unsafe access(victim, X_OK) == 0, "storage-victim was not built"))
    func `nothing acknowledged is lost by kill -9, and every intent is closed`() async throws {
        let random = SeededRandom(seed: 42)
        var folder = TemporaryFolder()
        var acknowledged: [UInt64: String] = [:]
        for round in 0..<Self.kills {
            if round % 10 == 0 {
                folder = TemporaryFolder()
                acknowledged = [:]
            }
            let lines = try run(folder.path, "r\(round)", killAfter: 1 + Int(random.next() % 1500))
            #expect(!lines.isEmpty, "round \(round)")
            for line in lines {
                let parts = line.split(separator: " ")
                let leaf = try #require(UInt64(parts[0]))
                #expect(acknowledged[leaf] == nil, "round \(round): leaf \(leaf) was given twice")
                acknowledged[leaf] = String(parts[1])
            }
            try await check(folder, acknowledged, round)
        }
    }

    private func check(
        _ folder: TemporaryFolder,
        _ acknowledged: [UInt64: String],
        _ round: Int
    ) async throws {
        var options = try options(in: folder)
        options.reservedByteCount = 1 << 20
        let store = try SQLiteStore.open(options)
        var verification = LogVerification(hashing)
        let key = try VerifierKey(store.key.text, hashing)
        verification.expect(Array(try await store.checkpoint().utf8), key, Ed25519.Checker())
        var next: UInt64 = 0
        while next < store.size {
            for leaf in try await store.leaves(from: next, limit: 1000) {
                verification.add(leaf.bytes)
                if let digest = acknowledged[leaf.index] {
                    #expect(
                        hashing.sha256(leaf.bytes).description == digest,
                        "round \(round): record \(leaf.index) changed"
                    )
                }
                next = leaf.index + 1
            }
        }
        #expect((acknowledged.keys.max() ?? 0) < next, "round \(round): records are gone")
        let report = verification.report()
        #expect(report.findings == [], "round \(round)")
        #expect(report.openCallCount == 0, "round \(round)")
        #expect(report.coveredSize == store.size)
        await store.close()
    }
}
