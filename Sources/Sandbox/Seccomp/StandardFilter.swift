extension SyscallRule {
    /// The filter every cage has: what a tool server never needs and an intruder would start with.
    ///
    /// A list of denials, because an allowlist breaks with each new libc; what is newer than the list
    /// is answered with ENOSYS by `SeccompFilter.newestKnownCall`.
    package static let standard: [SyscallRule] =
        forbidden + unreadable + namespaces + terminal + sockets

    /// Forbidden whatever the arguments.
    static let forbidden: [SyscallRule] =
        deny(
            "ptrace",
            "process_vm_readv",
            "process_vm_writev",
            "process_madvise",
            "kcmp",
            "pidfd_getfd",
            reason: "reads, changes or robs other processes"
        )
        + deny("perf_event_open", "bpf", reason: "kernel introspection with a history of escapes")
        + deny("userfaultfd", reason: "stops the kernel in the middle of a copy: exploit primitive")
        + deny("add_key", "keyctl", "request_key", reason: "keyrings are not in any namespace")
        + deny(
            "mount",
            "umount",
            "umount2",
            "pivot_root",
            "chroot",
            reason: "the view of files is the cage"
        )
        + deny(
            "setns",
            "unshare",
            reason: "enters or makes namespaces: a kernel surface of its own"
        )
        + deny(
            "kexec_load",
            "kexec_file_load",
            "init_module",
            "finit_module",
            "delete_module",
            "create_module",
            "iopl",
            "ioperm",
            "swapon",
            "swapoff",
            "reboot",
            "acct",
            "quotactl",
            "syslog",
            "nfsservctl",
            "settimeofday",
            "clock_settime",
            "clock_adjtime",
            "adjtimex",
            "stime",
            "sethostname",
            "setdomainname",
            "vhangup",
            reason: "administers the machine"
        )
        + [
            SyscallRule(
                call: "quotactl_fd",
                number: 443,
                answer: .notPermitted,
                reason: "administers the machine"
            )
        ]
        + deny(
            "lookup_dcookie",
            "uselib",
            "ustat",
            "sysfs",
            "_sysctl",
            "vm86",
            "vm86old",
            "modify_ldt",
            reason: "left over from old systems, rarely looked at"
        )
        + deny(
            "open_by_handle_at",
            "name_to_handle_at",
            reason: "opens files by number, past every mount (CVE-2014-3519 and kin)"
        )
        + deny("fanotify_init", "fanotify_mark", reason: "watches whole file systems")
        + deny(
            "mbind",
            "set_mempolicy",
            "get_mempolicy",
            "migrate_pages",
            "move_pages",
            reason: "places memory for other processes, tells addresses"
        )
        + [
            // One comparison only: two on one argument make libseccomp refuse the rule.
            SyscallRule(
                call: "personality",
                arguments: [.notEqual(0, 0)],
                answer: .notPermitted,
                reason: "turns off address randomisation, old execution domains"
            )
        ]

    /// Answered as on an older kernel, so that libraries use the call the filter can look into.
    static let unreadable: [SyscallRule] =
        [
            ("clone3", 435, "its flags lie in memory, which a filter cannot read (CVE-2021-41133)"),
            ("io_uring_setup", 425, "does what system calls do, unseen by the filter"),
            ("io_uring_enter", 426, "does what system calls do, unseen by the filter"),
            ("io_uring_register", 427, "does what system calls do, unseen by the filter"),
            ("open_tree", 428, "mounts"),
            ("move_mount", 429, "mounts"),
            ("fsopen", 430, "mounts"),
            ("fsconfig", 431, "mounts"),
            ("fsmount", 432, "mounts"),
            ("fspick", 433, "mounts"),
            ("mount_setattr", 442, "mounts"),
            ("memfd_secret", 447, "memory nobody else can look at"),
            ("statmount", 457, "tells the mounts of others"),
            ("listmount", 458, "tells the mounts of others"),
            ("lsm_set_self_attr", 460, "changes security labels"),
            ("open_tree_attr", 467, "mounts"),
            ("listns", 470, "tells the namespaces of others"),
        ].map { name, number, reason in
            SyscallRule(call: name, number: number, answer: .notImplemented, reason: reason)
        }

    /// `clone` with any of CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET.
    static let namespaces: [SyscallRule] =
        [
            0x0002_0000, 0x0200_0000, 0x0400_0000, 0x0800_0000, 0x1000_0000, 0x2000_0000,
            0x4000_0000,
        ].map { (flag: UInt64) in
            SyscallRule(
                call: "clone",
                arguments: [.masked(0, mask: flag, value: flag)],
                answer: .notPermitted,
                reason: "makes a namespace"
            )
        }

    /// Requests are compared on the low 32 bits: the kernel drops the rest, a 64-bit comparison was
    /// passed with `TIOCSTI | 1 << 32` (CVE-2019-10063).
    static let terminal: [SyscallRule] =
        [
            (0x5412, "TIOCSTI types into the terminal it was started from"),
            (0x541c, "TIOCLINUX pastes into a console"),
            (0x541d, "TIOCCONS takes over console output"),
        ].map { request, reason in
            SyscallRule(
                call: "ioctl",
                arguments: [.masked(1, mask: 0xffff_ffff, value: request)],
                answer: .notPermitted,
                reason: reason
            )
        }

    /// Which socket families exist.
    ///
    /// A network namespace does not cover them all: a vsock connect left a cage without any
    /// interface, so that this is part of the network boundary, not a nicety.
    static let sockets: [SyscallRule] = {
        let unix: UInt64 = 1
        let netlink: UInt64 = 16
        let offered: Set<UInt64> = [unix, 2, 10, netlink]
        var rules: [SyscallRule] = []
        // `>= 64` also holds for a family with any of its upper 32 bits set, which the kernel drops.
        for call in ["socket", "socketpair"] {
            let families = call == "socket" ? offered : [unix]
            for family in (0..<64 as Range<UInt64>) where !families.contains(family) {
                rules.append(
                    SyscallRule(
                        call: call,
                        arguments: [.equal(0, family)],
                        answer: .familyNotSupported,
                        reason: "only UNIX, INET, INET6 and NETLINK are offered"
                    )
                )
            }
            rules.append(
                SyscallRule(
                    call: call,
                    arguments: [.atLeast(0, 64)],
                    answer: .familyNotSupported,
                    reason: "only UNIX, INET, INET6 and NETLINK are offered"
                )
            )
        }
        for family in [2, 10] as [UInt64] {
            for kind in [3, 10] as [UInt64] {
                rules.append(
                    SyscallRule(
                        call: "socket",
                        arguments: [.equal(0, family), .masked(1, mask: 0xf, value: kind)],
                        answer: .notPermitted,
                        reason: "raw packets (SOCK_RAW, SOCK_PACKET)"
                    )
                )
            }
        }
        rules.append(
            SyscallRule(
                call: "socket",
                arguments: [.equal(0, netlink), .notEqual(2, 0)],
                answer: .notPermitted,
                reason: "of netlink only NETLINK_ROUTE, which lists interfaces"
            )
        )
        return rules
    }()

    /// On the host's network: no unix sockets either, only socketpair.
    ///
    /// Abstract ones belong to the network namespace, and the host's services listen on them.
    package static let hostNetwork: [SyscallRule] =
        standard + [
            SyscallRule(
                call: "socket",
                arguments: [.equal(0, 1)],
                answer: .notPermitted,
                reason: "abstract unix sockets of the host are reachable on its network"
            )
        ]

    private static func deny(_ calls: String..., reason: String) -> [SyscallRule] {
        calls.map { SyscallRule(call: $0, answer: .notPermitted, reason: reason) }
    }
}
