extension Act {
    /// Families end at `socket(2)`: nothing is ever connected outside of this machine.
    static func network(_ place: ProofPlace) -> [Act] {
        let families: [(String, Int)] = [
            ("vsock", 40), ("packet", 17), ("alg", 38), ("xdp", 44), ("bluetooth", 31), ("rds", 21),
            ("tipc", 30), ("can", 29), ("kcm", 41), ("smc", 43), ("qipcrtr", 42), ("nfc", 39),
            ("ieee802154", 36), ("key", 15), ("x25", 9), ("ax25", 3), ("llc", 26), ("ipx", 4),
        ]
        let reached: [Answer: CageLayer] = [
            .refused: .namespaces, .unreachable: .namespaces, .noAccess: .landlock,
            .notPermitted: .landlock,
        ]
        let sockets =
            families.map { name, number in
                Act(
                    .network,
                    "make a socket of family \(name)",
                    .call("socket", .value(UInt64(number)), 1, 0),
                    held: [.noFamily: .seccomp]
                )
            } + [
                Act(
                    .network,
                    "make a vsock with a bit the kernel drops",
                    .call("socket", 0x1_0000_0028, 1, 0),
                    held: [.noFamily: .seccomp]
                ),
                Act(
                    .network,
                    "send raw packets",
                    .call("socket", 2, 3, 1),
                    held: [.notPermitted: .seccomp]
                ),
                Act(
                    .network,
                    "send raw packets of version 6",
                    .call("socket", 10, 3, 58),
                    held: [.notPermitted: .seccomp]
                ),
                Act(
                    .network,
                    "talk to the kernel's firewall",
                    .call("socket", 16, 3, 12),
                    held: [.notPermitted: .seccomp]
                ),
                Act(
                    .network,
                    "talk to the kernel's auditing",
                    .call("socket", 16, 3, 9),
                    held: [.notPermitted: .seccomp]
                ),
                Act(
                    .network,
                    "hear of devices",
                    .call("socket", 16, 3, 15),
                    held: [.notPermitted: .seccomp]
                ),
            ]
        let listening = Step.Argument.text(ProofPlace.address(port: place.port))
        let datagrams = Step.Argument.text(ProofPlace.address(port: place.datagramPort))
        let abstract = Step.Argument.text([1, 0, 0] + Array(place.abstractName.utf8))
        let abstractCount = Step.Argument.value(UInt64(3 + place.abstractName.utf8.count))
        return sockets + control + [
            place.isCaptured
                ? Act(
                    .network,
                    "take the gateway's place as its resolver",
                    .call("socket", 2, 2, 0),
                    .call("bind", .result(0), .text(ProofPlace.address(port: 53)), 16),
                    held: [.noAccess: .namespaces]
                )
                : Act(
                    .network,
                    "find a resolver",
                    .open("/etc/resolv.conf"),
                    .find("nameserver", in: .result(0)),
                    held: [.absent: .mounts]
                ).onHostNetwork(),
            Act(
                .network,
                "connect to a service of the host's loopback",
                .call("socket", 2, 1, 0),
                .call("connect", .result(0), listening, 16),
                held: reached
            ).onHostNetwork(),
            Act(
                .network,
                "send a datagram to a service of the host",
                .call("socket", 2, 2, 0),
                .call("connect", .result(0), datagrams, 16),
                .call("sendto", .result(0), "x", 1, 0, 0, 0),
                .call("recvfrom", .result(0), .buffer, 8, 0x40, 0, 0),
                held: reached
            ).onHostNetwork(),
            Act(
                .network,
                "connect to an abstract socket of the host",
                .call("socket", 1, 1, 0),
                .call("connect", .result(0), abstract, abstractCount),
                held: reached.merging([.notPermitted: place.abstractLayer]) { $1 }
            ),
            Act(
                .network,
                "listen where others could connect",
                .call("socket", 2, 1, 0),
                .call("bind", .result(0), .text(ProofPlace.address(port: 0)), 16),
                .call("listen", .result(0), 1),
                // Without Landlock it may, where nobody can come.
                held: [.noAccess: .landlock, .through: .namespaces]
            ).onHostNetwork(),
            Act(
                .network,
                "find a way out in the routes",
                .open("/proc/net/route"),
                .find("\t00000000\t", in: .result(0)),
                held: [.absent: .namespaces]
            ).onHostNetwork(),
            Act(
                .network,
                "find the container engine's socket",
                .open("/var/run/docker.sock"),
                held: [.noEntry: .mounts]
            ),
            Act(
                .network,
                "find the system's bus",
                .open("/run/dbus/system_bus_socket"),
                held: [.noEntry: .mounts]
            ),
        ]
            + place.interfaces.map { name in
                Act(
                    .network,
                    "find the host's interface \(name)",
                    .open("/proc/net/dev"),
                    .find(name + ":", in: .result(0)),
                    held: [.absent: .namespaces]
                ).onHostNetwork()
            }
    }

