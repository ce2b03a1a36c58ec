import Policy
import Testing

@Suite struct HostPatternTests {
    @Test(
        "reads the host every client would connect to",
        arguments: [
            ("api.example.com", "api.example.com", true as Bool?),
            ("api.example.com", "https://api.example.com/x?y#z", true),
            ("api.example.com", "HTTPS://API.Example.COM", true),
            ("api.example.com", "https://api.example.com.", true),
            ("api.example.com", "https://api.example.com:443/", true),
            ("api.example.com", "https://api.example.com:8443/", nil),
            ("api.example.com", "api.example.com:80", nil),
            ("api.example.com:8443", "https://api.example.com:8443/", true),
            ("api.example.com:8443", "https://api.example.com/", false),
            ("api.example.com", "https://api.example.com.evil.test/", false),
            ("api.example.com", "https://evil.test/api.example.com", false),
            ("api.example.com", "https://evil.test?api.example.com", false),
            ("api.example.com", "https://api.example.com@evil.test/", nil),
            ("api.example.com", "https://evil.test#@api.example.com/", nil),
            ("api.example.com", "https://api.example.com\\@evil.test/", nil),
            ("api.example.com", "https:\\\\api.example.com", nil),
            ("api.example.com", "https:/api.example.com", nil),
            ("api.example.com", "https:///api.example.com", nil),
            ("api.example.com", "//api.example.com/", nil),
            ("api.example.com", "file://api.example.com/etc/passwd", nil),
            ("api.example.com", "javascript://api.example.com/%0aalert(1)", nil),
            ("api.example.com", " https://api.example.com", nil),
            ("api.example.com", "https://api.exam\tple.com", nil),
            ("api.example.com", "https://api%2eexample.com", nil),
            ("api.example.com", "https://api.ex\u{430}mple.com", nil),
            ("api.example.com", "", nil),
            ("api.example.com", "https://", nil),
            ("*.example.com", "https://a.example.com/", true),
            ("*.example.com", "https://a.b.example.com/", true),
            ("*.example.com", "https://example.com/", false),
            ("*.example.com", "https://evilexample.com/", false),
            ("*.example.com", "https://.example.com/", nil),
            ("127.0.0.1", "http://127.0.0.1/", true),
            ("127.0.0.1", "http://127.1/", nil),
            ("127.0.0.1", "http://2130706433/", nil),
            ("127.0.0.1", "http://0x7f.0.0.1/", nil),
            ("127.0.0.1", "http://0177.0.0.1/", nil),
            ("127.0.0.1", "http://127.0.0.01/", nil),
            ("[::1]", "http://[::1]/", true),
            ("[::1]", "http://[::1]:80/", true),
            ("[::1]", "http://[0:0:0:0:0:0:0:1]/", false),
            ("[::1]", "http://[::1", nil),
            ("localhost", "http://localhost:99999/", nil),
        ]
    )
    func reads(_ pattern: String, _ value: String, _ isMatch: Bool?) throws {
        #expect(try HostPattern(pattern).matches(Array(value.utf8)) == isMatch)
    }

    @Test(
        "refuses what is no host",
        arguments: [
            "", "*", "*.com", "*.", "a b", "https://a.b", "a/b", "a..b", "-a.b", "a:0", "a:x",
            "[x]", "*.[::1]",
        ]
    )
    func refuses(_ text: String) {
        #expect(throws: HostPattern.Problem.notAHost) { try HostPattern(text) }
    }
}
