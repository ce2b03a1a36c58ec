import Base
import Testing

@testable import Patterns

private let engine = RegexEngine()

private func matches(_ pattern: String, _ text: String) throws -> Bool {
    try engine.compile(pattern, .ecma262).matches(Array(text.utf8))
}

private func isLinear(_ pattern: String) throws -> Bool {
    try engine.compile(pattern, .ecma262) is LinearPattern
}

struct Sample: Sendable, CustomTestStringConvertible {
    let pattern: String
    let matching: [String]
    let other: [String]

    init(_ pattern: String, _ matching: [String], not other: [String]) {
        (self.pattern, self.matching, self.other) = (pattern, matching, other)
    }

    var testDescription: String { pattern }
}

@Suite struct ECMAScriptTests {
    @Test(
        "says what ECMA-262 says",
        arguments: [
            Sample("^a*$", ["", "aaa"], not: ["ab"]),
            Sample("a+", ["xxaayy"], not: ["b"]),
            Sample("^abc$", ["abc"], not: ["abc\n", "x\nabc"]),
            Sample("^\\t$", ["\t"], not: ["\\t"]),
            Sample("^\\cC$", ["\u{3}"], not: ["\\cC"]),
            Sample("^\\cc$", ["\u{3}"], not: ["c"]),
            Sample("^\\d$", ["0"], not: ["\u{7C0}"]),
            Sample("^\\D$", ["\u{7C0}"], not: ["0"]),
            Sample("^\\w$", ["a", "_"], not: ["é"]),
            Sample("^\\W$", ["é"], not: ["a"]),
            Sample(
                "^\\s$",
                [
                    " ", "\t", "\u{B}", "\u{C}", "\u{A0}", "\u{FEFF}", "\n", "\u{2029}", "\u{2003}",
                ],
                not: ["\u{1}", "\u{2013}", "\u{200B}", "\u{85}"]
            ),
            Sample("^\\S$", ["\u{1}", "\u{2013}"], not: ["\u{A0}", "\u{FEFF}", "\u{2029}"]),
            Sample("^[^\\S]$", [" ", "\u{FEFF}"], not: ["x"]),
            Sample(
                "^.$",
                ["x", "\u{1F432}", "\u{85}"],
                not: ["\n", "\r", "\u{2028}", "\u{2029}"]
            ),
            Sample("^[^]$", ["\n", "x"], not: [""]),
            Sample("[]", [], not: ["", "x"]),
            Sample("^\\p{Letter}+$", ["Hello", "π"], not: ["123"]),
            Sample("^\\p{digit}+$", ["42", "\u{9EA}\u{9E8}"], not: ["-%#"]),
            Sample("^\\p{Script=Greek}$", ["π"], not: ["p"]),
            Sample("^\\p{sc=Grek}$", ["π"], not: ["p"]),
            Sample("^\\p{scx=Deva}$", ["\u{964}"], not: ["p"]),
            Sample("^\\p{Alphabetic}$", ["π"], not: ["1"]),
            Sample("^\\p{Emoji_Presentation}$", ["\u{1F432}"], not: ["1"]),
            Sample("^[\\p{Lu}\\d]$", ["A", "1"], not: ["a"]),
            Sample("^[^\\p{Lu}\\d]$", ["a"], not: ["A", "1"]),
            Sample("^\\P{ASCII}$", ["é"], not: ["e"]),
            Sample("^\\p{Any}$", ["é", "\n"], not: [""]),
            Sample("^\\p{Assigned}$", ["a"], not: ["\u{378}"]),
            Sample("^\u{1F432}*$", ["", "\u{1F432}\u{1F432}"], not: ["\u{1F409}", "D"]),
            Sample("^\\uD83D\\uDC32$", ["\u{1F432}"], not: ["\u{1F409}"]),
            Sample("^\\u{1F432}$", ["\u{1F432}"], not: ["\u{1F409}"]),
            Sample("\\uD83D", [], not: ["\u{1F432}", ""]),
            Sample("^[\\uD800-\\uDFFFa]$", ["a"], not: ["b"]),
            Sample("^\\u0061\\x62\\/\\.$", ["ab/."], not: ["ab/x"]),
            Sample("^a\\-b\\@c$", ["a-b@c"], not: ["a\\-b"]),
            Sample("^[\\w.%+\\-]+@[a-z]+$", ["a.b-c@d"], not: ["@d"]),
            Sample("^[a-]$", ["a", "-"], not: ["b"]),
            Sample("^[\\b]$", ["\u{8}"], not: ["b"]),
            Sample("\\bfoo\\b", ["a foo b"], not: ["afoo"]),
            Sample("\\Boo", ["foo"], not: ["oo"]),
            Sample("^(?<year>\\d{4})-(?:\\d\\d)$", ["2026-01"], not: ["26-01"]),
            Sample("^a{2,3}?$", ["aa", "aaa"], not: ["a", "aaaa"]),
            Sample("^(?:ab){2}$", ["abab"], not: ["abb"]),
            Sample("^\\u{61}{2}$", ["aa"], not: ["a"]),
            Sample("^x{1001}$", [String(repeating: "x", count: 1001)], not: ["x"]),
            Sample("^(?=.*\\d)(?!.*\\s).{3,}$", ["ab1"], not: ["abc", "a 1"]),
            Sample("(?<!a)b", ["cb"], not: ["ab"]),
            Sample("^(a|b)\\1$", ["aa", "bb"], not: ["ab"]),
            Sample("^(?<q>['\"]).\\k<q>$", ["'x'"], not: ["'x\""]),
            Sample("^(?:(a)|b)\\1$", ["aa", "b"], not: ["ba"]),
            Sample("^(\\S(|(.|\\n)*\\S))$", ["a", "a b"], not: [" a", "a "]),
            Sample("é|[à-ü]", ["é", "ç"], not: ["e"]),
            Sample("", ["", "x"], not: []),
            Sample("^(?:a|)$", ["", "a"], not: ["b"]),
            Sample("^\\0$", ["\0"], not: ["0"]),
        ]
    )
    func says(sample: Sample) throws {
        for text in sample.matching {
            #expect(try matches(sample.pattern, text), "\(text.debugDescription)")
        }
        for text in sample.other {
            #expect(try !matches(sample.pattern, text), "\(text.debugDescription)")
        }
    }

