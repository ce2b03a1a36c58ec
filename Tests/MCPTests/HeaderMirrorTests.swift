import JSON
import Testing

@testable import MCP

@Suite("Headers that mirror the body")
struct HeaderMirrorTests {
    private func check(
        _ source: String,
        _ headers: [String: String]
    ) throws -> ProtocolError? {
        let request = try request(source)
        do {
            try HeaderMirror.check(request) { headers[$0.description] }
            return nil
        } catch { return error }
    }

    static let call = #"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"größe"}}"#

    @Test(
        "takes what equals the body",
        arguments: [
            (#"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#, ["mcp-method": "tools/list"]),
            (
                #"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#,
                ["mcp-method": "tools/list", "mcp-name": "of no meaning here"]
            ),
            (call, ["mcp-method": "tools/call", "mcp-name": "=?base64?Z3LDtsOfZQ==?="]),
            (
                #"{"jsonrpc":"2.0","id":1,"method":"resources/read","params":{"uri":"mem://a"}}"#,
                ["mcp-method": "resources/read", "mcp-name": "mem://a"]
            ),
        ]
    )
    func takes(source: String, headers: [String: String]) throws {
        #expect(try check(source, headers) == nil)
    }

    @Test(
        "refuses what is missing, differs or cannot be decoded",
        arguments: [
            [:], ["mcp-method": "tools/call"], ["mcp-name": "größe"],
            ["mcp-method": "Tools/call", "mcp-name": "größe"],
            ["mcp-method": "tools/call", "mcp-name": "Größe"],
            ["mcp-method": "tools/call", "mcp-name": ""],
            // Padding, alphabet, UTF-8, and a marker in capitals, which makes it a literal.
            ["mcp-method": "tools/call", "mcp-name": "=?base64?Z3LDtsOfZQ?="],
            ["mcp-method": "tools/call", "mcp-name": "=?base64?Z3LDt_OfZQ==?="],
            ["mcp-method": "tools/call", "mcp-name": "=?base64?/w==?="],
            ["mcp-method": "tools/call", "mcp-name": "=?BASE64?Z3LDtsOfZQ==?="],
            // What may stand there only encoded.
            ["mcp-method": "tools/call", "mcp-name": "größe"],
            // The same letters to the eye, other bytes.
            ["mcp-method": "tools/call", "mcp-name": "gro\u{308}ße"],
        ] as [[String: String]]
    )
    func refuses(headers: [String: String]) throws {
        #expect(try check(Self.call, headers)?.code == .headerMismatch)
    }

    @Test("a notification may come without the header, and never with another's")
    func notifications() throws {
        let message = try message(#"{"jsonrpc":"2.0","method":"notifications/cancelled"}"#)
        for (sent, isTaken) in [(nil, true), ("notifications/cancelled", true), ("ping", false)] {
            let check = { try HeaderMirror.check(message) { _ in sent } }
            if isTaken {
                #expect(throws: Never.self) { try check() }
            } else {
                #expect(throws: ProtocolError.self) { try check() }
            }
        }
    }

    @Test(
        "a text survives its way through a header",
        arguments: [
            "", "plain", "inner blank", "tab\tinside", " outer", "outer ", "\tx", "größe", "\n",
            "\u{0}",
            "=?base64?", "?=", "=?base64??=", "=?base64?x?=", "\u{7f}", "日本",
        ]
    )
    func survives(value: String) {
        let encoded = HeaderMirror.encode(value)
        #expect(HeaderMirror.decode(encoded) == value)
        #expect(encoded.utf8.allSatisfy { (0x20...0x7e).contains($0) || $0 == 0x09 })
        #expect(encoded.utf8.first != 0x20 && encoded.utf8.last != 0x20)
    }

    private func parameter(_ kind: MirroredParameter.Kind) -> MirroredParameter {
        MirroredParameter(header: "X", path: ["a", "b"], kind: kind)
    }

    @Test(
        "an argument and its header agree by value",
        arguments: [
            (MirroredParameter.Kind.string, #"{"a":{"b":"eu"}}"#, "eu", true),
            (.string, #"{"a":{"b":"eu"}}"#, "EU", false),
            (.string, #"{"a":{"b":"eu"}}"#, nil, false),
            (.string, #"{"a":{"b":"7"}}"#, "7.0", false),
            (.integer, #"{"a":{"b":7}}"#, "7", true),
            (.integer, #"{"a":{"b":7}}"#, "7.0", true),
            (.integer, #"{"a":{"b":7}}"#, "07", false),
            (.integer, #"{"a":{"b":9007199254740993}}"#, "9007199254740992", false),
            (.boolean, #"{"a":{"b":true}}"#, "true", true),
            (.boolean, #"{"a":{"b":true}}"#, "1", false),
            (.boolean, #"{"a":{"b":false}}"#, "true", false),
            (.string, #"{"a":{"b":null}}"#, nil, true),
            (.string, #"{"a":{"b":null}}"#, "null", false),
            (.string, #"{"a":{}}"#, nil, true),
            (.string, #"{"a":{}}"#, "eu", false),
            (.string, "{}", nil, true),
            (.string, #"{"a":"b"}"#, nil, true),
        ] as [(MirroredParameter.Kind, String, String?, Bool)]
    )
    func agrees(kind: MirroredParameter.Kind, source: String, header: String?, fits: Bool) throws {
        let arguments = try json(source)
        let check = {
            try HeaderMirror.check(parameter(kind), arguments: arguments) { name in
                name == "mcp-param-x" ? header : nil
            }
        }
        if fits {
            #expect(throws: Never.self) { try check() }
        } else {
            #expect(throws: ProtocolError.self) { try check() }
        }
    }

    @Test(
        "finds the marked arguments, and nowhere but under properties",
        arguments: [
            (#"{"a":{"type":"string","x-mcp-header":"A"}}"#, 1),
            (
                #"{"a":{"type":"object","properties":{"b":{"type":"integer","x-mcp-header":"B"}}}}"#,
                1
            ),
            (
                #"{"a":{"type":"string","x-mcp-header":"A"},"b":{"type":"boolean","x-mcp-header":"B"}}"#,
                2
            ),
            (#"{"a":{"type":"string"}}"#, 0),
            (#"{"a":{"type":"number","x-mcp-header":"A"}}"#, nil),
            (#"{"a":{"type":["string","null"],"x-mcp-header":"A"}}"#, nil),
            (#"{"a":{"type":"string","x-mcp-header":""}}"#, nil),
            (#"{"a":{"type":"string","x-mcp-header":"a b"}}"#, nil),
            (#"{"a":{"type":"string","x-mcp-header":7}}"#, nil),
            (
                #"{"a":{"type":"string","x-mcp-header":"A"},"b":{"type":"string","x-mcp-header":"a"}}"#,
                nil
            ),
            (#"{"a":{"type":"array","items":{"type":"string","x-mcp-header":"A"}}}"#, nil),
            (#"{"a":{"anyOf":[{"type":"string","x-mcp-header":"A"}]}}"#, nil),
        ] as [(String, Int?)]
    )
    func finds(properties: String, count: Int?) throws {
        let node = try json(
            #"{"name":"t","inputSchema":{"type":"object","properties":\#(properties)}}"#
        )
        if let count {
            #expect(try ToolDefinition(node).mirrored.count == count)
        } else {
            #expect(throws: ToolDefinition.Problem.self) { try ToolDefinition(node) }
        }
    }
}
