import Audit
import Base
import Crypto
import Gateway
import JSON
import Policy
import System
import TestKit
import Testing

@Suite struct TokenBookTests {
    private let clock = ManualClock()

    private func record(
        _ id: String = "001122334455",
        secret: String = "gh_a",
        tenant: TenantID = .main,
        tools: [String]? = nil,
        from: [String]? = nil,
        expires: Timestamp? = nil
    ) throws -> TokenRecord {
        TokenRecord(
            id: id,
            hash: hashing.sha256(Array(secret.utf8)),
            owner: try PrincipalName("ana"),
            tenant: tenant,
            environment: try EnvironmentName("staging"),
            servers: [try ServerName("files")],
            tools: try tools?.map { try ToolPattern($0) },
            highestTier: .scopedWrite,
            allowedFrom: from,
            issued: clock.timestamp,
            expires: expires,
            run: "r1"
        )
    }

    private func book(_ records: TokenRecord...) -> TokenBook {
        let book = TokenBook(hashing: hashing, clock: clock)
        for record in records { book.insert(record) }
        return book
    }

    @Test func `a secret is its principal's, another is nobody's`() throws {
        let book = book(try record())
        let found = try book.principal(for: Array("gh_a".utf8), from: nil)
        #expect(found.owner.rawValue == "ana" && found.run == "r1")
        #expect(found.servers == [try ServerName("files")] && found.highestTier == .scopedWrite)
        for secret in ["gh_b", "gh_a ", "", "GH_A", String(repeating: "a", count: 257)] {
            #expect(throws: TokenBook.Refused.unknown, "\(secret)") {
                try book.principal(for: Array(secret.utf8), from: nil)
            }
        }
    }

    @Test func `a token ends at its expiry, to the millisecond`() throws {
        let end = clock.timestamp.advanced(by: .seconds(1))
        let book = book(try record(expires: end))
        let secret = Array("gh_a".utf8)
        clock.advance(by: .milliseconds(999))
        let principal = try book.principal(for: secret, from: nil)
        #expect(book.isLive(principal))
        clock.advance(by: .milliseconds(1))
        #expect(!book.isLive(principal))
        #expect(throws: TokenBook.Refused.expired) { try book.principal(for: secret, from: nil) }
    }

    @Test func `who came with a token lives as long as what stands in its place`() throws {
        let book = book(try record())
        let principal = try book.principal(for: Array("gh_a".utf8), from: nil)
        let end = clock.timestamp.advanced(by: .seconds(1))
        book.insert(try record(expires: end))
        #expect(book.isLive(principal))
        clock.advance(by: .seconds(1))
        #expect(!book.isLive(principal))
        book.insert(try record())
        #expect(book.isLive(principal))
        book.remove(id: "001122334455", tenant: .main)
        #expect(!book.isLive(principal))
    }

    @Test func `a clock that is set back keeps no token alive`() throws {
        let end = clock.timestamp.advanced(by: .seconds(60))
        let record = try record(expires: end)
        let running = book(record)
        clock.jump(by: .seconds(-86_400))
        // An earlier process issued it: it lives no longer than it was issued for.
        let restarted = book(record)
        clock.advance(by: .milliseconds(59_999))
        for book in [running, restarted] {
            let principal = try book.principal(for: Array("gh_a".utf8), from: nil)
            #expect(book.isLive(principal))
        }
        clock.advance(by: .milliseconds(1))
        for book in [running, restarted] {
            #expect(throws: TokenBook.Refused.expired) {
                try book.principal(for: Array("gh_a".utf8), from: nil)
            }
        }
        // Set forward it ends early.
        let fresh = book(try self.record(expires: clock.timestamp.advanced(by: .seconds(60))))
        clock.jump(by: .seconds(60))
        #expect(throws: TokenBook.Refused.expired) {
            try fresh.principal(for: Array("gh_a".utf8), from: nil)
        }
    }

    @Test func `a token with addresses is taken from them alone`() throws {
        let book = book(try record(from: ["10.0.0.1", "192.0.2.0/24", "::1"]))
        let secret = Array("gh_a".utf8)
        for peer in ["10.0.0.1:80", "192.0.2.9:4000", "[::1]:80"] {
            _ = try book.principal(for: secret, from: try SocketAddress(parsing: peer))
        }
        for peer in ["10.0.0.2:80", "192.0.3.9:4000", "[::2]:80"] {
            #expect(throws: TokenBook.Refused.address) {
                try book.principal(for: secret, from: try SocketAddress(parsing: peer))
            }
        }
        // Over a local socket there is no address, so none that is allowed.
        for peer: SocketAddress? in [nil, .unix(path: "/run/agent.sock")] {
            #expect(throws: TokenBook.Refused.address) {
                try book.principal(for: secret, from: peer)
            }
        }
    }

    @Test func `a removed token is gone at once, another tenant's of that id is not`() throws {
        let acme = try TenantID("acme")
        let book = book(try record(), try record(secret: "gh_b", tenant: acme))
        let ours = try book.principal(for: Array("gh_a".utf8), from: nil)
        let theirs = try book.principal(for: Array("gh_b".utf8), from: nil)
        #expect(book.remove(id: "001122334455", tenant: .main)?.tenant == .main)
        #expect(!book.isLive(ours) && book.isLive(theirs))
        #expect(book.all.map(\.tenant) == [acme])
        #expect(book.remove(id: "001122334455", tenant: .main) == nil)
    }

    @Test func `a record is stored and read back whole, without its secret`() throws {
        let made = try record(
            tools: ["files.*", "*"],
            from: [],
            expires: Timestamp(milliseconds: 9)
        )
        let text = made.value.serialised()
        #expect(!String(decoding: text, as: UTF8.self).contains("gh_a"))
        #expect(TokenRecord(try JSONDocument(parsing: text).root) == made)
    }

    @Test(
        "a record that cannot be read is no token",
        arguments: [
            ("id", "7"), ("hash", "\"00\""), ("hash", "null"), ("owner", "\"A b\""),
            ("tenant", "\"\""), ("environment", "1"), ("tier", "\"T9\""), ("issued", "\"now\""),
            // An end that cannot be read must not become a token without end.
            ("run", "null"), ("expires", "\"never\""), ("expires", "null"), ("expires", "1.5"),
        ]
    )
    func unreadable(member: String, value: String) throws {
        var object = try JSONDocument(parsing: try record().value.serialised()).root.value
        guard case .object(var members) = object else { return #expect(Bool(false)) }
        members[JSONString(member)] = try node(value).value
        object = .object(members)
        #expect(TokenRecord(try JSONDocument(parsing: object.serialised()).root) == nil)
    }

    @Test func `a narrowing that cannot be read narrows to nothing`() throws {
        let text = String(decoding: try record().value.serialised(), as: UTF8.self)
            .replacing("[\"files\"]", with: "[7,\"A B\"]")
        let read = try #require(TokenRecord(try node(text)))
        #expect(read.servers == [])
    }

    @Test func `new secrets hold 256 bits and are told by their prefix`() {
        let secret = TokenBook.newSecret(from: CountingRandom())
        #expect(secret.hasPrefix("gh_") && secret.utf8.count == 3 + 43)
        #expect(Base64.decode(String(secret.dropFirst(3)), .urlSafe)?.count == 32)
    }

    @Test func `a book is loaded from the store, and what does not fit its key is not`()
        async throws
    {
        let signer = try Ed25519.SigningKey(
            seed: SecretBytes([UInt8](repeating: 7, count: 32))
        )
        let store = MemoryStore(hashing: hashing, signer: signer, random: CountingRandom())
        let good = try record()
        let moved = try record("ffffffffffff", secret: "gh_b")
        _ = try await store.commit(
            Transaction(
                records: [],
                changes: [
                    .put(good.key, value: good.value.serialised(), expecting: .anything),
                    // Written under the key of another tenant.
                    .put(
                        StateKey(try TenantID("acme"), .tokens, moved.id),
                        value: moved.value.serialised(),
                        expecting: .anything
                    ),
                ]
            )
        )
        let book = TokenBook(hashing: hashing, clock: clock)
        try await book.load(from: store)
        #expect(book.all == [good])
    }
}
