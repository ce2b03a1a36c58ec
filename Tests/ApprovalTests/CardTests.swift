import Approval
import Base
import TestKit
import Testing

@Suite struct CardTests {
    @Test(
        "writes what does not show, or deceives, as an escape",
        arguments: [
            ("abc\u{202e}txt", "abc\\u{202e}txt", Visible.Finding.direction),
            ("a\u{2066}b", "a\\u{2066}b", .direction), ("a\u{200f}b", "a\\u{200f}b", .direction),
            ("a\u{200b}b", "a\\u{200b}b", .invisible), ("a\u{feff}b", "a\\u{feff}b", .invisible),
            ("a\u{ad}b", "a\\u{ad}b", .invisible), ("a\u{e0041}b", "a\\u{e0041}b", .invisible),
            ("a\u{fe0f}b", "a\\u{fe0f}b", .invisible), ("a\u{3164}b", "a\\u{3164}b", .invisible),
            ("\u{1b}[2J", "\\u{1b}[2J", .control), ("a\rb", "a\\u{d}b", .control),
            ("a\u{9b}b", "a\\u{9b}b", .control),
            ("a\u{7f}", "a\\u{7f}", .control), ("a\u{2028}b", "a\\u{2028}b", .control),
            ("a\tb", "a\\u{9}b", .control),
            ("a\u{a0}b", "a\\u{a0}b", .blank), ("a\u{3000}b", "a\\u{3000}b", .blank),
            ("a\u{2800}b", "a\\u{2800}b", .blank),
            ("\u{e000}", "\\u{e000}", .unassigned),
            ("p\u{430}ypal", "p\\u{430}ypal", .lookalike),
            ("\u{430}\u{440}\u{440}l\u{435}", "\\u{430}\\u{440}\\u{440}l\\u{435}", .lookalike),
            ("\u{441}\u{43e}\u{441}\u{43e}", "\\u{441}\\u{43e}\\u{441}\\u{43e}", .lookalike),
            ("\u{ff41}\u{ff42}", "\\u{ff41}\\u{ff42}", .lookalike),
            ("\u{1d41a}b", "\\u{1d41a}b", .lookalike),
            ("a\u{301}\u{301}\u{301}b", "a\u{301}\u{301}\\u{301}b", .stacked),
        ]
    )
    func escapes(_ source: String, _ shown: String, _ finding: Visible.Finding) {
        let visible = Visible(source)
        #expect(visible.text.utf8.elementsEqual(shown.utf8), "\(visible.text.debugDescription)")
        #expect(visible.findings.keys.contains(finding))
        #expect(visible.warning != nil)
    }

    @Test(
        "shows honest text of any language as it is",
        arguments: [
            "hello, world!", "{\"a\": [1, 2]}", "Größe: 3 €", "Привет, мир", "日本語", "naïve café",
            "שלום", "مرحبا",
            "a\nb", "Ελλάδα", "नमस्ते", "1 < 2 && x | y ~ z", "e\u{301}",
        ]
    )
    func leaves(_ source: String) {
        #expect(Visible(source).text.utf8.elementsEqual(source.utf8))
        #expect(Visible(source).warning == nil)
    }

    @Test func `a card shows the whole call, and nothing in it moves the cursor`() throws {
        let form =
            #"{"body":"line\nnext \u001b[31m \"quoted\" \\u{202e}","list":[1,{"deep":[]},{}],"to":"p"#
            + "\u{430}\u{202e}" + #""}"#
        var book = book()
        _ = book.handle(.asked(ask(callForm: form), by: waiter(1), fresh: ticket(1)), at: at(0))
        let question = try #require(book.question(ticket(1)))
        let lines = Card.lines(of: question, at: at(1000).timestamp)
        let text = lines.joined(separator: "\n")
        #expect(text.contains("time left  599 s"))
        #expect(text.contains(#""body": "line\nnext \u001b[31m \"quoted\" \\u{202e}","#))
        #expect(text.contains(#""to": "p\u{430}\u{202e}""#))
        #expect(text.contains("1 characters that change the direction of text"))
        #expect(lines.contains("      {"))
        #expect(
            lines.allSatisfy { line in
                line.unicodeScalars.allSatisfy { $0.value >= 0x20 && $0.value != 0x7f }
            }
        )
    }

    @Test func `indenting loses and adds nothing but blanks and breaks`() {
        let form = #"{"a":{},"b":[],"c":[[],{"x y":"a b, c: {d} [e]"}],"d":"\\\"","e":-1.5e7}"#
        let lines = Card.arguments(Array(form.utf8)).lines
        #expect(
            lines.map { String($0.drop { $0 == " " }) }.joined().replacing(": ", with: ":")
                == form.replacing(": ", with: ":")
        )
        #expect(lines.count == 12)
    }

    @Test func `a card of any bytes is made without harm`() {
        for seed in 0..<50 {
            var random = Seeded(UInt64(seed))
            let bytes = (0..<500).map { _ in UInt8.random(in: 0...255, using: &random) }
            _ = Card.arguments(bytes)
        }
    }

    @Test(
        "every naughty string is shown in plain sight",
        .enabled(if: Corpus.has("naughty-strings"), "corpus naughty-strings is not here")
    )
    func naughty() throws {
        let folder = try #require(Corpus.folder("naughty-strings"))
        let text = String(decoding: try #require(Corpus.bytes(folder + "/blns.txt")), as: UTF8.self)
        for line in text.split(separator: "\n") {
            for scalar in Visible(String(line)).text.unicodeScalars {
                let category = scalar.properties.generalCategory
                #expect(
                    ![
                        .control, .format, .lineSeparator, .paragraphSeparator, .unassigned,
                        .privateUse,
                    ].contains(category)
                )
            }
        }
    }
}
