import Base
import JSON
import MCP
import Patterns
import Policy
import Screening
import System
import TestKit
import Testing

@testable import Gateway

/// What a server lists, against what was accepted of it.
@Suite struct CatalogueBuilderTests {
    private let loop: EventLoop
    private let files: ServerName

    init() throws {
        loop = try EventLoop()
        files = try ServerName("files")
    }

    private static func screener() throws -> Screener {
        Screener(
            secrets: [KnownSecret(name: "s", value: Array("the-value-of-a-secret".utf8))]
                .compactMap { $0 },
            rules: try RuleBook([], engine: RegexEngine()),
            clock: ManualClock(),
            random: CountingRandom()
        )
    }

    private static let schema =
        #"{"type":"object","properties":{"path":{"type":"string"}},"required":["path"]}"#

    private func tool(_ name: String, _ more: String = "") throws -> ToolDefinition {
        try ToolDefinition(node(#"{"name":"\#(name)","inputSchema":\#(Self.schema)\#(more)}"#))
    }

    private func pin(_ tool: ToolDefinition) -> Digest { CatalogueBuilder.pin(of: tool, hashing) }

    private func build(
        _ tools: [ToolDefinition],
        pinned: [ToolName: Digest],
        instructions: (said: String?, pinned: Digest?) = (nil, nil),
        unusable: [ServerDescription.UnusableTool] = [],
        policy: String = "tools: {}"
    ) throws -> ServerEntry {
        let set = try policySet("gatehouse: 1\nservers: { files: { command: [x] } }\n" + policy)
        var tenant = LockFile.Tenant()
        tenant.servers[files] = LockFile.Server(instructions: instructions.pinned, tools: pinned)
        let builder = CatalogueBuilder(
            policy: set.policy,
            lock: LockFile(tenants: [.main: tenant]),
            hashing: hashing,
            engine: RegexEngine(),
            screener: try Self.screener(),
            tally: GateTally()
        )
        let client = MCPClient(
            server: files,
            transport: StdioTransport(loop: loop, startTimeout: .seconds(1)),
            loop: loop,
            identity: Implementation(name: "test", version: "1"),
            pinned: nil,
            startTimeout: .seconds(1)
        )
        return builder.entry(
            of: try #require(set.configuration.servers[files]),
            client: client,
            description: ServerDescription(
                revision: .r2025_11_25,
                instructions: instructions.said,
                tools: tools,
                unusable: unusable
            )
        )
    }

    @Test func `an accepted tool is offered, a new one is hidden alone`() throws {
        let old = try tool("read_file")
        let new = try tool("write_file")
        let entry = try build([old, new], pinned: [old.name: pin(old)])
        #expect(Set(entry.tools.keys) == [old.name])
        #expect(entry.hidden == [new.name: .new])
        #expect(entry.absence == nil)
    }

    @Test(
        "one byte of difference is a change",
        arguments: [
            #","description":"d""#, #","annotations":{"readOnlyHint":true}"#, " ",
            #","title":"read_file""#,
        ]
    )
    func changed(more: String) throws {
        let accepted = try tool("read_file")
        let now = try tool("read_file", more)
        let entry = try build([now], pinned: [accepted.name: pin(accepted)])
        #expect(entry.tools.isEmpty)
        #expect(entry.hidden == [now.name: .changed(from: pin(accepted), to: pin(now))])
    }

    @Test func `a tool renamed is told from a new one`() throws {
        let old = try tool("read_file", #","description":"reads""#)
        let now = try tool("readFile", #","description":"reads""#)
        let other = try tool("write_file")
        let entry = try build([now, other], pinned: [old.name: pin(old)])
        #expect(entry.hidden == [now.name: .renamed(from: old.name), other.name: .new])
        // While the old one is still listed, the second is new: nothing was renamed.
        let both = try build([old, now], pinned: [old.name: pin(old)])
        #expect(Set(both.tools.keys) == [old.name])
        #expect(both.hidden == [now.name: .new])
    }

    @Test func `two tools of one name are both hidden, whichever was accepted`() throws {
        let first = try tool("read_file")
        let second = try tool("read_file", #","description":"another""#)
        let bystander = try tool("list")
        let entry = try build(
            [first, second, bystander],
            pinned: [first.name: pin(first), bystander.name: pin(bystander)]
        )
        #expect(Set(entry.tools.keys) == [bystander.name])
        guard case .unusable(let reason)? = entry.hidden[first.name] else {
            return #expect(Bool(false))
        }
        #expect(reason.contains("two tools"))
    }

    @Test func `a schema that does not compile hides that tool alone, with the reason`() throws {
        let good = try tool("good")
        let bad = try ToolDefinition(
            node(
                #"{"name":"bad","inputSchema":{"type":"object","properties":{"a":{"pattern":"("}}}}"#
            )
        )
        let remote = try ToolDefinition(
            node(
                #"{"name":"remote","inputSchema":{"type":"object","properties":{"a":{"$ref":"https://a.example/s"}}}}"#
            )
        )
        let all = [good, bad, remote]
        let pins = Dictionary(uniqueKeysWithValues: all.map { ($0.name, pin($0)) })
        let entry = try build(all, pinned: pins)
        #expect(Set(entry.tools.keys) == [good.name])
        for name in [bad.name, remote.name] {
            guard case .unusable(let reason)? = entry.hidden[name] else {
                Issue.record("\(name) is offered")
                continue
            }
            #expect(reason.contains("does not compile"))
        }
    }

    @Test func `a tool that cannot be read is hidden with the server's others offered`() throws {
        let good = try tool("good")
        let entry = try build(
            [good],
            pinned: [good.name: pin(good)],
            unusable: [
                .init(name: "bad", reason: "`inputSchema` must be an object"),
                // A name nobody can spell is not listed at all.
                .init(name: "\u{202e}", reason: "x"),
            ]
        )
        #expect(entry.hidden == [try ToolName("bad"): .unusable("`inputSchema` must be an object")])
        #expect(entry.tools.count == 1)
    }

    @Test(
        "a character nobody sees makes no name",
        arguments: [
            "\u{200b}", "\u{202e}", "\u{80}", "\u{9b}", "\u{ad}", "\u{2028}", "\u{feff}",
            "\u{3164}", "\u{e0041}",
        ]
    )
    func invisible(character: String) {
        #expect(throws: ToolDefinition.Problem.self) { try tool("read\(character)_file") }
    }

    @Test(
        "a name alike to the eye is another tool, which nobody accepted",
        arguments: ["Read_file", "re\u{430}d_file", "read_file ", "rea\u{308}d_file"]
    )
    func alike(spelling: String) throws {
        let known = try tool("read_file")
        let other = try tool(spelling)
        let entry = try build([known, other], pinned: [known.name: pin(known)])
        #expect(Set(entry.tools.keys) == [known.name])
        #expect(entry.hidden == [other.name: .new])
    }

    @Test func `instructions are shown only when they were accepted`() throws {
        let said = "use me"
        let digest = hashing.sha256(Array(said.utf8))
        #expect(try build([], pinned: [:], instructions: (said, digest)).instructions == said)
        #expect(try build([], pinned: [:], instructions: (said, nil)).instructions == nil)
        #expect(
            try build([], pinned: [:], instructions: (said + ".", digest)).instructions == nil
        )
    }

    @Test func `a schema that names no property makes the tool destructive at least`() throws {
        let bare = try ToolDefinition(node(#"{"name":"bare","inputSchema":{"type":"object"}}"#))
        let named = try tool("named")
        let entry = try build(
            [bare, named],
            pinned: [bare.name: pin(bare), named.name: pin(named)],
            policy: "tools: { files.bare: { tier: T0 }, files.named: { tier: T0 } }"
        )
        #expect(entry.tools[bare.name]?.policy.tier == .destructive)
        #expect(entry.tools[named.name]?.policy.tier == .read)
    }

    @Test func `a definition and instructions with the value of a secret are given to nobody`()
        throws
    {
        let plain = try tool("read")
        let leak = try tool("leak", #","description":"say the-value-of-a-secret""#)
        let words = "say dGhlLXZhbHVlLW9mLWEtc2VjcmV0"
        let entry = try build(
            [plain, leak],
            pinned: [plain.name: pin(plain), leak.name: pin(leak)],
            instructions: (words, hashing.sha256(Array(words.utf8)))
        )
        #expect(Array(entry.tools.keys) == [plain.name])
        #expect(entry.hidden[leak.name]?.description.contains("value of a secret") == true)
        #expect(entry.instructions == nil)
    }

    @Test func `a server that was not reached offers nothing and says why`() throws {
        let set = try policySet("gatehouse: 1\nservers: { files: { command: [x] } }\n")
        let builder = CatalogueBuilder(
            policy: set.policy,
            lock: .empty,
            hashing: hashing,
            engine: RegexEngine(),
            screener: try Self.screener(),
            tally: GateTally()
        )
        let server = try #require(set.configuration.servers[files])
        let client = MCPClient(
            server: files,
            transport: StdioTransport(loop: loop, startTimeout: .seconds(1)),
            loop: loop,
            identity: Implementation(name: "test", version: "1"),
            pinned: nil,
            startTimeout: .seconds(1)
        )
        let entry = builder.absent(server, client: client, .unreached)
        #expect(entry.absence == "cannot be reached" && entry.tools.isEmpty && entry.hidden.isEmpty)
    }

    @Test func `an endpoint's spelling leads to one tool`() throws {
        let tool = try tool("a__b")
        let entry = try build([tool], pinned: [tool.name: pin(tool)])
        let catalogue = Catalogue(version: 1, tenants: [.main: [files: entry]])
        let acme = try TenantID("acme")
        #expect(catalogue.find("a__b", at: .server(files), tenant: .main) != nil)
        #expect(catalogue.find("files__a__b", at: .all, tenant: .main) != nil)
        #expect(catalogue.find("a__b", at: .all, tenant: .main) == nil)
        #expect(catalogue.find("files__a__b", at: .server(files), tenant: .main) == nil)
        #expect(catalogue.find("files__a__b", at: .all, tenant: acme) == nil)
        #expect(catalogue.find("files_a__b", at: .all, tenant: .main) == nil)
        #expect(catalogue.find("", at: .all, tenant: .main) == nil)
    }
}
