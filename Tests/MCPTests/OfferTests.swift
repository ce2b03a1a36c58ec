import Base
import JSON
import Testing

@testable import MCP

@Suite("What a server offers besides tools")
struct OfferTests {
    @Test(
        "a name says what is offered",
        arguments: [
            ("read", OfferKind.tool), ("prompts", .tool), ("prompts/a/b", .prompt),
            ("resources/read", .reading), ("resources/note://a", .resource),
            ("templates/note://{a}", .template), ("completion/complete", .completion),
            ("Prompts/a", .tool),
        ]
    )
    func kinds(name: String, kind: OfferKind) throws {
        #expect(OfferKind(of: try ToolName(name)) == kind)
    }

    @Test(
        "a tool that takes such a name is refused",
        arguments: [
            "prompts/a", "resources/read", "resources/x", "templates/", "completion/complete",
        ]
    )
    func reserved(name: String) throws {
        let node = try json(#"{"name":"\#(name)","inputSchema":{"type":"object"}}"#)
        #expect(throws: ToolDefinition.Problem.self) { try ToolDefinition(node) }
    }

    @Test func `a prompt is judged by its arguments and keeps its bytes`() throws {
        let source = #"{ "name":"a b", "arguments":[{"name":"x","required":true},{"name":"y"}] }"#
        let prompt = try ToolDefinition(try json(source), as: .prompt)
        #expect(prompt.name.rawValue == "prompts/a b")
        #expect(prompt.wireName == "a b")
        #expect(prompt.kind == .prompt)
        #expect(text(Array(prompt.node.source)) == source)
        let schema =
            #"{"type":"object","properties":{"x":{"type":"string"},"y":{"type":"string"}},"#
            + #""required":["x"]}"#
        #expect(text(Array(prompt.inputSchema.source)) == schema)
        let shown = DefinitionLowering.text(of: prompt, named: "s__a b", for: .newest)
        #expect(try json(text(shown))["name"]?.string == "s__a b")
        let own = DefinitionLowering.text(of: prompt, named: "a b", for: .newest)
        #expect(text(own) == source)
    }

    @Test(
        "what is no prompt, resource or template is refused",
        arguments: [
            (#"[]"#, OfferKind.prompt), (#"{}"#, .prompt), (#"{"name":7}"#, .prompt),
            (#"{"name":"a","arguments":[{}]}"#, .prompt),
            (#"{"name":"a","arguments":[{"name":"x"},{"name":"x"}]}"#, .prompt),
            (#"{"name":"a\u200b"}"#, .prompt),
            (#"{"name":"a"}"#, .resource), (#"{"uri":"note://a"}"#, .resource),
            (#"{"name":"a","uri":"read"}"#, .resource),
            (#"{"name":"a","uri":"note://a"}"#, .template),
            (#"{"name":"a","uriTemplate":"{a}"}"#, .template),
        ]
    )
    func refused(source: String, kind: OfferKind) throws {
        let node = try json(source)
        #expect(throws: ToolDefinition.Problem.self) { try ToolDefinition(node, as: kind) }
    }

    @Test(
        "a resource and a template are named by their URI",
        arguments: [
            (OfferKind.resource, "uri", "note://a"), (.template, "uriTemplate", "note://{a}"),
        ]
    )
    func listed(kind: OfferKind, key: String, uri: String) throws {
        let source = #"{"\#(key)":"\#(uri)","name":"n","title":"T","icons":[]}"#
        let item = try ToolDefinition(try json(source), as: kind)
        #expect(item.kind == kind)
        #expect(item.wireName == uri)
        let named = DefinitionLowering.text(of: item, named: "g:" + uri, for: .r2025_06_18)
        #expect(text(named) == #"{"\#(key)":"g:\#(uri)","name":"n","title":"T"}"#)
    }

    @Test func `a name that begins with a mark keeps it`() throws {
        let prompt = try ToolDefinition(try json(#"{"name":"\u0301x"}"#), as: .prompt)
        #expect(prompt.kind == .prompt)
        #expect(Array(prompt.wireName.utf8) == Array("\u{301}x".utf8))
        let tool = try json(#"{"name":"prompts/\u0301x","inputSchema":{"type":"object"}}"#)
        #expect(throws: ToolDefinition.Problem.self) { try ToolDefinition(tool) }
    }

    @Test func `what the gateway offers itself can be read`() {
        #expect(ToolDefinition.reading?.kind == .reading)
        #expect(ToolDefinition.completion?.kind == .completion)
    }
}

@Suite("URIs in results")
struct LinkNamingTests {
    @Test(
        "are renamed where a client looks for one to read, and nowhere else",
        arguments: [
            (
                OfferKind.tool,
                #"{"content":[{"type":"resource_link","uri":"a:1","name":"a:1"},"#
                    + #"{"type":"resource","resource":{"uri":"a:2","text":"a:2"}},"#
                    + #"{"type":"text","text":"t","uri":"a:3"}],"uri":"a:4"}"#,
                #"{"content":[{"type":"resource_link","uri":"g:a:1","name":"a:1"},"#
                    + #"{"type":"resource","resource":{"uri":"g:a:2","text":"a:2"}},"#
                    + #"{"type":"text","text":"t","uri":"a:3"}],"uri":"a:4"}"#
            ),
            (
                .prompt,
                #"{"messages":[{"content":{"type":"resource_link","uri":"a:1"}},{}]}"#,
                #"{"messages":[{"content":{"type":"resource_link","uri":"g:a:1"}},{}]}"#
            ),
            (
                .reading, #"{"contents":[{"uri":"a:\u0031"},{"uri":7},{"text":"x"}]}"#,
                #"{"contents":[{"uri":"g:a:1"},{"uri":7},{"text":"x"}]}"#
            ),
        ]
    )
    func renames(kind: OfferKind, source: String, wanted: String) throws {
        let bytes = LinkNaming.renamed(try json(source), of: kind, by: { "g:" + $0 })
        #expect(bytes.map { text($0) } == wanted)
    }

    @Test(
        "a result without any stays as it is",
        arguments: [#"{}"#, #"{"content":7}"#, #"{"content":[{"type":"text","text":"x"}]}"#]
    )
    func nothing(source: String) throws {
        #expect(LinkNaming.renamed(try json(source), of: .tool, by: { "g:" + $0 }) == nil)
    }
}
