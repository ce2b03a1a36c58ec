import Testing

@testable import JSON

@Suite("Text put round strings of a document")
struct SurroundingTests {
    private static let wide =
        "{" + (0..<40).map { "\"k\($0)\":\($0)" }.joined(separator: ",") + #","t":"a","u":["b"]}"#

    @Test(
        "is read as if the new text had been parsed",
        arguments: [
            #"{"jsonrpc":"2.0","id":7,"result":{"content":[{"type":"text","text":"hello"}]}}"#,
            #" { "a" : [ "" , "é\u0041" , {"text":"x\n","n":-1.5e3} , [] , null ] , "b" : {"text":"y"} } "#,
            #"["one",["two",["three"],"four"],{"k":"five","l":{"m":"six"}},true]"#,
            #""alone""#, "[]", "[1,{}]", wide,
        ],
        [(#"<\u0041\n"#, #"\"/>"#), ("", "]"), ("[", ""), ("", "")]
    )
    func same(text: String, marks: (String, String)) throws {
        let root = try JSONDocument(parsing: Array(text.utf8)).root
        for every in 1...3 {
            var count = 0
            var strings: [JSONPlace] = []
            collect(root, every, &count, &strings)
            let (opening, closing) = (Array(marks.0.utf8), Array(marks.1.utf8))
            let wider = try #require(
                root.surrounding(strings, by: opening[...], closing[...])
            )
            #expect(
                wider.documentBytes.count
                    == text.utf8.count + strings.count * (opening.count + closing.count)
            )
            let again = try JSONDocument(parsing: wider.documentBytes).root
            expectSame(wider, again)
            for place in strings {
                let content = String(decoding: JSONWalk(wider).node(place).content, as: UTF8.self)
                let old = String(decoding: JSONWalk(root).node(place).content, as: UTF8.self)
                #expect(content == marks.0 + old + marks.1)
            }
        }
    }

    /// Every so many of the strings that are values, in the order of the text.
    private func collect(
        _ node: JSONNode,
        _ every: Int,
        _ count: inout Int,
        _ found: inout [JSONPlace]
    ) {
        if node.isString {
            count += 1
            if count % every == 0 { found.append(node.place) }
        }
        for (_, value) in node.members { collect(value, every, &count, &found) }
        for element in node.elements { collect(element, every, &count, &found) }
    }

    @Test func `a small part of a large document is not surrounded in it`() throws {
        func isSurrounded(besides count: Int) throws -> Bool {
            let rest = String(repeating: "0", count: count)
            let text = #"{"a":["one"],"b":"\#(rest)"}"#
            let part = try #require(try JSONDocument(parsing: Array(text.utf8)).root["a"])
            let string = try #require(part.elements.first { _ in true })
            return part.surrounding([string.place], by: [0x3c], [0x3e]) != nil
        }
        // With thirteen bytes of names and signs it is 4 KiB, and one more.
        #expect(try isSurrounded(besides: 4083))
        #expect(try !isSurrounded(besides: 4084))
    }

    private func expectSame(_ node: JSONNode, _ other: JSONNode) {
        #expect(node.kind == other.kind && node.count == other.count)
        #expect(node.source == other.source && node.sourceRange == other.source.indices)
        #expect(node.string == other.string && node.place == other.place)
        for ((key, value), (otherKey, otherValue)) in zip(node.members.nodes, other.members.nodes) {
            #expect(key.string == otherKey.string)
            expectSame(value, otherValue)
            let name = key.string ?? ""
            #expect(node.member(name)?.place == other.member(name)?.place)
        }
        for (element, other) in zip(node.elements, other.elements) { expectSame(element, other) }
    }
}
