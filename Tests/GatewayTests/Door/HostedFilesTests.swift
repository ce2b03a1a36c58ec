import Glibc
import Approval
import Base
import System
import TestKit
import Testing

@testable import Gateway

/// What a card may read on the disk: files of the server's own folders, and nothing else.
@Suite struct HostedFilesTests {
    private let folder: TemporaryFolder
    private let files: HostedFiles

    init() throws {
        folder = TemporaryFolder()
        try Files.makeFolder(folder.path + "/shared")
        try Files.makeFolder(folder.path + "/shared/sub")
        files = HostedFiles(
            folders: [("/data", folder.path + "/shared")],
            root: "/data/sub"
        )
        try write("shared/sub/a.txt", Array("hello".utf8))
        try write("secret", Array("secret".utf8))
    }

    private func write(_ name: String, _ bytes: [UInt8]) throws {
        let file = try Files.open(folder.path + "/" + name, [.write, .create])
        try Files.write(bytes, to: file)
    }

    @Test func `reads what lies in the server's folder, as the server names it`() {
        #expect(files.content(of: "/data/sub/a.txt") == .text("hello"))
        #expect(files.content(of: "/data/./sub//a.txt") == .text("hello"))
        #expect(files.content(of: "a.txt") == .text("hello"))
        #expect(files.content(of: "/data/sub/none") == .missing)
        #expect(files.content(of: "/data/none/none") == .missing)
    }

    @Test(
        "reads nothing else",
        arguments: [
            "/data/../secret", "/data/sub/../../secret", "/etc/passwd", "../secret", "/data", "",
            "/", "/datax/sub/a.txt", "/data/sub", "/data/sub/a.txt/x", "/data\\sub", "/data/\0",
        ]
    )
    func refuses(_ path: String) {
        guard case .unread = files.content(of: path) else {
            Issue.record("\(files.content(of: path))")
            return
        }
    }

    @Test func `follows no link, at any place of the path`() throws {
        let shared = folder.path + "/shared"
        for (name, target) in [
            ("link", folder.path + "/secret"), ("way", folder.path), ("near", "sub/a.txt"),
        ] {
            let made = unsafe symlink(target, shared + "/" + name)
            #expect(made == 0)
        }
        #expect(unsafe link(folder.path + "/secret", shared + "/hard") == 0)
        for path in ["/data/link", "/data/way/secret", "/data/near", "/data/hard"] {
            guard case .unread = files.content(of: path) else {
                Issue.record("\(path): \(files.content(of: path))")
                continue
            }
        }
    }

    @Test func `takes text of at most the limit`() throws {
        let most = [UInt8](repeating: 0x61, count: Limits.comparedFileByteCount)
        try write("shared/most", most)
        try write("shared/over", most + [0x61])
        try write("shared/bytes", [0xff, 0xfe])
        #expect(files.content(of: "/data/most") == .text(String(decoding: most, as: UTF8.self)))
        for name in ["over", "bytes"] {
            guard case .unread = files.content(of: "/data/" + name) else {
                Issue.record("\(name)")
                continue
            }
        }
    }

    @Test func `a server without folders of its own has nothing to compare with`() {
        guard case .unread = HostedFiles(nil, folder: "/", hiding: nil).content(of: "/etc/passwd")
        else {
            Issue.record("read")
            return
        }
    }
}
