import Base
@testable import Gateway
import Glibc
import Sandbox
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

    @Test func `what could not be tried is tried again, and then kept`() throws {
        let temporary = TemporaryFolder("probe", in: "/var/tmp")
        let folder = try flaky(temporary.path)
        let count = Lock(0)
        let once = ProbeOnce {
            count.withLock { $0 += 1 }
            return CageProbe(searchPath: [folder])
        }
        try write("", to: folder + "/busy")
        for _ in 0..<2 {
            let finding = once.value.findings[.overlay]
            #expect(finding?.isUntried == true, "\(String(describing: finding))")
        }
        #expect(count.withLock { $0 } == 2)
        unsafe unlink(folder + "/busy")
        for _ in 0..<2 { #expect(once.value.findings[.overlay]?.isPresent == true) }
        #expect(count.withLock { $0 } == 3)
    }
}
