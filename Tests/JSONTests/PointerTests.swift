import JSON
import Testing

@Suite struct PointerTests {
    /// RFC 6901 section 5.
    private static let example =
        #"{"foo":["bar","baz"],"":0,"a/b":1,"c%d":2,"e^f":3,"g|h":4,"i\\j":5,"k\"l":6," ":7,"m~n":8}"#

    @Test(
        "points as the standard's example says",
        arguments: [
            ("", nil), ("/foo", #"["bar","baz"]"#), ("/foo/0", #""bar""#), ("/", "0"),
            ("/a~1b", "1"), ("/c%d", "2"), ("/e^f", "3"), ("/g|h", "4"), ("/i\\j", "5"),
            ("/k\"l", "6"), ("/ ", "7"), ("/m~0n", "8"),
        ] as [(String, String?)]
    )
    func resolves(pointer: String, expected: String?) throws {
        let root = try parse(Self.example).root
        let parsed = try JSONPointer(pointer)
        #expect(text(parsed.resolve(root)?.source ?? []) == expected ?? Self.example)
        #expect(parsed.description == pointer)
    }

    @Test(
        "points at nothing",
        arguments: [
            "/foo/2", "/foo/-", "/foo/01", "/foo/00", "/foo/+1", "/foo/-1", "/foo/1e0", "/foo/",
            "/foo/0/x", "/absent", "/foo/0000000001", "/foo/99999999999999999999", "//", "/A~1b",
            "/foo/١",
        ]
    )
    func pointsAtNothing(pointer: String) throws {
        #expect(try JSONPointer(pointer).resolve(parse(Self.example).root) == nil)
    }

    @Test func `an escape is read once`() throws {
        #expect(try JSONPointer("/~01").tokens == ["~1"])
        #expect(try JSONPointer("/~01").resolve(parse(#"{"~1":5,"/":6}"#).root)?.number?.int == 5)
        #expect(try JSONPointer("/a//b").tokens == ["a", "", "b"])
    }

    @Test(
        "refuses what is no pointer",
        arguments: [
            ("foo", JSONPointerError.noLeadingSlash("foo")), ("#/foo", .noLeadingSlash("#/foo")),
            ("/~", .badEscape("/~")), ("/~2", .badEscape("/~2")), ("/a~", .badEscape("/a~")),
            ("/~~0", .badEscape("/~~0")),
        ]
    )
    func refuses(text: String, expected: JSONPointerError) {
        #expect(throws: expected) { try JSONPointer(text) }
        #expect(!expected.description.isEmpty)
    }

    @Test func `pointers are built and compared as bytes`() throws {
        let pointer = JSONPointer.root.appending("a/b").appending(0).appending("~")
        #expect(pointer.description == "/a~1b/0/~0")
        #expect(try JSONPointer(pointer.description) == pointer)
        #expect(try JSONPointer("/a") < JSONPointer("/b"))
        #expect(try JSONPointer("/\u{e9}") != JSONPointer("/e\u{301}"))
    }
}
