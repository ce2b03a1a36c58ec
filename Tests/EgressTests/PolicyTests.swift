import Base
import Egress
import TestKit
import Testing

private func target(_ text: String) throws -> EgressTarget {
    try EgressTarget(authority: Array(text.utf8)[...])
}

private func policy(_ rules: String...) throws -> EgressPolicy {
    EgressPolicy(rules: try rules.map { text throws in try EgressRule(text) })
}

private func refusal(_ body: () throws -> some Any) -> String? {
    do {
        _ = try body()
        return nil
    } catch { return (error as? EgressRefusal)?.code ?? "\(error)" }
}

@Suite struct EgressRuleTests {
    @Test(
        "takes no rule that is wider or other than it looks",
        arguments: [
            "", "*", "*.", "*.com", "*.*.example.com", "a.*.com", "exa mple.com", "example.com:0",
            "example.com:65536", "example.com:https", "https://example.com", "example.com/x",
            "127.1", "0x7f.0.0.1", "2130706433", "*.127.0.0.1", "[::1", "[0:0::1]", "é.example",
            "user@example.com", "-a.example", "a..b", "example.com:443:443",
        ]
    )
    func refuses(text: String) { #expect(throws: EgressRule.Problem.self) { try EgressRule(text) } }

    @Test(
        "says what it is, with its port",
        arguments: [
            ("API.Example.com", "api.example.com:443"), ("example.com.:8443", "example.com:8443"),
            ("*.example.com:80", "*.example.com:80"), ("127.0.0.1:8443", "127.0.0.1:8443"),
            ("[fd00::1]", "[fd00::1]:443"), ("localhost:80", "localhost:80"),
        ]
    )
    func description(text: String, shown: String) throws {
        #expect(try EgressRule(text).description == shown)
    }
}

@Suite struct EgressPolicyTests {
    @Test
    func `a name is looked up by the rule that names it, not by one for all below its parent`()
        throws
    {
        let both = try policy("*.example.com:8443", "api.example.com")
        #expect(try both.lookUp(target("api.example.com:1").host).rule == both.rules[1])
        #expect(try both.lookUp(target("b.example.com:1").host).rule == both.rules[0])
        #expect(refusal { try both.lookUp(target("example.org:1").host) } == "unknown-host")
    }

    @Test(
        "allows what a rule names, in every spelling of it",
        arguments: [
            "api.example.com:443", "API.EXAMPLE.COM:443", "api.example.com.:443",
            "x.wide.example:8443", "127.0.0.1:8443", "127.1:8443", "[fd00:0::1]:443",
        ]
    )
    func allows(text: String) throws {
        let policy = try policy(
            "api.example.com",
            "*.wide.example:8443",
            "127.0.0.1:8443",
            "[fd00::1]"
        )
        #expect(refusal { try policy.allow(target(text)) } == nil)
    }

    @Test(
        "refuses everything else, and says why",
        arguments: [
            ("api.example.com:22", "port"), ("api.example.com:80", "port"),
            ("example.com:443", "unknown-host"), ("xapi.example.com:443", "unknown-host"),
            ("api.example.com.evil.net:443", "unknown-host"), ("wide.example:8443", "unknown-host"),
            ("a.b.wide.example:8443", "unknown-host"), (".wide.example:8443", "bad-host"),
            ("127.0.0.2:8443", "address-literal"), ("[::1]:443", "address-literal"),
            ("2130706433:443", "port"), ("127.0.0.1!:8443", "bad-host"),
            ("api.example.com", "bad-host"),
            ("api.example.com:", "bad-host"), ("api.example.com%00.evil:443", "bad-host"),
            ("api.example.com@evil:443", "bad-host"), ("a b:443", "bad-host"),
            ("①.com:443", "bad-host"),
        ]
    )
    func refuses(text: String, code: String) throws {
        let policy = try policy("api.example.com", "*.wide.example:8443", "127.0.0.1:8443")
        #expect(refusal { try policy.allow(target(text)) } == code)
    }

