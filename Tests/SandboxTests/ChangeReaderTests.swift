import Base
import Crypto
import Glibc
@testable import Sandbox
import TestKit
import Testing

/// Of the calling thread alone; Glibc's module leaves it out.
@_silgen_name("setfsuid")
private func setFileSystemUser(_ user: UInt32) -> CInt

/// What cannot be read is said to be, never passed over: a commit drops what it was not told of.
struct ChangeReaderTests {
    private let folder = TemporaryFolder()
    private var upper: String { folder.path + "/upper" }
    private var lower: String { folder.path + "/lower" }

    init() throws {
        for path in [upper, lower, upper + "/closed", lower + "/closed"] {
            #expect(unsafe mkdir(path, 0o755) == 0)
        }
        try write(upper + "/closed/new")
    }

    private func write(_ path: String) throws {
        let file = unsafe open(path, O_CREAT | O_WRONLY, 0o644)
        #expect(file >= 0 && close(file) == 0)
    }

    private func read() throws -> [String] {
        let reader = try ChangeReader(
            upper: TreeFolder(upper),
            lower: TreeFolder(lower),
            hashing: OpenSSLHashing(),
            isHidden: { _, _ in false }
        )
        // Root reads what has no permissions; this thread is nobody to the file system meanwhile.
        let user = geteuid()
        _ = setFileSystemUser(user == 0 ? 65_534 : user)
        defer { _ = setFileSystemUser(user) }
        return try reader.read().changes.map { String(decoding: $0.path, as: UTF8.self) }
    }

    @Test func `what can be read is listed`() throws {
        #expect(try read() == ["closed/new"])
    }

    @Test func `a changed folder that cannot be read`() throws {
        #expect(unsafe chmod(upper + "/closed", 0) == 0)
        defer { unsafe chmod(upper + "/closed", 0o755) }
        #expect(throws: ChangeFailure.unreadable(path: "closed", code: EACCES)) { try read() }
    }

    @Test func `what cannot be compared with what it would replace`() throws {
        #expect(unsafe chmod(lower + "/closed", 0) == 0)
        defer { unsafe chmod(lower + "/closed", 0o755) }
        #expect(throws: ChangeFailure.unreadable(path: "closed/new", code: EACCES)) { try read() }
    }
}
