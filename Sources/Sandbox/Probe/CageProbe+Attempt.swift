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
                return TrialFailure(
                    explain(run.errors, exit: run.exit),
                    said: String(decoding: run.errors, as: UTF8.self),
                    mayPass: run.exit.isEndedFromOutside
                )
            }
            return nil
        } catch {
            return TrialFailure("\(error)")
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
