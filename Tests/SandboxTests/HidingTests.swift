import Base
import Glibc
import Policy
@testable import Sandbox
import TestKit
import Testing

/// A folder full of traps, and what hides its parts.
struct HidingBench {
    let root: String
    let hiding: HiddenFolders

    static let standard = DenyPath.standard

    static func rules(_ patterns: [DenyPath]) -> HidingRules {
        HidingRules(
            patterns: patterns.map(\.text),
            literalNames: patterns.compactMap(\.literalName)
        ) { roots in
            let tree = DeniedTree(patterns, roots: roots)
            return { tree.denies(name: $0, path: $1) }
        }
    }

    /// - Parameter script: makes the tree, in `docs`.
    init(
        _ script: String,
        _ patterns: [DenyPath] = standard,
        limits: HidingLimits = HidingLimits(),
        keepsChanges: Bool = false
    ) throws {
        root = try CageBench.folder("hiding")
        CageBench.makeFolders(root + "/docs", root + "/layers")
        hiding = HiddenFolders(
            Self.rules(patterns),
            place: root + "/layers",
            changes: keepsChanges ? root + "/changes" : nil,
            limits: limits
        )
        try shell(script)
    }

    @discardableResult
    func shell(_ script: String) throws -> String {
        let text = "umask 022; cd \(root)/docs && " + script
        let run = try BlockingRun("/bin/sh", ["-ec", text], deadline: .seconds(60))
        guard run.exit == .code(0) else {
            throw CageBench.BenchError.failed(String(decoding: run.errors, as: UTF8.self))
        }
        return String(decoding: run.output, as: UTF8.self)
    }

    func profile(_ script: String) -> CageProfile {
        var profile = CageProfile(command: ["/bin/sh", "-c", script], baseFolder: root)
        profile.read = ["/data/docs": "docs"]
        profile.workingFolder = "/data/docs"
        profile.hiding = hiding
        return profile
    }

    /// What a script says inside.
    func inside(_ user: CageUser, _ script: String) throws -> String {
        try inside(user, profile(script))
    }

    func inside(_ user: CageUser, _ profile: CageProfile) throws -> String {
        let run = try user.run(profile)
        let errors = String(decoding: run.errors, as: UTF8.self)
        #expect(run.reports.first == .started, "\(run.reports) \(errors)")
        return String(decoding: run.output, as: UTF8.self)
    }
}

@Suite(
    "Denied paths are not there",
    .enabled(if: CageBench.isPossible, "\(CageBench.reason)"),
    .enabled(if: CageBench.hasOverlays, "\(CageBench.overlayReason)"),
    .timeLimit(.minutes(5))
)
struct HidingTests {
    private let list = "find . -mindepth 1 | LC_ALL=C sort"

