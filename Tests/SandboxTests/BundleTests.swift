import Base
import Glibc
@testable import Sandbox
import TestKit
import Testing

/// What an OCI runtime is told of a cage, beside what bubblewrap is told.
@Suite(
    .enabled(if: CageBench.isPossible, Comment(rawValue: CageBench.reason)),
    .timeLimit(.minutes(5))
)
struct BundleTests {
    private func plan(
        _ user: CageUser = .possible[0],
        _ change: (inout CageProfile) -> Void = { _ in }
    ) throws -> CagePlan {
        let root = try CageBench.folder("bundle")
        CageBench.makeFolders(root + "/docs", root + "/out")
        unsafe chmod(root + "/out", 0o777)
        try CageBench.write("echo\n", to: root + "/server.sh", mode: 0o644)
        var profile = CageProfile(command: ["/bin/sh", "./server.sh", "one"], baseFolder: root)
        profile.read = ["/data/docs": "docs"]
        profile.write = ["/data/out": "out"]
        profile.environment = ["WORD": "x"]
        profile.limits.processCount = 12
        change(&profile)
        return try user.plan(profile)
    }

    @Test(
        "every source is mounted as in the cage, and nothing else of the host can be written",
        arguments: CageUser.possible
    )
    func sources(user: CageUser) throws {
        let plan = try plan(user)
        let bundle = try OCIBundle(plan, tools: try user.tools)
        for source in plan.sources + plan.program {
            let mount = try #require(
                bundle.mounts.last { $0.destination == source.inside && $0.kind == "bind" }
            )
            #expect(mount.source == source.outside)
            #expect(mount.options.contains(source.isWritable ? "rw" : "ro"))
            #expect(mount.options.contains("nosuid") && mount.options.contains("nodev"))
            // What is mounted in it later is not there, and so not writable.
            #expect(mount.options.contains("rbind") == source.isWritable)
        }
        let writable = bundle.mounts.filter { $0.kind == "bind" && !$0.options.contains("ro") }
        #expect(writable.map(\.destination) == ["/data/out"])
        #expect(bundle.arguments == [plan.command.executable] + plan.command.arguments.dropFirst())
        #expect(bundle.environment.contains("WORD=x"))
        #expect(bundle.hasOwnNetwork && (bundle.user != nil) == (user == .rootGateway))
        #expect(bundle.bounds.contains { $0.name == "RLIMIT_NPROC" && $0.value == 12 })
        #expect(
            bundle.rules.contains { $0.call == "mount" }
                && bundle.rules.contains { $0.call == "bpf" }
        )
        // What a list of names cannot say is named.
        #expect(OCIBundle.lacks.contains { $0.contains("ENOSYS") })
    }

    @Test func `each place that is mounted on is in the root, or in what is mounted before`() throws
    {
        let bundle = try OCIBundle(try plan(), tools: try CageUser.possible[0].tools)
        var there = Set(bundle.folders.map(\.path) + bundle.files.map(\.path) + ["/"])
        for mount in bundle.mounts {
            let isInside = bundle.mounts.prefix { $0 != mount }
                .contains { mount.destination.hasPrefix($0.destination + "/") }
            #expect(there.contains(mount.destination) || isInside, "\(mount)")
            there.insert(mount.destination)
        }
        // A folder comes after the one it lies in.
        var made: Set<String> = ["/"]
        for folder in bundle.folders {
            let parent = folder.path.split(separator: "/").dropLast().joined(separator: "/")
            #expect(made.contains("/" + parent), "\(folder)")
            made.insert(folder.path)
        }
        for link in bundle.links { #expect(!made.contains(link.path), "\(link)") }
    }

    @Test("what is read-only holds no mount, which would be writable", arguments: CageUser.possible)
    func mountsBelow(user: CageUser) throws {
        let plan = try plan(user)
        let docs = try #require(plan.sources.first { $0.inside == "/data/docs" }?.outside)
        let out = try #require(plan.sources.first { $0.inside == "/data/out" }?.outside)
        let tools = try user.tools
        for point in [docs + "/disk", "/usr/share/disk"] {
            #expect {
                _ = try OCIBundle(plan, tools: tools, mountPoints: ["/", point])
            } throws: { error in
                "\(error)".contains("mounted at `\(point)`")
            }
        }
        // A mount itself is as good as a folder, and beside it stands what it likes.
        _ = try OCIBundle(
            plan,
            tools: tools,
            mountPoints: ["/", "/usr", docs, docs + "more", out + "/disk"]
        )
    }

    @Test func `mount points are read with their escapes undone`() {
        let table = #"""
            22 1 8:1 / / rw,relatime - ext4 /dev/vda rw
            30 22 0:5 /x /mnt/a\040b\134c rw shared:1 - tmpfs none rw
            31 22 0:6 / /mnt/odd\04 rw - tmpfs none rw
            cut 22
            """#
        #expect(
            MountPoints.parsed(Array(table.utf8)) == ["/", #"/mnt/a b\c"#, #"/mnt/odd\04"#]
        )
        #expect(MountPoints.current.contains("/proc"))
    }

    @Test("what a runtime cannot be told is refused")
    func refused() throws {
        let tools = try CageUser.possible[0].tools
        for change: @Sendable (inout CageProfile) -> Void in [
            { $0.network = .egress }, { $0.seccomp = .strict },
        ] {
            let plan = try plan(.possible[0], change)
            #expect(throws: CageError.self) { try OCIBundle(plan, tools: tools) }
        }
        let host = try OCIBundle(try plan(.possible[0]) { $0.network = .host }, tools: tools)
        #expect(!host.hasOwnNetwork)
    }
}
