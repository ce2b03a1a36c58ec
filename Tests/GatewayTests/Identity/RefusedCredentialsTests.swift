import Audit
import Base
import Crypto
import JSON
import System
import TestKit
import Testing

@testable import Gateway

/// Who came without a good credential is recorded, and can neither fill the log nor the reserve.
@Suite struct RefusedCredentialsTests {
    private struct Line: Equatable {
        let from: String
        let credential: String
        let count: Int64
    }

    /// Runs `body` with the book on a loop of its own; what was recorded.
    private func recorded(
        _ body: @escaping @Sendable (RefusedCredentials, MemoryStore) async throws -> Void
    ) async throws -> [Line] {
        let signer = try Ed25519.SigningKey(
            seed: SecretBytes([UInt8](repeating: 7, count: 32))
        )
        let store = MemoryStore(hashing: hashing, signer: signer, random: CountingRandom())
        let loop = try EventLoop()
        let thread = try loop.start()
        let book = RefusedCredentials(
            loop: loop,
            store: store,
            clock: ManualClock(),
            environment: EnvironmentName(unchecked: "staging")
        )
        let result = await loop.spawnThrowing {
            try await body(book, store)
            await book.closeWindow()
        }.result
        loop.stop()
        thread.join()
        try result.get()
        return try await store.leaves(from: 0, limit: 10_000).map { leaf in
            let detail = try #require(try JSONDocument(parsing: leaf.bytes).root["detail"])
            return Line(
                from: try #require(detail["from"]?.string),
                credential: try #require(detail["credential"]?.string),
                count: try #require(detail["count"]?.number?.int64)
            )
        }
    }

    private static func peer(_ number: Int) throws -> SocketAddress {
        try SocketAddress(parsing: "10.0.\(number / 250).\(number % 250):80")
    }

    @Test func `the first of an address stands at once, the others are counted`() async throws {
        let lines = try await recorded { book, store in
            let peer = try Self.peer(1)
            await book.note(.missing, from: peer)
            #expect(store.size == 1)
            for _ in 0..<3 { await book.note(.unknown, from: peer) }
            await book.note(.missing, from: peer)
            #expect(store.size == 1)
            await book.closeWindow()
            #expect(store.size == 3)
            await book.note(.expired, from: peer)
        }
        #expect(
            lines == [
                Line(from: "10.0.0.1", credential: "missing", count: 1),
                Line(from: "10.0.0.1", credential: "missing", count: 1),
                Line(from: "10.0.0.1", credential: "unknown", count: 3),
                Line(from: "10.0.0.1", credential: "expired", count: 1),
            ]
        )
    }

    @Test func `addresses over the limit are counted together`() async throws {
        let limit = RefusedCredentials.peerLimit
        let lines = try await recorded { book, _ in
            for number in 0..<limit + 2 { await book.note(.unknown, from: try Self.peer(number)) }
        }
        #expect(lines.count == limit + 1)
        #expect(lines[limit - 1].from == "10.0.1.5" && lines[limit - 1].count == 1)
        #expect(lines.last == Line(from: "other addresses", credential: "unknown", count: 2))
    }

    @Test func `the reserve of a full disk is not for strangers`() async throws {
        let lines = try await recorded { book, store in
            store.setHealth(.reserveOnly("full"))
            for number in 0..<5 { await book.note(.missing, from: try Self.peer(number)) }
            #expect(store.size == 0)
            store.setHealth(.writable)
        }
        #expect(lines.isEmpty)
    }
}