    /// Rights over a network that is not the server's, even where it is its own.
    private static let control: [Act] = [
        ("lead its traffic elsewhere", 0x890b), ("take an interface down", 0x8914),
        ("give an interface an address", 0x8916),
    ].map { name, request in
        Act(
            .network,
            name,
            .call("socket", 2, 2, 0),
            .call("ioctl", .result(0), .value(request), .buffer),
            held: [.notPermitted: .noNewPrivileges]
        )
    }

    static func secrets(_ place: ProofPlace) -> [Act] {
        place.protectedPaths.map { path in
            Act(.secrets, "open \(path)", .open(path), held: [.noEntry: .mounts])
        } + [
            Act(
                .secrets,
                "use a descriptor somebody left open",
                .scan(3, 1023),
                held: [.absent: .noNewPrivileges]
            ),
            Act(
                .secrets,
                "read the gateway's variables in its own",
                .open("/proc/self/environ"),
                .find("GATEHOUSE_", in: .result(0)),
                held: [.absent: .noNewPrivileges]
            ),
            Act(
                .secrets,
                "learn the state folder from PID 1's arguments",
                .open("/proc/1/cmdline"),
                .find(place.state, in: .result(0)),
                held: [.absent: .noNewPrivileges, .noAccess: .noNewPrivileges]
            ),
            Act(
                .secrets,
                "learn the state folder from its mounts",
                .open("/proc/self/mountinfo"),
                .find(place.state, in: .result(0)),
                held: [.absent: .mounts]
            ),
            Act(
                .secrets,
                "read keys of the session",
                .call("keyctl", 0, -3, 0),
                held: [.notPermitted: .seccomp, .noCall: .seccomp]
            ),
        ]
    }

    static func exhaustion(_ plan: CagePlan) -> [Act] {
        let limits = plan.limits
        func fill(_ folder: String, _ words: String) -> Act {
            Act(
                .exhaustion,
                words,
                .again(100_000),
                .open(folder, 0o20200002),
                held: [.tooManyFiles: .rlimits]
            )
        }
        func flood(_ folder: String, _ size: UInt64) -> Act {
            let steps: [Step] = (0..<15).flatMap { index in
                [
                    Step.open("\(folder)/prove-\(index)", 0o102),
                    .call("fallocate", .result(index * 2), 0, 0, .value(size / 12 + 1)),
                ]
            }
            return Act(
                .exhaustion,
                "fill \(folder)",
                steps: steps,
                held: [
                    .noSpace: .mounts, .signal(9): .cgroup, .silence: .cgroup, .noMemory: .cgroup,
                    .signal(25): .rlimits, .tooBig: .rlimits,
                ]
            ).alone()
        }
        return [
            Act(
                .exhaustion,
                "start processes without end",
                .fork(Int(clamping: limits.processCount) + 64),
                held: [.tryAgain: .rlimits]
            ).alone(),
            fill("/tmp", "open files without end"),
            Act(
                .exhaustion,
                "write a file without end",
                .open("/tmp/prove-big", 0o102),
                .call("ftruncate", .result(0), .value(limits.fileByteCount + 1)),
                held: [.tooBig: .rlimits, .signal(25): .rlimits]
            ),
            flood("/tmp", limits.temporaryByteCount),
            flood("/dev/shm", limits.sharedMemoryByteCount),
            flood(CagePlan.home, limits.homeByteCount),
            Act(
                .exhaustion,
                "use memory without end",
                .hog(limits.memoryByteCount * 3),
                held: [
                    .signal(9): .cgroup, .silence: .cgroup, .noMemory: .rlimits,
                ]
            ).alone(seconds: 60),
            Act(
                .exhaustion,
                "lock memory",
                .call("mmap", 0, 4096, 3, 0x22, -1, 0),
                .call("mlock", .result(0), 4096),
                held: [.notPermitted: .rlimits, .noMemory: .rlimits]
            ),
            Act(
                .exhaustion,
                "raise its limit of processes",
                .call("prlimit64", 0, 6, .text(ProofPlace.limit(limits.processCount + 1)), 0),
                held: [.notPermitted: .rlimits]
            ),
            Act(
                .exhaustion,
                "raise its limit of descriptors",
                .call("prlimit64", 0, 7, .text(ProofPlace.limit(limits.descriptorCount + 1)), 0),
                held: [.notPermitted: .rlimits]
            ),
            Act(
                .exhaustion,
                "allow itself core dumps",
                .call("prlimit64", 0, 4, .text(ProofPlace.limit(1 << 20)), 0),
                held: [.notPermitted: .rlimits]
            ),
        ]
    }

    init(_ group: Group, _ name: String, steps: [Step], held: [Answer: CageLayer]) {
        self.group = group
        self.name = name
        self.steps = steps
        self.held = held
    }
}
