import Base
import JSON
import TestKit
import Testing

@testable import Screening

private let secretValue = "correct-horse-battery-9"
/// Base64 of the secret.
private let encodedSecret = Base64.encode(Array(secretValue.utf8))

private func screen(
    _ json: String,
    of kind: ResultKind,
    untrusted: Bool = false,
    limits: ResultLimits = .standard
) throws -> JSONNode {
    let screener = try Fixture.screener(
        secrets: [try Fixture.secret("test", secretValue)],
        clock: ManualClock()
    )
    let result = try screener.screen(
        result: try Fixture.node(json),
        context: ScreeningContext(of: kind, source: "s.x", isUntrusted: untrusted, limits: limits)
    )
    return try JSONDocument(parsing: result.bytes, limits: .result).root
}

/// The first text of a result of that kind.
private func words(_ result: JSONNode, of kind: ResultKind) -> String? {
    switch kind {
    case .tool: result["content"]?.elements.first { _ in true }?["text"]?.string
    case .prompt:
        result["messages"]?.elements.first { _ in true }?["content"]?["text"]?.string
    case .resource: result["contents"]?.elements.first { _ in true }?["text"]?.string
    case .completion: result["completion"]?["values"]?.elements.first { _ in true }?.string
    }
}

@Suite("Results of prompts, resources and completions")
struct OfferResultTests {
    static func holding(_ text: String) -> [(ResultKind, String)] {
        [
            (
                .prompt,
                #"{"messages":[{"role":"user","content":{"type":"text","text":"\#(text)"}}]}"#
            ),
            (.resource, #"{"contents":[{"uri":"a:b","text":"\#(text)"}]}"#),
            (.completion, #"{"completion":{"values":["\#(text)"]}}"#),
        ]
    }

    @Test("a secret is taken out of each", arguments: holding(secretValue))
    func redacts(kind: ResultKind, json: String) throws {
        let result = try screen(json, of: kind)
        #expect(words(result, of: kind)?.contains("[REDACTED:") == true)
        #expect(!String(decoding: result.source, as: UTF8.self).contains(secretValue))
    }

    @Test("what has nothing to hide keeps its bytes", arguments: holding("plain"))
    func keeps(kind: ResultKind, json: String) throws {
        #expect(String(decoding: try screen(json, of: kind).source, as: UTF8.self) == json)
    }

    @Test(
        "words of nobody are marked, or labelled where a mark would break them",
        arguments: holding("plain")
    )
    func marks(kind: ResultKind, json: String) throws {
        let result = try screen(json, of: kind, untrusted: true)
        let isLabelled = result["_meta"]?.member(Screener.untrustedLabel) != nil
        #expect(isLabelled == (kind == .completion))
        #expect((words(result, of: kind) == "plain") == (kind == .completion))
    }

    @Test(
        "what is not what its method promises is a fault",
        arguments: [
            (ResultKind.prompt, #"{}"#), (.prompt, #"{"messages":{}}"#),
            (.prompt, #"{"messages":[{"role":"user"}]}"#),
            (.prompt, #"{"messages":[{"content":[{"type":"text","text":"x"}]}]}"#),
            (.prompt, #"{"messages":[{"content":{"type":"text","text":7}}]}"#),
            (.resource, #"{"content":[]}"#), (.resource, #"{"contents":[{"text":"x"}]}"#),
            (.resource, #"{"contents":[{"uri":"a:b","blob":7}]}"#),
            (.resource, #"{"contents":["x"]}"#),
            (.completion, #"{"values":[]}"#), (.completion, #"{"completion":{"values":[7]}}"#),
        ]
    )
    func faults(kind: ResultKind, json: String) throws {
        #expect(throws: ResultFault.shape(kind)) { try screen(json, of: kind) }
    }

    @Test func `a blob that holds a secret is withheld under its own URI`() throws {
        let result = try screen(
            #"{"contents":[{"uri":"a:b","blob":"\#(encodedSecret)"}]}"#,
            of: .resource
        )
        let item = result["contents"]?.elements.first { _ in true }
        #expect(item?["uri"]?.string == "a:b")
        #expect(item?["blob"] == nil)
        #expect(item?["text"]?.string?.contains("withheld") == true)
    }

    @Test func `a blob and a list over their limits are cut`() throws {
        let blob = try screen(
            #"{"contents":[{"uri":"a:b","blob":"AAAAAAAA"}]}"#,
            of: .resource,
            limits: ResultLimits(binaryByteCount: 7)
        )
        #expect(words(blob, of: .resource)?.hasPrefix("[WITHHELD:") == true)
        for (kind, json) in Self.holding("one") where kind != .completion {
            let cut = try screen(json, of: kind, limits: ResultLimits(itemCount: 0))
            #expect(words(cut, of: kind)?.hasPrefix("[CUT:") == true)
        }
    }
}
