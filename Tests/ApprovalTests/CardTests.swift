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
            ("public\u{2215}x", "public\\u{2215}x", .lookalike),
            ("\u{2044}etc", "\\u{2044}etc", .lookalike), ("a\u{2024}b", "a\\u{2024}b", .lookalike),
            ("\u{2010}rf", "\\u{2010}rf", .lookalike), ("a\u{ff1b} b", "a\\u{ff1b} b", .lookalike),
            ("\u{65e5}\u{ff0f}\u{65e5}", "\u{65e5}\\u{ff0f}\u{65e5}", .lookalike),
            ("a\u{37e}b", "a\\u{37e}b", .lookalike), ("a\u{fe68}b", "a\\u{fe68}b", .lookalike),
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
            #"{"body":"line \u001b[31m \"quoted\" \\u{202e}","list":[1,{"deep":[]},{}],"to":"p"#
            + "\u{430}\u{202e}" + #""}"#
        let card = try card(form)
        let lines = card.lines(at: at(1000).timestamp)
        let text = lines.joined(separator: "\n")
        #expect(text.contains("time left  599 s"))
        #expect(text.contains(#""body": "line \u001b[31m \"quoted\" \\u{202e}","#))
        #expect(text.contains(#""to": "p\u{430}\u{202e}""#))
        #expect(text.contains("! written as \\u{…}: 1 characters that change the direction"))
        #expect(lines.contains("      {"))
        #expect(
            lines.allSatisfy { line in
                line.unicodeScalars.allSatisfy { $0.value >= 0x20 && $0.value != 0x7f }
            }
        )
    }

    @Test func `indenting loses and adds nothing but blanks and breaks`() {
        let form = #"{"a":{},"b":[],"c":[[],{"x y":"a b, c: {d} [e]"}],"d":"\\\"","e":-1.5e7}"#
        let lines = ArgumentLines.unfolded(Array(form.utf8)).lines
        #expect(
            lines.map { String($0.drop { $0 == " " }) }.joined().replacing(": ", with: ":")
                == form.replacing(": ", with: ":")
        )
        #expect(lines.count == 12)
    }

    @Test func `a text of several lines stands line by line, and imitates no other part`() throws {
        let lines = try card(#"{"a":"one\n\"b\": 2\n  | x\n\nend\\n","b":1}"#)[.arguments].map(
            \.text
        )
        #expect(
            lines == [
                "{", #"  "a": <5 lines, 30 bytes as JSON>"#, "    | one", #"    | \"b\": 2"#,
                "    |   | x", "    | ", #"    | end\\n"#, "  ,", #"  "b": 1"#, "}",
            ]
        )
    }

    @Test func `nothing stands between a text and the end of what it is in`() throws {
        let lines = try card(#"{"a":["x\ny"]}"#)[.arguments].map(\.text)
        #expect(
            lines == [
                "{", #"  "a": ["#, "    <2 lines, 4 bytes as JSON>", "      | x", "      | y",
                "  ]",
                "}",
            ]
        )
    }

    @Test func `10,000 newlines are one line and their count`() throws {
        let form = #"{"a":"first"# + String(repeating: "\\n", count: 10_000) + #"rm -rf /"}"#
        let lines = try card(form)[.arguments]
        #expect(lines.count < 10)
        #expect(lines.contains(.init(.folded, "the line above 9998 times more")))
        #expect(lines.contains(.init(.plain, "    | rm -rf /")))
    }

    @Test func `blanks that push a text out of sight are counted`() throws {
        let form = #"{"a":"ls"# + String(repeating: " ", count: 5000) + #"; rm -rf /"}"#
        let lines = try card(form)[.arguments].map(\.text)
        #expect(lines.contains(#"  "a": "ls \{5000×}; rm -rf /""#))
    }

    /// Whatever is in the middle of a long value stands in the card, at any place.
    @Test("no value is cut in the middle", arguments: [1, 100, 5000, 32_000, 63_000])
    func middle(_ place: Int) throws {
        var random = Seeded(UInt64(place))
        var letters = (0..<63_900).map { _ in
            Character(Unicode.Scalar(UInt8.random(in: 0x61...0x7a, using: &random)))
        }
        letters.replaceSubrange(place..<place + 8, with: "EVILEVIL")
        let text = String(letters)
        let lines = try card(#"{"a":""# + text + #""}"#)[.arguments].map(\.text)
        #expect(lines.contains { $0.contains(text) })
    }

    @Test func `markup and a counterfeit count are shown as they are`() throws {
        let lines = try card(##"{"a":"<img src=x onerror=alert(1)>","b":"\\{500×} \\u{41}"}"##)
        #expect(lines[.arguments].map(\.text)[1] == #"  "a": "<img src=x onerror=alert(1)>","#)
        // The value's backslash is doubled, ours is not.
        #expect(lines[.arguments].map(\.text)[2] == ##"  "b": "\\{500×} \\u{41}""##)
    }

    @Test func `a card of any bytes is made without harm`() {
        for seed in 0..<50 {
            var random = Seeded(UInt64(seed))
            let bytes = (0..<500).map { _ in UInt8.random(in: 0...255, using: &random) }
            _ = ArgumentLines.unfolded(bytes)
        }
    }

    private func card(_ form: String, in context: CardContext = CardContext()) throws -> Card {
        var book = book()
        _ = book.handle(.asked(ask(callForm: form), by: waiter(1), fresh: ticket(1)), at: at(0))
        return Card(of: try #require(book.question(ticket(1))), in: context)
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
