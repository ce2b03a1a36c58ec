import Base
import Glibc

/// A folder of one test: removed, with all that is in it, when nobody holds it any more, and at the
/// latest when the process ends.
///
/// It lies in `TMPDIR`, so that `scripts/test` can see whether a suite left anything behind.
package final class TemporaryFolder: Sendable {
    package let path: String

    private static let made = Lock<Set<String>>([])
    private static let isRemovedAtEnd: Bool = atexit { TemporaryFolder.removeAll() } == 0

    /// - Parameters:
    ///   - name: what a person finds should the process be killed.
    ///   - parent: where else than in `TMPDIR`.
    package init(_ name: String = "test", in parent: String? = nil) {
        let home = unsafe getenv("TMPDIR").map { unsafe String(cString: $0) }
        var template = Array("\(parent ?? home ?? "/tmp")/gatehouse-\(name)-XXXXXX".utf8CString)
        let isMade = unsafe mkdtemp(&template) != nil
        precondition(isMade && Self.isRemovedAtEnd, "no temporary folder")
        let path = String(
            decoding: template.dropLast().map { UInt8(bitPattern: $0) },
            as: UTF8.self
        )
        self.path = path
        Self.made.withLock { _ = $0.insert(path) }
    }

    deinit {
        let path = path
        Self.made.withLock { _ = $0.remove(path) }
        Self.remove(path)
    }

    private static func removeAll() {
        for path in made.withLock({ $0 }) { remove(path) }
    }

    /// A file or a whole tree; a link is removed, not followed.
    package static func remove(_ path: String) {
        var facts = stat()
        if unsafe lstat(path, &facts) == 0, facts.st_mode & S_IFMT == S_IFDIR {
            // A test may have left a folder that nobody may write to.
            unsafe chmod(path, 0o700)
            for name in Corpus.names(in: path) { remove(path + "/" + name) }
        }
        unsafe Glibc.remove(path)
    }
}
