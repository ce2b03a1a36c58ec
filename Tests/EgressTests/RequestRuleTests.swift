import Testing

@testable import Egress

@Suite struct RequestRuleTests {
    private func rule(_ methods: Set<String> = [], _ paths: String...) throws -> RequestRule {
        RequestRule(methods: methods, paths: try paths.map { try #require(PathPattern($0)) })
    }

    private func permits(_ rule: RequestRule, _ method: String, _ path: String) -> Bool {
        rule.permits(method: method, target: Array(path.utf8)[...])
    }

    @Test func `a method is one that is named, as it is written`() throws {
        let rule = try rule(["GET", "POST"])
        #expect(permits(rule, "GET", "/anything/../at%2fall"))
        #expect(!permits(rule, "get", "/"))
        #expect(!permits(rule, "DELETE", "/"))
    }

    @Test(
        "a path is one that is named",
        arguments: [
            ("/v1/items", "/v1/items", true), ("/v1/items", "/v1/items?x=/../y", true),
            ("/v1/items", "/v1/items/", false), ("/v1/items", "/v1/Items", false),
            ("/v1/items", "/v1/%69tems", true), ("/v1/*", "/v1/items", true),
            ("/v1/*", "/v1/", false), ("/v1/*", "/v1/a/b", false), ("/v1/*/c", "/v1/b/c", true),
            ("/v1/**", "/v1", true), ("/v1/**", "/v1/", true), ("/v1/**", "/v1/a/b/c", true),
            ("/v1/**", "/v10", false), ("/v1/**", "/v2/v1/a", false), ("/**", "/", true),
            ("/", "/", true), ("/", "/a", false), ("/v1/", "/v1/", true), ("/v1/", "/v1", false),
        ]
    )
    func paths(pattern: String, path: String, isTaken: Bool) throws {
        #expect(permits(try rule([], pattern), "GET", path) == isTaken)
    }

    @Test(
        "what two servers could read as two paths is none",
        arguments: [
            "/v1/../admin", "/v1/./a", "/v1/%2e%2e/admin", "/v1/.%2E/admin", "/v1//a", "//v1/a",
            "/v1/a%2fb", "/v1/a%5cb", "/v1/a\\..\\b", "/v1/a%252fb", "/v1/a;b=c", "/v1/a%3bb",
            "/v1/a%00", "/v1/a%0d", "/v1/a%2", "/v1/a%zz", "/v1/a%", "v1/a", "", "*", "/v1/a%20b",
        ]
    )
    func plain(path: String) throws {
        #expect(!permits(try rule([], "/v1/**", "/**"), "GET", path))
    }

    @Test(
        "takes no pattern that means other than it looks",
        arguments: [
            "", "v1", "/v1/a*", "/**/a", "/v1/../a", "/v1/./a", "/v1//a", "/v1/%61", "/v1/a?b",
            "/v1/a#b", "/v1/a b", "/v1/\u{e4}", "/a;b", "/a\\b",
            String(repeating: "/a", count: PathPattern.partCountLimit + 1),
        ]
    )
    func patterns(text: String) {
        #expect(PathPattern(text) == nil)
    }

    private func allowed(_ host: String, _ rules: EgressRule...) throws -> AllowedTarget {
        try EgressPolicy(rules: rules)
            .allow(EgressTarget(authority: Array(host.utf8)[...]))
    }

    private func isSent(_ allowed: AllowedTarget, _ method: String, _ path: String) -> Bool {
        (try? allowed.check(method: method, path: Array(path.utf8)[...], fields: ["host"])) != nil
    }

    @Test func `entries of one host are alternatives, and hold over those of its parent`() throws {
        let open = try EgressRule("*.example.com")
        let reading = try EgressRule("api.example.com", requests: rule(["GET"], "/v1/**"))
        let posting = try EgressRule("api.example.com", requests: rule(["POST"], "/v1/items"))
        let api = try allowed("api.example.com:443", open, reading, posting)
        #expect(api.limitsRequests)
        #expect(isSent(api, "GET", "/v1/items/1") && isSent(api, "POST", "/v1/items"))
        #expect(!isSent(api, "POST", "/v1/items/1") && !isSent(api, "GET", "/v2"))
        let other = try allowed("www.example.com:443", open, reading, posting)
        #expect(!other.limitsRequests && isSent(other, "DELETE", "/x/../y"))
        #expect(try !allowed("api.example.com:443", open).limitsRequests)
    }

    @Test func `the refusal says what was not sent, without its query`() throws {
        let api = try allowed(
            "api.example.com:443",
            EgressRule("api.example.com", requests: rule(["GET"]))
        )
        let refusal = #expect(throws: EgressRefusal.self) {
            try api.check(method: "POST", path: Array("/a?token=x".utf8)[...], fields: [])
        }
        // What a server would take for another method or path.
        for name in RequestRule.misleadingFields {
            #expect(throws: EgressRefusal.self) {
                try api.check(method: "GET", path: Array("/a".utf8)[...], fields: ["host", name])
            }
        }
        #expect(refusal?.code == "request")
        #expect(refusal?.agentText == "`POST /a` may not be sent to `api.example.com:443`")
    }

    @Test func `an address takes every request or none`() {
        #expect(throws: EgressRule.Problem.requestsOfAddress("192.0.2.1:80")) {
            try EgressRule("192.0.2.1:80", requests: RequestRule(methods: ["GET"], paths: []))
        }
    }
}
