import Base
import JSON
import TestKit
import Testing

@testable import Screening

/// A value with the characters that each way of writing escapes.
private let value = "wJalr/XUtn+K7&MD<ENG\"bPx\\RfiC%41YEKEY"
/// The same without what looks like an escape itself.
private let plainer = "wJalr/XUtn+K7MD<ENG\"bPx=RfiC41YEKEY"
private let mark = "[REDACTED:known-secret]"

private func json(_ text: String) -> String {
    var writer = JSONWriter()
    writer.string(text)
    return String(decoding: writer.bytes.dropFirst().dropLast(), as: UTF8.self)
}

private func percent(_ text: String) -> String {
    text.utf8.map { "%" + Hex.encode([$0]) }.joined()
}

private func html(_ text: String) -> String {
    text.replacing("&", with: "&amp;").replacing("<", with: "&lt;").replacing("\"", with: "&quot;")
}

private func lines(_ text: String, _ width: Int, _ between: String) -> String {
    let bytes = Array(text.utf8)
    return stride(from: 0, to: bytes.count, by: width).map {
        String(decoding: bytes[$0..<min($0 + width, bytes.count)], as: UTF8.self)
    }.joined(separator: between)
}

/// Each character by another rule.
private func inTurn(_ text: String) -> String {
    var result = ""
    for (index, byte) in text.utf8.enumerated() {
        switch index % 3 {
        case 0: result += "%" + Hex.encode([byte])
        case 1: result += "\\u00" + Hex.encode([byte])
        default: result += "&#\(byte);"
        }
    }
    return result
}

@Suite struct SpellingTests {
    static let pure: [@Sendable (String) -> String] = [
        { json($0) }, { json(json($0)) }, { json(json(json($0))) }, percent,
        { percent(percent($0)) }, html, { html(html($0)) },
        { $0.utf8.map { "&#\($0);" }.joined() },
        { $0.utf8.map { "&#x\(Hex.encode([$0]));" }.joined() },
        inTurn,
    ]
    static let mixed: [@Sendable (String) -> String] = [
        { json(percent($0)) }, { percent(json($0)) }, { html(json($0)) }, { json(html($0)) },
        { percent(html(json($0))) }, { json(html(percent($0))) },
    ]

    private func finds(_ value: String, as spelling: String) throws {
        let secret = try Fixture.secret("s", value)
        #expect(try Fixture.redacted("x <\(spelling)> y", secrets: [secret]) == "x <\(mark)> y")
    }

    @Test("is found under escapes of escapes", arguments: pure.indices)
    func underEscapes(index: Int) throws {
        try finds(value, as: Self.pure[index](value))
        try finds(plainer, as: Self.pure[index](plainer))
    }

    @Test("is found under escapes of several kinds", arguments: mixed.indices)
    func underSeveral(index: Int) throws {
        try finds(plainer, as: Self.mixed[index](plainer))
    }

    @Test("is found in encoded lines", arguments: [60, 64, 76], ["\n", "\r\n", "\n    "])
    func folded(width: Int, between: String) throws {
        let secret = try Fixture.secret("s", value)
        for before in 50..<110 {
            let bytes = Array(String(repeating: "z", count: before).utf8) + Array(value.utf8)
            for text in [Base64.encode(bytes + bytes), Hex.encode(bytes + bytes)] {
                let folded = lines(text, width, between)
                let output = try Fixture.redacted(folded, secrets: [secret])
                #expect(output.contains(mark), "\(before)")
                // Nothing that decodes to a part of it stays, but for letters at its ends.
                let left = output.replacing(mark, with: "").filter { $0.isLetter || $0.isNumber }
                #expect(left.count <= before * 4 + 8)
            }
        }
    }

    @Test func `lines of text stay lines`() throws {
        let secret = try Fixture.secret("s", "abcdef-ghijkl")
        let text = String(repeating: "q", count: 60) + "\nabcdef-\nghijk\nx and &amp; %20 \\u0041"
        #expect(try Fixture.redacted(text, secrets: [secret]) == text)
    }

    @Test(
        "a secret in Base64 of a block is found, whatever the block calls itself",
        arguments: [
            #"{"type":"resource","resource":{"uri":"a:b","blob":"@"}}"#,
            #"{"type":"resource","resource":{"uri":"a:b","mimeType":"text/plain","blob":"@"}}"#,
            #"{"type":"resource","resource":{"uri":"a:b","mimeType":"image/png","blob":"@"}}"#,
            #"{"type":"image","mimeType":"image/png","data":"@"}"#,
            #"{"type":"audio","mimeType":"audio/wav","data":"@"}"#,
        ]
    )
    func blocks(block: String) throws {
        let token = "ghp_" + "q8Zr5TnW2xKc7VbM4sLd9YhJ3fGp6Ae1Uo0i"
        let secret = try Fixture.secret("s", value)
        for content in [token, "the key is \(token)\n", value] {
            let whole = Base64.encode(Array(content.utf8))
            for spelling in [whole, lines(whole, 20, "\\n"), json(content)] {
                let text = #"{"content":["# + block.replacing("@", with: spelling) + "]}"
                let result = try Fixture.screener(secrets: [secret]).screen(
                    result: try Fixture.node(text),
                    context: ScreeningContext(source: "a.b")
                )
                let output = String(decoding: result.bytes, as: UTF8.self)
                #expect(!output.contains(spelling.prefix(12)), "\(content)")
                #expect(output.contains("REDACTED"))
            }
        }
    }
}

@Suite struct ContentShapeTests {
    private func screened(_ content: String) throws -> String {
        let result = try Fixture.screener().screen(
            result: try Fixture.node(#"{"content":"# + content + "}"),
            context: ScreeningContext(source: "a.b")
        )
        return String(decoding: result.bytes, as: UTF8.self)
    }

    @Test func `no member that a client may read escapes the marks`() throws {
        let output = try screened(
            #"[{"type":"resource","text":"first","resource":{"uri":"a:b","text":"second"}}]"#
        )
        for word in ["first", "second"] {
            #expect(output.contains(#"]\n"# + word + #"\n[/UNTRUSTED"#), "\(output)")
        }
    }

    @Test func `a resource cannot wear our label either`() throws {
        let output = try screened(
            #"[{"type":"resource","resource":{"uri":"a:b","text":"x","_meta":{"dev.gatehouse/own":1,"k":2}}}]"#
        )
        #expect(output.contains(#""_meta":{"k":2}"#))
        #expect(!output.contains("dev.gatehouse/own"))
    }

    @Test(
        "content of another shape is the upstream's fault",
        arguments: [
            #""words""#, #"{"type":"text","text":"words"}"#, #"["words"]"#, "[[]]", "null",
            #"[{"type":"text","text":["words"]}]"#, #"[{"type":"text","text":{"a":"words"}}]"#,
            #"[{"type":"resource","resource":"words"}]"#, #"[{"type":"image","data":["words"]}]"#,
            #"[{"type":"resource","resource":{"blob":{"a":"words"}}}]"#,
        ]
    )
    func refused(content: String) {
        #expect(throws: ResultFault.content) { try screened(content) }
    }

    @Test func `no content, and null where a text may be, are taken`() throws {
        #expect(try screened(#"[{"type":"image","data":"aGk=","text":null}]"#).contains("image"))
    }
}
