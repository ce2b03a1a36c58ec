import Glibc
@testable import Sandbox
import TestKit
import Testing

@Suite struct GroupTests {
    @Test func `the delegated folder is found below what is mounted`() {
        let mounts = """
            30 25 0:26 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate
            """
        let places = GroupPlaces(mounts: mounts, own: "0::/user.slice/run-1.scope\n")
        #expect(places.unified == "/sys/fs/cgroup/user.slice/run-1.scope")
        #expect(places.separate.isEmpty)
        let container = "30 25 0:26 /docker/ab /sys/fs/cgroup ro - cgroup2 cgroup2 rw"
        #expect(
            GroupPlaces(mounts: container, own: "0::/docker/ab/x\n").unified == "/sys/fs/cgroup/x"
        )
        #expect(GroupPlaces(mounts: container, own: "0::/docker/ab\n").unified == "/sys/fs/cgroup")
        #expect(GroupPlaces(mounts: container, own: "0::/elsewhere\n").unified == nil)
        #expect(GroupPlaces(mounts: container, own: "0::/docker/abc\n").unified == nil)
    }

    @Test func `each controller of v1 is found in its own hierarchy`() {
        let mounts = """
            33 25 0:29 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu,cpuacct
            34 25 0:30 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory
            35 25 0:31 / /sys/fs/cgroup/pids rw - cgroup cgroup rw,pids
            nonsense
            36 25 - cgroup
            """
        let own = "5:memory:/a/b\n4:cpu,cpuacct:/\n3:pids:/\n2:name=systemd:/x\nnonsense\n"
        let places = GroupPlaces(mounts: mounts, own: own)
        #expect(places.unified == nil)
        #expect(
            places.separate == [
                .cpu: "/sys/fs/cgroup/cpu", .memory: "/sys/fs/cgroup/memory/a/b",
                .pids: "/sys/fs/cgroup/pids",
            ]
        )
    }

    @Test func `a tree uses memory, processes and time, and nothing when it is gone`() throws {
        let use = try #require(TreeUse(treeOf: getpid(), in: nil))
        #expect(use.memoryByteCount > 1 << 20)
        #expect(use.processCount >= 1)
        #expect(use.processorMilliseconds > 0)
        #expect(TreeUse(treeOf: Int32.max, in: nil) == nil)
    }

    @Test func `a group that a process of ours keeps busy is looked at again, another's is not`()
        throws
    {
        var child: pid_t = 0
        var arguments: [UnsafeMutablePointer<CChar>?] = unsafe [
            strdup("sleep"), strdup("600"), nil,
        ]
        defer { unsafe arguments.forEach { unsafe free($0) } }
        try #require(unsafe posix_spawn(&child, "/bin/sleep", nil, nil, &arguments, nil) == 0)
        defer {
            kill(child, SIGKILL)
            waitpid(child, nil, 0)
        }
        func passes(_ code: Int32, _ processes: [Int32]) -> Bool {
            ControlGroups.refused(code, in: "/x", with: processes).mayPass
        }
        #expect(passes(EBUSY, [child]))
        #expect(passes(EBUSY, [child, Int32.max]))  // One has ended meanwhile.
        #expect(!passes(EBUSY, [getppid()]))
        #expect(!passes(EBUSY, [child, 1]))
        #expect(!passes(EBUSY, [0]))  // Of a namespace above.
        #expect(!passes(EBUSY, []))
        #expect(!passes(EACCES, [child]))
        let words = ControlGroups.refused(EBUSY, in: "/x", with: [1]).reason
        #expect(words.contains("as when other processes are in it"))
    }

    /// Ordinary files in the place of the kernel's: what is written where, and what is made of it.
    private func delegation(_ controllers: String, _ files: String...) throws -> String {
        let folder = try CageBench.folder("groups")
        CageBench.makeFolders(folder + "/gatehouse-supervisor")
        try CageBench.write(controllers + "\n", to: folder + "/cgroup.controllers", mode: 0o644)
        for file in files { try CageBench.write("", to: folder + "/" + file, mode: 0o644) }
        return folder
    }

    private func text(_ path: String) -> String {
        String(decoding: HostPath.beginning(of: path, limit: 64) ?? [], as: UTF8.self)
    }

    @Test func `a delegated folder hands its controllers on, with this process moved below it`()
        throws
    {
        let folder = try delegation(
            "cpuset cpu memory pids",
            "cgroup.subtree_control",
            "cgroup.type",
            "gatehouse-supervisor/cgroup.procs"
        )
        #expect(
            try ControlGroups.delegated(folder)
                == .unified(folder: folder, boundsProcessor: true)
        )
        #expect(text(folder + "/gatehouse-supervisor/cgroup.procs") == "\(getpid())")
        // Here the second write lies over the first.
        #expect(text(folder + "/cgroup.subtree_control") == "+cpuory +pids")
        // Started anew in its own group, the gateway finds the one above.
        try CageBench.write(
            "cpu memory pids\n",
            to: folder + "/gatehouse-supervisor/cgroup.controllers",
            mode: 0o644
        )
        #expect(
            try ControlGroups.delegated(folder + "/gatehouse-supervisor")
                == .unified(folder: folder, boundsProcessor: true)
        )
    }

    @Test func `without cpu processor time is not bounded, without memory or pids nothing is`()
        throws
    {
        let folder = try delegation(
            "memory pids",
            "cgroup.subtree_control",
            "cgroup.type",
            "gatehouse-supervisor/cgroup.procs"
        )
        #expect(
            try ControlGroups.delegated(folder)
                == .unified(folder: folder, boundsProcessor: false)
        )
        #expect(text(folder + "/cgroup.subtree_control") == "+memory +pids")
        for controllers in ["hugetlb", "cpu memory", "cpu pids", ""] {
            #expect(try ControlGroups.delegated(try delegation(controllers)) == nil)
        }
    }

    @Test func `what is not delegated says how to start the gateway`() throws {
        let own = try delegation("memory pids", "cgroup.type", "gatehouse-supervisor/cgroup.procs")
        #expect {
            try ControlGroups.delegated(own)
        } throws: { error in
            "\(error)".contains("is not delegated to this user")
                && "\(error)".contains("systemd-run --user --scope -p Delegate=yes")
        }
        // It may not be left: this process stays where it is.
        let shut = try delegation("memory pids", "cgroup.type", "cgroup.subtree_control")
        #expect {
            try ControlGroups.delegated(shut)
        } throws: { "\($0)".contains("could not be moved") }
        #expect(text(shut + "/cgroup.subtree_control") == "")
    }

    @Test func `bounds are the limits in the words of each version`() {
        var limits = CageLimits()
        limits.processorThousandths = 250
        let two = CageGroup.bounds(limits, .unified(folder: "/x", boundsProcessor: true))
        #expect(two.map(\.file).contains("memory.oom.group"))
        #expect(two.first { $0.file == "memory.max" }?.value == "536870912")
        #expect(two.first { $0.file == "cpu.max" }?.value == "25000 100000")
        #expect(two.first { $0.file == "pids.max" }?.value == "68")
        let without = CageGroup.bounds(limits, .unified(folder: "/x", boundsProcessor: false))
        #expect(!without.contains { $0.controller == .cpu })
        let one = CageGroup.bounds(limits, .separate([:]))
        #expect(one.first?.file == "memory.limit_in_bytes")
        #expect(one.last?.value == "25000")
    }

    @Test(
        .enabled(
            if: CageBench.probe.findings[.cgroup]?.isPresent == true,
            "no control groups can be made here"
        )
    )
    func `a tree that uses too much is ended, and the group says why and goes`() throws {
        let tools = try CageBench.tools.get()
        var profile = CageProfile(
            command: ["/usr/bin/python3", "-c", "b = bytearray(200 << 20)"],
            baseFolder: "/"
        )
        profile.limits.memoryByteCount = 64 << 20
        let plan = try (CageUser.isRoot ? CageUser.rootGateway : .ordinary).plan(profile)
        let launch = try CageLaunch(plan, tools: tools)
        let made = launch.group
        let group = try #require(made)
        let run = try BlockingRun(launch, deadline: .seconds(30))
        // Version 2 takes the whole group down, with who would report it.
        let end: [CageReport] =
            if case .unified? = tools.groups?.layout { [] } else { [.exited(.signal(9))] }
        #expect(run.reports == [.started] + end)
        #expect(group.reason?.contains("64 MiB") == true)
        #expect(group.remove())
        #expect(group.reason == nil)
    }

    @Test func `the memory of a tree is what its processes hold together`() throws {
        // This process and whatever it started; its own pages are in there.
        let own = try #require(TreeMemory.excess(of: getpid(), over: 0))
        #expect(own > 1 << 20)
        #expect(TreeMemory.excess(of: getpid(), over: own &* 16) == nil)
        #expect(TreeMemory.excess(of: Int32.max, over: 0) == nil)
    }
}
