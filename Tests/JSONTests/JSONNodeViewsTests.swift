import JSON
import Testing

/// What `JSONSchema` reads without copying.
struct JSONNodeViewsTests {
    private func node(_ text: String) throws -> JSONNode {
        try JSONDocument(parsing: Array(text.utf8)).root
    }

    @Test(
        "counts code points of a string without decoding it",
        arguments: [
            (#""""#, 0), (#""abc""#, 3), (#""é€😀""#, 3), (#""\u00e9\u20AC\uD83D\uDE00""#, 3),
            (#""\ud83d\ude00x""#, 2), (#""\n\\\"\/""#, 4), (#""\\ud83d""#, 6), (#""\u0041""#, 1),
            (#""\uDBFF\uDFFF\uE000""#, 2), ("7", 0),
        ]
    )
    func scalars(text: String, count: Int) throws {
        let node = try node(text)
        #expect(node.scalarCount == count)
        #expect(node.scalarCount == node.string?.unicodeScalars.count ?? 0)
    }

    @Test(
        "reads small plain integers only",
        arguments: [
            ("0", 0), ("-0", 0), ("-17", -17), ("999999999999999999", 999_999_999_999_999_999),
            ("1000000000000000000", nil), ("1.0", nil), ("1e2", nil), ("\"1\"", nil),
        ] as [(String, Int64?)]
    )
    func integers(text: String, value: Int64?) throws {
        #expect(try node(text).smallInteger == value)
    }

    @Test func `hands over decoded text and the text of numbers`() throws {
        for text in [#""plain""#, #""\u0070lain""#] {
            #expect(try node(text).withText { $0.count } == 5)
        }
        #expect(try node("12.5").withText { $0.count } == 4)
    }

    @Test func `tells values of one document apart`() throws {
        let root = try node("[1,1,[1]]")
        #expect(Set(root.elements.map(\.identity)).count == 3)
    }
}