    @Test(
        "one address that is not public refuses them all",
        arguments: [
            ["10.0.0.1"], ["8.8.8.8", "127.0.0.1"], ["::ffff:169.254.169.254"], ["64:ff9b::7f00:1"],
            ["fd00:ec2::254"], ["8.8.8.8", "0.0.0.0"], ["100.100.100.200"], ["2002:7f00:1::"],
        ]
    )
    func rebinding(addresses: [String]) throws {
        let allowed = try policy("api.example.com").allow(target("api.example.com:443"))
        let list = addresses.compactMap { IPAddress($0) }
        #expect(list.count == addresses.count)
        #expect(refusal { try allowed.pin(list) } == "address-not-public")
        #expect(refusal { try allowed.pin([IPAddress("8.8.8.8") ?? .loopback]) } == nil)
        #expect(refusal { try allowed.pin([]) } == "unresolved")
    }

    @Test func `a rule that names addresses takes those and no others`() throws {
        let block = try #require(AddressRange("10.1.0.0/16"))
        let rule = try EgressRule("db.corp:8443", blocks: [block])
        let allowed = try EgressPolicy(rules: [rule]).allow(target("db.corp:8443"))
        #expect(allowed.nameToResolve == "db.corp")
        #expect(refusal { try allowed.pin([.v4(0x0a01_0203)]) } == nil)
        #expect(refusal { try allowed.pin([.v4(0x0a02_0203)]) } == "address-not-public")
        #expect(refusal { try allowed.pin([.v4(0x0808_0808)]) } == "address-not-public")

        let fixed = try EgressRule(
            "docs.example",
            blocks: [try #require(AddressRange("127.0.0.1"))]
        )
        let known = try EgressPolicy(rules: [fixed]).allow(target("docs.example:443"))
        #expect(known.nameToResolve == nil)
        #expect(try known.pin([]).addresses == [.loopback])
    }

    @Test func `no rule leads to nowhere or to everybody`() throws {
        for text in ["0.0.0.0:443", "[::]:443", "224.0.0.1:443"] {
            let allowed = try policy(text).allow(target(text))
            #expect(refusal { try allowed.pin([]) } == "address-not-public")
        }
    }

    @Test func `no rule leads back to the gateway`() throws {
        let pinned = try policy("127.0.0.1:8930").allow(target("127.0.0.1:8930")).pin([])
        let own: Set<UInt16> = [8930, 8931]
        func check(_ peer: IPAddress, _ local: IPAddress, _ own: Set<UInt16>) -> String? {
            refusal { try pinned.check(peer: peer, local: local, own: own) }
        }
        #expect(check(.loopback, .loopback, own) == "gateway")
        #expect(check(.loopback, .loopback, [8931]) == nil)
        #expect(check(.v4(0x7f00_0002), .loopback, []) == "unreachable")
        let lan = try #require(IPAddress("192.168.1.7"))
        let public4 = try policy("192.168.1.7:8930").allow(target("192.168.1.7:8930")).pin([])
        #expect(refusal { try public4.check(peer: lan, local: lan, own: own) } == "gateway")
        #expect(refusal { try public4.check(peer: lan, local: .loopback, own: own) } == nil)
    }

    @Test(
        "a plain request names its place in one way",
        arguments: [
            ("http://a.example/x?y", "a.example:80", "/x?y"),
            ("HTTP://A.example:8080", "a.example:8080", "/"),
            ("http://a.example?q", "a.example:80", "/?q"),
        ]
    )
    func absolute(text: String, place: String, path: String) throws {
        let (target, rest) = try EgressTarget.absolute(Array(text.utf8)[...])
        #expect(target.description == place && rest.elementsEqual(path.utf8))
    }

    @Test(
        "and in no other",
        arguments: [
            "https://a.example/", "/x", "a.example", "http:/a.example/", "http://u@a.example/",
            "http://a.example\\@b/", "http://a.example/#b", "http://a.example:0/", "http://a b/",
            "http:///x", "http://", "ftp://a.example/", "http://127.0.0.1:80\\@127.2.2.2:80/",
        ]
    )
    func notAbsolute(text: String) {
        #expect(refusal { try EgressTarget.absolute(Array(text.utf8)[...]) } == "bad-host")
    }
}

/// Every line of the corpus: refused by a policy that allows its very host, when the name leads to
/// what such names lead to.
@Suite(.enabled(if: Corpus.has("ssrf"), "corpus ssrf is not here"))
struct ForgeryTests {
    private func lines() throws -> [String] {
        String(
            decoding: try #require(
                Corpus.folder("ssrf").flatMap { Corpus.bytes($0 + "/urls.txt") }
            ),
            as: UTF8.self
        )
        .split(separator: "\n").map(String.init)
    }

