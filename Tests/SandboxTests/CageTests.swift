import Base
import Glibc
import Sandbox
import TestKit
import Testing

/// A forbidden act and what the victim must see of it.
struct Forbidden: Sendable, CustomStringConvertible {
    let act: String
    let results: Set<String>

    init(_ act: String, _ results: String...) {
        self.act = act
        self.results = Set(results)
    }

    var description: String { "\(act) -> \(results.sorted().joined(separator: " or "))" }

    static let files = [
        Forbidden("read:/etc/shadow", "ENOENT"),
        Forbidden("read:/etc/hostname", "ENOENT"),
        Forbidden("read:/root", "ENOENT"),
        Forbidden("read:/var/log", "ENOENT"),
        Forbidden("read:/sys/class/net", "ENOENT"),
        Forbidden("read:/run/systemd", "ENOENT"),
        Forbidden("write:/usr/bin/planted", "EROFS"),
        Forbidden("write:/etc/passwd", "EROFS", "EACCES"),
        Forbidden("write:/etc/planted", "EROFS"),
        Forbidden("write:/planted", "EROFS"),
        Forbidden("write:/home/planted", "EROFS"),
        Forbidden("write:/dev/planted", "EROFS"),
        Forbidden("write:/proc/sys/kernel/hostname", "EROFS", "EACCES"),
        Forbidden("write:/proc/sysrq-trigger", "EROFS", "EACCES", "ENOENT"),
        Forbidden("write:/gatehouse-init", "EROFS", "EACCES"),
        Forbidden("read:/proc/kallsyms", "EACCES", "ENOENT"),
        Forbidden("read:/proc/keys", "EACCES", "ENOENT"),
        Forbidden("read:/proc/cmdline", "EACCES", "ENOENT"),
        Forbidden("read:/proc/1/environ", "EACCES"),
        Forbidden("read:/proc/1/mem", "EACCES"),
        Forbidden("read:/proc/1/fd", "EACCES"),
        Forbidden("read:/proc/1/maps", "EACCES"),
        Forbidden("read:/proc/kcore", "empty", "EACCES", "ENOENT"),
        Forbidden("read:/dev/kmsg", "ENOENT"),
        Forbidden("read:/dev/mem", "ENOENT"),
    ]

    static let calls =
        [
            "ptrace", "process_vm_readv", "pidfd_getfd", "clone-user", "unshare-user",
            "unshare-net", "setns", "personality", "mount", "umount", "chroot", "pivot_root",
            "keyctl", "add_key", "bpf", "perf_event_open", "userfaultfd", "open_by_handle_at",
            "sethostname", "syslog", "tiocsti", "tiocsti-high", "tioclinux-high",
        ].map { Forbidden($0, "EPERM") }
        + ["clone3", "io_uring", "open_tree", "fsopen", "call-9999", "call-471"].map {
            Forbidden($0, "ENOSYS")
        }
        + [
            Forbidden("setuid-0", "EINVAL", "EPERM"),
            Forbidden("call-x32", "ENOSYS"),
            Forbidden("call-i386", "killed 31"),
        ]

    /// `socket:FAMILY,TYPE,PROTOCOL`; nothing is ever connected.
    static let sockets =
        [
            0, 3, 4, 5, 6, 7, 8, 9, 11, 15, 17, 21, 24, 29, 30, 31, 36, 38, 39, 40, 41, 42, 43,
            44, 45, 63, 64, 1000,
        ].map { Forbidden("socket:\($0),1,0", "EAFNOSUPPORT") }
        + [
            // vsock with a bit the kernel drops
            Forbidden("socket:0x100000028,1,0", "EAFNOSUPPORT"),
            Forbidden("socket:2,3,1", "EPERM"),
            Forbidden("socket:2,0x80003,1", "EPERM"),
            Forbidden("socket:2,0x100000003,1", "EPERM"),
            Forbidden("socket:10,3,58", "EPERM"),
            Forbidden("socket:16,3,15", "EPERM"),
            Forbidden("socket:16,3,9", "EPERM"),
        ]
}

