import Base
import Testing

@Suite struct SpellingTests {
    static let known = ["command", "cage", "env", "url", "start_timeout", "tier"]

    @Test(
        "finds the word that was meant",
        arguments: [
            ("comand", "command"), ("commmand", "command"), ("cmomand", "command"),
            ("kommando", "command"), ("Command", "command"), ("start-timeout", "start_timeout"),
            ("startTimeout", "start_timeout"), ("evn", "env"), ("teir", "tier"), ("tire", "tier"),
        ]
    )
    func finds(text: String, word: String) {
        #expect(Spelling.nearest(to: text, in: Self.known) == word)
    }

    @Test(
        "guesses nothing from far away",
        arguments: ["", "volumes", "e", "xyz", "net", "tiers_of"]
    )
    func leaves(text: String) {
        #expect(Spelling.nearest(to: text, in: Self.known) == nil)
    }

    @Test func `a word too long to compare is no slip of any`() {
        let long = String(repeating: "a", count: 65)
        #expect(Spelling.nearest(to: long, in: [long]) == nil)
        #expect(Spelling.nearest(to: "command", in: [long]) == nil)
        let longest = String(repeating: "a", count: 64)
        #expect(Spelling.nearest(to: longest, in: [longest]) == longest)
    }

    @Test func `of two words equally near the first by letter is named, whatever their order`() {
        #expect(Spelling.nearest(to: "reed", in: ["reel", "read"]) == "read")
        #expect(Spelling.nearest(to: "reed", in: ["read", "reel"]) == "read")
        #expect(Spelling.suggestion(for: "reed", in: ["read"]) == "; did you mean `read`?")
        #expect(Spelling.suggestion(for: "write", in: ["read"]) == "")
    }
}
