import Base
private import Glibc

extension CageProbe {
    /// Makes a whole cage round `/usr/bin/true`; nil when it worked.
    static func attempt(
        _ tools: CageTools,
        isRoot: Bool,
        change: (inout CagePlan) -> Void = { _ in }
    ) -> TrialFailure? {
        var profile = CageProfile(command: ["/usr/bin/true"], baseFolder: "/")
        if isRoot { profile.identity = .own(uid: probeUser, gid: probeUser) }
        do {
            var plan = try CagePlan(profile, isRoot: isRoot)
            change(&plan)
            let launch = try CageLaunch(plan, tools: tools)
            let run = try BlockingRun(launch, deadline: .seconds(10))
            launch.group?.remove(within: Limits.groupEnd)
            if run.didTimeOut {
                return TrialFailure("a trial cage took longer than 10 s", mayPass: true)
            }
            if case .failed(let failure) = run.reports.last { return TrialFailure("\(failure)") }
            guard run.reports.contains(.started), run.exit == .code(0) else {
                return ended(run.errors, exit: run.exit, setting: setting)
            }
            return nil
        } catch {
            return TrialFailure("\(error)")
        }
    }

    /// What the last words of a trial cage say of this machine.
    static func ended(
        _ errors: [UInt8],
        exit: CageExit,
        setting: (String) -> String?
    ) -> TrialFailure {
        TrialFailure(
            explain(errors, exit: exit, setting),
            said: String(decoding: errors, as: UTF8.self),
            mayPass: exit.isEndedFromOutside,
            hasNoNamespaces: setting(Self.namespaceLimit) == "0"
        )
    }

    private static let namespaceLimit = "/proc/sys/user/max_user_namespaces"

    /// What bubblewrap's last words mean here and what to do about it.
    private static func explain(
        _ errors: [UInt8],
        exit: CageExit,
        _ setting: (String) -> String?
    ) -> String {
        let text = String(decoding: errors, as: UTF8.self)
        let last = text.split(separator: "\n").last.map { printable(String($0)) } ?? "\(exit)"
        let said = "a trial cage ended with `\(last)`"
        if setting(Self.namespaceLimit) == "0" {
            return said + "; user namespaces are turned off by user.max_user_namespaces=0: run "
                + "`sysctl user.max_user_namespaces=10000`, then `servers restart NAME`"
        }
        if setting("/proc/sys/kernel/unprivileged_userns_clone") == "0" {
            return said + "; run sysctl kernel.unprivileged_userns_clone=1"
        }
        if setting("/proc/sys/kernel/apparmor_restrict_unprivileged_userns") == "1" {
            return said
                + "; AppArmor lets only profiled programs make user namespaces: install the "
                + "profile for bwrap (package apparmor-profiles, bwrap-userns-restrict)"
        }
        if text.contains("(ENOSPC)") || text.contains("unshare users: errno \(ENOSPC)")
            || text.contains("user ns: No space left on device")
        {
            return said + "; user namespaces are used up or may not be nested here: raise "
                + "user.max_user_namespaces, or start the gateway outside of any other cage"
        }
        if text.contains("gatehouse-stage") {
            return said
                + "; this root may not mount or become another user, as in most containers: "
                + "run the gateway as an ordinary user"
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