@Suite(
    "A victim inside a real cage",
    .enabled(if: CageBench.isPossible, "\(CageBench.reason)"),
    .timeLimit(.minutes(5))
)
struct CageTests {
    /// `scripts/test` repeats these lines at its end.
    @Test("says which layers its cages have as which user, and why others are not")
    func layers() throws {
        let probe = CageBench.probe
        let tried = CageLayer.allCases.filter { probe.findings[$0]?.isPresent == true }
        for user in CageUser.allCases {
            if CageUser.possible.contains(user) {
                let groups = try user.tools.groups
                let names = tried.filter { layer in
                    switch layer {
                    case .ownUser: user == .rootGateway
                    case .cgroup: groups != nil
                    default: true
                    }
                }
                print("cage: tried as \(user): \(names.map(\.rawValue).joined(separator: ", "))")
            } else {
                print("cage: not tried as \(user): the tests do not run as root")
            }
        }
        #expect(CageLayer.always.isSubset(of: tried))
    }

    @Test("cannot reach what is not its own", arguments: CageUser.possible)
    func files(user: CageUser) throws { try check(Forbidden.files, as: user) }

    @Test("cannot make the calls of an intruder", arguments: CageUser.possible)
    func calls(user: CageUser) throws { try check(Forbidden.calls, as: user) }

    @Test("has four socket families and no raw ones", arguments: CageUser.possible)
    func sockets(user: CageUser) throws {
        try check(Forbidden.sockets, as: user)
        let allowed = ["socket:1,1,0", "socket:2,1,0", "socket:2,2,0", "socket:10,1,0"]
        let results = try CageBench.results(of: allowed + ["socket:16,3,0"], as: user)
        #expect(results.values.allSatisfy { $0 == "ok" }, "\(results)")
    }

    @Test("sees nobody, holds nothing, is nobody", arguments: CageUser.possible)
    func identity(user: CageUser) throws {
        let acts = [
            "visible-processes", "descriptors", "interfaces", "uid", "capabilities",
            "no-new-privs", "core", "kill-1", "count:/home",
        ]
        // Its own home, and where its program lies in somebody's, the way that leads there.
        let homes = try CageBench.victim.get().hasPrefix("/home/") ? 2 : 1
        let results = try CageBench.results(of: acts, as: user)
        // PID 1, the victim and the child that looks.
        #expect(results["visible-processes"] == "3")
        #expect(results["descriptors"] == "0")
        #expect(results["interfaces"] == "0")
        #expect(results["uid"] == "1000")
        #expect(results["capabilities"] == "0")
        #expect(results["no-new-privs"] == "1")
        #expect(results["core"] == "0")
        // The kernel drops a SIGKILL from inside; the act that follows shows that PID 1 lives.
        // Where Landlock knows signals, not even those PID 1 would pass on leave the cage.
        let answer = CageBench.landlockVersion >= 6 ? "EPERM" : "ok"
        #expect(results["kill-1"] == answer)
        #expect(results["count:/home"] == "\(homes)")
    }

