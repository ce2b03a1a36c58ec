import Base
private import CSeccomp
private import Glibc

/// Which layers this machine can give, found by making a cage and looking.
package struct CageProbe: Sendable {
    package let findings: [CageLayer: Finding]
    /// Whether connections out of a cage are captured.
    ///
    /// No layer: without it fewer programs get out, none further.
    package let capture: Finding
    package let bubblewrapVersion: String?
    /// What cages are started with; nil when there can be none.
    package let tools: CageTools?

    /// The user the probe becomes when the gateway runs as root; it owns nothing.
    package static let probeUser: UInt32 = 61_183

    /// The layers of `minimum` that are missing here; an empty list lets the start go on.
    package func missing(from minimum: Set<CageLayer>) -> [CageLayer] {
        minimum.filter { findings[$0]?.isPresent != true }.sorted()
    }

    /// Whether everything could be tried; only then it is worth keeping.
    package var isConclusive: Bool {
        !(Array(findings.values) + [capture]).contains { $0.isUntried }
    }

    /// Throws when a layer of `minimum` is missing, with each reason; and when it could not be tried
    /// whether there is a layer that every cage has where it can be had.
    ///
    /// `isWritten` says whether the operator wrote the minimum, or it follows from a T3 tool.
    package func require(
        _ minimum: Set<CageLayer>,
        isWritten: Bool = true
    ) throws(CageError) -> CageTools {
        let untried = minimum.union(CageLayer.whereverFound).sorted()
            .filter { findings[$0]?.isUntried == true }
        guard untried.isEmpty else { throw .layersUntried(untried, reasons: reasons(for: untried)) }
        let missing = missing(from: minimum.union(CageLayer.always))
        guard missing.isEmpty, let tools else {
            let reasons = reasons(for: missing)
            let isBasicThere = !missing.contains { CageLayer.always.contains($0) }
            throw isBasicThere && !isWritten
                ? .minimumNotWritten(missing, reasons: reasons)
                : .layersMissing(missing, reasons: reasons)
        }
        return tools
    }

    private func reasons(for layers: [CageLayer]) -> [String] {
        var reasons: [String] = []
        for layer in layers {
            let finding = findings[layer] ?? .missing("not looked for")
            let reason = if case .untried(let reason) = finding { reason } else { "\(finding)" }
            if !reasons.contains(reason) { reasons.append(reason) }
        }
        return reasons
    }

    /// One line per layer, for `doctor` and `status`.
    package var lines: [String] {
        CageLayer.allCases.map { layer in
            let finding = findings[layer] ?? .missing("not looked for")
            return "\(finding.isPresent ? "yes" : "no ") \(layer.rawValue): \(finding)"
        } + ["\(capture.isPresent ? "yes" : "no ") \(Self.captureName): \(capture)"]
    }

    package static let captureName = "capture"

    /// Tries each layer; starts a few short processes and blocks for about 100 ms.
    package init(searchPath: [String] = ["/usr/bin", "/bin", "/usr/local/bin"]) {
        let isRoot = geteuid() == 0
        var findings: [CageLayer: Finding] = [
            .ownUser: isRoot
                ? .present("each server has a uid of its own")
                : .missing("only a gateway that runs as root can give each server its own uid")
        ]
        let basic: [CageLayer] = [.namespaces, .mounts, .noNewPrivileges, .rlimits]
        func closed(_ finding: Finding, version: String? = nil) -> Self {
            for layer in basic + [.seccomp, .landlock, .cgroup, .overlay]
            where findings[layer] == nil {
                findings[layer] = finding
            }
            return Self(
                findings: findings,
                capture: finding,
                bubblewrapVersion: version,
                tools: nil
            )
        }
        guard let path = Self.find("bwrap", in: searchPath) else {
            self = closed(
                .missing("bubblewrap is not installed; run apt-get install bubblewrap")
            )
            return
        }
        let number: String
        switch Self.inspect(path) {
        case .success(let text): number = text
        case .failure(let problem):
            self = closed(problem.finding)
            return
        }
        let tools: CageTools
        do { tools = try CageTools(bubblewrap: path) } catch {
            findings[.seccomp] = .missing("\(error)")
            self = closed(.missing("\(error)"), version: number)
            return
        }
        if let failure = Self.attempt(tools, isRoot: isRoot) {
            self = closed(failure.finding(), version: number)
            return
        }
        findings[.namespaces] = .present("bubblewrap \(number), user namespaces")
        findings[.mounts] = .present("own file system, read-only system and code")
        findings[.noNewPrivileges] = .present("seen by PID 1: no new privileges, no capabilities")
        findings[.seccomp] = .present(
            "seen by PID 1: filter of \(tools.filter.instructionCount) instructions"
        )
        findings[.rlimits] = .present("set by PID 1")
        let (version, landlock) = Self.tryLandlock(tools, isRoot: isRoot)
        findings[.landlock] = landlock
        let (groups, cgroup) = Self.tryGroups(tools, isRoot: isRoot)
        findings[.cgroup] = cgroup
        findings[.overlay] = Self.tryOverlay(tools, isRoot: isRoot)
        let capture = Self.tryCapture(tools, isRoot: isRoot)
        self.init(
            findings: findings,
            capture: capture,
            bubblewrapVersion: number,
            tools: tools.with(landlockVersion: version, groups: groups)
                .capturing(capture.isPresent)
        )
    }

    private init(
        findings: [CageLayer: Finding],
        capture: Finding,
        bubblewrapVersion: String?,
        tools: CageTools?
    ) {
        self.findings = findings
        self.capture = capture
        self.bubblewrapVersion = bubblewrapVersion
        self.tools = tools
    }

    /// A trial cage with Landlock's rules, as every cage would have them.
    private static func tryLandlock(
        _ tools: CageTools,
        isRoot: Bool
    ) -> (version: Int, Finding) {
        let version = Int(cseccomp_landlock_version())
        guard version > 0 else {
            let isOff = version == Int(-EOPNOTSUPP)
            return (
                0,
                .missing(
                    isOff
                        ? "the kernel's Landlock is turned off; add landlock to the lsm= parameter"
                        : "the kernel has no Landlock (CONFIG_SECURITY_LANDLOCK, Linux 5.13)"
                )
            )
        }
        if let failure = attempt(
            tools.with(landlockVersion: version, groups: nil),
            isRoot: isRoot
        ) {
            return (0, failure.finding { "Landlock (ABI \(version)) was refused: \($0)" })
        }
        var parts = ["files"]
        if version >= 4 { parts.append("TCP ports") }
        if version >= 6 { parts.append("signals and abstract sockets") }
        return (
            version, .present("ABI \(version): \(parts.joined(separator: ", ")); set by PID 1")
        )
    }

    /// A trial cage inside a group of its own.
    private static func tryGroups(
        _ tools: CageTools,
        isRoot: Bool
    ) -> (ControlGroups?, Finding) {
        do throws(ControlGroups.Missing) {
            let groups = try ControlGroups.find(isRoot: isRoot)
            if let failure = attempt(
                tools.with(landlockVersion: 0, groups: groups),
                isRoot: isRoot
            ) {
                return (nil, failure.finding { "a cage in a control group was refused: \($0)" })
            }
            return (groups, .present(groups.words))
        } catch {
            return (nil, TrialFailure(error.reason, mayPass: error.mayPass).finding())
        }
    }

    /// A trial cage with a folder laid over another.
    private static func tryOverlay(_ tools: CageTools, isRoot: Bool) -> Finding {
        guard let status = HostPath.status("/usr/bin") else {
            return .untried("/usr/bin cannot be looked at")
        }
        let source = CagePlan.Source(
            outside: "/usr/bin",
            inside: trialPlace,
            isWritable: false,
            device: status.device,
            inode: status.inode
        )
        switch overlayTrial(over: source, tools, isRoot: isRoot) {
        case .works: return .present("denied paths are not there in the folders servers are given")
        case .untried(let reason): return .untried(reason)
        case .impossible(let reason):
            return .missing(
                "an overlay was refused: \(reason); it needs overlayfs in user namespaces (Linux 5.11)"
            )
        }
    }

    /// Whether something can be laid over that folder; starts a short process and blocks for about
    /// 30 ms.
    ///
    /// A file system may be none that overlays take, or two of them deep already.
    package func overlayTrial(over source: CagePlan.Source) -> Trial {
        guard let tools else {
            let finding = findings[.namespaces] ?? .missing("not looked for")
            return finding.isUntried
                ? .untried(finding.description) : .impossible("no cage can be made here")
        }
        let trial = Self.overlayTrial(over: source, tools, isRoot: geteuid() == 0)
        guard case .impossible(let reason) = trial else { return trial }
        return .impossible("an overlay over it was refused: \(reason)")
    }

    private static func overlayTrial(
        over source: CagePlan.Source,
        _ tools: CageTools,
        isRoot: Bool
    ) -> Trial {
        // No layer may lie in another.
        let layer = HostPath.overlap(source.outside, "/usr/lib") ? "/etc" : "/usr/lib"
        let failure = attempt(tools, isRoot: isRoot) { plan in
            var source = CagePlan.Source(
                outside: source.outside,
                inside: trialPlace,
                isWritable: false,
                device: source.device,
                inode: source.inode
            )
            source.view = .hiding(HiddenLayer(existing: layer))
            plan.sources.append(source)
        }
        return failure?.ofOverlay ?? .works
    }

    private static let trialPlace = "/gatehouse-trial"

    /// A trial cage with a network that gatehouse-stage made.
    private static func tryCapture(_ tools: CageTools, isRoot: Bool) -> Finding {
        let failure = attempt(tools.capturing(true), isRoot: isRoot) { $0.network = .egress }
        if let failure {
            return failure.finding {
                "no network could be made before bubblewrap: \($0); a way out is a proxy alone, "
                    + "which programs must read HTTPS_PROXY for"
            }
        }
        return .present(
            "connections to ports 80, 443 and those of the rules, and look-ups, come to the gateway"
        )
    }

    /// As on a machine that lacks these, with the reasons.
    func without(_ layers: [CageLayer: String]) -> Self {
        replacing(layers.mapValues { .missing($0) })
    }

    /// As on a machine where this was found instead.
    func replacing(_ layers: [CageLayer: Finding]) -> Self {
        Self(
            findings: findings.merging(layers) { $1 },
            capture: capture,
            bubblewrapVersion: bubblewrapVersion,
            tools: tools.map { tools in
                tools.with(
                    landlockVersion: layers[.landlock] == nil ? tools.landlockVersion : 0,
                    groups: layers[.cgroup] == nil ? tools.groups : nil
                )
            }
        )
    }

    private static func find(_ name: String, in folders: [String]) -> String? {
        folders.map { "\($0)/\(name)" }.first { unsafe access($0, X_OK) == 0 }
    }

    private struct Problem: Error { let finding: Finding }

    /// The version, once every option we use is known to it.
    private static func inspect(_ path: String) -> Result<String, Problem> {
        let (help, version): (BlockingRun, BlockingRun)
        do {
            help = try BlockingRun(path, ["--help"], deadline: .seconds(5))
            version = try BlockingRun(path, ["--version"], deadline: .seconds(5))
        } catch {
            let finding = TrialFailure("\(error)").finding {
                "\(path) could not be executed; reinstall it: \($0)"
            }
            return .failure(Problem(finding: finding))
        }
        guard !help.didTimeOut, !version.didTimeOut else {
            return .failure(Problem(finding: .untried("\(path) --help took longer than 5 s")))
        }
        let text = String(decoding: help.output + help.errors, as: UTF8.self)
        let words = String(decoding: version.output, as: UTF8.self).split {
            $0 == " " || $0 == "\n"
        }
        let number = words.last.map(String.init) ?? "unknown"
        for option in ["--disable-userns", "--ro-bind-fd", "--perms", "--size", "--as-pid-1"]
        where !text.contains(option) {
            let reason =
                "bubblewrap \(printable(number)) does not know \(option); install 0.8 with its "
                + "security updates, or 0.10 and later"
            return .failure(Problem(finding: .missing(reason)))
        }
        return .success(printable(number, limit: 32))
    }
}
