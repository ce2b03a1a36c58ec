import Base
import Testing

@Suite struct ByteTextTests {
    @Test("bytes equal a text in all of them or not at all", arguments: 0..<21)
    func equal(count: Int) {
        let text: StaticString = "application/json; utf"
        let whole = text.withUTF8Buffer { unsafe Array($0) }
        #expect(isEqual(whole, text))
        var changed = whole
        changed[count] ^= 1
        #expect(!isEqual(changed, text))
        #expect(!isEqual(Array(whole.prefix(count)), text))
    }

    @Test func `nothing equals an empty text only`() {
        #expect(isEqual([], ""))
        #expect(!isEqual([], "a"))
    }

    @Test(
        "a short name is taken by its bytes as by its text",
        arguments: ["a", "0", "a-b", "a_b", "", "-a", "_a", "a_", "a__b", "A", "a.b", "å", "a-"]
    )
    func shortName(spelling: String) {
        let bytes = Array(spelling.utf8)
        let taken = ServerName(utf8: bytes.span)
        #expect(taken == (try? ServerName(spelling)))
    }

    private func isEqual(_ bytes: [UInt8], _ text: StaticString) -> Bool {
        bytes.span.isEqual(text)
    }
}