    @Test(
        "refuses what is no ECMA-262 pattern",
        arguments: [
            "\\a", "^\\S(|(.|\\n)*\\S)\\Z", "(?P<name>x)", "(?P<n>a)(?P=n)", "(?#comment)a",
            "(?i)abc", "(?ims)abc", "^(abc]", "(abc", "abc)", "[abc", "a**", "*a", "a{2,1}",
            "a{,3}",
            "{", "}", "]", "\\", "\\c1", "\\x1", "\\u12", "\\u{}", "\\u{110000}", "\\1", "(a)\\2",
            "\\k<n>", "(?<n>a)(?<n>b)", "(?<1a>b)", "(?<n", "\\p{Foo}", "\\p{letter}", "\\p",
            "[b-a]", "[\\w-z]", "\\01", "^*", "(?=a)*", "\\Q", "\\A", "\\z", "\\p{sc=greek}",
            "a{99999}", "(?>a)", "a++", "(?:(a)|b)*\\1",
            String(repeating: "(", count: 101) + String(repeating: ")", count: 101),
            String(repeating: "a", count: 8193),
        ]
    )
    func refuses(pattern: String) {
        let failure = #expect(throws: PatternFailure.self) {
            try engine.compile(pattern, .ecma262)
        }
        guard case .invalid(_, let reason)? = failure else {
            Issue.record("\(String(describing: failure))")
            return
        }
        #expect(!reason.isEmpty)
    }

    @Test(
        "goes to RE2 where it can",
        arguments: ["^\\s*$", "[^\\S\\d]", "\\p{L}", "(?<a>b){2,1000}", "\\p{Script=Greek}", "[]"]
    )
    func linear(pattern: String) throws { #expect(try isLinear(pattern)) }

    @Test(
        "goes to PCRE2 where RE2 has no words",
        arguments: ["(?=a)", "(a)\\1", "a{1001}", "\\p{Alphabetic}", "(?:a{50}){50}"]
    )
    func backtracking(pattern: String) throws { #expect(try !isLinear(pattern)) }

    @Test func `a pattern that backtracks is stopped by its step limit`() throws {
        let pattern = try engine.compile("^(?=(a+)+$)", .ecma262)
        let text = Array(repeating: UInt8(ascii: "a"), count: 40) + Array("!".utf8)
        #expect(throws: PatternFailure.limitExceeded(pattern: "^(?=(a+)+$)")) {
            try pattern.matches(text)
        }
    }

    @Test func `a backtracking pattern sees 4 KiB and not a byte more`() throws {
        let pattern = try engine.compile("(?=b)", .ecma262)
        #expect(try !pattern.matches(Array(repeating: UInt8(ascii: "a"), count: 4096)))
        #expect(throws: PatternFailure.self) {
            try pattern.matches(Array(repeating: UInt8(ascii: "a"), count: 4097))
        }
    }

    @Test func `deep groups are read up to the limit`() throws {
        let pattern =
            String(repeating: "(", count: 99) + "a" + String(repeating: ")", count: 99)
        #expect(try matches(pattern, "a"))
    }

    @Test func `bytes that are no text are an answer, not a crash`() throws {
        for pattern in ["^.$", "(?=.)"] {
            let compiled = try engine.compile(pattern, .ecma262)
            _ = try? compiled.matches([0xff, 0xfe, 0x80])
            _ = try? compiled.matches([])
        }
    }
}

