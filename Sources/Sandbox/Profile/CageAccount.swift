import Base

/// What of one cage is held by which layer on this machine, in words; made for people who decide
/// whether that is enough.
package struct CageAccount: Sendable, Equatable {
    package struct Row: Sendable, Equatable {
        package let layer: CageLayer
        package let holds: Bool
        package let isRequired: Bool
        package let details: [String]
    }

    package let rows: [Row]

    package init(_ plan: CagePlan, tools: CageTools, probe: CageProbe) {
        rows = CageLayer.allCases.map { layer in
            let finding = probe.findings[layer] ?? .missing("not looked for")
            return Row(
                layer: layer,
                holds: finding.isPresent,
                isRequired: plan.minimum.contains(layer),
                details: finding.isPresent
                    ? Self.details(layer, plan, tools)
                    : [finding.description] + Self.instead(of: layer, plan)
            )
        }
    }

    private static func details(
        _ layer: CageLayer,
        _ plan: CagePlan,
        _ tools: CageTools
    ) -> [String] {
        let limits = plan.limits
        switch layer {
        case .namespaces:
            return ["own users, processes, IPC, host name and control groups"]
                + network(plan, tools)
        case .mounts: return mounts(plan, tools)
        case .noNewPrivileges: return ["no rights by executing, no capabilities, uid 1000 inside"]
        case .seccomp:
            return tools.filters(of: plan).map { filter in
                filter.groups.isEmpty
                    ? "\(filter.rules.count) denials, \(filter.instructionCount) instructions"
                    : "strict: \(filter.groups.reduce(0) { $0 + $1.calls.count }) calls allowed, "
                        + "\(filter.instructionCount) instructions"
            }
        case .rlimits:
            return [
                "\(limits.processCount) processes, \(limits.descriptorCount) descriptors each, files "
                    + "of at most \(mebibytes(limits.fileByteCount))",
                "no core dumps, message queues or locked memory",
            ]
        case .landlock:
            return [LandlockRules(plan, tools)?.words ?? "nothing"]
        case .cgroup:
            var words = ["\(mebibytes(limits.memoryByteCount)) of memory, its files in memory too"]
            if tools.groups?.boundsProcessor == true {
                words.append("\(processors(limits.processorThousandths))")
            } else {
                words.append("PROCESSOR TIME IS NOT BOUNDED: cpu is not delegated")
            }
            return words + ["\(limits.processCount) processes", tools.groups?.words ?? ""]
        case .overlay: return hidden(plan)
        case .ownUser:
            guard case .own(let uid, _) = plan.identity else { return [] }
            return ["uid \(uid), no other server's"]
        }
    }

    private static func network(_ plan: CagePlan, _ tools: CageTools) -> [String] {
        switch plan.network {
        case .none: return ["no network: a loopback of its own and nothing else"]
        case .host: return ["THE NETWORK OF THE HOST"]
        case .egress where !tools.capturesNetwork:
            return [
                "no network but a proxy on its own loopback, which is the gateway",
                "PROGRAMS THAT READ NO HTTPS_PROXY DO NOT GET OUT: this machine captures no "
                    + "connections (see `doctor`)",
            ]
        case .egress:
            let ports = plan.capturedPorts(tools).map { String($0) }.joined(separator: ", ")
            return [
                "no network but its own loopback: every address on TCP ports \(ports), the proxy on "
                    + "\(InitProtocol.egressPort) and names on \(InitProtocol.namePort) are the gateway"
            ]
        }
    }

    private static func mounts(_ plan: CagePlan, _ tools: CageTools) -> [String] {
        let system = ["/usr"] + tools.host.systemFolders.filter { $0.target == nil }.map(\.path)
        let limits = plan.limits
        return ["read-only: \(system.joined(separator: ", ")), parts of /etc"]
            + plan.sources.map { source in
                let place =
                    source.inside == source.outside
                    ? source.inside : "\(source.inside) (\(source.outside))"
                return (source.isWritable ? "WRITABLE: " : "read-only: ") + printable(place)
            }
            + [
                "its own, gone at its end: /tmp \(mebibytes(limits.temporaryByteCount)), "
                    + "\(CagePlan.home) \(mebibytes(limits.homeByteCount)), "
                    + "/dev/shm \(mebibytes(limits.sharedMemoryByteCount))",
                "nothing else of this machine",
            ]
    }

    private static func hidden(_ plan: CagePlan) -> [String] {
        plan.sources.compactMap { source in
            let place = printable(source.inside)
            switch source.view {
            case .whole: return nil
            case .hiding(let layer): return hidden(layer.hiddenCount, in: place)
            case .copying(let layer, _):
                return hidden(
                    layer.hiddenCount,
                    in: "\(place) (COPY ON WRITE: see `servers changes`)"
                )
            case .composed(let folder):
                return hidden(folder.hiddenCount, in: place)
                    + "; \(folder.shown.count + folder.links.count) shown one by one, and what is "
                    + "made beside them later is not"
            }
        }
    }

    private static func hidden(_ count: Int, in place: String) -> String {
        count == 0
            ? "\(place): nothing denied in it; its names are taken in every folder"
            : "\(place): \(count) denied \(count == 1 ? "entry is" : "entries are") not there"
    }

    /// What holds in the place of a layer that is missing.
    private static func instead(of layer: CageLayer, _ plan: CagePlan) -> [String] {
        if layer == .overlay {
            return [
                "instead: of a folder of `read` in which something is denied, the rest is shown entry "
                    + "by entry; one of `write` is shown only where nothing denied is in it",
                "WHAT IS MADE LATER UNDER A DENIED NAME, IN A FOLDER THAT IS SHOWN WHOLE, IS SEEN",
            ] + hidden(plan)
        }
        guard layer == .cgroup else { return [] }
        let limit = plan.limits.memoryByteCount
        return [
            "instead: \(mebibytes(limit * 2)) of data for each process (RLIMIT_DATA), and the tree is "
                + "ended when it is seen to use more than \(mebibytes(limit)), looked at every "
                + "\(Limits.memoryLook.milliseconds) ms",
            "PROCESSOR TIME AND MEMORY IN FILES ARE NOT BOUNDED",
        ]
    }

    private static func mebibytes(_ byteCount: UInt64) -> String { "\(byteCount >> 20) MiB" }

    private static func processors(_ thousandths: UInt64) -> String {
        let (whole, rest) = thousandths.quotientAndRemainder(dividingBy: 1000)
        let digits = String(1000 + rest).dropFirst()
        let fraction = String(digits.reversed().drop { $0 == "0" }.reversed())
        return "\(whole)\(rest == 0 ? "" : "." + fraction) of a processor's time"
    }
}

extension ControlGroups {
    /// Whether processor time is bounded too.
    var boundsProcessor: Bool {
        switch layout {
        case .unified(_, let boundsProcessor): boundsProcessor
        case .separate: true
        }
    }
}