    @Test("not by name, not in any folder, whatever the case", arguments: CageUser.possible)
    func names(user: CageUser) throws {
        let bench = try HidingBench(
            """
            mkdir -p sub .git .ssh deep/.aws 'line\nbreak' "$(printf 'odd\\377')"
            for file in a.txt .env sub/.env sub/.ENV sub/ok .git/config .git/HEAD .ssh/id deep/.aws/key \
                'line\nbreak/.env' "$(printf 'odd\\377')/.env" deep/env; do echo secret > "$file"; done
            """
        )
        let seen = try bench.inside(
            user,
            "find . -mindepth 1 -print0 | LC_ALL=C sort -z | tr '\\0\\n' ' _'"
        )
        #expect(
            seen
                == "./.git ./.git/HEAD ./a.txt ./deep ./deep/env ./line_break ./odd\u{fffd} ./sub ./sub/ok "
        )
        let paths = ".env sub/.env sub/.ENV .git/config .ssh .ssh/id deep/.aws deep/.aws/key"
        let opened = try bench.inside(
            user,
            "for f in \(paths); do cat $f; cd $f; stat $f; echo $f/*; done 2>/dev/null | grep -v '[*]'"
        )
        #expect(opened == "")
    }

    @Test("not by another name of the same file, nor by a link", arguments: CageUser.possible)
    func aliases(user: CageUser) throws {
        let bench = try HidingBench(
            """
            mkdir -p .ssh sub; echo secret > .env; echo secret > .ssh/id; echo open > a.txt
            ln .env sub/alias; ln .ssh/id identity; ln a.txt twin
            ln -s .env one; ln -s one two; ln -s ../two sub/three; ln -s .ssh four; ln -s four/id five
            ln -s /data/docs/.env six; ln -s a.txt fine; ln -s "$PWD/.env" seven; ln -s nowhere dangling
            """
        )
        #expect(
            try bench.inside(user, list + "; cat fine")
                == "./a.txt\n./dangling\n./fine\n./sub\n./twin\nopen\n"
        )
    }

    @Test("not by a name in another folder of the same server", arguments: CageUser.possible)
    func otherFolders(user: CageUser) throws {
        let bench = try HidingBench("echo secret > .env; mkdir ../more; ln .env ../more/copy")
        var profile = bench.profile("ls -A /data/docs /data/more")
        profile.read["/data/more"] = bench.root + "/more"
        let run = try user.run(profile)
        #expect(String(decoding: run.output, as: UTF8.self) == "/data/docs:\n\n/data/more:\n")
    }

    @Test("not when the file is made while the server runs", arguments: CageUser.possible)
    func later(user: CageUser) throws {
        let bench = try HidingBench("mkdir -p sub/deeper; echo secret > .env")
        let plan = try user.plan(bench.profile(list + "; cat sub/deeper/.env sub/new 2>&1"))
        try bench.shell(
            "echo secret > sub/deeper/.env; mkdir .ssh; echo secret > .ssh/id; echo x > sub/new"
        )
        let launch = try CageLaunch(plan, tools: try user.tools)
        let run = try BlockingRun(launch, as: user.stand)
        #expect(
            String(decoding: run.output, as: UTF8.self)
                == "./sub\n./sub/deeper\n./sub/new\n"
                + "cat: sub/deeper/.env: No such file or directory\nx\n"
        )
    }

    @Test(
        "and nothing outside shows in what the cage knows of its mounts",
        arguments: CageUser.possible
    )
    func mounts(user: CageUser) throws {
        let bench = try HidingBench("echo x > a.txt; echo secret > .env")
        let seen = try bench.inside(
            user,
            "grep ' /data/docs ' /proc/self/mountinfo; touch a.txt b.txt; rm a.txt; cat a.txt"
        )
        #expect(seen.contains(" - overlay overlay ro,"))
        #expect(!seen.contains(bench.root))
        #expect(seen.hasSuffix("\nx\n"))
    }

    @Test("folders keep their modes, owners and times", arguments: CageUser.possible)
    func dress(user: CageUser) throws {
        let bench = try HidingBench(
            "echo secret > .env; mkdir -m 0775 sub; mkdir -m 0755 deep; touch -d @1000000 sub deep"
        )
        let seen = try bench.inside(user, "stat -c '%n %a %Y' sub deep")
        #expect(seen == "sub 775 1000000\ndeep 755 1000000\n")
    }

    @Test("what nobody can look into is hidden whole", .enabled(if: !CageUser.isRoot, "root can"))
    func unreadable() throws {
        let bench = try HidingBench("mkdir -p shut/in; chmod 0311 shut; echo x > a.txt")
        #expect(try bench.inside(.ordinary, list) == "./a.txt\n")
    }

    @Test("a mount inside is refused", .enabled(if: CageUser.isRoot, "only root can mount"))
    func mountPoints() throws {
        let bench = try HidingBench(
            "mkdir -p disk/.ssh; echo secret > disk/.ssh/id; echo x > a.txt"
        )
        try bench.shell("mount -t tmpfs none disk; echo y > disk/file")
        defer { _ = try? bench.shell("umount disk") }
        for user in CageUser.possible {
            #expect(throws: CageError.mountInside(bench.root + "/docs", "disk")) {
                try user.plan(bench.profile("true"))
            }
        }
    }

    @Test("a folder with nothing denied in it is shown itself")
    func clean() throws {
        let bench = try HidingBench("mkdir sub; echo x > sub/a")
        let plan = try CageUser.possible[0].plan(bench.profile("true"))
        #expect(plan.sources.allSatisfy { $0.view == .whole })
        try bench.shell("echo secret > sub/.env")
        let next = try CageUser.possible[0].plan(bench.profile("true"))
        #expect(next.sources.contains { $0.view != .whole })
    }

    // MARK: Looking again

    @Test("a folder that is as it was is not looked through again")
    func unchanged() throws {
        let user = CageUser.possible[0]
        let bench = try HidingBench("mkdir -p sub; echo secret > sub/.env; echo x > sub/a")
        let first = try user.plan(bench.profile("true"))
        // What was changed a moment ago may change again in the same tick: at first it looks.
        let end = ContinuousClock.now + .seconds(30)
        var count = 0
        repeat {
            count = bench.hiding.lookCount
            #expect(try user.plan(bench.profile("true")).sources == first.sources)
        } while bench.hiding.lookCount > count && .now < end
        #expect(bench.hiding.lookCount == count)
        try bench.shell("mv sub/a sub/id.pem; mkdir new; echo secret > new/.env")
        let next = try user.plan(bench.profile("true"))
        #expect(bench.hiding.lookCount == count + 1)
        #expect(next.sources != first.sources)
        #expect(try bench.inside(user, list) == "./new\n./sub\n./sub/id.pem\n")
    }

    @Test("layers nobody rests on any more are removed, others are kept")
    func layers() throws {
        let user = CageUser.possible[0]
        let bench = try HidingBench("mkdir sub; echo secret > .env")
        var held: CagePlan? = try user.plan(bench.profile("true"))
        func count() -> Int { Corpus.names(in: bench.root + "/layers").count }
        for number in 0..<3 {
            try bench.shell("mkdir sub/\(number)")
            _ = try user.plan(bench.profile("true"))
            _ = try user.plan(bench.profile("true"))
        }
        #expect(count() == 2)
        #expect(held != nil)
        held = nil
        _ = try user.plan(bench.profile("true"))
        #expect(count() == 1)
        HiddenFolders.remove(HiddenFolders.leftovers(in: bench.root + "/layers"))
        #expect(count() == 0)
    }

    // MARK: Limits

    @Test("too much to look through is refused, with advice")
    func limits() throws {
        var limits = HidingLimits()
        limits.entryCount = 12
        let bench = try HidingBench(
            "mkdir a b; touch a/1 a/2 a/3 a/4 b/1 b/2 b/3 b/4 c d",
            limits: limits
        )
        let user = CageUser.possible[0]
        _ = try user.plan(bench.profile("true"))
        try bench.shell("touch e")
        let refusal = #expect(throws: CageError.self) { try user.plan(bench.profile("true")) }
        #expect(refusal == .tooMuchToHide(bench.root + "/docs", limit: "12 entries"))
        #expect(
            "\(try #require(refusal))".hasSuffix("give smaller folders, each a place of its own")
        )
        var hurry = HidingLimits()
        hurry.time = .zero
        let slow = try HidingBench("for i in $(seq 300); do : > $i; done", limits: hurry)
        let late = #expect(throws: CageError.self) { try user.plan(slow.profile("true")) }
        #expect(late == .lookTookTooLong(slow.root + "/docs", limitInMilliseconds: 0))
        // The same folder may be looked through in time when the machine has less to do.
        #expect(late?.mayPass == true)
        #expect(refusal?.mayPass == false)
    }

    @Test("deep paths are hidden where they are too long to be matched")
    func depth() throws {
        var limits = HidingLimits()
        let bench = try HidingBench("mkdir -p 1234567890/1234567890/1234567890", limits: limits)
        limits.pathByteCount = bench.root.utf8.count + "/docs".utf8.count + 21
        let hiding = HiddenFolders(
            bench.hiding.rules,
            place: bench.root + "/layers",
            limits: limits
        )
        var profile = bench.profile(list)
        profile.hiding = hiding
        let run = try CageUser.possible[0].run(profile)
        #expect(
            String(decoding: run.output, as: UTF8.self) == "./1234567890\n./1234567890/1234567890\n"
        )
    }

    @Test("12,000 entries in 2,200 folders start soon")
    func cost() throws {
        let user = CageUser.possible[0]
        // How soon is printed: beside a thousand other tests on two cores five seconds say nothing.
        var limits = HidingLimits()
        limits.time = .seconds(60)
        let bench = try HidingBench(
            """
            for i in $(seq 200); do mkdir -p $i/1 $i/2 $i/3 $i/4 $i/5 $i/6 $i/7 $i/8 $i/9 $i/10; done
            for i in $(seq 200); do for j in 1 2 3 4 5 6 7 8 9 10; do
                : > $i/$j/a.txt; : > $i/$j/b.txt; : > $i/$j/c.txt; : > $i/$j/.env; done; : > $i/file; done
            find . -exec touch -h -d @1000000 {} +
            """,
            limits: limits
        )
        let clock = ContinuousClock()
        let first = try clock.measure { _ = try user.plan(bench.profile("true")) }
        let end = clock.now + .seconds(30)
        var again = Duration.seconds(100)
        var count = 0
        repeat {
            count = bench.hiding.lookCount
            again = try clock.measure { _ = try user.plan(bench.profile("true")) }
        } while bench.hiding.lookCount > count && clock.now < end
        print("cage: 10,400 entries in 2,200 folders: first \(first), unchanged \(again)")
        #expect(bench.hiding.lookCount == count)
    }
}
