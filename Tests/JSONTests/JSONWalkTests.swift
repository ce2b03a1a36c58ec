import JSON
import Testing

/// What `JSONSchema` reads without copying.
struct JSONWalkTests {
    private func node(_ text: String) throws -> JSONNode {
        try JSONDocument(parsing: Array(text.utf8)).root
    }

    private func bytes(of node: JSONNode) -> [UInt8] {
        JSONWalk(node).withText(node.place) { bytes in (0..<bytes.count).map { bytes[$0] } }
    }

    @Test func `walks members and elements in order`() throws {
        let root = try node(#"{"a":[1,[2],3],"b":{"c":null}}"#)
        let walk = JSONWalk(root)
        let key = walk.first(in: root.place)
        #expect(walk.node(key).string == "a")
        let array = walk.value(ofKey: key)
        #expect(walk.kind(array) == .array && walk.count(array) == 3)
        let second = walk.next(after: walk.first(in: array))
        #expect(walk.kind(second) == .array && walk.byteCount(second) == 3)
        #expect(walk.node(walk.next(after: second)).number == JSONNumber(3))
        let last = walk.next(after: array)
        #expect(walk.node(last).string == "b")
        #expect(walk.kind(walk.value(ofKey: last)) == .object)
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
        #expect(JSONWalk(node).scalarCount(node.place) == count)
        #expect(JSONWalk(node).scalarCount(node.place) == node.string?.unicodeScalars.count ?? 0)
    }

    @Test(
        "reads small plain integers only",
        arguments: [
            ("0", 0), ("-0", 0), ("-17", -17), ("999999999999999999", 999_999_999_999_999_999),
            ("1000000000000000000", nil), ("1.0", nil), ("1e2", nil), ("\"1\"", nil),
        ] as [(String, Int64?)]
    )
    func integers(text: String, value: Int64?) throws {
        #expect(try JSONWalk(node(text)).smallInteger(node(text).place) == value)
    }

    @Test func `hands over decoded text and the text of numbers`() throws {
        for text in [#""plain""#, #""\u0070lain""#] {
            #expect(try bytes(of: node(text)).count == 5)
        }
        #expect(try bytes(of: node("12.5")).count == 4)
    }

    @Test func `tells values of one document apart`() throws {
        let root = try node("[1,1,[1]]")
        #expect(Set(root.elements.map(\.place)).count == 3)
    }
}
