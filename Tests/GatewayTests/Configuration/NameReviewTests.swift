import Base
import Policy
import System
import Testing

@testable import Gateway

/// Knows a few names, says of others that there are none, and never answers for `slow`.
private final class Names: Resolver {
    private let known: [String: [String]]
    private let asked = Lock<[String]>([])
    private let waiting = Lock<[CheckedContinuation<Void, Never>]>([])

    init(_ known: [String: [String]]) { self.known = known }

    var all: [String] { asked.withLock { $0.sorted() } }

    func resolve(_ name: String) async throws(ResolveError) -> [IPAddress] {
        asked.withLock { $0.append(name) }
        if name.hasPrefix("slow") {
            await withCheckedContinuation { next in waiting.withLock { $0.append(next) } }
        }
        guard let found = known[name] else {
            throw ResolveError(name: name, reason: "Name or service not known")
        }
        return found.compactMap { IPAddress($0) }
    }

    /// Lets go who waits, so that no task outlives the test.
    func letGo() {
        for next in waiting.withLock({ $0 }) { next.resume() }
    }
}

@Suite("check looks up the names of remote servers", .timeLimit(.minutes(5)))
struct NameReviewTests {
    private func remarks(
        _ servers: String,
        _ names: Names,
        within limit: Duration = .seconds(30)
    ) async throws -> [Remark] {
        let set = try policySet("gatehouse: 1\nservers:\n\(servers)")
        let loop = try EventLoop()
        let thread = try loop.start()
        let review = NameReview(set, resolver: names, on: loop)
        let found = await review.remarks(within: limit)
        names.letGo()
        loop.stop()
        thread.join()
        return found
    }

    @Test(
        "what a name leads to is held against the rule of the gateway's own requests",
        arguments: [
            ("https://mcp.example.com/", "93.184.216.34", nil),
            (
                "https://mcp.example.com/", "10.1.2.3",
                "which is private; if that is meant, write `addresses: [10.1.2.3]`"
            ),
            ("https://mcp.example.com/", "127.0.0.1", "which is loopback"),
            ("https://mcp.example.com/", "169.254.169.254", "which is link-local"),
            ("https://other.example.com/", "", "has no address here: Name or service not known"),
        ] as [(String, String, String?)]
    )
    func names(url: String, address: String, said: String?) async throws {
        let names = Names(["mcp.example.com": [address]])
        let found = try await remarks("  far: { url: \(url) }\n", names)
        #expect(found.count == (said == nil ? 0 : 1), "\(found)")
        if let said {
            #expect(found.first?.text.contains(said) == true, "\(found)")
            #expect(found.first?.position?.line == 3)
        }
        #expect(names.all.count == 1)
    }

    @Test func `addresses that are written are allowed, and others are not`() async throws {
        let servers = """
              near: { url: "https://a.example.com/", addresses: [10.1.0.0/16] }
              next: { url: "https://b.example.com/", addresses: [10.1.0.0/16] }

            """
        let names = Names(["a.example.com": ["10.1.2.3"], "b.example.com": ["10.2.0.1"]])
        let found = try await remarks(servers, names)
        #expect(found.map { $0.text.contains("server `next`") } == [true], "\(found)")
    }

    @Test func `an address is not looked up, nor a hosted server`() async throws {
        let servers = """
              here: { url: "http://127.0.0.1:8080/mcp" }
              own: { command: [/bin/true] }

            """
        let names = Names([:])
        #expect(try await remarks(servers, names) == [])
        #expect(names.all == [])
    }

    @Test func `who does not answer is waited for no longer than for all together`() async throws {
        let servers = """
              a: { url: "https://slow-a.example.com/" }
              b: { url: "https://slow-b.example.com/" }
              c: { url: "https://fast.example.com/" }

            """
        let names = Names(["fast.example.com": ["93.184.216.34"]])
        let found = try await remarks(servers, names, within: .milliseconds(200))
        #expect(found.count == 2, "\(found)")
        #expect(found.allSatisfy { $0.text.contains("was not looked up in time") }, "\(found)")
        #expect(found.first?.hint?.contains("--offline") == true)
    }
}
