import Base
import JSON
import MCP
import Patterns
import Screening
import TestKit
import Testing

@testable import Gateway

private let secretValue = "the-value-of-a-secret"

private func asked(
    _ params: String,
    tokenCount: Int = 100,
    givesTools: Bool = false
) throws -> JSONNode {
    let screener = Screener(
        secrets: [KnownSecret(name: "s", value: Array(secretValue.utf8))].compactMap { $0 },
        rules: try RuleBook([], engine: RegexEngine()),
        clock: ManualClock(),
        random: CountingRandom()
    )
    let node = try JSONDocument(parsing: Array(params.utf8)).root
    let question = try SamplingQuestion(
        node,
        tokenCount: tokenCount,
        givesTools: givesTools,
        screener: screener
    )
    return try JSONDocument(parsing: question.params).root
}

private func message(_ content: String, role: String = "user") -> String {
    #"{"messages":[{"role":"\#(role)","content":\#(content)}],"maxTokens":7}"#
}

private let text = #"{"type":"text","text":"m"}"#

@Suite("A server's question to a model")
struct SamplingQuestionTests {
    @Test func `tokens are capped, and what others talked about is not shown`() throws {
        let shown = try asked(
            #"{"messages":[{"role":"user","content":\#(text)}],"maxTokens":101,"#
                + #""includeContext":"allServers","metadata":{"a":1},"temperature":0.5}"#
        )
        #expect(shown["maxTokens"]?.number?.int == 100)
        #expect(shown.members.map(\.key.text) == ["messages", "maxTokens", "temperature"])
    }

