import Base
import Policy
@testable import Sandbox
import Testing

/// Folders shown entry by entry, as on a machine without overlays.
@Suite(
    "Denied paths are not there without overlays",
    .enabled(if: CageBench.isPossible, "\(CageBench.reason)"),
    .timeLimit(.minutes(5))
)
struct ComposedTests {
    private let list = "find . -mindepth 1 | LC_ALL=C sort"

    private func profile(_ bench: HidingBench, _ script: String) -> CageProfile {
        var profile = bench.profile(script)
        profile.overlay = .impossible("this machine has no overlays")
        return profile
    }

    private func inside(_ bench: HidingBench, _ user: CageUser, _ script: String) throws -> String {
        try bench.inside(user, profile(bench, script))
    }

    @Test("not by name, in any folder", arguments: CageUser.possible)
    func names(user: CageUser) throws {
        let bench = try HidingBench(
            """
            mkdir -p sub clean/in .git .ssh deep/.aws
            for file in a.txt .env sub/.env sub/ok .git/config .git/HEAD .ssh/id deep/.aws/key \
                clean/in/x; do echo secret > "$file"; done; mkfifo pipe
            """
        )
        #expect(
            try inside(bench, user, list)
                == "./.git\n./.git/HEAD\n./a.txt\n./clean\n./clean/in\n./clean/in/x\n./deep\n./sub\n./sub/ok\n"
        )
        let paths = ".env sub/.env .git/config .ssh .ssh/id deep/.aws deep/.aws/key"
        let opened = try inside(
            bench,
            user,
            "for f in \(paths); do cat $f; cd $f; stat $f; echo $f/*; done 2>/dev/null | grep -v '[*]'"
        )
        #expect(opened == "")
        #expect(try inside(bench, user, "cat .git/HEAD") == "secret\n")
        let plan = try user.plan(profile(bench, list))
        #expect(
            plan.sources.contains { if case .composed = $0.view { true } else { false } }
        )
    }

    @Test("not by another name of the same file, nor by a link", arguments: CageUser.possible)
    func aliases(user: CageUser) throws {
        let bench = try HidingBench(
            """
            mkdir -p .ssh sub; echo secret > .env; echo secret > .ssh/id; echo open > a.txt
            ln .env sub/alias; ln .ssh/id identity; ln a.txt twin
            ln -s .env one; ln -s one two; ln -s ../two sub/three; ln -s .ssh four; ln -s four/id five
            ln -s /data/docs/.env six; ln -s a.txt fine; ln -s nowhere dangling
            """
        )
        #expect(
            try inside(bench, user, list + "; cat fine")
                == "./a.txt\n./dangling\n./fine\n./sub\n./twin\nopen\n"
        )
    }

    @Test("nothing can be written or made where it is put together", arguments: CageUser.possible)
    func writing(user: CageUser) throws {
        let bench = try HidingBench(
            "mkdir -m 0777 sub; echo x > a; chmod 0666 a; echo secret > .env"
        )
        let said = try inside(
            bench,
            user,
            "for f in a .env new sub/new; do (echo y > $f) 2>&1 | grep -o 'Read-only file system'; done; cat a"
        )
        #expect(said == String(repeating: "Read-only file system\n", count: 4) + "x\n")
    }

    @Test(
        "what comes later is not there, but in a folder shown whole",
        arguments: CageUser.possible
    )
    func later(user: CageUser) throws {
        let bench = try HidingBench("mkdir -p sub clean; echo x > clean/a; echo secret > sub/.env")
        let plan = try user.plan(profile(bench, list))
        try bench.shell("echo y > b; echo y > sub/b; mkdir new; echo y > clean/b")
        let run = try BlockingRun(try CageLaunch(plan, tools: try user.tools), as: user.stand)
        #expect(
            String(decoding: run.output, as: UTF8.self) == "./clean\n./clean/a\n./clean/b\n./sub\n"
        )
        // The next start looks again.
        #expect(
            try inside(bench, user, list)
                == "./b\n./clean\n./clean/a\n./clean/b\n./new\n./sub\n./sub/b\n"
        )
    }

    @Test("an entry that was exchanged after the look is not shown", arguments: CageUser.possible)
    func exchanged(user: CageUser) throws {
        let bench = try HidingBench("echo x > a; echo secret > .env")
        let plan = try user.plan(profile(bench, "cat a"))
        try bench.shell("mv .env a")
        #expect(throws: CageError.self) { _ = try CageLaunch(plan, tools: try user.tools) }
    }

    @Test(
        "a folder that is shut to the server's user stays shut",
        .enabled(if: CageUser.isRoot, "only root looks into what its servers may not")
    )
    func shut() throws {
        let bench = try HidingBench(
            """
            mkdir -m 0755 open; mkdir -m 0700 shut; mkdir -m 0711 passable
            for folder in open shut passable; do echo x > $folder/a; echo secret > $folder/.env; done
            """
        )
        #expect(try inside(bench, .rootGateway, list) == "./open\n./open/a\n")
    }

    @Test("a writable folder, and one of too many entries, are refused and say why")
    func refused() throws {
        let user = CageUser.possible[0]
        let bench = try HidingBench("echo secret > .env; chmod 0777 .", keepsChanges: true)
        var writable = profile(bench, "true")
        writable.write = writable.read
        writable.read = [:]
        #expect {
            try user.plan(writable)
        } throws: { error in
            "\(error)".contains("no overlays; only folders of `read`")
        }
        // At the limit, and one more: the folder itself counts.
        let count = HidingLimits().composedCount - 1
        try bench.shell("for i in $(seq 1 \(count)); do echo x > f$i; done")
        #expect(
            try inside(bench, user, "ls -A | wc -l") == "\(count)\n"
        )
        try bench.shell("echo x > more")
        #expect {
            try user.plan(profile(bench, "true"))
        } throws: { error in
            "\(error)".contains("more than \(count + 1) mounts")
        }
    }

    @Test("of a file system that takes no overlay, where that is allowed")
    func otherFileSystem() throws {
        let user = CageUser.possible[0]
        let bench = try HidingBench("echo x > a; echo secret > .env")
        var profile = bench.profile("ls -A")
        profile.hiding = HiddenFolders(
            HidingBench.rules(HidingBench.standard),
            place: bench.root + "/layers",
            overlayTrial: { $0.inside == "/data/docs" ? .impossible("two deep already") : .works }
        )
        let run = try user.run(profile)
        #expect(String(decoding: run.output, as: UTF8.self) == "a\n")
        profile.minimum = CageLayer.standardMinimum.union([.overlay])
        #expect {
            try user.plan(profile)
        } throws: { error in
            "\(error)".contains(
                "two deep already; to have what may be seen of it shown entry by entry"
            )
        }
    }

    @Test(
        "a folder is not put together where an overlay could not be tried",
        arguments: [false, true]
    )
    func untried(ofFolder: Bool) throws {
        let user = CageUser.possible[0]
        let bench = try HidingBench("echo x > a; echo secret > .env")
        var profile = bench.profile("true")
        if ofFolder {
            profile.hiding = HiddenFolders(
                HidingBench.rules(HidingBench.standard),
                place: bench.root + "/layers",
                overlayTrial: { _ in .untried("no memory") }
            )
        } else {
            profile.overlay = .untried("no memory")
        }
        let error = #expect(throws: CageError.self) { try user.plan(profile) }
        #expect(error == .hidingUntried(bench.root + "/docs", reason: "no memory"))
        #expect(error?.mayPass == true)
        // Where nothing is to be hidden, nothing has to be laid over it.
        try bench.shell("rm .env")
        #expect(try user.plan(profile).sources.allSatisfy { $0.view == .whole })
    }

    @Test(
        "an overlay is tried over the very folder",
        .enabled(if: CageBench.hasOverlays, "\(CageBench.overlayReason)"),
        arguments: CageUser.possible
    )
    func trial(user: CageUser) throws {
        let bench = try HidingBench("true")
        let plan = try user.plan(bench.profile("true"))
        let source = try #require(plan.sources.first { $0.inside == "/data/docs" })
        let probe = CageProbe()
        #expect(probe.overlayTrial(over: source) == .works)
        // Another folder in its place says nothing of it.
        try bench.shell("cd ..; mv docs gone; mkdir docs")
        guard case .untried = probe.overlayTrial(over: source) else {
            Issue.record("another folder was tried")
            return
        }
    }

    @Test("a folder with nothing denied in it is shown whole all the same")
    func clean() throws {
        let bench = try HidingBench("mkdir sub; echo x > sub/a")
        let plan = try CageUser.possible[0].plan(profile(bench, "true"))
        #expect(plan.sources.allSatisfy { $0.view == .whole })
    }

    @Test("its account says how much is shown one by one")
    func account() throws {
        let user = CageUser.possible[0]
        let bench = try HidingBench("echo x > a; echo secret > .env; ln -s a b")
        let plan = try user.plan(profile(bench, "true"))
        let probe = CageProbe().without([.overlay: "no overlays"])
        let account = CageAccount(plan, tools: try user.tools, probe: probe)
        let row = try #require(account.rows.first { $0.layer == .overlay })
        #expect(!row.holds)
        #expect(
            row.details.contains {
                $0.contains("/data/docs: 1 denied entry is not there; 2 shown one by one")
            }
        )
    }
}
