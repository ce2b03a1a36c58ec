extension Act {
    /// What every cage must let a server do.
    static func working(_ plan: CagePlan) -> [Act] {
        [
            Act(.works, "execute its program", .call("getpid")),
            Act(.works, "read a program of the system", .open("/usr/bin/env")),
            Act(.works, "write to /tmp", .open("/tmp/prove-works", 0o102)),
            Act(.works, "write to its home", .open(CagePlan.home + "/prove-works", 0o102)),
            Act(.works, "list /usr", .openFolder("/usr"), .listed("bin", in: .result(0))),
            Act(.works, "start a process", .fork(1)),
            Act(
                .works,
                "hold no capability",
                .open("/proc/self/status"),
                .find("CapEff:\t0000000000000000", in: .result(0)),
                .open("/proc/self/status"),
                .find("CapBnd:\t0000000000000000", in: .result(2))
            ),
            Act(.works, "have memory", .hog(8 << 20)),
            Act(.works, "make a pipe", .call("pipe2", .buffer, 0)),
            Act(.works, "read the time", .call("clock_gettime", 0, .buffer)),
            Act(.works, "have random bytes", .call("getrandom", .buffer, 32, 0)),
            Act(
                .works,
                "see itself in /proc",
                .open("/proc/self/status"),
                .find("Seccomp:\t2", in: .result(0))
            ),
        ]
            + plan.sources.map { source in
                // A file without a name in a writable folder: nobody outside sees anything of it.
                source.isWritable
                    ? Act(.works, "write in \(source.inside)", .open(source.inside, 0o20200002))
                    : Act(.works, "read \(source.inside)", .open(source.inside))
            }
    }

    /// Calls whose refusal is the filter's; each is one that a kernel would answer otherwise.
    static let kernel: [Act] =
        forbidden.map { name, step in
            Act(.kernel, name, step, held: [.notPermitted: .seccomp, .noCall: .seccomp])
        }
        + unlisted.map { name, step in Act(.kernel, name, step, held: [.noCall: .seccomp]) }
        + [
            Act(
                .kernel,
                "make a call of another architecture",
                .machine32,
                held: [.signal(31): .seccomp, .signal(11): .seccomp]
            )
        ]

    // The strict filter answers ENOSYS where the standard one says EPERM: either is the filter.
    private static let forbidden: [(String, Step)] = [
        ("trace PID 1", .call("ptrace", 16, 1, 0, 0)),
        ("read another process's memory", .call("process_vm_readv", 1, 0, 0, 0, 0, 0)),
        ("write another process's memory", .call("process_vm_writev", 1, 0, 0, 0, 0, 0)),
        ("compare kernel objects", .call("kcmp", 1, 1, 0, 0, 0)),
        ("rob a descriptor", .call("pidfd_getfd", number: 438, 0, 0, 0)),
        ("measure the kernel", .call("perf_event_open", 0, 0, -1, -1, 0)),
        ("load a BPF program", .call("bpf", 0, 0, 0)),
        ("stop the kernel in a copy", .call("userfaultfd", 1)),
        ("add a key", .call("add_key", "user", "name", "value", 5, -4)),
        ("ask for a key", .call("request_key", "user", "name", 0, -4)),
        ("join a keyring", .call("keyctl", 1, 0)),
        ("mount", .call("mount", "none", "/tmp", "tmpfs", 0, 0)),
        ("bind a folder elsewhere", .call("mount", "/usr", "/tmp", 0, 4096, 0)),
        ("unmount", .call("umount2", "/tmp", 2)),
        ("change its root", .call("chroot", "/tmp")),
        ("pivot its root", .call("pivot_root", "/tmp", "/tmp")),
        ("enter a namespace", .call("setns", 0, 0)),
        ("make a user namespace", .call("unshare", 0x1000_0000)),
        ("make a mount namespace", .call("unshare", 0x2_0000)),
        ("make a network namespace", .call("unshare", 0x4000_0000)),
        ("start a process in a user namespace", .call("clone", 0x1000_0011, 0, 0, 0, 0)),
        ("start a process in a PID namespace", .call("clone", 0x2000_0011, 0, 0, 0, 0)),
        ("turn off address randomisation", .call("personality", 0x4_0000)),
        ("load a kernel module", .call("init_module", 0, 0, "")),
        ("load a kernel module from a file", .call("finit_module", 0, "", 0)),
        ("remove a kernel module", .call("delete_module", "x", 0)),
        ("load another kernel", .call("kexec_load", 0, 0, 0, 0)),
        ("restart the machine", .call("reboot", 0, 0, 0, 0)),
        ("turn on swap", .call("swapon", "/tmp/x", 0)),
        ("turn off swap", .call("swapoff", "/tmp/x")),
        ("write to ports of the machine", .call("iopl", 3)),
        ("read the kernel's log", .call("syslog", 3, .buffer, 64)),
        ("rename the machine", .call("sethostname", "x", 1)),
        ("set the time", .call("settimeofday", 0, 0)),
        ("set a clock", .call("clock_settime", 0, 0)),
        ("adjust a clock", .call("adjtimex", .buffer)),
        ("open a file by its number", .call("open_by_handle_at", -100, 0, 0)),
        ("learn a file's number", .call("name_to_handle_at", -100, "/tmp", .buffer, .buffer, 0)),
        ("watch a whole file system", .call("fanotify_init", 0, 0)),
        ("move another's pages", .call("move_pages", 1, 0, 0, 0, 0, 0)),
        ("change segments", .call("modify_ldt", 0, .buffer, 0)),
        ("change quotas", .call("quotactl", 0, 0, 0, 0)),
        ("turn on accounting", .call("acct", 0)),
        ("hang up terminals", .call("vhangup")),
    ]

    private static let unlisted: [(String, Step)] = [
        ("clone with flags in memory", .call("clone3", number: 435, 0, 0)),
        ("make an io_uring", .call("io_uring_setup", number: 425, 1, .buffer)),
        ("enter an io_uring", .call("io_uring_enter", number: 426, 0, 0, 0, 0, 0)),
        ("copy a mount", .call("open_tree", number: 428, -100, "/", 0)),
        ("move a mount", .call("move_mount", number: 429, -100, "/", -100, "/tmp", 0)),
        ("open a file system", .call("fsopen", number: 430, "tmpfs", 0)),
        ("change a mount", .call("mount_setattr", number: 442, -100, "/", 0, .buffer, 32)),
        ("hide memory", .call("memfd_secret", number: 447, 0)),
        ("list mounts", .call("listmount", number: 458, .buffer, .buffer, 8, 0)),
        ("make a call nobody knows yet", .call("", number: 471)),
        ("make a call with the x32 numbers", .call("", number: 0x4000_0027)),
    ]

    static let terminal: [Act] = [
        Act(
            .terminal,
            "type into its terminal",
            .call("ioctl", 0, 0x5412, "x"),
            held: [.notPermitted: .seccomp]
        ),
        Act(
            .terminal,
            "type with a bit the kernel drops",
            .call("ioctl", 0, 0x1_0000_5412, "x"),
            held: [.notPermitted: .seccomp]
        ),
        Act(
            .terminal,
            "paste into a console",
            .call("ioctl", 0, 0x541c, "x"),
            held: [.notPermitted: .seccomp]
        ),
        Act(
            .terminal,
            "take over console output",
            .call("ioctl", 0, 0x541d, 0),
            held: [.notPermitted: .seccomp]
        ),
        Act(
            .terminal,
            "open its terminal",
            .open("/dev/tty", 2),
            held: [.noDevice: .namespaces, .noEntry: .mounts]
        ),
        Act(.terminal, "open a console", .open("/dev/console", 2), held: [.noEntry: .mounts]),
        Act(.terminal, "open a virtual terminal", .open("/dev/tty0", 2), held: [.noEntry: .mounts]),
        Act(
            .terminal,
            "find a terminal of the host",
            .openFolder("/dev/pts"),
            .listed("0", in: .result(0)),
            held: [.absent: .mounts]
        ),
        Act(
            .terminal,
            "take a terminal as its own",
            .call("ioctl", 0, 0x540e, 0),
            held: [.noTerminal: .namespaces, .invalid: .namespaces]
        ),
    ]
}