    @Test("has only the environment it was given", arguments: CageUser.possible)
    func environment(user: CageUser) throws {
        unsafe setenv("GATEHOUSE_TEST_SECRET", "leaked", 1)
        var profile = try CageBench.profile(["environment"])
        profile.environment = ["TOKEN": "granted: with blanks"]
        let run = try user.run(profile)
        let lines = Set(String(decoding: run.output, as: UTF8.self).split(separator: "\n"))
        #expect(
            lines == [
                "environment: HOME=/home/mcp", "environment: LANG=C.UTF-8",
                "environment: LOGNAME=mcp", "environment: PATH=/usr/local/bin:/usr/bin:/bin",
                "environment: SHELL=/bin/sh", "environment: TMPDIR=/tmp",
                "environment: TOKEN=granted: with blanks", "environment: USER=mcp",
            ]
        )
    }

    @Test("uses up no more than its limits", arguments: CageUser.possible)
    func limits(user: CageUser) throws {
        let acts = ["fork-bomb", "big-file", "file-at-limit", "fill:/tmp", "fill:/dev/shm"]
        let results = try CageBench.results(of: acts, as: user)
        // 64 in all: PID 1, the victim and the one that forks are three of them.
        #expect(results["fork-bomb"].flatMap { Int($0) }.map { (50...64).contains($0) } == true)
        #expect(results["big-file"] == "EFBIG")
        #expect(results["file-at-limit"] == "ok")
        #expect(results["fill:/tmp"].flatMap { Int($0) }.map { (60...64).contains($0) } == true)
        #expect(results["fill:/dev/shm"].flatMap { Int($0) }.map { (14...16).contains($0) } == true)
    }

    @Test("reads and writes exactly the folders it was given", arguments: CageUser.possible)
    func folders(user: CageUser) throws {
        let root = try CageBench.folder("folders")
        CageBench.makeFolders(root + "/docs")
        CageBench.makeFolders(root + "/out", mode: 0o777)
        CageBench.makeFolders(root + "/private", mode: 0o777)
        try CageBench.write("known", to: root + "/docs/file")
        let acts = [
            "read:/data/docs/file", "write:/data/docs/new", "write:/data/out/new",
            "read:\(root)/private", "read:\(root)/docs/file", "write:/data/other",
        ]
        let results = try CageBench.results(of: acts, as: user) { profile in
            profile.baseFolder = root
            profile.read = ["/data/docs": "docs"]
            profile.write = ["/data/out": "./out"]
        }
        #expect(results["read:/data/docs/file"] == "ok")
        #expect(results["write:/data/docs/new"] == "EROFS")
        #expect(results["write:/data/out/new"] == "ok")
        #expect(results["read:\(root)/private"] == "ENOENT")
        #expect(results["read:\(root)/docs/file"] == "ENOENT")
        #expect(results["write:/data/other"] == "EROFS")
        #expect(Corpus.bytes(root + "/out/new") == [0x78])
    }

    @Test(
        "root shows a folder that lies where the server's user may not pass",
        .enabled(if: CageUser.isRoot, "only root has a user to give")
    )
    func closedParent() throws {
        let root = try CageBench.folder("closed")
        CageBench.makeFolders(root + "/docs")
        CageBench.makeFolders(root + "/out", mode: 0o777)
        try CageBench.write("known", to: root + "/docs/file")
        unsafe chmod(root, 0o700)
        let acts = ["read:/data/docs/file", "write:/data/out/new", "read:/tmp/0", "read:\(root)"]
        let results = try CageBench.results(of: acts, as: .rootGateway) { profile in
            profile.read = ["/data/docs": root + "/docs"]
            profile.write = ["/data/out": root + "/out"]
        }
        #expect(results["read:/data/docs/file"] == "ok")
        #expect(results["write:/data/out/new"] == "ok")
        #expect(results["read:/tmp/0"] == "ENOENT")
        #expect(results["read:\(root)"] == "ENOENT")
    }

    @Test("keeps nothing in its private folders for the next start", arguments: CageUser.possible)
    func privateFolders(user: CageUser) throws {
        let acts = ["write:/tmp/note", "write:/home/mcp/note"]
        let first = try CageBench.results(of: acts, as: user)
        #expect(first.values.allSatisfy { $0 == "ok" }, "\(first)")
        let second = try CageBench.results(of: ["stat:/tmp/note", "stat:/home/mcp/note"], as: user)
        #expect(second.values.allSatisfy { $0 == "ENOENT" }, "\(second)")
    }

    @Test("is on the host's network only where that is written", arguments: CageUser.possible)
    func network(user: CageUser) throws {
        let acts = ["read:/proc/net/tcp", "socket:40,1,0", "socket:1,1,0", "socket:2,1,0"]
        let results = try CageBench.results(of: acts, as: user) { $0.network = .host }
        #expect(results["socket:2,1,0"] == "ok")
        #expect(results["socket:40,1,0"] == "EAFNOSUPPORT")
        // Abstract sockets of the host's services would be reachable.
        #expect(results["socket:1,1,0"] == "EPERM")
    }

    private func check(_ acts: [Forbidden], as user: CageUser) throws {
        let results = try CageBench.results(of: acts.map(\.act), as: user)
        for forbidden in acts {
            let result = results[forbidden.act] ?? "nothing"
            #expect(forbidden.results.contains(result), "\(user): \(forbidden), got \(result)")
        }
        print("\(user): \(acts.count) acts refused, such as \(acts.first?.act ?? "")")
    }
}
