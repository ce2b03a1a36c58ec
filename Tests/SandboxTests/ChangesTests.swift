import Base
import Crypto
import Glibc
@testable import Sandbox
import TestKit
import Testing

@Suite(
    "A writable folder that holds what is denied is copied on write",
    .enabled(if: CageBench.isPossible, "\(CageBench.reason)"),
    .enabled(if: CageBench.hasOverlays, "\(CageBench.overlayReason)"),
    .timeLimit(.minutes(5))
)
struct ChangesTests {
    private let bench: HidingBench
    private let hashing = OpenSSLHashing()

    init() throws {
        bench = try HidingBench(
            """
            umask 0; mkdir -m 0777 sub deep; echo secret > .env; echo secret > deep/.env; echo open > a.txt
            echo old > sub/b.txt; echo keep > sub/c.txt; echo x > deep/note; chmod 0666 a.txt sub/* deep/note
            ln .env alias; ln -s a.txt link; chmod 0777 .
            """,
            keepsChanges: true
        )
    }

    private func profile(_ script: String) -> CageProfile {
        var profile = bench.profile(script)
        profile.write = profile.read
        profile.read = [:]
        return profile
    }

    /// Runs a script in the copy and gives the plan it was run with.
    @discardableResult
    private func run(_ user: CageUser, _ script: String) throws -> (plan: CagePlan, output: String)
    {
        // Where a test stands in for an ordinary gateway, what is that gateway's is made its own: the
        // folder before it is looked through, because a denied file with two names changes by it.
        if let stand = user.stand { try bench.shell("chown -hR \(stand):\(stand) .") }
        let plan = try user.plan(profile(script))
        if let stand = user.stand {
            try bench.shell("chown -hR \(stand):\(stand) ../changes ../layers")
        }
        let launch = try CageLaunch(plan, tools: try user.tools)
        let run = try BlockingRun(launch, as: user.stand)
        let errors = String(decoding: run.errors, as: UTF8.self)
        #expect(run.reports.first == .started, "\(run.reports) \(errors)")
        return (plan, String(decoding: run.output, as: UTF8.self) + errors)
    }

    private func changes(_ plan: CagePlan) throws -> (lines: [String], digests: [Digest]) {
        let found = try bench.hiding.changes(in: plan, hashing: hashing)
        let lines = found.flatMap { _, list in
            list.changes.map { change in
                "\(change.kind) \(String(decoding: change.path, as: UTF8.self))"
            }
        }
        return (lines, found.map(\.list.digest))
    }

    private let act = """
        echo new > a.txt; echo more > sub/new.txt; rm sub/b.txt link; mkdir made; echo in > made/file
        ln -s made/file link2; echo mine > .env; mkdir .ssh; echo mine > .ssh/id; mkfifo pipe; : >> sub/c.txt
        rm -r deep; chmod 4755 sub/new.txt; find . -mindepth 1 | LC_ALL=C sort; cat .env
        """