@Suite struct SearchTests {
    @Test func `a set names the literals that occur, in either case`() throws {
        let set = try engine.literalSet(["token", "pass", "a.c", "AKIA"].map { Array($0.utf8) })
        var found: [Int] = []
        let text = Array("my PASSword, abc, akia, pass".utf8)
        try set.appendOccurring(in: text, range: 0..<text.count, to: &found)
        #expect(found.sorted() == [1, 3])
        found = []
        let bytes = [0xff, 0x00] + Array("tokEN".utf8) + [0x80]
        try set.appendOccurring(in: bytes, range: 0..<bytes.count, to: &found)
        #expect(found == [0])
        for (range, expected) in [(0..<4, []), (3..<3, []), (9..<24, [3]), (20..<400, [1])] {
            found = []
            try set.appendOccurring(in: text, range: range, to: &found)
            #expect(found.sorted() == expected, "\(range)")
        }
    }

    @Test func `an empty set finds nothing`() throws {
        var found: [Int] = []
        try engine.literalSet([]).appendOccurring(in: [0x78], range: 0..<1, to: &found)
        #expect(found == [])
    }

    @Test func `a finder tells the match and its first group`() throws {
        let finder = try engine.finder("key=([a-z]+)")
        let text = Array("\u{e9} key=abc key=de".utf8)
        let first = try finder.firstMatch(in: text, range: 0..<text.count)
        #expect(first == PatternSpan(whole: 3..<10, group: 7..<10))
        let second = try finder.firstMatch(in: text, range: 10..<text.count)
        #expect(second == PatternSpan(whole: 11..<17, group: 15..<17))
        #expect(try finder.firstMatch(in: text, range: 12..<text.count) == nil)
        #expect(try finder.firstMatch(in: text, range: 3..<8)?.group == 7..<8)
    }

    @Test func `what lies before the range counts for word boundaries`() throws {
        let finder = try engine.finder("\\bkey")
        let text = Array("monkey key".utf8)
        #expect(try finder.firstMatch(in: text, range: 3..<text.count)?.whole == 7..<10)
    }

    @Test func `a group that took no part is nil`() throws {
        let finder = try engine.finder("a|(b)")
        #expect(try finder.firstMatch(in: [0x61], range: 0..<1)?.group == nil)
    }

    @Test func `RE2 syntax that is wrong is refused with RE2's reason`() {
        let failure = #expect(throws: PatternFailure.self) { try engine.compile("a(", .re2) }
        #expect(failure == .invalid(pattern: "a(", reason: "missing ): a("))
        #expect(throws: PatternFailure.self) { try engine.finder("(?=a)") }
    }

    @Test func `a text too long for the program is a limit, not a wait`() throws {
        let pattern = try engine.compile("(?:[a-q][^u-z]{13}x){40}", .re2)
        #expect(throws: PatternFailure.self) {
            try pattern.matches([UInt8](repeating: 0x61, count: 1 << 20))
        }
    }
}
