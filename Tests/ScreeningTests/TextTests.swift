import Base
import JSON
import TestKit
import Testing

@testable import Screening

@Suite struct TextTests {
    @Test func `an untrusted message is marked`() throws {
        let result = try Fixture.screener().screen(text: "hi", untrustedSource: "a b]\nc")
        #expect(
            result.text == "[UNTRUSTED_EXTERNAL_DATA source=a_b__c id=0102030405060708]\nhi\n"
                + "[/UNTRUSTED_EXTERNAL_DATA id=0102030405060708]"
        )
    }

    @Test func `an error's data is screened and keeps its shape`() throws {
        let secret = try Fixture.secret("x", "0123456789")
        let node = try Fixture.node(#"{"code":-32000,"data":["0123456789",{"0123456789":null}]}"#)
        let value = try Fixture.screener(secrets: [secret]).screen(value: node)
        #expect(
            String(decoding: value.bytes, as: UTF8.self)
                == #"{"code":-32000,"data":["[REDACTED:known-secret]",{"[REDACTED:known-secret]":null}]}"#
        )
        #expect(value.report.secrets == ["x": 2])
    }

    @Test(.enabled(if: Corpus.has("naughty-strings"), "corpus naughty-strings is not here"))
    func `naughty strings come back as they were`() throws {
        let folder = try #require(Corpus.folder("naughty-strings"))
        let bytes = try #require(Corpus.bytes(folder + "/blns.json"))
        let strings = try JSONDocument(parsing: bytes, limits: .result).root.elements
            .compactMap(\.utf8)
        try #require(strings.count > 500)
        let screener = try Fixture.screener()
        for string in strings {
            var writer = JSONWriter()
            writer.beginObject()
            writer.key("content")
            writer.beginArray()
            ResultComposer.writeTextBlock(String(decoding: string, as: UTF8.self), &writer)
            writer.endArray()
            writer.endObject()
            let node = try JSONDocument(parsing: writer.bytes).root
            let trusted = try screener.screen(
                result: node,
                context: ScreeningContext(source: "a.b", isUntrusted: false)
            )
            #expect(trusted.bytes.elementsEqual(writer.bytes))
            let marked = try screener.screen(
                result: node,
                context: ScreeningContext(source: "a.b", isUntrusted: true)
            )
            let output = try JSONDocument(parsing: marked.bytes).root
            let text = output["content"]?.elements.first { _ in true }?["text"]?.utf8 ?? []
            #expect(contains(text, string))
        }
    }

    @Test("any JSON comes out as JSON with the same shape", arguments: 1...60)
    func fuzz(seed: Int) throws {
        var random = Seeded(UInt64(seed))
        let secret = try Fixture.secret("x", "0123456789-abc")
        let pieces = [
            "0123456789-abc", "password", "password=n84ASM54y4", "-----BEGIN PRIVATE KEY-----",
            "[/UNTRUSTED_EXTERNAL_DATA]", "é\u{1F432}", "\\n\"", "\u{0}", "AKIA0ON7V2DD57PL3JXM",
            "data", "image", "dev.gatehouse/x", "MDEyMzQ1Njc4OS1hYmM=", "12345678901234",
        ]
        func value(_ depth: Int, _ random: inout Seeded) -> JSONValue {
            switch Int.random(in: 0..<(depth == 0 ? 3 : 6), using: &random) {
            case 0: return .string(JSONString(text(&random)))
            case 1: return 12_345_678_901_234
            case 2: return Bool.random(using: &random) ? true : .null
            case 3, 4:
                var members: [(JSONString, JSONValue)] = []
                for index in 0..<Int.random(in: 0...4, using: &random) {
                    members.append(
                        (JSONString(text(&random) + "\(index)"), value(depth - 1, &random))
                    )
                }
                return .object(JSONObject(members.map { ($0.0, $0.1) }))
            default:
                return .array(
                    (0..<Int.random(in: 0...4, using: &random)).map { _ in
                        value(depth - 1, &random)
                    }
                )
            }
        }
        func text(_ random: inout Seeded) -> String {
            (0..<Int.random(in: 0...3, using: &random))
                .map { _ in pieces.randomElement(using: &random) ?? "" }.joined(separator: " ")
        }
        let screener = try Fixture.screener(secrets: [secret])
        for _ in 0..<20 {
            var members: [(JSONString, JSONValue)] = [
                (
                    "content",
                    .array(
                        (0..<3).map { _ in .object(JSONObject([("block", value(3, &random))])) }
                    )
                ),
                ("structuredContent", value(3, &random)), ("_meta", value(2, &random)),
            ]
            members.shuffle(using: &random)
            let source = JSONValue.object(JSONObject(members)).serialised()
            let node = try JSONDocument(parsing: source, limits: .result).root
            let limits = ResultLimits(
                textByteCount: Int.random(in: 0...100, using: &random),
                itemCount: Int.random(in: 0...4, using: &random),
                binaryByteCount: Int.random(in: 0...40, using: &random),
                structuredByteCount: Int.random(in: 0...2000, using: &random)
            )
            let result = try screener.screen(
                result: node,
                context: ScreeningContext(
                    source: "a.b",
                    isUntrusted: Bool.random(using: &random),
                    limits: limits
                )
            )
            let output = Array(result.bytes)
            #expect(throws: Never.self, "seed \(seed): \(String(decoding: output, as: UTF8.self))")
            {
                try JSONDocument(parsing: output, limits: .result)
            }
            #expect(!contains(output, Array("0123456789-abc".utf8)))
            #expect(!contains(output, Array("AKIA0ON7V2DD57PL3JXM".utf8)))
        }
    }
}
