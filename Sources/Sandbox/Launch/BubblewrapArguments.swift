/// A plan in bubblewrap's words.
///
/// Pure: descriptors are named by what they will hold, so that the whole command can be compared in
/// a test and shown to a person.
struct BubblewrapArguments: Equatable {
    enum Word: Equatable {
        case text(String)
        /// The number of a descriptor that holds this.
        case descriptor(Content)
        /// The place gatehouse-stage mounts this at, where bubblewrap's user could not look it up.
        case staged(CagePlan.Source)

        /// What of the host it shows, if it does.
        var source: CagePlan.Source? {
            switch self {
            case .staged(let source), .descriptor(.source(let source)): source
            case .text, .descriptor(.bytes): nil
            }
        }
    }

    enum Content: Equatable {
        /// A sealed file in memory.
        case bytes(name: String, [UInt8])
        /// A path of the host, opened without following links.
        case source(CagePlan.Source)
    }

    var words: [Word] = []

    /// What of the host is there; a value, so that the words depend on nothing else.
    struct Host: Equatable {
        /// `/bin`, `/lib`, …: the target where it is a link, nil where it is a folder.
        var systemFolders: [(path: String, target: String?)] = []
        var configuration: [String] = []
        /// Where `/etc/localtime` points to, or nil.
        var timeZone: String?
        var maskedFiles: [String] = []
        var resolver: [UInt8] = []
        /// The file of all certificates the machine trusts, which programs read that are not told.
        var authorities: String?

        static func == (left: Host, right: Host) -> Bool {
            left.systemFolders.elementsEqual(right.systemFolders, by: ==)
                && left.configuration == right.configuration && left.timeZone == right.timeZone
                && left.maskedFiles == right.maskedFiles && left.resolver == right.resolver
                && left.authorities == right.authorities
        }
    }

    static let initPath = "/gatehouse-init"
    /// Only there while `gatehouse prove` runs.
    static let victimPath = "/gatehouse-victim"

    /// - Parameter captures: whether gatehouse-stage has made the network of a way out.
    init(_ plan: CagePlan, filters: [SeccompFilter], host: Host, captures: Bool = false) {
        let isCaptured = captures && plan.network == .egress
        isolate(plan, isCaptured)
        system(host)
        configuration(host, plan, isCaptured)
        kernel(host)
        folders(plan)
        code(plan)
        add("--perms", "0555", "--ro-bind-data")
        add(.bytes(name: "gatehouse-init", InitProtocol.image))
        add(Self.initPath)
        if plan.command.executable == Self.victimPath {
            add("--perms", "0555", "--ro-bind-data")
            add(.bytes(name: "gatehouse-victim", InitProtocol.victimImage))
            add(Self.victimPath)
        }
        add("--chdir", "/", "--remount-ro", "/")
        for filter in filters {
            add(filters.count == 1 ? "--seccomp" : "--add-seccomp-fd")
            add(.bytes(name: "seccomp", filter.program))
        }
    }

    // MARK: Parts

    private mutating func isolate(_ plan: CagePlan, _ isCaptured: Bool) {
        add("--unshare-user", "--unshare-pid", "--unshare-ipc", "--unshare-uts")
        add("--unshare-cgroup")
        // A captured one is isolated already, and not this user's to change.
        if plan.network != .host, !isCaptured { add("--unshare-net") }
        add("--disable-userns", "--uid", "1000", "--gid", "1000", "--hostname", "sandbox")
        add("--cap-drop", "ALL", "--as-pid-1", "--die-with-parent", "--new-session")
    }

    private mutating func system(_ host: Host) {
        add("--ro-bind", "/usr", "/usr")
        for (path, target) in host.systemFolders {
            if let target {
                add("--symlink", target, path)
            } else {
                add("--ro-bind", path, path)
            }
        }
    }

    private mutating func configuration(_ host: Host, _ plan: CagePlan, _ isCaptured: Bool) {
        add("--dir", "/etc")
        for path in host.configuration { add("--ro-bind", path, path) }
        if let zone = host.timeZone { add("--symlink", zone, "/etc/localtime") }
        file("passwd", "mcp:x:1000:1000:mcp:\(CagePlan.home):/bin/sh\n")
        file("group", "mcp:x:1000:\n")
        file("hosts", "127.0.0.1 localhost sandbox\n::1 localhost\n")
        file("nsswitch.conf", "passwd: files\ngroup: files\nhosts: files dns\n")
        let own = isCaptured ? Array("nameserver 127.0.0.1\n".utf8) : []
        file("resolv.conf", plan.network == .host ? host.resolver : own)
        if let authorities = plan.authorities { trust(authorities, host) }
    }

