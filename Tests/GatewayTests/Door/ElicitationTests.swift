import Base
import JSON
import MCP
import Patterns
import Screening
import System
import TestKit
import Testing

@testable import Gateway

private let secretValue = "the-value-of-a-secret"

private func screened(
    _ params: String,
    _ modes: InputModes = [.form, .url]
) throws -> Result<JSONNode, Elicitation.Problem> {
    let screener = Screener(
        secrets: [KnownSecret(name: "s", value: Array(secretValue.utf8))].compactMap { $0 },
        rules: try RuleBook([], engine: RegexEngine()),
        clock: ManualClock(),
        random: CountingRandom()
    )
    let node = try JSONDocument(parsing: Array(params.utf8)).root
    let question: Elicitation
    do throws(Elicitation.Problem) {
        question = try Elicitation(
            node,
            from: ServerName(unchecked: "notes"),
            modes: modes,
            screener: screener
        )
    } catch {
        return .failure(error)
    }
    return .success(try JSONDocument(parsing: question.params).root)
}

private func form(_ properties: String) -> String {
    #"{"message":"m","requestedSchema":{"type":"object","properties":{\#(properties)}}}"#
}

private func page(_ url: String) -> String { #"{"mode":"url","message":"m","url":"\#(url)"}"# }

@Suite("A server's question to a person")
struct ElicitationTests {
    @Test func `a form names its server and keeps its fields`() throws {
        let shown = try screened(form(#""color":{"type":"string","enum":["a","b"]}"#)).get()
        #expect(shown["message"]?.string == "The server `notes` asks: m")
        #expect(shown["mode"]?.string == "form")
        #expect(shown["requestedSchema"]?["properties"]?["color"]?["enum"]?.count == 2)
    }

    @Test func `a known secret is taken out of what is asked`() throws {
        let source =
            #"{"message":"\#(secretValue)","requestedSchema":{"type":"object","properties":{}}}"#
        let shown = try screened(source).get()
        #expect(shown["message"]?.string?.contains(secretValue) == false)
    }

    @Test(
        "a form that asks for a secret is refused",
        arguments: [
            #""password":{"type":"string"}"#, #""apiKey":{"type":"string"}"#,
            #""API_KEY":{"type":"string"}"#, #""x":{"type":"string","title":"Your token"}"#,
            #""pin":{"type":"integer"}"#, #""card-number":{"type":"string"}"#,
            #""x":{"type":"string","format":"password"}"#,
            #""x":{"type":"string","writeOnly":true}"#,
        ]
    )
    func secrets(properties: String) throws {
        guard case .failure(let problem) = try screened(form(properties)) else {
            Issue.record("it was taken")
            return
        }
        #expect(problem.description.contains("secret"))
    }

    @Test(
        "a form of plain words is taken",
        arguments: [
            #""spinning":{"type":"boolean"}"#, #""opinion":{"type":"string"}"#,
            #""hotpot":{"type":"number"}"#, #""kinds":{"type":"array","items":{"enum":["a"]}}"#, "",
        ]
    )
    func plain(properties: String) throws {
        #expect(throws: Never.self) { try screened(form(properties)).get() }
    }

    @Test(
        "what is no flat form is refused",
        arguments: [
            "7", "{}", #"{"message":"m"}"#, #"{"message":7,"requestedSchema":{}}"#,
            #"{"message":"m","requestedSchema":{"type":"array"}}"#,
            form(#""x":{"type":"object","properties":{}}"#), form(#""x":{}"#),
            form(#""x":{"type":"array","items":{"type":"object","properties":{}}}"#),
            form((0...32).map { #""f\#($0)":{"type":"string"}"# }.joined(separator: ",")),
            #"{"mode":"voice","message":"m"}"#,
        ]
    )
    func broken(params: String) throws {
        #expect(throws: Elicitation.Problem.self) { try screened(params).get() }
    }

    @Test(
        "a page is reached over TLS, or on this machine",
        arguments: ["https://example.org/a?b=c", "http://127.0.0.1:9/x", "http://localhost/x"]
    )
    func pages(url: String) throws {
        let shown = try screened(page(url)).get()
        #expect(shown["url"]?.string == url)
        #expect(shown["message"]?.string?.contains("`notes` asks you to open a page of ") == true)
    }

    @Test func `a name in punycode comes with a warning`() throws {
        let shown = try screened(page("https://xn--pple-43d.com/")).get()
        #expect(shown["message"]?.string?.contains("look closely") == true)
    }

    @Test(
        "any other page is refused",
        arguments: [
            "http://example.org/", "javascript:alert(1)", "file:///etc/passwd",
            "https://u:p@a.example/",
            "https://u@a.example/", "", "https://",
        ]
    )
    func otherPages(url: String) throws {
        #expect(throws: Elicitation.Problem.self) { try screened(page(url)).get() }
    }

    @Test(
        "only what was declared is asked",
        arguments: [
            (form(""), InputModes.url), (form(""), InputModes()),
            (page("https://a.example/"), InputModes.form),
        ]
    )
    func undeclared(params: String, modes: InputModes) throws {
        #expect(throws: Elicitation.Problem.self) { try screened(params, modes).get() }
    }
}

extension InputModes {
    fileprivate static let both: InputModes = [.form, .url]
    fileprivate static let withTools: InputModes = [.sampling, .samplingTools]
}

@Suite("What an agent declares")
struct InputModesTests {
    @Test(
        "is read as its revision has it",
        arguments: [
            ("{}", Revision.newest, InputModes()),
            (#"{"elicitation":{}}"#, Revision.newest, InputModes.form),
            (#"{"elicitation":{"form":{}}}"#, Revision.newest, InputModes.form),
            (#"{"elicitation":{"url":{}}}"#, Revision.newest, InputModes.url),
            (#"{"elicitation":{"form":{},"url":{}}}"#, Revision.newest, InputModes.both),
            (#"{"elicitation":{"url":{}}}"#, Revision.r2025_06_18, InputModes()),
            (#"{"elicitation":{}}"#, Revision.r2025_06_18, InputModes.form),
            (#"{"elicitation":{}}"#, Revision.r2025_03_26, InputModes()),
            (#"{"elicitation":true}"#, Revision.newest, InputModes()),
            (#"{"sampling":{"tools":{}}}"#, Revision.newest, InputModes.withTools),
            (#"{"sampling":{"tools":{}}}"#, Revision.r2025_11_25, InputModes.withTools),
            (#"{"sampling":{"tools":{}}}"#, Revision.r2025_06_18, InputModes.sampling),
            (#"{"sampling":{"tools":true}}"#, Revision.newest, InputModes.sampling),
        ]
    )
    func reads(source: String, revision: Revision, wanted: InputModes) throws {
        let node = try JSONDocument(parsing: Array(source.utf8)).root
        #expect(InputModes(declaredBy: node, in: revision) == wanted)
    }

    @Test(
        "is declared to a server as its revision has it",
        arguments: [
            (InputModes.sampling, Revision.newest, #"{"sampling":{}}"#),
            (InputModes.withTools, Revision.newest, #"{"sampling":{"tools":{}}}"#),
            (InputModes.withTools, Revision.r2025_06_18, #"{"sampling":{}}"#),
            (InputModes.samplingTools, Revision.newest, "{}"),
        ]
    )
    func writes(modes: InputModes, revision: Revision, wanted: String) {
        var writer = JSONWriter()
        writer.beginObject()
        modes.write(&writer, for: revision)
        writer.endObject()
        #expect(String(decoding: writer.bytes, as: UTF8.self) == wanted)
    }
}
