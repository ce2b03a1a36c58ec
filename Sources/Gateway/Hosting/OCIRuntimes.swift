import Base
import JSON
import Sandbox
import System

/// The OCI runtimes of this machine, each tried with the bundle of a small cage; for `gatehouse doctor`.
enum OCIRuntimes {
    static let names = ["runc", "crun", "runsc"]

    private static let folders = [
        "/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin",
    ]

    /// Runs each of them once and blocks for as long.
    static func examine(_ probe: CageProbe, isRoot: Bool) -> [Doctor.Row] {
        names.map { name in
            let outcome = examine(name, probe, isRoot: isRoot)
            return Doctor.Row(
                name: name,
                isPresent: outcome.works,
                kind: .runtime,
                isNeeded: false,
                detail: outcome.detail
            )
        }
    }

    private static func examine(
        _ name: String,
        _ probe: CageProbe,
        isRoot: Bool
    ) -> (works: Bool, detail: String) {
        guard let path = folders.lazy.map({ "\($0)/\(name)" }).first(where: Files.exists) else {
            return (false, "not installed; only `servers bundle` is for it")
        }
        let version = version(of: path)
        do {
            if let problem = try attempt(path, probe, isRoot: isRoot) {
                return (false, "\(version) runs no bundle here: \(problem)")
            }
            let command = [name] + options(of: name) + ["run", "--bundle", "FOLDER", "NAME"]
            return (true, "\(version) runs bundles: \(command.joined(separator: " "))")
        } catch {
            return (false, "\(version) could not be tried: \(error)")
        }
    }

    private static func version(of path: String) -> String {
        let run = try? BlockingRun(path, ["--version"], deadline: .seconds(5))
        let line = (run?.output ?? []).split(separator: 0x0a).first ?? []
        let words = String(decoding: line, as: UTF8.self).split(separator: " ")
        return words.last.map { printable(String($0), limit: 64) } ?? "of an unknown version"
    }

    /// What its own network would need is not in a bundle.
    private static func options(of name: String) -> [String] {
        name == "runsc" ? ["--network=none"] : []
    }

    /// Has it run `/usr/bin/true` in a cage like every other; why it did not, or nil.
    private static func attempt(
        _ path: String,
        _ probe: CageProbe,
        isRoot: Bool
    ) throws -> String? {
        guard let tools = probe.tools else { return "no cage can be made here" }
        var profile = CageProfile(command: ["/usr/bin/true"], baseFolder: "/")
        // Some count threads of their own, or all processes of the user, against it.
        profile.limits.processCount = 1024
        if isRoot {
            profile.identity = .own(uid: CageProbe.probeUser, gid: CageProbe.probeUser)
        }
        let bundle = try OCIBundle(try CagePlan(profile, isRoot: isRoot), tools: tools)
        let id = "gatehouse-doctor-" + String(UInt64.random(in: 0 ... .max), radix: 36)
        let place = "/tmp/" + id
        try Files.makeFolder(place)
        defer { HiddenFolders.remove([place]) }
        let document = try JSONDocument(parsing: bundle.value.serialised(), limits: .result)
        try BundleFolder.write(document.root, to: place + "/bundle")
        let own = options(of: String(path.split(separator: "/").last ?? ""))
        let begin = ["--root", place + "/state"] + own
        let run = try BlockingRun(
            path,
            begin + ["run", "--bundle", place + "/bundle", id],
            deadline: .seconds(10)
        )
        guard run.exit != .code(0) || run.didTimeOut else { return nil }
        // What it left of the container goes with it.
        _ = try? BlockingRun(path, begin + ["delete", "--force", id], deadline: .seconds(5))
        let lines = String(decoding: run.errors, as: UTF8.self).split(separator: "\n")
        if run.didTimeOut { return "it did not end within 10 seconds" }
        return lines.last.map { printable(String($0), limit: 300) } ?? "it ended with \(run.exit)"
    }
}