    /// Where programs are told to look, and where those look that cannot be told.
    private mutating func trust(_ authorities: [UInt8], _ host: Host) {
        file(String(CagePlan.authoritiesPath.dropFirst("/etc/".count)), authorities)
        guard let bundle = host.authorities else { return }
        add("--perms", "0444", "--ro-bind-data")
        add(.bytes(name: "authorities", authorities))
        add(bundle)
    }

    private mutating func file(_ name: String, _ text: String) { file(name, Array(text.utf8)) }

    private mutating func file(_ name: String, _ bytes: [UInt8]) {
        add("--perms", "0444", "--ro-bind-data")
        add(.bytes(name: name, bytes))
        add("/etc/" + name)
    }

    private mutating func kernel(_ host: Host) {
        add("--proc", "/proc")
        for path in host.maskedFiles { add("--ro-bind", "/dev/null", path) }
        add("--dev", "/dev")
    }

    private mutating func folders(_ plan: CagePlan) {
        // bubblewrap's /dev and /dev/shm are writable without a bound: 100 MB went in.
        tmpfs("/dev/shm", plan.limits.sharedMemoryByteCount, "1777")
        add("--remount-ro", "/dev")
        tmpfs("/tmp", plan.limits.temporaryByteCount, "1777")
        tmpfs(CagePlan.home, plan.limits.homeByteCount, "0700")
    }

    private mutating func tmpfs(_ path: String, _ byteCount: UInt64, _ mode: String) {
        add("--size", String(byteCount), "--perms", mode, "--tmpfs", path)
    }

    private mutating func code(_ plan: CagePlan) {
        for source in plan.sources + plan.program {
            guard case .composed(let folder) = source.view else {
                show(source, isStaged: plan.isStaged)
                continue
            }
            for place in folder.folders { add("--dir", place) }
            for entry in folder.shown { show(entry, isStaged: plan.isStaged) }
            for link in folder.links { add("--symlink", link.target, link.path) }
        }
        for link in plan.links { add("--symlink", link.target, link.path) }
    }

    private mutating func show(_ source: CagePlan.Source, isStaged: Bool) {
        if isStaged {
            add(source.isWritable ? "--bind" : "--ro-bind")
            words.append(.staged(source))
        } else {
            add(source.isWritable ? "--bind-fd" : "--ro-bind-fd")
            add(.source(source))
        }
        add(source.inside)
    }

    private mutating func add(_ texts: String...) { words += texts.map { .text($0) } }

    private mutating func add(_ content: Content) { words.append(.descriptor(content)) }
}

extension BubblewrapArguments.Host {
    /// Looks at this machine; blocks.
    static func current() -> Self {
        var host = Self()
        for path in ["/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32"] {
            switch HostPath.status(path)?.kind {
            case .link: host.systemFolders.append((path, HostPath.target(of: path)))
            case .folder: host.systemFolders.append((path, nil))
            default: break
            }
        }
        host.configuration = [
            "/etc/ssl/certs", "/etc/pki/tls/certs", "/etc/pki/ca-trust", "/etc/ca-certificates",
            "/etc/ld.so.cache", "/etc/ld.so.conf", "/etc/ld.so.conf.d", "/etc/alternatives",
            "/etc/mime.types", "/etc/services", "/etc/protocols", "/etc/timezone",
        ].filter { path in
            // A link would be followed while mounting; the few systems that have one do without.
            HostPath.status(path).map { $0.kind == .folder || $0.kind == .file } ?? false
        }
        switch HostPath.status("/etc/localtime")?.kind {
        case .link: host.timeZone = HostPath.target(of: "/etc/localtime")
        case .file: host.configuration.append("/etc/localtime")
        default: break
        }
        // What names the host or eases an exploit; a server has no use for them.
        host.maskedFiles = [
            "/proc/keys", "/proc/key-users", "/proc/kallsyms", "/proc/cmdline",
            "/proc/config.gz", "/proc/timer_list", "/proc/sched_debug", "/proc/kcore",
            "/proc/latency_stats", "/proc/modules", "/proc/kpagecount", "/proc/kpageflags",
        ].filter { HostPath.status($0) != nil }
        host.authorities = ["/etc/ssl/certs/ca-certificates.crt"]
            .first { HostPath.status($0)?.kind == .file }
        host.resolver =
            HostPath.walk("/etc/resolv.conf")
            .flatMap { HostPath.beginning(of: $0.real, limit: 16 << 10) } ?? []
        return host
    }
}
