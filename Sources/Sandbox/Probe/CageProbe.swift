import Base
private import CSeccomp
private import Glibc

/// Which layers this machine can give, found by making a cage and looking.
package struct CageProbe: Sendable {
    package enum Finding: Sendable, Equatable, CustomStringConvertible {
        case present(String)
        /// Why not, ending in what to do.
        case missing(String)

        package var description: String {
            switch self {
            case .present(let detail): detail
            case .missing(let reason): reason
            }
        }

        package var isPresent: Bool {
            if case .present = self { true } else { false }
        }
    }

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

    /// Throws when a layer of `minimum` is missing, with each reason.
    ///
    /// `isWritten` says whether the operator wrote the minimum, or it follows from a T3 tool.
    package func require(
        _ minimum: Set<CageLayer>,
        isWritten: Bool = true
    ) throws(CageError) -> CageTools {
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
            let reason = findings[layer]?.description ?? "not looked for"
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
        func closed(_ reason: String, version: String? = nil) -> Self {
            for layer in basic + [.seccomp, .landlock, .cgroup, .overlay]
            where findings[layer] == nil {
                findings[layer] = .missing(reason)
            }
            return Self(
                findings: findings,
                capture: .missing(reason),
                bubblewrapVersion: version,
                tools: nil
            )
        }
        guard let path = Self.find("bwrap", in: searchPath) else {
            self = closed("bubblewrap is not installed; run apt-get install bubblewrap")
            return
        }
        let number: String
        switch Self.inspect(path) {
        case .success(let text): number = text
        case .failure(let problem):
            self = closed(problem.reason)
            return
        }
        let tools: CageTools
        do { tools = try CageTools(bubblewrap: path) } catch {
            findings[.seccomp] = .missing("\(error)")
            self = closed("\(error)", version: number)
            return
        }
        if let problem = Self.attempt(tools, isRoot: isRoot) {
            self = closed(problem, version: number)
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
        if let problem = attempt(
            tools.with(landlockVersion: version, groups: nil),
            isRoot: isRoot
        ) {
            return (0, .missing("Landlock (ABI \(version)) was refused: \(problem)"))
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
            if let problem = attempt(
                tools.with(landlockVersion: 0, groups: groups),
                isRoot: isRoot
            ) {
                return (nil, .missing("a cage in a control group was refused: \(problem)"))
            }
            return (groups, .present(groups.words))
        } catch {
            return (nil, .missing(error.reason))
        }
    }

    /// A trial cage with a folder laid over another.
    private static func tryOverlay(_ tools: CageTools, isRoot: Bool) -> Finding {
        if let problem = overlayProblem(over: "/usr/bin", tools, isRoot: isRoot) {
            return .missing(
                "an overlay was refused: \(problem); it needs overlayfs in user namespaces (Linux 5.11)"
            )
        }
        return .present("denied paths are not there in the folders servers are given")
    }

    /// Why nothing can be laid over that folder; starts a short process and blocks for about 30 ms.
    ///
    /// A file system may be none that overlays take, or two of them deep already.
    package func overlayProblem(over source: CagePlan.Source) -> String? {
        guard let tools else { return "no cage can be made here" }
        let problem = Self.overlayProblem(over: source.outside, tools, isRoot: geteuid() == 0)
        return problem.map { "an overlay over it was refused: \($0)" }
    }

    private static func overlayProblem(
        over folder: String,
        _ tools: CageTools,
        isRoot: Bool
    ) -> String? {
        attempt(tools, isRoot: isRoot) { plan in
            guard let status = HostPath.status(folder) else { return }
            var source = CagePlan.Source(
                outside: folder,
                inside: "/gatehouse-trial",
                isWritable: false,
                device: status.device,
                inode: status.inode
            )
            source.view = .hiding(HiddenLayer(existing: "/usr/lib"))
            plan.sources.append(source)
        }
    }

    /// A trial cage with a network that gatehouse-stage made.
    private static func tryCapture(_ tools: CageTools, isRoot: Bool) -> Finding {
        let problem = attempt(tools.capturing(true), isRoot: isRoot) { $0.network = .egress }
        if let problem {
            return .missing(
                "no network could be made before bubblewrap: \(problem); a way out is a proxy alone, "
                    + "which programs must read HTTPS_PROXY for"
            )
        }
        return .present(
            "connections to ports 80, 443 and those of the rules, and look-ups, come to the gateway"
        )
    }

    /// As on a machine that lacks these, with the reasons.
    func without(_ layers: [CageLayer: String]) -> Self {
        Self(
            findings: findings.merging(layers.mapValues { .missing($0) }) { $1 },
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

    private struct Problem: Error { let reason: String }

    /// The version, once every option we use is known to it.
    private static func inspect(_ path: String) -> Result<String, Problem> {
        guard let help = try? BlockingRun(path, ["--help"], deadline: .seconds(5)),
            let version = try? BlockingRun(path, ["--version"], deadline: .seconds(5))
        else { return .failure(Problem(reason: "\(path) could not be executed; reinstall it")) }
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
            return .failure(Problem(reason: reason))
        }
        return .success(printable(number, limit: 32))
    }

    /// Makes a whole cage round `/usr/bin/true`; nil when it worked.
    private static func attempt(
        _ tools: CageTools,
        isRoot: Bool,
        change: (inout CagePlan) -> Void = { _ in }
    ) -> String? {
        var profile = CageProfile(command: ["/usr/bin/true"], baseFolder: "/")
        if isRoot { profile.identity = .own(uid: probeUser, gid: probeUser) }
        do {
            var plan = try CagePlan(profile, isRoot: isRoot)
            change(&plan)
            let run = try BlockingRun(try CageLaunch(plan, tools: tools), deadline: .seconds(10))
            if case .failed(let failure) = run.reports.last { return "\(failure)" }
            guard run.reports.contains(.started), run.exit == .code(0) else {
                return explain(run.errors, exit: run.exit)
            }
            return nil
        } catch {
            return "\(error)"
        }
    }

    /// What bubblewrap's last words mean here and what to do about it.
    static func explain(_ errors: [UInt8], exit: CageExit) -> String {
        let text = String(decoding: errors, as: UTF8.self)
        let last = text.split(separator: "\n").last.map { printable(String($0)) } ?? "\(exit)"
        let said = "a trial cage ended with `\(last)`"
        if setting("/proc/sys/user/max_user_namespaces") == "0" {
            return said + "; run sysctl user.max_user_namespaces=10000"
        }
        if setting("/proc/sys/kernel/unprivileged_userns_clone") == "0" {
            return said + "; run sysctl kernel.unprivileged_userns_clone=1"
        }
        if setting("/proc/sys/kernel/apparmor_restrict_unprivileged_userns") == "1" {
            return said
                + "; AppArmor lets only profiled programs make user namespaces: install the "
                + "profile for bwrap (package apparmor-profiles, bwrap-userns-restrict)"
        }
        if text.contains("gatehouse-stage") {
            return said
                + "; this root may not mount or become another user, as in most containers: "
                + "run the gateway as an ordinary user"
        }
        if text.contains("ENOSPC") {
            return said + "; user namespaces are used up or may not be nested here: raise "
                + "user.max_user_namespaces, or start the gateway outside of any other cage"
        }
        if text.contains("Permission denied") || text.contains("No permissions")
            || text.contains("Operation not permitted")
        {
            return said
                + "; user namespaces are not allowed here: inside a container start it with "
                + "--security-opt seccomp=unconfined, inside a chroot use pivot_root"
        }
        return said
    }

    private static func setting(_ path: String) -> String? {
        HostPath.beginning(of: path, limit: 64).map { bytes in
            String(decoding: bytes.prefix { $0 != 0x0a }, as: UTF8.self)
        }
    }
}
