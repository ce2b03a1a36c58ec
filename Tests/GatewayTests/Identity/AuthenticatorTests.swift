import Base
import Gateway
import HTTP
import Policy
import System
import TestKit
import Testing

@Suite struct AuthenticatorTests {
    private func head(_ lines: [String]) throws -> RequestHead {
        let text = (["POST /mcp HTTP/1.1"] + lines + ["", ""]).joined(separator: "\r\n")
        var scanner = HeadScanner()
        return try #require(try RequestHead(from: Array(text.utf8).span, scanner: &scanner))
    }

    private func authenticator(
        open: Bool = false,
        environment: String = "staging"
    ) throws
        -> BearerAuthenticator
    {
        let tokens = TokenBook(hashing: hashing, clock: ManualClock())
        tokens.insert(
            TokenRecord(
                id: "001122334455",
                hash: hashing.sha256(Array("gh_a".utf8)),
                owner: try PrincipalName("ana"),
                tenant: .main,
                environment: try EnvironmentName("staging"),
                servers: nil,
                tools: nil,
                highestTier: .execute,
                allowedFrom: nil,
                issued: Timestamp(milliseconds: 0),
                expires: nil,
                run: "r1"
            )
        )
        return BearerAuthenticator(
            tokens: tokens,
            environment: try EnvironmentName(environment),
            open: open ? principal("open") : nil
        )
    }

    private static let local = "127.0.0.1:4000"
    private static let far = "192.0.2.1:4000"

    private func answer(
        _ authenticator: BearerAuthenticator,
        _ lines: [String],
        from peer: String = local
    ) throws -> (owner: String?, status: Int?) {
        let peer = try SocketAddress(parsing: peer)
        switch authenticator.authenticate(try head(["Host: a"] + lines), peer: peer) {
        case .success(let principal): return (principal.owner.rawValue, nil)
        case .failure(let refusal):
            #expect(refusal.challenge != nil)
            return (nil, refusal.status.code)
        }
    }

    @Test(
        "a bearer token is taken in any case of the scheme",
        arguments: ["Bearer gh_a", "bearer gh_a", "BEARER gh_a"]
    )
    func taken(value: String) throws {
        #expect(try answer(try authenticator(), ["Authorization: " + value]).owner == "ana")
    }

    @Test(
        "anything else is refused, and the same way for every wrong token",
        arguments: [
            ("Bearer gh_b", 401), ("Bearer  gh_a", 401), ("Bearer gh_a,gh_a", 401),
            ("Bearer", 400), ("Basic YTpi", 400), ("gh_a", 400), ("", 400),
        ]
    )
    func refused(value: String, status: Int) throws {
        #expect(try answer(try authenticator(), ["Authorization: " + value]).status == status)
    }

    @Test func `two credentials are none`() throws {
        let both = ["Authorization: Bearer gh_a", "Authorization: Bearer gh_a"]
        #expect(try answer(try authenticator(), both).status == 400)
        #expect(try answer(try authenticator(open: true), both).status == 400)
    }

    @Test func `a token of another environment is not valid here`() throws {
        let other = try authenticator(environment: "production")
        #expect(try answer(other, ["Authorization: Bearer gh_a"]).status == 401)
    }

    @Test func `without a credential only an open loopback lets in`() throws {
        #expect(try answer(try authenticator(), []).status == 401)
        #expect(try answer(try authenticator(open: true), []).owner == "open")
        #expect(try answer(try authenticator(open: true), [], from: Self.far).status == 401)
        // A wrong credential does not fall back to none.
        let wrong = ["Authorization: Bearer gh_b"]
        #expect(try answer(try authenticator(open: true), wrong).status == 401)
    }

    // MARK: Host and Origin

    private func refusal(
        _ lines: String...,
        names: [String] = ["gate.example"],
        listener: String = "127.0.0.1:8930",
        origins: [String] = ["https://app.example"]
    ) throws -> Int? {
        let hosts = AllowedHosts(
            names: names,
            listener: try SocketAddress(parsing: listener),
            origins: origins
        )
        return hosts.refusal(of: try head(lines))?.status.code
    }

    @Test(
        "a loopback listener serves its own names and those written",
        arguments: [
            "localhost", "LOCALHOST:8930", "127.0.0.1", "127.0.0.1:8930", "[::1]:8930", "[::1]",
            "gate.example", "Gate.Example:8930",
        ]
    )
    func served(host: String) throws { #expect(try refusal("Host: " + host) == nil) }

    @Test(
        "any other name is misdirected: the way of DNS rebinding",
        arguments: [
            "evil.example", "localhost.evil.example", "localhost:8931", "127.0.0.2",
            "gate.example:80",
            "gate.example.", "[::2]", "0.0.0.0:8930",
        ]
    )
    func misdirected(host: String) throws { #expect(try refusal("Host: " + host) == 421) }

    @Test func `a public listener does not serve the names of the loopback`() throws {
        let listener = "192.0.2.7:443"
        #expect(try refusal("Host: localhost", listener: listener) == 421)
        #expect(try refusal("Host: 192.0.2.7", listener: listener) == nil)
        #expect(try refusal("Host: 192.0.2.7:443", listener: listener) == nil)
        #expect(try refusal("Host: 192.0.2.8", listener: listener) == 421)
    }

    @Test func `a browser's origin must be written, once`() throws {
        #expect(try refusal("Host: localhost", "Origin: https://app.example") == nil)
        #expect(try refusal("Host: localhost", "Origin: HTTPS://APP.example") == nil)
        for origin in ["https://evil.example", "null", "http://app.example", ""] {
            #expect(try refusal("Host: localhost", "Origin: " + origin) == 403)
        }
        let line = "Origin: https://app.example"
        #expect(try refusal("Host: localhost", line, line) == 403)
    }
}
