import Base
import Glibc
@testable import Sandbox
import Testing

/// Folders that change between the look and the mount.
@Suite(
    "What was looked through is what is shown",
    .enabled(if: CageBench.isPossible, "\(CageBench.reason)"),
    .timeLimit(.minutes(5))
)
struct ChangedFolderTests {
    private let list = "find . -mindepth 1 | LC_ALL=C sort"

    /// By an overlay where there are any, and put together.
    private static let overlays: [Trial] =
        (CageBench.hasOverlays ? [.works] : []) + [.impossible("no overlays")]

    private func profile(_ bench: HidingBench, _ overlay: Trial) -> CageProfile {
        var profile = bench.profile(list)
        profile.overlay = overlay
        return profile
    }

    @Test(
        "a denied file that got another name since is not shown by it",
        arguments: overlays,
        [
            "ln .env clean/alias", "mv .env clean/alias", "ln clean/second clean/alias",
            "ln .env ../alias", "mv clean/second clean/alias", "mv ../beside clean/alias",
            "mv ../beside ../alias", "echo more >> .env", "rm ../beside; ln .env clean/alias",
        ]
    )
    func anotherName(overlay: Trial, change: String) throws {
        let user = CageUser.possible[0]
        let bench = try HidingBench(
            """
            mkdir clean; echo x > clean/a; echo secret > .env; ln .env clean/second
            ln .env ../beside
            # The clock that changes are stamped with goes on first.
            touch ../last; until echo > ../tick; [ ../tick -nt ../last ]; do :; done
            """
        )
        let plan = try user.plan(profile(bench, overlay))
        try bench.shell(change)
        let tools = try user.tools
        let error = #expect(throws: CageError.self) { _ = try CageLaunch(plan, tools: tools) }
        #expect(error == .changedSinceLook(bench.root + "/docs", ".env"))
        #expect(error?.mayPass == true)
        // Looked through again, that name is judged as well; one elsewhere hinders nobody.
        guard !change.hasPrefix("mv .env") else { return }
        #expect(
            try bench.inside(user, profile(bench, overlay)) == "./clean\n./clean/a\n"
        )
    }

    @Test("a denied file that is written, or loses a name, hinders nobody", arguments: overlays)
    func written(overlay: Trial) throws {
        let user = CageUser.possible[0]
        let bench = try HidingBench("echo x > a; echo secret > .env; ln .env ../other")
        let plan = try user.plan(profile(bench, overlay))
        try bench.shell("echo more >> .env; rm ../other")
        let run = try BlockingRun(try CageLaunch(plan, tools: try user.tools), as: user.stand)
        #expect(String(decoding: run.output, as: UTF8.self) == "./a\n")
    }

    @Test("a folder that was replaced before it was looked through is refused", arguments: overlays)
    func replaced(overlay: Trial) throws {
        let user = CageUser.possible[0]
        let bench = try HidingBench("echo x > a; echo secret > .env")
        let source = try #require(
            try user.plan(profile(bench, overlay)).sources.first { $0.inside == "/data/docs" }
        )
        try bench.shell("cd ..; mv docs before; mkdir docs; echo secret > docs/b")
        let error = #expect(throws: CageError.self) {
            _ = try bench.hiding.showing([source], overlay: overlay)
        }
        #expect(error == .sourceReplaced(bench.root + "/docs"))
        #expect(error?.mayPass == true)
        // The next plan is of what stands there now.
        #expect(try bench.inside(user, profile(bench, overlay)) == "./b\n")
    }
}
