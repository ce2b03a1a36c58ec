import Base
import Glibc
import Sandbox
import TestKit

/// Who makes the cage.
enum CageUser: CustomStringConvertible, Sendable, CaseIterable {
    /// A gateway that runs as root and gives the server a uid of its own.
    case rootGateway
    /// A gateway that is an ordinary user; the tests' own, or where they run as root another's.
    case ordinary

    static let isRoot = geteuid() == 0
    /// Only root can be both.
    static let possible: [CageUser] = isRoot ? [.rootGateway, .ordinary] : [.ordinary]

    var description: String {
        self == .rootGateway ? "root gateway, own uid" : "ordinary user"
    }

    func plan(_ profile: CageProfile) throws(CageError) -> CagePlan {
        var profile = profile
        if self == .rootGateway {
            profile.identity = .own(uid: CageProbe.probeUser, gid: CageProbe.probeUser)
        }
        return try CagePlan(profile, isRoot: self == .rootGateway)
    }

    /// What this user's gateway would have found: control groups of v1 are root's.
    var tools: CageTools {
        get throws {
            let tools = try CageBench.tools.get()
            let isStandIn = self == .ordinary && CageUser.isRoot
            return isStandIn
                ? tools.with(landlockVersion: tools.landlockVersion, groups: nil) : tools
        }
    }

    /// As root, an ordinary user is made by `setpriv`.
    var stand: UInt32? { self == .ordinary && CageUser.isRoot ? 65_534 : nil }

    func run(
        _ profile: CageProfile,
        capturing captures: Bool = CageBench.probe.capture.isPresent,
        input: [UInt8] = [],
        deadline: Duration = .seconds(60)
    ) throws -> BlockingRun {
        let launch = try CageLaunch(try plan(profile), tools: try tools.capturing(captures))
        return try BlockingRun(launch, input: input, as: stand, deadline: deadline)
    }
}

enum CageBench {
    static let probe = CageProbe()

    static var tools: Result<CageTools, CageError> {
        Result { () throws(CageError) -> CageTools in
            try probe.require(CageLayer.standardMinimum)
        }
    }

    static let landlockVersion = (try? tools.get())?.landlockVersion ?? 0
    static let isPossible = probe.missing(from: CageLayer.standardMinimum).isEmpty
    static let hasOverlays = probe.findings[.overlay]?.isPresent == true
    /// Where denied paths need an overlay to be hidden.
    static let overlayReason =
        "no overlay can be made here: "
        + (probe.findings[.overlay]?.description ?? "not looked for")
    static let reason = "no cage can be made here: " + probe.lines.joined(separator: "; ")

    /// Where the folders of this process lie.
    private static let root: TemporaryFolder = {
        // The clone may belong to another user than runs the tests, or lie where only its owner may
        // pass, which an ordinary user made by root is not.
        let build = Corpus.packageRoot + "/.build"
        let isUsable = unsafe access(build, W_OK) == 0 && (!CageUser.isRoot || isOpenToAll(build))
        let made = TemporaryFolder("cage", in: isUsable ? build : "/var/tmp")
        unsafe chmod(made.path, 0o755)
        return made
    }()

    /// A new folder outside `/tmp`, whose place inside a cage is the cage's own.
    static func folder(_ name: String) throws -> String {
        let path = "\(root.path)/\(name)-\(UInt32.random(in: 0...UInt32.max))"
        guard unsafe mkdir(path, 0o755) == 0 else { throw BenchError.failed("mkdir \(path)") }
        return path
    }

    /// Whether anyone may pass all folders down to this one.
    static func isOpenToAll(_ path: String) -> Bool {
        var here = ""
        return path.split(separator: "/").allSatisfy { part in
            here += "/" + part
            var status = stat()
            return unsafe stat(here, &status) == 0 && status.st_mode & 0o001 != 0
        }
    }

    static func write(_ text: String, to path: String, mode: mode_t = 0o644) throws {
        guard let file = unsafe fopen(path, "wb") else { throw BenchError.failed("open \(path)") }
        unsafe fputs(text, file)
        unsafe fclose(file)
        unsafe chmod(path, mode)
    }

    static func makeFolders(_ paths: String..., mode: mode_t = 0o755) {
        for path in paths {
            var here = ""
            for part in path.split(separator: "/") {
                here += "/" + part
                unsafe mkdir(here, 0o755)
            }
            unsafe chmod(path, mode)
        }
    }

    enum BenchError: Error { case failed(String) }

    /// The victim, compiled once per test process by the C compiler that `swift build` needs too.
    static let victim: Result<String, any Error> = Result {
        let path = try folder("victim") + "/cage-victim"
        let source = Corpus.packageRoot + "/Tests/Victims/cage-victim.c"
        let compile = ["PATH=/usr/local/bin:/usr/bin:/bin", "cc", "-O1", "-o", path, source]
        let run = try BlockingRun("/usr/bin/env", compile, deadline: .seconds(60))
        guard run.exit == .code(0) else {
            throw BenchError.failed(String(decoding: run.errors, as: UTF8.self))
        }
        return path
    }

    static func profile(_ acts: [String]) throws -> CageProfile {
        CageProfile(command: [try victim.get()] + acts, baseFolder: "/")
    }

    /// Runs acts in one cage and gives what each said.
    static func results(
        of acts: [String],
        as user: CageUser,
        change: (inout CageProfile) -> Void = { _ in }
    ) throws -> [String: String] {
        var profile = try profile(acts)
        change(&profile)
        let run = try user.run(profile)
        guard run.reports.first == .started else {
            throw BenchError.failed(
                "\(run.reports) \(run.exit) \(String(decoding: run.errors, as: UTF8.self))"
            )
        }
        var results: [String: String] = [:]
        for line in String(decoding: run.output, as: UTF8.self).split(separator: "\n") {
            // `ACT: RESULT`; the act may hold colons itself.
            guard let at = line.range(of: ": ") else { continue }
            results[String(line[..<at.lowerBound])] = String(line[at.upperBound...])
        }
        return results
    }
}

extension Substring {
    /// Where `text` first stands in this.
    func range(of text: String) -> Range<Index>? {
        indices.first { self[$0...].hasPrefix(text) }
            .map { $0..<index($0, offsetBy: text.count) }
    }
}
