import JSON
import Testing

@testable import MCP

@Suite("What older revisions are shown")
struct TranslationTests {
    static let definition = #"""
        { "name":"t", "title":"T", "icons":[{"src":"https://a.example/i"}], "annotations":{"readOnlyHint":true},
          "execution":{"taskSupport":"optional"}, "inputSchema":{"type":"object", "x":1.50, "\u0061":[ ]},
          "outputSchema":{"type":"array"}, "unknown":"\u00e9" }
        """#

    private func lowered(_ revision: Revision, as name: String = "t") throws -> JSONNode {
        let tool = try ToolDefinition(try json(Self.definition))
        return try json(text(DefinitionLowering.text(of: tool, named: name, for: revision)))
    }

    @Test(
        "a definition keeps what the revision has",
        arguments: [
            (Revision.r2024_11_05, ["inputSchema", "name", "unknown"]),
            (.r2025_03_26, ["annotations", "inputSchema", "name", "unknown"]),
            (.r2025_06_18, ["annotations", "inputSchema", "name", "title", "unknown"]),
            (.r2025_11_25, ["annotations", "icons", "inputSchema", "name", "title", "unknown"]),
            (
                .r2026_07_28,
                ["annotations", "icons", "inputSchema", "name", "outputSchema", "title", "unknown"]
            ),
        ]
    )
    func keeps(revision: Revision, members: [String]) throws {
        #expect(try lowered(revision).members.map(\.key.text).sorted() == members)
    }

    @Test func `what stays keeps its bytes, under another name too`() throws {
        let source = #"{"type":"object", "x":1.50, "\u0061":[ ]}"#
        for revision in Revision.allCases {
            let node = try lowered(revision, as: "server__t")
            #expect(node["name"]?.string == "server__t")
            #expect(node["inputSchema"].map { text(Array($0.source)) } == source)
            #expect(node["unknown"].map { text(Array($0.source)) } == #""\u00e9""#)
        }
    }

    @Test func `a definition that loses nothing is its server's bytes`() throws {
        let source = #"{ "inputSchema" : {"type":"object"} , "name":"t" }"#
        let tool = try ToolDefinition(try json(source))
        for revision in Revision.allCases {
            #expect(text(DefinitionLowering.text(of: tool, named: "t", for: revision)) == source)
        }
    }

    private func shaped(
        _ source: String,
        _ revision: Revision,
        verdict: String? = nil
    ) throws
        -> JSONNode
    {
        var writer = JSONWriter()
        ResultShape.writeToolResult(
            try json(source),
            for: revision,
            serverInfo: Array(#"{"name":"g"}"#.utf8),
            verdict: verdict,
            text: { "marked \(text(Array($0.source)))" },
            to: &writer
        )
        return try json(text(writer.bytes))
    }

    @Test func `only the newest revision is told what kind of result it is and from whom`() throws {
        let source = #"{"resultType":"complete","ttlMs":5,"cacheScope":"public","content":[]}"#
        #expect(
            try shaped(source, .r2026_07_28).members.map(\.key.text) == [
                "resultType", "content", "_meta",
            ]
        )
        #expect(try shaped(source, .r2025_11_25).members.map(\.key.text) == ["content"])
    }

    @Test(
        "structured content goes where the revision has it",
        arguments: [
            (#"{"n":1}"#, Revision.r2026_07_28, true), (#"{"n":1}"#, .r2025_06_18, true),
            (#"{"n":1}"#, .r2025_03_26, false), ("[1]", .r2026_07_28, true),
            ("[1]", .r2025_11_25, false), ("7", .r2025_06_18, false), ("null", .r2026_07_28, true),
        ]
    )
    func structured(value: String, revision: Revision, isKept: Bool) throws {
        let said = #"{"content":[{"type":"text","text":"said"}],"structuredContent":\#(value)}"#
        let result = try shaped(said, revision)
        #expect((result["structuredContent"] != nil) == isKept)
        #expect(result["content"]?.count == 1)
        let wordless = try shaped(#"{"content":[],"structuredContent":\#(value)}"#, revision)
        let words = wordless["content"]?.elements.first { _ in true }?["text"]?.string
        #expect(words == (isKept ? nil : "marked \(value)"))
    }

    @Test func `a value beside pictures alone becomes one more block`() throws {
        let source =
            #"{"content":[{"type":"image","data":"AA==","mimeType":"image/png"}],"structuredContent":[1]}"#
        let content = try shaped(source, .r2025_11_25)["content"]
        #expect(content?.elements.map { $0["type"]?.string } == ["image", "text"])
    }

    @Test(
        "of a server's _meta only what is nobody else's goes on",
        arguments: [
            ("example.com/x", true), ("com.example/x", true), ("traceparent", true),
            ("tracestate", true), ("dev.gatehouse/untrusted", true),
            ("io.modelcontextprotocol/serverInfo", false), ("com.mcp/x", false),
            ("tools.mcp.example/x", false), ("dev.gatehouse/verdict", false),
            ("org.gatehouse/verdict", false), ("baggage", false), ("x", false), ("a/b", false),
        ]
    )
    func forwards(key: String, goesOn: Bool) throws {
        let result = try shaped(#"{"content":[],"_meta":{"\#(key)":1}}"#, .r2025_11_25)
        #expect((result["_meta"]?.member(key) != nil) == goesOn)
    }

    @Test func `a verdict is ours alone to give`() throws {
        let result = try shaped(
            #"{"content":[],"_meta":{"dev.gatehouse/verdict":"theirs"}}"#,
            .r2025_11_25,
            verdict: "ours"
        )
        #expect(result["_meta"]?.member("dev.gatehouse/verdict")?.string == "ours")
    }

    @Test(
        "a tool that cannot be offered says why",
        arguments: [
            ("7", "not an object"), (#"{"inputSchema":{"type":"object"}}"#, "needs a `name`"),
            (#"{"name":"","inputSchema":{"type":"object"}}"#, "256"),
            (#"{"name":"t"}"#, "type: object"), (#"{"name":"t","inputSchema":{}}"#, "type: object"),
            (#"{"name":"t","inputSchema":{"type":["object"]}}"#, "type: object"),
            (
                #"{"name":"t","inputSchema":{"type":"object"},"execution":{"taskSupport":"required"}}"#,
                "task"
            ),
        ]
    )
    func problems(source: String, words: String) throws {
        let node = try json(source)
        let problem = #expect(throws: ToolDefinition.Problem.self) { try ToolDefinition(node) }
        #expect(problem?.description.contains(words) == true)
    }
}