    @Test("nothing reaches the folder before a person says so", arguments: CageUser.possible)
    func kept(user: CageUser) throws {
        let before = try bench.shell("find . -type f -exec cat {} + ; ls -AR")
        let (plan, output) = try run(user, act)
        #expect(
            output
                == """
                ./.env
                ./.ssh
                ./.ssh/id
                ./a.txt
                ./link2
                ./made
                ./made/file
                ./pipe
                ./sub
                ./sub/c.txt
                ./sub/new.txt
                mine

                """
        )
        #expect(try bench.shell("find . -type f -exec cat {} + ; ls -AR") == before)
        #expect(
            try changes(plan).lines == [
                "denied .env", "denied .ssh", "modified a.txt", "removed deep", "removed link",
                "added link2", "added made", "added made/file", "unusable pipe",
                "removed sub/b.txt",
                "added sub/new.txt",
            ]
        )
        // The next start goes on from there.
        #expect(
            try run(user, "cat a.txt made/file sub/b.txt 2>&1").output.hasPrefix("new\nin\ncat: ")
        )
    }

    @Test("what the server sees is found where it stands")
    func places() throws {
        let (plan, _) = try run(
            CageUser.possible[0],
            "echo new > a.txt; rm link; rm -r sub; mkdir sub; echo x > sub/new"
        )
        let inside = try #require(plan.sources.first { $0.isWritable }).inside
        let kept = try #require(bench.hiding.copy(shownAt: inside + "/"))
        let upper = KeptChanges.Place.copy(kept.upper)
        for (names, place) in [
            (["a.txt"], upper), (["sub", "new"], upper), (["deep", "note"], .original),
            (["none"], .original), (["link"], .nowhere), (["sub", "c.txt"], .nowhere),
            (["sub", "b.txt", "x"], .nowhere),
        ] { #expect(kept.place(of: names) == place, "\(names)") }
        #expect(bench.hiding.copy(shownAt: "/elsewhere") == nil)
    }

    @Test("what is committed is what was shown, and nothing denied", arguments: CageUser.possible)
    func commit(user: CageUser) throws {
        let plan = try run(user, act).plan
        let shown = try changes(plan).digests
        try bench.hiding.settle(plan, committing: shown, hashing: hashing)
        #expect(
            try bench.shell(
                "find . -mindepth 1 | LC_ALL=C sort; cat a.txt .env deep/.env; stat -c %a sub/new.txt"
            )
                == """
                ./.env
                ./a.txt
                ./alias
                ./deep
                ./deep/.env
                ./link2
                ./made
                ./made/file
                ./sub
                ./sub/c.txt
                ./sub/new.txt
                new
                secret
                secret
                755

                """
        )
        // The folder still holds what is denied: the next start has a copy again, an empty one.
        let next = try run(user, "cat a.txt; ls -A").output
        #expect(next == "new\na.txt\ndeep\nlink2\nmade\nsub\n")
    }

    @Test("what changed since it was shown is not committed")
    func stale() throws {
        let user = CageUser.possible[0]
        let plan = try run(user, "echo one > a.txt").plan
        let shown = try changes(plan).digests
        try run(user, "echo two > a.txt")
        #expect(throws: ChangeFailure.stale) {
            try bench.hiding.settle(plan, committing: shown, hashing: hashing)
        }
        let again = try changes(plan).digests
        // What it would be put in the place of counts as well.
        try bench.shell("echo theirs > a.txt")
        #expect(throws: ChangeFailure.stale) {
            try bench.hiding.settle(plan, committing: again, hashing: hashing)
        }
        #expect(try bench.shell("cat a.txt") == "theirs\n")
        try bench.hiding.settle(plan, committing: nil, hashing: hashing)
        #expect(try changes(try user.plan(profile("true"))).lines.isEmpty)
        #expect(try bench.shell("cat a.txt .env") == "theirs\nsecret\n")
    }

    @Test("a folder with more than can be listed is not taken for one without changes")
    func tooMany() throws {
        let user = CageUser.possible[0]
        let count = ChangeReader.changeLimit + 1
        let plan = try run(user, "mkdir many; cd many; seq \(count) | xargs touch").plan
        let tooMuch = ChangeFailure.tooMuch("\(ChangeReader.changeLimit) entries")
        #expect(throws: tooMuch) { try changes(plan) }
        #expect(throws: tooMuch) {
            try bench.hiding.settle(plan, committing: [hashing.sha256([])], hashing: hashing)
        }
        // Nothing was dropped with it, and dropping is what is left.
        #expect(try run(user, "ls many | wc -l").output == "\(count)\n")
        try bench.hiding.settle(plan, committing: nil, hashing: hashing)
        #expect(try changes(try user.plan(profile("true"))).lines.isEmpty)
    }

    @Test("a link the server leaves is never followed by the gateway", arguments: CageUser.possible)
    func links(user: CageUser) throws {
        let plan = try run(
            user,
            "rm -r sub; ln -s /etc sub; ln -s /etc/passwd b; mkdir d; echo x > d/f"
        ).plan
        #expect(
            try changes(plan).lines == ["added b", "added d", "added d/f", "modified sub"]
        )
        // Swapped between the look and the commit: a folder becomes a link out of the tree.
        let shown = try changes(plan).digests
        try bench.shell("rm -rf sub d; ln -s /etc d; mkdir sub")
        #expect(throws: ChangeFailure.stale) {
            try bench.hiding.settle(plan, committing: shown, hashing: hashing)
        }
        let again = try changes(plan).digests
        try bench.hiding.settle(plan, committing: again, hashing: hashing)
        #expect(
            try bench.shell("readlink b sub; cat d/f; test ! -e /etc/f") == "/etc/passwd\n/etc\nx\n"
        )
    }

    @Test("a folder without anything denied is written to itself", arguments: CageUser.possible)
    func live(user: CageUser) throws {
        try bench.shell("rm -f .env deep/.env alias; chmod 0777 .")
        if let stand = user.stand { try bench.shell("chown \(stand):\(stand) .") }
        let plan = try user.plan(profile("echo direct > new; rm a.txt"))
        #expect(plan.sources.filter(\.isWritable).map(\.view) == [.whole])
        _ = try user.run(profile("echo direct > new; rm a.txt"))
        #expect(try bench.shell("cat new; ls a.txt 2>&1 || true").hasPrefix("direct\nls: "))
    }
}
