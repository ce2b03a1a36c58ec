import Base
private import Glibc

/// A plan in the words of the OCI runtime specification 1.0, for runsc, runc and crun.
///
/// Pure but for the look at which sources are files: what the bundle's folder holds and what its
/// `config.json` says, to be compared with the plan in a test. What a runtime cannot be told (denied
/// paths, a way out, Landlock, the strict filter) is refused here or named in `lacks`: a bundle never
/// promises what it does not hold.
package struct OCIBundle: Sendable, Equatable {
    package struct Mount: Sendable, Equatable {
        package let destination: String
        package let kind: String
        package let source: String
        package let options: [String]
    }

    package struct File: Sendable, Equatable {
        /// Inside the cage.
        package let path: String
        package let bytes: [UInt8]
    }

    package struct Link: Sendable, Equatable {
        package let path: String
        package let target: String
    }

    package struct Bound: Sendable, Equatable {
        /// As the specification spells it: `RLIMIT_NOFILE`.
        package let name: String
        package let value: UInt64
    }

    package struct Folder: Sendable, Equatable {
        /// Inside the cage.
        package let path: String
        package let mode: UInt32
    }

    /// What the root file system holds before anything is mounted.
    package private(set) var folders: [Folder] = []
    package private(set) var files: [File] = []
    package private(set) var links: [Link] = []
    /// In the order of mounting.
    package private(set) var mounts: [Mount] = []
    package let arguments: [String]
    package let environment: [String]
    package let workingFolder: String
    /// Of the host where the gateway is root; else nil, and the user namespace maps its own.
    package let user: (uid: UInt32, gid: UInt32)?
    /// The gateway's own user.
    package let owner: (uid: UInt32, gid: UInt32)
    package let bounds: [Bound]
    package let limits: CageLimits
    package let hasOwnNetwork: Bool
    package let rules: [SyscallRule]
    package let maskedPaths: [String]

    package static let readOnlyPaths = [
        "/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger",
    ]

    /// What the cage has and no runtime gives.
    package static let lacks = [
        "the answer ENOSYS to system calls newer than the list and to x32 numbers; and a denied call "
            + "that the runtime's libseccomp has no name for is not denied",
        "Landlock: the mounts and the filter are all that holds files",
        "a look at the layers before the server is executed: the runtime is trusted to have set them",
        "supervision, limits on its output, and the gateway between it and an agent",
    ]

    package static func == (left: Self, right: Self) -> Bool {
        left.folders == right.folders && left.files == right.files && left.links == right.links
            && left.mounts == right.mounts && left.arguments == right.arguments
            && left.environment == right.environment
            && left.workingFolder == right.workingFolder && left.user?.uid == right.user?.uid
            && left.user?.gid == right.user?.gid && left.owner == right.owner
            && left.bounds == right.bounds
            && left.limits == right.limits && left.hasOwnNetwork == right.hasOwnNetwork
            && left.rules == right.rules && left.maskedPaths == right.maskedPaths
    }

    /// Throws where the plan holds what no runtime can be told.
    ///
    /// - Parameter mountPoints: where something is mounted on this machine.
    package init(
        _ plan: CagePlan,
        tools: CageTools,
        mountPoints: [String] = MountPoints.current
    ) throws(CageError) {
        try Self.check(plan)
        arguments = [plan.command.executable] + plan.command.arguments.dropFirst()
        environment = plan.environment.map { "\($0.name)=\($0.value)" }
        workingFolder = plan.workingFolder
        user = if case .own(let uid, let gid) = plan.identity { (uid, gid) } else { nil }
        owner = (geteuid(), getegid())
        limits = plan.limits
        bounds = plan.limits.resources(boundsData: true).compactMap { resource, value in
            Self.names[resource].map { Bound(name: $0, value: value) }
        }
        hasOwnNetwork = plan.network != .host
        rules = tools.filters(of: plan).flatMap(\.rules)
        maskedPaths = tools.host.maskedFiles
        system(tools.host)
        configuration(tools.host, plan)
        kernel(plan)
        for source in plan.sources + plan.program { show(source) }
        for link in plan.links { links.append(Link(path: link.path, target: link.target)) }
        addFolders(workingFolder)
        try checkMounts(mountPoints)
    }

    /// What is mounted in something that is shown read-only would be writable there (`rbind,ro` holds
    /// for the first mount alone), or what it lies over would be shown.
    ///
    /// Not `rro`: runsc takes no bundle with it.
    private func checkMounts(_ points: [String]) throws(CageError) {
        for mount in mounts where mount.kind == "bind" && mount.options.contains("ro") {
            let inside = points.first { $0 != mount.source && HostPath.lies($0, in: mount.source) }
            guard let inside else { continue }
            throw .notBundled(
                "something is mounted at `\(printable(inside))`, in `\(printable(mount.source))`, "
                    + "which is shown read-only: no runtime is sure to make both so; unmount it, or "
                    + "show a folder without it"
            )
        }
    }

    private static func check(_ plan: CagePlan) throws(CageError) {
        if plan.network == .egress {
            throw .notBundled(
                "its way out is the gateway's, which a runtime started by hand has not; "
                    + "write `network: none`"
            )
        }
        if plan.seccomp == .strict {
            throw .notBundled(
                "the strict filter lies over another one, and a bundle has one; "
                    + "write `seccomp: standard`"
            )
        }
        if let hidden = plan.sources.first(where: { $0.view != .whole }) {
            throw .notBundled(
                "`\(printable(hidden.outside))` holds what is denied, or changes that are kept apart, "
                    + "and a runtime cannot hide it; give a folder that holds nothing denied"
            )
        }
    }

    /// RLIMIT_*, by the numbers of Linux.
    private static let names: [UInt32: String] = [
        0: "RLIMIT_CPU", 1: "RLIMIT_FSIZE", 2: "RLIMIT_DATA", 4: "RLIMIT_CORE",
        6: "RLIMIT_NPROC", 7: "RLIMIT_NOFILE", 8: "RLIMIT_MEMLOCK", 9: "RLIMIT_AS",
        12: "RLIMIT_MSGQUEUE",
    ]

    // MARK: Parts, in the order bubblewrap mounts them

    private mutating func system(_ host: BubblewrapArguments.Host) {
        bind("/usr")
        for (path, target) in host.systemFolders {
            if let target { links.append(Link(path: path, target: target)) } else { bind(path) }
        }
    }

    private mutating func configuration(_ host: BubblewrapArguments.Host, _ plan: CagePlan) {
        for path in host.configuration { bind(path) }
        if let zone = host.timeZone { links.append(Link(path: "/etc/localtime", target: zone)) }
        let (uid, gid) = user.map { ($0.uid, $0.gid) } ?? (0, 0)
        file("/etc/passwd", "mcp:x:\(uid):\(gid):mcp:\(CagePlan.home):/bin/sh\n")
        file("/etc/group", "mcp:x:\(gid):\n")
        file("/etc/hosts", "127.0.0.1 localhost sandbox\n::1 localhost\n")
        file("/etc/nsswitch.conf", "passwd: files\ngroup: files\nhosts: files dns\n")
        add(File(path: "/etc/resolv.conf", bytes: plan.network == .host ? host.resolver : []))
    }

    private mutating func kernel(_ plan: CagePlan) {
        mount("/proc", "proc", ["nosuid", "noexec", "nodev"])
        mount("/dev", "tmpfs", ["nosuid", "noexec", "mode=755", "size=65536"])
        mount(
            "/dev/pts",
            "devpts",
            ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620"]
        )
        tmpfs("/dev/shm", plan.limits.sharedMemoryByteCount, "mode=1777")
        tmpfs("/tmp", plan.limits.temporaryByteCount, "mode=1777")
        // Not 0700: what is mounted is root's, and the server may be another user.
        tmpfs(CagePlan.home, plan.limits.homeByteCount, "mode=1777")
    }

    private mutating func mount(_ place: String, _ kind: String, _ options: [String]) {
        // runc gives what it mounts the mode of what is there.
        if !place.hasPrefix("/dev/") {
            addFolders(place, mode: options.contains("mode=1777") ? 0o1777 : 0o755)
        }
        mounts.append(Mount(destination: place, kind: kind, source: kind, options: options))
    }

    private mutating func tmpfs(_ place: String, _ byteCount: UInt64, _ mode: String) {
        mount(place, "tmpfs", ["nosuid", "nodev", mode, "size=\(byteCount)"])
    }

    private mutating func bind(_ path: String) {
        bind(path, at: path, isWritable: false)
    }

    private mutating func show(_ source: CagePlan.Source) {
        bind(source.outside, at: source.inside, isWritable: source.isWritable)
    }

    private mutating func bind(_ outside: String, at inside: String, isWritable: Bool) {
        // What lies in something mounted before is there by then.
        if !mounts.contains(where: { HostPath.lies(inside, in: $0.destination) }) {
            if HostPath.status(outside)?.kind == .file {
                add(File(path: inside, bytes: []))
            } else {
                addFolders(inside)
            }
        }
        mounts.append(
            Mount(
                destination: inside,
                kind: "bind",
                source: outside,
                // Recursive only where the server may write anyway: whatever is mounted later in what
                // is read-only is not there.
                options: [
                    isWritable ? "rbind" : "bind", "nosuid", "nodev", isWritable ? "rw" : "ro",
                ]
            )
        )
    }

    private mutating func file(_ path: String, _ text: String) {
        add(File(path: path, bytes: Array(text.utf8)))
    }

    private mutating func add(_ file: File) {
        addFolders(HostPath.parent(of: file.path))
        files.append(file)
    }

    /// With those above it; what lies in something mounted is not the root's to hold.
    private mutating func addFolders(_ path: String, mode: UInt32 = 0o755) {
        guard path != "/", !folders.contains(where: { $0.path == path }),
            !mounts.contains(where: { HostPath.lies(path, in: $0.destination) }),
            !links.contains(where: { $0.path == path })
        else { return }
        addFolders(HostPath.parent(of: path))
        folders.append(Folder(path: path, mode: mode))
    }
}
