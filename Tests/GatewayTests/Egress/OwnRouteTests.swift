import Base
import Egress
import HTTP
import System
import Testing

@testable import Gateway

/// Says something else each time it is asked, as who controls a name can.
private final class Turning: Resolver {
    private let answers: Lock<[[String]]>

    init(_ answers: [String]...) { self.answers = Lock(answers) }

    var leftCount: Int { answers.withLock { $0.count } }

    func resolve(_ name: String) async throws(ResolveError) -> [IPAddress] {
        let next = answers.withLock { $0.isEmpty ? nil : $0.removeFirst() }
        guard let next else { throw ResolveError(name: name, reason: "it was asked too often") }
        return next.compactMap { IPAddress($0) }
    }
}

private struct Okay: HTTPHandler {
    func handle(_ exchange: Exchange) async {
        await exchange.respond(.ok, FieldBlock(), body: Array("ok".utf8))
    }
}

@Suite struct OwnRouteTests {
    private func route(
        _ url: String,
        _ resolver: Turning,
        blocks: [String]? = nil,
        own: UInt16? = nil,
        refused: @escaping @Sendable (EgressRefusal) -> Void = { _ in }
    ) throws -> OwnRoute {
        let ports = OwnPorts()
        if let own { ports.add(.ip(.loopback, port: own)) }
        return try OwnRoute(
            to: try HTTPURL(parsing: url).origin,
            blocks: blocks.map { $0.compactMap { AddressRange($0) } },
            EgressDecision(resolver: resolver, ownPorts: ports),
            refused: refused
        )
    }

    /// What is connected to, or in which words it is not.
    private func outcome(_ route: OwnRoute) async -> String {
        do throws(HTTPClientError) {
            return try await route.addresses().map(\.description).joined(separator: " ")
        } catch { return "\(error)" }
    }

    @Test(
        "a name leads to what is public, unless its addresses are written",
        arguments: [
            ("https://mcp.example.com/", ["93.184.216.34"], nil, "93.184.216.34"),
            ("https://mcp.example.com/", ["2606:4700::1"], nil, "2606:4700::1"),
            ("https://mcp.example.com/", ["10.1.2.3"], nil, "write `addresses: [10.1.2.3]`"),
            ("https://mcp.example.com/", ["127.0.0.1"], nil, "which is loopback"),
            ("https://mcp.example.com/", ["169.254.169.254"], nil, "which is link-local"),
            ("https://mcp.example.com/", ["fd00:ec2::254"], nil, "which is private"),
            ("https://mcp.example.com/", ["::ffff:10.0.0.1"], nil, "which is private"),
            ("https://mcp.example.com/", ["93.184.216.34", "10.1.2.3"], nil, "which is private"),
            ("https://mcp.example.com/", ["0.0.0.0"], ["0.0.0.0/0"], "which is unspecified"),
            ("https://mcp.example.com/", ["10.1.2.3"], ["10.1.0.0/16"], "10.1.2.3"),
            ("https://mcp.example.com/", ["10.2.0.1"], ["10.1.0.0/16"], "which is private"),
            ("https://mcp.example.com/", ["93.184.216.34"], ["10.1.0.0/16"], "which is public"),
            ("http://localhost:8000/", ["127.0.0.1", "::1"], nil, "127.0.0.1 ::1"),
            ("http://a.localhost:8000/", ["127.0.0.1"], nil, "127.0.0.1"),
            ("http://localhost:8000/", ["93.184.216.34"], nil, "which is public"),
        ] as [(String, [String], [String]?, String)]
    )
    func names(url: String, answer: [String], blocks: [String]?, said: String) async throws {
        let found = await outcome(try route(url, Turning(answer), blocks: blocks))
        #expect(found.contains(said), "\(found)")
    }

    @Test(
        "an address in a url is the rule for that address, and nobody is asked",
        arguments: ["127.0.0.1", "10.1.2.3", "[::1]", "[fd00::7]", "192.0.2.1"]
    )
    func addresses(host: String) async throws {
        let found = await outcome(try route("https://\(host):8443/", Turning()))
        #expect(found == host.filter { $0 != "[" && $0 != "]" })
    }

    @Test func `no address at all and one of many are refused even when written`() async throws {
        for host in ["0.0.0.0", "[::]", "224.0.0.1", "[ff02::1]"] {
            let found = await outcome(try route("https://\(host)/", Turning()))
            #expect(found.contains("does not lead"), "\(found)")
        }
    }

    @Test func `an end that is no address is refused`() throws {
        let told = Lock<[String]>([])
        let route = try route("https://192.0.2.1/", Turning()) { refusal in
            told.withLock { $0.append(refusal.code) }
        }
        let peer = SocketAddress.ip(.v4(0xc000_0201), port: 443)
        try route.check(peer: peer, local: .ip(.loopback, port: 1))
        for (peer, local) in [(SocketAddress.unix(path: ""), peer), (peer, .unix(path: ""))] {
            #expect(throws: HTTPClientError.self) { try route.check(peer: peer, local: local) }
        }
        #expect(told.withLock { $0.count } == 2)
    }

    @Test func `what is refused is told, a name without an address is not`() async throws {
        let told = Lock<[String]>([])
        let turning = Turning(["10.0.0.1"], [])
        let route = try route("https://a.example.com/", turning) { refusal in
            told.withLock { $0.append(refusal.code) }
        }
        _ = await outcome(route)
        #expect(told.withLock { $0 } == ["address-not-public"])
    }

    /// The name turns towards the inside after it was taken: each connection is decided on by what
    /// it is made to.
    @Test(.timeLimit(.minutes(5)))
    func `a name that turns is refused at its next connection`() async throws {
        let loop = try EventLoop()
        let thread = try loop.start()
        let result = await loop.spawnThrowing {
            let budget = BufferBudget(on: loop)
            let server = HTTPServer(
                on: loop,
                handler: Okay(),
                budget: budget,
                clock: SystemClock()
            )
            let place = try await server.listen(on: .ip(.loopback, port: 0))
            let port = try #require(place.port)
            let turning = Turning(
                ["127.0.0.1"],
                ["127.0.0.1", "169.254.169.254"],
                ["10.0.0.1"],
                ["127.0.0.1"]
            )
            let url = "http://turning.example.com:\(port)/"
            var words: [String] = []
            for own in [nil, nil, nil, port] {
                let client = HTTPClient(
                    to: try HTTPURL(parsing: url).origin,
                    on: loop,
                    by: try self.route(url, turning, blocks: ["127.0.0.0/8"], own: own),
                    tls: nil,
                    budget: budget
                )
                let deadline = loop.now.advanced(by: .seconds(20))
                do throws(HTTPClientError) {
                    let response = try await client.send(
                        ClientRequest(.get, "/", deadline: deadline)
                    )
                    words.append("\(response.status.code)")
                } catch {
                    #expect(!error.requestSent)
                    words.append("\(error)")
                }
                await client.close()
            }
            #expect(turning.leftCount == 0)
            #expect(words[0] == "200")
            #expect(words[1].contains("169.254.169.254"), "\(words)")
            #expect(words[2].contains("10.0.0.1"), "\(words)")
            #expect(words[3].contains("leads back to this gateway"), "\(words)")
            await server.shutDown(within: .seconds(1))
        }.result
        loop.stop()
        thread.join()
        try result.get()
    }
}
