import JSON
import Policy
import Testing

@Suite struct TierProposalTests {
    private func proposal(
        _ name: String,
        _ rest: String = #""inputSchema":{"properties":{}}"#,
        folders: [String] = []
    ) throws -> TierProposal {
        TierProposal(
            definition: try node(#"{"name":"\#(name)",\#(rest)}"#),
            surroundings: TierProposal.Surroundings(writeFolders: folders)
        )
    }

    @Test(
        "proposes by the strongest word of a name",
        arguments: [
            ("read_file", RiskTier.read), ("getFile", .read), ("list-tables", .read),
            ("HTTPGet", .read),
            ("search.repositories", .read), ("write_file", .scopedWrite),
            ("createIssue", .scopedWrite),
            ("git_commit", .scopedWrite), ("delete_file", .destructive),
            ("list_and_delete", .destructive),
            ("move_file", .destructive), ("send_email", .destructive), ("readAndExecute", .execute),
            ("run_command", .execute), ("bash", .execute), ("frobnicate", .destructive),
            ("", .destructive),
            ("42", .destructive), ("getter", .destructive), ("reader", .destructive),
        ]
    )
    func names(_ name: String, _ tier: RiskTier) throws {
        #expect(try proposal(name).tier == tier)
    }

    @Test(
        "hints raise and never lower",
        arguments: [
            ("read_file", #"{"destructiveHint":true}"#, RiskTier.destructive),
            ("read_file", #"{"readOnlyHint":false}"#, .scopedWrite),
            ("read_file", #"{"readOnlyHint":true,"destructiveHint":true}"#, .destructive),
            ("delete_file", #"{"readOnlyHint":true,"destructiveHint":false}"#, .destructive),
            ("run", #"{"readOnlyHint":true}"#, .execute),
            ("frobnicate", #"{"readOnlyHint":true}"#, .destructive),
            ("write_file", #"{"destructiveHint":true}"#, .destructive),
            ("read_file", #"{"readOnlyHint":"false"}"#, .read),
            ("read_file", "7", .read),
        ]
    )
    func hints(_ name: String, _ annotations: String, _ tier: RiskTier) throws {
        let rest = #""annotations":\#(annotations),"inputSchema":{"properties":{}}"#
        #expect(try proposal(name, rest).tier == tier)
    }

    @Test(
        "arguments raise",
        arguments: [
            (#"{"properties":{"command":{}}}"#, RiskTier.execute),
            (#"{"properties":{"sql":{}}}"#, .destructive),
            (#"{"properties":{"query":{"description":"an SQL statement"}}}"#, .destructive),
            (#"{"properties":{"query":{"description":"words to look for"}}}"#, .read),
            (#"{"properties":{"url":{}}}"#, .scopedWrite),
            (#"{"properties":{"page":{"format":"uri"}}}"#, .scopedWrite),
            (#"{"properties":{"path":{}}}"#, .read), ("{}", .destructive), ("7", .destructive),
        ]
    )
    func arguments(_ schema: String, _ tier: RiskTier) throws {
        #expect(try proposal("read_thing", #""inputSchema":\#(schema)"#).tier == tier)
        #expect(try proposal("read_thing", #""x":1"#).tier == .destructive)
    }

    @Test func `a writing tool with paths gets the folders it may write as scope`() throws {
        let rest = #""inputSchema":{"properties":{"path":{},"content":{}}}"#
        let one = try proposal("write_file", rest, folders: ["/data/out"])
        #expect(
            String(decoding: try #require(one.scope).value.serialised(), as: UTF8.self)
                == #"{"/path":{"glob":"/data/out/**"}}"#
        )
        let two = try proposal("write_file", rest, folders: ["/a/", "/b"])
        #expect(
            String(decoding: try #require(two.scope).value.serialised(), as: UTF8.self)
                == #"{"/path":{"any_of":[{"glob":"/a/**"},{"glob":"/b/**"}]}}"#
        )
        let none = try proposal("write_file", rest)
        #expect(none.scope == nil && none.reasons.contains { $0.contains("write one") })
        #expect(try proposal("read_file", rest, folders: ["/a"]).scope == nil)
    }

    @Test func `a proposed statement is one the reader takes`() throws {
        let proposal = try proposal(
            "write_file",
            #""inputSchema":{"properties":{"path":{}}}"#,
            folders: ["/a"]
        )
        let statement = ToolStatement(tier: proposal.tier, scope: proposal.scope)
        let text = String(decoding: statement.value.serialised(), as: UTF8.self)
        #expect(try ToolStatement(json: node(text)) == statement)
    }

    @Test func `reasons are printable whatever the server calls its things`() throws {
        let rest = #""inputSchema":{"properties":{"url\u202e\n":{}}}"#
        for reason in try proposal("read_\\u202e", rest).reasons {
            #expect(reason.utf8.allSatisfy { $0 >= 0x20 && $0 < 0x7f })
        }
    }
}
