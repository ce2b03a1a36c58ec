import Testing

@testable import Gateway

@Suite struct DefinitionDiffTests {
    private func lines(_ old: String, _ new: String) -> [String] {
        DefinitionDiff.lines(from: Array(old.utf8), to: Array(new.utf8))
    }

    @Test func `a changed member is shown with what is around it, and the rest is cut`() {
        let old = #"{"a":1,"b":2,"c":3,"description":"old","d":4,"e":5,"f":6}"#
        let new = #"{"a":1,"b":2,"c":3,"description":"new","d":4,"e":5,"f":6}"#
        #expect(
            lines(old, new) == [
                "  …", #"    "b": 2,"#, #"    "c": 3,"#, #"-   "description": "old","#,
                #"+   "description": "new","#, #"    "d": 4,"#, #"    "e": 5,"#, "  …",
            ]
        )
    }

    @Test func `what is added or left out is all there is to see`() {
        #expect(lines("{}", #"{"a":1}"#) == ["- {}", "+ {", #"+   "a": 1"#, "+ }"])
        #expect(lines(#"{"a":1}"#, "{}") == ["- {", #"-   "a": 1"#, "- }", "+ {}"])
    }

    @Test func `blanks between the parts are a change that has no lines`() {
        #expect(
            lines(#"{"a":1}"#, #"{ "a" : 1 }"#) == ["  the same but for blanks between its parts"]
        )
    }

    @Test func `what a terminal would obey is written out`() {
        let shown = lines(#"{"a":"x"}"#, "{\"a\":\"\u{202e}\\u001b[2J\"}").joined(separator: "\n")
        #expect(shown.contains(#"\u{202e}"#) && !shown.contains("\u{202e}"))
        #expect(!shown.contains("\u{1b}"))
    }

    @Test func `definitions of too many lines are shown one after the other`() {
        let member = { (number: Int) in "\"k\(number)\":\(number)" }
        let most = "{" + (0..<DefinitionDiff.lineLimit - 2).map(member).joined(separator: ",") + "}"
        let over = "{" + (0..<DefinitionDiff.lineLimit - 1).map(member).joined(separator: ",") + "}"
        #expect(lines(most, most + " ") == ["  the same but for blanks between its parts"])
        #expect(lines(over, "{}").count == DefinitionDiff.lineLimit + 2)
        #expect(lines(most, "[]").count == DefinitionDiff.lineLimit + 1)
        #expect(lines("not JSON", "{}").contains("- not JSON"))
    }
}
