import Base
import JSON
import Policy
import Testing

@Suite("What one server is not shown") struct HideTests {
    private let files = ServerName(unchecked: "files")
    private let database = ServerName(unchecked: "db")

    private func surroundings(hiding patterns: [String]) throws -> PolicyContext {
        var context = context()
        context.hides = [.main: [files: try patterns.map { try DenyPath($0) }]]
        return context
    }

    private let tools =
        #"{"tools":{"files.read":{"tier":"T0"},"db.read":{"tier":"T0"}},"deny_paths":["*.pem"]}"#

    @Test func `it is refused to the server by its own name, and to no other`() throws {
        let policy = try check(tools, in: try surroundings(hiding: ["private/"]))
        let form = try call(#"{"path":"/data/private/plan"}"#)
        let own = try #require(policy.policy(for: try tool("files.read"), tenant: .main))
        let verdict = own.judge(form)
        #expect(verdict.decision == .refuse)
        #expect(verdict.reasons.map(\.name) == ["hide private/"])
        let other = try #require(policy.policy(for: try tool("db.read"), tenant: .main))
        #expect(other.judge(form).decision == .allow)
        // What leaves it out of results is the same list.
        #expect(own.denied.match(Array("private/plan".utf8)) != nil)
        #expect(other.denied.match(Array("private/plan".utf8)) == nil)
        #expect(policy.deniedPaths(of: files, tenant: .main).map(\.text).last == "private/")
        #expect(!policy.deniedPaths(of: database, tenant: .main).map(\.text).contains("private/"))
    }

    @Test func `what the tenant denies stays denied by that name`() throws {
        let policy = try check(tools, in: try surroundings(hiding: ["*.pem", ".env"]))
        let own = try #require(policy.policy(for: try tool("files.read"), tenant: .main))
        let verdict = own.judge(try call(#"{"path":"/data/key.pem"}"#))
        #expect(verdict.reasons.map(\.name) == ["deny_paths *.pem"])
    }

    @Test func `it counts in the digest of the server's tools alone`() throws {
        let (plain, hiding) = (
            try check(tools), try check(tools, in: try surroundings(hiding: ["private/"]))
        )
        func digest(_ policy: CheckedPolicy, _ name: String) throws -> Digest? {
            policy.policy(for: try tool(name), tenant: .main)?.digest
        }
        #expect(try digest(plain, "files.read") != digest(hiding, "files.read"))
        #expect(try digest(plain, "db.read") == digest(hiding, "db.read"))
    }

    @Test(
        "to hide less loosens, and to hide more does not",
        arguments: [
            (["private/"], [], "{}", 1), ([], ["private/"], "{}", 0),
            (["private/", "b"], ["b", "c"], "{}", 1), (["a"], ["a"], "{}", 0),
            // The tenant denies it now.
            (["a"], [], #"{"deny_paths":["a"]}"#, 0),
        ]
    )
    func loosens(_ old: [String], _ new: [String], _ after: String, _ count: Int) throws {
        let before = try check("{}", in: try surroundings(hiding: old))
        let after = try check(after, in: try surroundings(hiding: new))
        // As a start does: compared with what was kept.
        let kept = try CheckedPolicy(
            acceptedForm: JSONDocument(parsing: before.acceptedForm.serialised()).root,
            engine: engine,
            hashing: hashing
        )
        #expect(after.loosenings(from: kept).count == count)
    }

    @Test func `a server that is gone shows nothing any more`() throws {
        let before = try check("{}", in: try surroundings(hiding: ["a"]))
        var fewer = context()
        fewer.servers[.main]?[files] = nil
        #expect(try check("{}", in: fewer).loosenings(from: before) == [])
    }
}