    /// As a client asks a proxy: http as it stands, https by CONNECT.
    private func ask(_ line: String, _ policy: EgressPolicy) throws -> AllowedTarget {
        guard line.lowercased().hasPrefix("https://") else {
            return try policy.allow(EgressTarget.absolute(Array(line.utf8)[...]).target)
        }
        let authority = line.dropFirst(8).prefix { !"/?#".contains($0) }
        let port = authority.contains(":") ? "" : ":443"
        return try policy.allow(target(authority + port))
    }

    @Test func `every line is refused where nothing is allowed`() throws {
        let lines = try lines()
        #expect(lines.count == 144)
        for line in lines { #expect(refusal { try ask(line, EgressPolicy()) } != nil, "\(line)") }
    }

    @Test func `a rule for the name does not open an address`() throws {
        let bad = ["127.0.0.1", "169.254.169.254", "::ffff:a9fe:a9fe", "10.0.0.1", "::1"]
        var named = 0
        for line in try lines() {
            let rest = line.firstRange(of: "://").map { line[$0.upperBound...] } ?? line[...]
            let authority = String(rest.prefix { !"/?#\\".contains($0) })
            let rules = [authority, authority + ":80", authority + ":443"]
                .compactMap { try? EgressRule($0) }
                .filter { rule in
                    if case .address = rule.subject { false } else { true }
                }
            for address in bad {
                let found = [IPAddress.v4(0x0808_0808), try #require(IPAddress(address))]
                let code = refusal { try ask(line, EgressPolicy(rules: rules)).pin(found) }
                #expect(code != nil, "\(line)")
                if code == "address-not-public" { named += 1 }
            }
        }
        #expect(named > 100, "the rules were not tried: \(named)")
    }
}

@Suite struct EgressBudgetTests {
    private let host = WebHost.name("a.example")

    @Test func `connections, rate, hosts and bytes each have an end`() {
        var limits = EgressBudget.Limits()
        limits.connectionCount = 2
        limits.perMinute = 5
        limits.hostsPerMinute = 1
        limits.sentPerHour = 100
        var budget = EgressBudget(limits)
        let now = Instant(nanoseconds: 1 << 40)
        #expect(budget.begin(host, at: now) == nil)
        #expect(budget.begin(.name("b.example"), at: now) == .hosts(1))
        #expect(budget.begin(host, at: now) == nil)
        #expect(budget.begin(host, at: now) == .connections(2))
        budget.end()
        #expect(budget.begin(host, at: now) == nil)
        #expect(budget.begin(host, at: now) == .rate(5))
        budget.end()
        let later = now.advanced(by: .seconds(61))
        #expect(budget.begin(.name("b.example"), at: later) == nil)
        budget.end()
        let sent = [100, 1].map { budget.sent($0, at: later) }
        #expect(sent == [true, false])
        #expect(budget.begin(host, at: later.advanced(by: .seconds(61))) == .bytes(100))
        #expect(budget.begin(host, at: later.advanced(by: .seconds(3601))) == nil)
    }
}
