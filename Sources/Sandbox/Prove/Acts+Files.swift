extension Act {
    private static let hidden: [Answer: CageLayer] = [.noEntry: .mounts]
    private static let unchanged: [Answer: CageLayer] = [
        .readOnly: .mounts, .noAccess: .landlock, .noEntry: .mounts, .notPermitted: .mounts,
    ]

    static func files(_ place: ProofPlace) -> [Act] {
        let reading = [
            "/etc/shadow", "/etc/hostname", "/etc/machine-id", "/root/.ssh", "/root", "/var/log",
            "/var/lib", "/run", "/boot", "/sys/class/net", "/sys/kernel", "/opt", "/srv",
            "/dev/mem", "/dev/kmsg", "/dev/fuse", "/dev/kvm", "/dev/net/tun", "/dev/vsock",
            "/dev/sda", "/dev/vda", "/tmp/0",
        ].filter { path in
            // What the operator shows, or what lies above it, stands there with reason.
            !place.insidePlaces.contains { HostPath.overlap($0, path) }
        }.map { Act(.files, "open \($0)", .open($0), held: hidden) }
        let closed = ["/proc/kallsyms", "/proc/keys", "/proc/cmdline"].map { path in
            // A device that holds nothing lies over it; opening a device is not for this user.
            Act(
                .files,
                "read \(path)",
                .open(path),
                .find("", in: .result(0)),
                held: [.noAccess: .mounts, .noEntry: .mounts, .absent: .mounts]
            )
        }
        let writing = [
            "/usr/bin/planted", "/usr/lib/planted", "/etc/passwd", "/etc/hosts",
            "/etc/ld.so.preload",
            "/planted", "/home/planted", "/dev/planted", "/proc/sys/kernel/core_pattern",
            "/proc/sys/kernel/hostname", "/proc/sysrq-trigger", BubblewrapArguments.initPath,
        ].map { Act(.files, "write \($0)", .open($0, 0o101), held: unchanged) }
        let own = place.readOnlyFolders.flatMap { folder in
            [
                Act(
                    .files,
                    "make a file in \(folder)",
                    .open(folder + "/gatehouse-planted", 0o101),
                    held: unchanged
                ),
                Act(
                    .files,
                    "change the mode of \(folder)",
                    .call("fchmodat", -100, .string(folder), 0o777),
                    held: unchanged
                ),
            ]
        }
        let canaries = place.canaryFiles.flatMap { path in
            [
                Act(.files, "open \(path), which the host has", .open(path), held: hidden),
                Act(
                    .files,
                    "open \(path) past its root",
                    .open("/tmp/../../../../../.." + path),
                    held: hidden
                ),
            ]
        }
        return reading + closed + writing + own + canaries + [
            Act(
                .files,
                "read the host's users",
                .open("/etc/passwd"),
                .find("root:", in: .result(0)),
                held: [.absent: .mounts]
            )
        ]
    }

    static func listings(_ place: ProofPlace) -> [Act] {
        let folders = ["root", "boot", "var", "sys", "run", "opt", "srv", "mnt", "media"]
        // What the operator shows, and where the program lies, stands there with reason.
        func isShown(_ path: String) -> Bool {
            place.shownPlaces.contains { $0.hasPrefix(path + "/") || $0 == path }
        }
        return folders.filter { name in !isShown("/" + name) }.map { name in
            listing("/", name, "find /\(name)", [.absent: .mounts])
        }
            + place.homeNames.filter { !isShown("/home/" + $0) }.prefix(4).map { name in
                listing("/home", name, "find /home/\(name)", [.absent: .mounts])
            }
            + [
                listing(
                    "/tmp",
                    place.canaryName,
                    "find a file of the host's /tmp",
                    [.absent: .mounts]
                ),
                listing(
                    "/proc",
                    String(place.gatewayProcess),
                    "find the gateway's process",
                    [.absent: .namespaces]
                ),
                listing("/dev", "mem", "find the machine's memory", [.absent: .mounts]),
                listing("/dev", "fuse", "find a way to mount", [.absent: .mounts]),
            ]
            + place.hidden.map { folder, name in
                listing(folder, name, "find \(folder)/\(name), which is hidden", [.absent: .mounts])
            }
    }

    private static func listing(
        _ folder: String,
        _ name: String,
        _ words: String,
        _ held: [Answer: CageLayer]
    ) -> Act {
        Act(.listings, words, .openFolder(folder), .listed(name, in: .result(0)), held: held)
    }

    static func links(_ place: ProofPlace) -> [Act] {
        let targets = [
            ("/etc/shadow", "a link to the host's secrets", [Answer.noEntry: CageLayer.mounts]),
            ("/proc/1/root/etc/shadow", "a link through PID 1", [.noAccess: .noNewPrivileges]),
            ("/proc/1/cwd/x", "a link through PID 1's folder", [.noAccess: .noNewPrivileges]),
            ("/proc/self/root/etc/shadow", "a link through its own root", [.noEntry: .mounts]),
            ("../../../../etc/shadow", "a link past its root", [.noEntry: .mounts]),
            (place.canaryFiles.first ?? "/x", "a link to a file the host has", [.noEntry: .mounts]),
        ]
        return targets.enumerated().map { index, target in
            let link = "/tmp/prove-link-\(index)"
            return Act(
                .links,
                "follow \(target.1)",
                .call("symlinkat", .string(target.0), -100, .string(link)),
                .open(link),
                held: target.2
            )
        } + [
            Act(
                .links,
                "link a program of the system",
                .call("linkat", -100, "/usr/bin/env", -100, "/tmp/prove-env", 0),
                held: [.otherDevice: .mounts]
            ),
            Act(
                .links,
                "move a program of the system",
                .call("renameat", -100, "/usr/bin/env", -100, "/tmp/prove-moved"),
                held: [.otherDevice: .mounts, .readOnly: .mounts]
            ),
            Act(
                .links,
                "make a device",
                .call("mknodat", -100, "/tmp/prove-device", 0o20666, 0x103),
                held: [.notPermitted: .noNewPrivileges, .noAccess: .landlock]
            ),
            Act(
                .links,
                "make a disk",
                .call("mknodat", -100, "/tmp/prove-disk", 0o60666, 0x800),
                held: [.notPermitted: .noNewPrivileges, .noAccess: .landlock]
            ),
        ]
            + place.readOnlyFolders.prefix(4).map { folder in
                Act(
                    .links,
                    "plant a link in \(folder)",
                    .call("symlinkat", "/etc/shadow", -100, .string(folder + "/gatehouse-planted")),
                    held: unchanged
                )
            }
    }

    static func processes(_ place: ProofPlace) -> [Act] {
        let closed = ["environ", "mem", "maps", "auxv", "exe", "io", "ns/net"].map { name in
            Act(
                .processes,
                "read \(name) of PID 1",
                .open("/proc/1/" + name),
                held: [.noAccess: .noNewPrivileges, .notPermitted: .landlock]
            )
        }
        let identity: [Answer: CageLayer] = [
            .notPermitted: .noNewPrivileges, .invalid: .namespaces, .noCall: .seccomp,
        ]
        return closed + [
            Act(
                .processes,
                "list descriptors of PID 1",
                .openFolder("/proc/1/fd"),
                held: [.noAccess: .noNewPrivileges]
            ),
            Act(
                .processes,
                "signal the gateway",
                .call("kill", .value(UInt64(clamping: place.gatewayProcess)), 0),
                held: [.noProcess: .namespaces]
            ),
            Act(
                .processes,
                "open the gateway's process",
                .call("pidfd_open", number: 434, .value(UInt64(clamping: place.gatewayProcess)), 0),
                held: [.noProcess: .namespaces, .noCall: .seccomp]
            ),
            // Sent and dropped, where Landlock knows no signals: PID 1 of a namespace is immune.
            Act(
                .processes,
                "stop PID 1",
                .call("kill", 1, 19),
                held: [.notPermitted: .landlock, .through: .namespaces]
            ),
            Act(
                .processes,
                "end PID 1",
                .call("kill", 1, 9),
                held: [.notPermitted: .landlock, .through: .namespaces]
            ),
            Act(.processes, "become root", .call("setuid", 0), held: identity),
            Act(.processes, "join root's group", .call("setgid", 0), held: identity),
            Act(.processes, "become another user", .call("setuid", 1), held: identity),
            Act(.processes, "join other groups", .call("setgroups", 1, .buffer), held: identity),
            Act(
                .processes,
                "be root already",
                .call("geteuid"),
                .equals(.result(0), 0),
                held: [.absent: .namespaces]
            ),
            Act(
                .processes,
                "take back what it gave up",
                .call("prctl", 39, 0, 0, 0, 0),
                .equals(.result(0), 0),
                held: [.absent: .noNewPrivileges]
            ),
        ]
    }
}
