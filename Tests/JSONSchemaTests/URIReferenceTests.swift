import Testing

@testable import JSONSchema

struct URIReferenceTests {
    /// RFC 3986 5.4, without the fragments, which are looked up and not resolved.
    @Test(
        "resolves as RFC 3986 5.4 shows",
        arguments: [
            ("g:h", "g:h"), ("g", "http://a/b/c/g"), ("./g", "http://a/b/c/g"),
            ("g/", "http://a/b/c/g/"), ("/g", "http://a/g"), ("//g", "http://g"),
            ("?y", "http://a/b/c/d;p?y"), ("g?y", "http://a/b/c/g?y"), ("#s", "http://a/b/c/d;p?q"),
            (";x", "http://a/b/c/;x"), ("g;x?y#s", "http://a/b/c/g;x?y"),
            ("", "http://a/b/c/d;p?q"),
            (".", "http://a/b/c/"), ("./", "http://a/b/c/"), ("..", "http://a/b/"),
            ("../g", "http://a/b/g"), ("../..", "http://a/"), ("../../g", "http://a/g"),
            ("../../../g", "http://a/g"), ("../../../../g", "http://a/g"), ("/./g", "http://a/g"),
            ("/../g", "http://a/g"), ("g.", "http://a/b/c/g."), (".g", "http://a/b/c/.g"),
            ("g..", "http://a/b/c/g.."), ("./../g", "http://a/b/g"), ("./g/.", "http://a/b/c/g/"),
            ("g/./h", "http://a/b/c/g/h"), ("g/../h", "http://a/b/c/h"),
            ("g;x=1/./y", "http://a/b/c/g;x=1/y"), ("http:g", "http:g"),
        ]
    )
    func resolves(reference: String, expected: String) {
        let base = URIReference("http://a/b/c/d;p?q")
        #expect(URIReference(reference).resolved(against: base).resource == expected)
    }

    @Test(
        "undoes percent escapes, or says that one is broken",
        arguments: [
            ("a", "a"), ("%41%e2%82%ac", "A€"), ("%", nil), ("%4", nil), ("%zz", nil), ("%ff", nil),
        ]
            as [(String, String?)]
    )
    func escapes(text: String, expected: String?) {
        #expect(percentDecoded(text) == expected)
    }
}
