import Base
import Crypto
import Glibc
import Sandbox
import TestKit
import Testing

/// What is looked at is what is opened for the cage, wherever it lies by then.
@Suite(
    .enabled(if: CageBench.isPossible, Comment(rawValue: CageBench.reason)),
    .timeLimit(.minutes(5))
)
struct LaunchIdentityTests {
    /// A project whose script reads another file of its tree.
    private func project(saying word: String, in root: String) throws {
        CageBench.makeFolders(root + "/app/lib")
        try CageBench.write("{}", to: root + "/app/package.json")
        try CageBench.write(". \"${0%/*}/lib/words.sh\"\n", to: root + "/app/server.sh")
        try CageBench.write("echo \(word)\n", to: root + "/app/lib/words.sh")
    }

    private func plan(_ root: String, for user: CageUser, code: [String] = []) throws -> CagePlan {
        var profile = CageProfile(command: ["/bin/sh", "app/server.sh"], baseFolder: root)
        profile.code = code
        return try user.plan(profile)
    }

    private func digest(_ plan: CagePlan, _ opened: [String: Int32] = [:]) throws -> Digest {
        try LaunchIdentity(plan.command, opened: opened, hashing: OpenSSLHashing()).digest
    }

    /// Whoever may write beside a tree moves another into its place after it was opened: what is
    /// known is the one that runs, and what stands there now is neither known nor run.
    @Test("a tree moved into the place of another is not run", arguments: CageUser.possible)
    func moved(user: CageUser) throws {
        let root = try CageBench.folder("moved")
        try project(saying: "good", in: root)
        try project(saying: "evil", in: root + "/other")
        // Shown by itself, and as a part of a larger folder.
        for code in [[], ["."]] {
            let plan = try plan(root, for: user, code: code)
            let good = try digest(plan)
            let launch = try CageLaunch(plan, tools: try user.tools)
            #expect(unsafe rename(root + "/app", root + "/aside") == 0)
            #expect(unsafe rename(root + "/other/app", root + "/app") == 0)
            let evil = try digest(plan)
            #expect(evil != good)
            // Below a folder that is shown as a whole, what stands there now is what is shown.
            #expect(try digest(plan, launch.shown) == (code.isEmpty ? good : evil))
            let run = try BlockingRun(launch, as: user.stand, deadline: .seconds(60))
            let said = code.isEmpty ? "good\n" : "evil\n"
            #expect(String(decoding: run.output, as: UTF8.self) == said)
            #expect(unsafe rename(root + "/app", root + "/other/app") == 0)
            #expect(unsafe rename(root + "/aside", root + "/app") == 0)
        }
    }

    @Test("a tree replaced before it was opened is refused", arguments: CageUser.possible)
    func replaced(user: CageUser) throws {
        let root = try CageBench.folder("replaced")
        try project(saying: "good", in: root)
        try project(saying: "evil", in: root + "/other")
        let plan = try plan(root, for: user)
        #expect(unsafe rename(root + "/app", root + "/aside") == 0)
        #expect(unsafe rename(root + "/other/app", root + "/app") == 0)
        let tools = try user.tools
        let error = #expect(throws: CageError.self) { _ = try CageLaunch(plan, tools: tools) }
        #expect(error?.description.contains("it was replaced") == true)
    }

    /// What `pip install -e` leaves in a folder of its own is as much the program as its entry.
    @Test func `what the operator named as code is what the server is known by`() throws {
        let root = try CageBench.folder("named")
        try project(saying: "good", in: root)
        CageBench.makeFolders(root + "/library")
        try CageBench.write("echo one\n", to: root + "/library/code.sh")
        let user = CageUser.possible[0]
        let (without, with) = (
            try digest(try plan(root, for: user)),
            try digest(try plan(root, for: user, code: ["library"]))
        )
        #expect(without != with)
        try CageBench.write("echo two\n", to: root + "/library/code.sh")
        #expect(try digest(try plan(root, for: user)) == without)
        let after = try plan(root, for: user, code: ["library"])
        #expect(try digest(after) != with)
        #expect(after.command.roots == [root + "/app", root + "/library"])
    }

    @Test(
        "a folder that cannot be listed is not empty",
        .enabled(if: !CageUser.isRoot, "root can list every folder")
    )
    func closed() throws {
        let root = try CageBench.folder("closed")
        try project(saying: "good", in: root)
        let plan = try plan(root, for: CageUser.possible[0])
        #expect(unsafe chmod(root + "/app/lib", 0o311) == 0)
        defer { unsafe chmod(root + "/app/lib", 0o755) }
        #expect(throws: LaunchIdentity.Failure.unreadable(root + "/app/lib")) { try digest(plan) }
    }

    @Test func `a link that says more than we can read is not taken for another`() throws {
        let root = try CageBench.folder("far")
        try project(saying: "good", in: root)
        #expect(unsafe symlink("\u{fffd}", root + "/app/lib/odd") == 0)
        let plan = try plan(root, for: CageUser.possible[0])
        _ = try digest(plan)
        #expect(unsafe unlink(root + "/app/lib/odd") == 0)
        let bytes: [CChar] = [-1, -2, 0]
        #expect(unsafe symlink(bytes, root + "/app/lib/odd") == 0)
        #expect(throws: LaunchIdentity.Failure.unreadable(root + "/app/lib/odd")) {
            try digest(plan)
        }
    }

    @Test func `a link in the place of a tree is not followed`() throws {
        let root = try CageBench.folder("linked")
        try project(saying: "good", in: root)
        let plan = try plan(root, for: CageUser.possible[0])
        #expect(unsafe rename(root + "/app", root + "/aside") == 0)
        #expect(unsafe symlink("aside", root + "/app") == 0)
        #expect(throws: LaunchIdentity.Failure.self) { try digest(plan) }
    }
}