    @Test func `a known secret is taken out of what is asked`() throws {
        let shown = try asked(message(#"{"type":"text","text":"\#(secretValue)"}"#))
        #expect(!String(decoding: shown.source, as: UTF8.self).contains(secretValue))
    }

    @Test func `an agent reads who asks before what is asked`() throws {
        let form = try asked(
            #"{"messages":[{"role":"user","content":\#(text)}],"maxTokens":1,"systemPrompt":"own"}"#
        )
        let told = SamplingQuestion.told(form, by: ServerName(unchecked: "notes"))
        let shown = try JSONDocument(parsing: told).root
        #expect(shown["systemPrompt"]?.string?.hasPrefix("The server `notes` wrote this") == true)
        #expect(shown["systemPrompt"]?.string?.hasSuffix("\n\nown") == true)
        #expect(shown["maxTokens"]?.number?.int == 1)
    }

    @Test(
        "what asks for nothing a model could answer is refused",
        arguments: [
            "{}", #"{"messages":[],"maxTokens":1}"#, message("7"), message("[]"),
            message(text, role: "system"), message(#"{"type":"text"}"#),
            message(#"{"type":"tool_use","id":"1","name":"n","input":{}}"#),
            #"{"messages":[{"role":"user","content":\#(text)}]}"#,
            #"{"messages":[{"role":"user","content":\#(text)}],"maxTokens":0}"#,
            #"{"messages":[{"role":"user","content":\#(text)}],"maxTokens":1,"tools":[]}"#,
        ]
    )
    func refuses(params: String) {
        #expect(throws: Elicitation.Problem.self) { try asked(params) }
    }

    @Test func `as many messages as may be are taken, and not one more`() throws {
        for (count, isTaken) in [
            (Limits.samplingMessageCount, true), (Limits.samplingMessageCount + 1, false),
        ] {
            let messages = Array(repeating: #"{"role":"user","content":\#(text)}"#, count: count)
            let params = #"{"messages":[\#(messages.joined(separator: ","))],"maxTokens":1}"#
            #expect((try? asked(params)) != nil ? isTaken : !isTaken)
        }
    }

    @Test(
        "answers have nothing in them but what the protocol has there",
        arguments: [
            (
                InputKind.sampling,
                #"{"role":"assistant","content":{"type":"text","text":"x"},"model":"m","y":1}"#,
                #"{"role":"assistant","content":{"type":"text","text":"x"},"model":"m"}"# as String?
            ),
            (.sampling, #"{"role":"assistant","content":"x","model":"m"}"#, nil),
            (.sampling, #"{"role":"assistant","content":{}}"#, nil),
            (
                .roots, #"{"roots":[{"uri":"file:///a","name":"n","z":1}],"y":1}"#,
                #"{"roots":[{"uri":"file:///a","name":"n"}]}"#
            ),
            (.roots, #"{"roots":[{"uri":"https://a/"}]}"#, nil), (.roots, "{}", nil),
        ]
    )
    func answers(kind: InputKind, given: String, taken: String?) throws {
        let node = try JSONDocument(parsing: Array(given.utf8)).root
        let bytes = try? RequestStates.checked(node, to: kind)
        #expect(bytes.map { String(decoding: $0, as: UTF8.self) } == taken)
    }

    @Test func `folders are told as addresses`() {
        let told = StandingAnswers.result(["/data/a b", "/ü%"])
        #expect(
            String(decoding: told, as: UTF8.self)
                == #"{"roots":[{"uri":"file:///data/a%20b"},{"uri":"file:///%C3%BC%25"}]}"#
        )
    }

    // MARK: Tools

    @Test func `tools are shown by name, words and input, without secrets`() throws {
        let tool =
            #"{"name":"add","title":"t","description":"with \#(secretValue)","#
            + ##""inputSchema":{"type":"object","properties":{"a":{"$ref":"#/$defs/n"}}},"##
            + #""icons":[{"src":"https://a/"}],"annotations":{},"execution":{}}"#
        let shown = try asked(given([tool], choice: #"{"mode":"required"}"#), givesTools: true)
        let first = shown["tools"]?.elements.first { _ in true }
        #expect(first?.members.map(\.key.text) == ["name", "title", "description", "inputSchema"])
        #expect(shown["toolChoice"]?["mode"]?.isString("required") == true)
        #expect(!String(decoding: shown.source, as: UTF8.self).contains(secretValue))
        let told = SamplingQuestion.told(shown, by: ServerName(unchecked: "notes"))
        let text = try JSONDocument(parsing: told).root["systemPrompt"]?.string
        #expect(text?.contains("The tools in it are that server's") == true)
    }

    @Test(
        "tools that cannot be given to a model are refused",
        arguments: [
            given([#"{"name":"","inputSchema":{"type":"object"}}"#]),
            given([#"{"name":"a"}"#]), given([#"{"name":"a","inputSchema":{"type":"string"}}"#]),
            given([tool("a"), tool("a")]), given([]).replacing("[]", with: "{}"),
            given([
                #"{"name":"a","inputSchema":{"type":"object","properties":"#
                    + #"{"x":{"anyOf":[{"$ref":"https://a/b"}]}}}}"#
            ]),
            given([tool("a")], choice: #""auto""#), given([tool("a")], choice: #"{"mode":"any"}"#),
            given([tool("a")], choice: #"{"mode":"auto","name":"a"}"#),
        ]
    )
    func refusesTools(params: String) {
        #expect(throws: Elicitation.Problem.self) { try asked(params, givesTools: true) }
    }

    @Test func `as many tools as may be are taken, and not one more`() throws {
        let most = Limits.samplingToolCount
        for count in [most, most + 1] {
            let params = given((0..<count).map { tool("t\($0)") })
            #expect(((try? asked(params, givesTools: true)) != nil) == (count == most))
        }
    }

    @Test(
        "uses of tools and their results follow each other",
        arguments: [
            ([user(text), model(use("1")), user(outcome("1"))], true),
            (
                [model("[\(use("1")),\(use("2"))]"), user("[\(outcome("2")),\(outcome("1"))]")],
                true
            ),
            ([model(use("1"))], false), ([user(outcome("1"))], false),
            ([model(use("1")), user(text)], false),
            ([model(use("1")), user("[\(outcome("1")),\(text)]")], false),
            ([model("[\(use("1")),\(use("2"))]"), user(outcome("1"))], false),
            ([model("[\(use("1")),\(use("1"))]"), user(outcome("1"))], false),
            ([model(use("1")), user("[\(outcome("1")),\(outcome("1"))]")], false),
            ([user(use("1")), user(outcome("1"))], false), ([model(outcome("1"))], false),
        ]
    )
    func balances(messages: [String], isTaken: Bool) {
        let params = #"{"messages":[\#(messages.joined(separator: ","))],"maxTokens":1}"#
        #expect(((try? asked(params, givesTools: true)) != nil) == isTaken)
        // Who was not given tools cannot have used any.
        #expect((try? asked(params)) == nil)
    }

    @Test func `a model uses the tools it was given and no others`() throws {
        let answer = #"{"role":"assistant","content":[\#(text),\#(use("1"))],"model":"m"}"#
        let node = try JSONDocument(parsing: Array(answer.utf8)).root
        for (names, isTaken) in [(["add"], true), (["sub"], false), ([], false)] {
            let checked = try? RequestStates.checked(node, to: .sampling, tools: Set(names))
            #expect((checked != nil) == isTaken)
        }
        #expect((try? RequestStates.checked(node, to: .sampling)) != nil)
    }
}

private func tool(_ name: String) -> String {
    #"{"name":"\#(name)","inputSchema":{"type":"object"}}"#
}

private func given(_ tools: [String], choice: String = "{}") -> String {
    #"{"messages":[{"role":"user","content":\#(text)}],"maxTokens":1,"#
        + #""tools":[\#(tools.joined(separator: ","))],"toolChoice":\#(choice)}"#
}

private func user(_ content: String) -> String { #"{"role":"user","content":\#(content)}"# }
private func model(_ content: String) -> String { #"{"role":"assistant","content":\#(content)}"# }
private func use(_ id: String) -> String {
    #"{"type":"tool_use","id":"\#(id)","name":"add","input":{"a":1}}"#
}
private func outcome(_ id: String) -> String {
    #"{"type":"tool_result","toolUseId":"\#(id)","content":[\#(text)]}"#
}
