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

    @Test func `one changed member of a long definition is all that is shown`() {
        let member = { (number: Int) in "\"k\(number)\":\(number)" }
        let long = "{" + (0..<2000).map(member).joined(separator: ",") + "}"
        let changed = long.replacing(#""k1000":1000"#, with: #""k1000":1"#)
        #expect(
            lines(long, changed) == [
                "  …", #"    "k998": 998,"#, #"    "k999": 999,"#, #"-   "k1000": 1000,"#,
                #"+   "k1000": 1,"#, #"    "k1001": 1001,"#, #"    "k1002": 1002,"#, "  …",
            ]
        )
    }

    @Test func `definitions with too little in common are shown one after the other`() {
        let member = { (number: Int) in "\"k\(number)\":\(number)" }
        let long = "{" + (0..<1000).map(member).joined(separator: ",") + "}"
        #expect(lines(long, long + " ") == ["  the same but for blanks between its parts"])
        let shown = lines(long, "[]")
        #expect(shown.count == 1003)
        #expect(shown.dropLast().allSatisfy { $0.hasPrefix("- ") })
        #expect(shown.last == "+ []")
        #expect(lines("not JSON", "{}").contains("- not JSON"))
    }
}
