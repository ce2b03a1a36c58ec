import Base
@testable import Gateway
import Glibc
import Sandbox
import System
import TestKit
import Testing

private enum Machine {
    static let hasOverlays = CageProbe().missing(from: [.namespaces, .overlay]).isEmpty
}

@Suite(
    "What this machine gives is tried once, where it could be tried",
    .enabled(if: Machine.hasOverlays, "no cage with an overlay can be made here"),
    .timeLimit(.minutes(5))
)
struct ProbeOnceTests {
    /// A bubblewrap that cannot fork for cages with an overlay while there is a file `busy`.
    private func flaky(_ folder: String) throws -> String {
        let script = """
            #!/bin/sh
            for hidden in /tmp/*.hidden; do
                if [ -e "$hidden" ] && [ -e \(folder)/busy ]; then
                    echo "bwrap: Can't fork for pid 1: Resource temporarily unavailable" >&2
                    exit 1
                fi
            done
            exec /usr/bin/bwrap "$@"
            """
        try write(script, to: folder + "/bwrap")
        unsafe chmod(folder + "/bwrap", 0o755)
        unsafe chmod(folder, 0o755)
        return folder
    }

    private func write(_ text: String, to path: String) throws {
        let stream = unsafe fopen(path, "wb")
        let file = try unsafe #require(stream)
        unsafe fputs(text, file)
        unsafe fclose(file)
    }

    @Test func `what could not be tried is tried again, and then kept`() async throws {
        let temporary = TemporaryFolder("probe", in: "/var/tmp")
        let folder = try flaky(temporary.path)
        let count = Lock(0)
        let once = ProbeOnce {
            count.withLock { $0 += 1 }
            return CageProbe(searchPath: [folder])
        }
        try write("", to: folder + "/busy")
        let pool = BlockingPool(threadLimit: 1)
        defer { pool.shutDown() }
        for _ in 0..<2 {
            await once.learn(in: pool)
            let finding = once.value.findings[.overlay]
            #expect(finding?.isUntried == true, "\(String(describing: finding))")
        }
        #expect(count.withLock { $0 } == 2)
        unsafe unlink(folder + "/busy")
        for _ in 0..<2 {
            await once.learn(in: pool)
            #expect(once.value.findings[.overlay]?.isPresent == true)
        }
        #expect(count.withLock { $0 } == 3)
    }

    @Test func `one thread tries, and who waits for it holds none`() async throws {
        let (count, isFree) = (Lock(0), Lock(false))
        let once = ProbeOnce {
            count.withLock { $0 += 1 }
            while !isFree.withLock({ $0 }) { Process.pause(.milliseconds(1)) }
            return CageProbe()
        }
        let pool = BlockingPool(threadLimit: 2)
        defer { pool.shutDown() }
        try await withThrowingTaskGroup { group in
            for _ in 0..<4 { group.addTask { await once.learn(in: pool) } }
            // The other thread is there for others all the while.
            while count.withLock({ $0 }) == 0 { try await pool.run {} }
            try await pool.run {}
            isFree.withLock { $0 = true }
            try await group.waitForAll()
        }
        #expect(count.withLock { $0 } == 1)
        _ = once.value
        #expect(count.withLock { $0 } == 1)
    }

    @Test func `that no cage can be made is not kept: a person may have mended it`() async {
        let count = Lock(0)
        let once = ProbeOnce {
            count.withLock { $0 += 1 }
            return CageProbe(searchPath: [])
        }
        let pool = BlockingPool(threadLimit: 1)
        defer { pool.shutDown() }
        for tries in 1...2 {
            await once.learn(in: pool)
            #expect(once.value.findings[.namespaces]?.isPresent == false)
            #expect(count.withLock { $0 } == tries)
        }
    }
}
