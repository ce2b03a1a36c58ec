import Audit
import Base
import Crypto
import Egress
import System
import TestKit
import Testing

@testable import Gateway

/// What a server asks too much is missing for its own questions, not for others'.
@Suite struct EgressBookTests {
    private static func key(_ server: String, _ tenant: String = "main") -> EgressBook.Key {
        EgressBook.Key(
            tenant: TenantID(unchecked: tenant),
            server: ServerName(unchecked: server)
        )
    }

    private static func target(_ number: Int) throws -> EgressTarget {
        try EgressTarget(authority: Array("host-\(number).example:443".utf8)[...])
    }

    private func withBook(
        _ body: @escaping @Sendable (EgressBook, EventLoop) async throws -> Void
    ) async throws {
        let seed = SecretBytes([UInt8](repeating: 7, count: 32))
        let store = MemoryStore(
            hashing: hashing,
            signer: try Ed25519.SigningKey(seed: seed),
            random: CountingRandom()
        )
        let loop = try EventLoop()
        let thread = try loop.start()
        let book = EgressBook(
            loop: loop,
            store: store,
            clock: ManualClock(),
            environment: EnvironmentName(unchecked: "staging")
        )
        let result = await loop.spawnThrowing { try await body(book, loop) }.result
        loop.stop()
        thread.join()
        try result.get()
    }

    @Test(.timeLimit(.minutes(5)))
    func `one server's many questions push nobody else's off the list`() async throws {
        try await withBook { book, _ in
            let others = [Self.key("quiet"), Self.key("quiet", "other")]
            for key in others {
                _ = try await book.permission(
                    for: try Self.target(0),
                    of: key,
                    code: "unknown",
                    waitingUntil: nil
                )
            }
            for number in 0..<400 {
                _ = try await book.permission(
                    for: try Self.target(number),
                    of: Self.key("loud"),
                    code: "unknown",
                    waitingUntil: nil
                )
            }
            let questions = await book.allQuestions
            #expect(questions.count { $0.server.rawValue == "quiet" } == 2)
            #expect(questions.count { $0.server.rawValue == "loud" } == 64)
        }
    }

    @Test(.timeLimit(.minutes(5)))
    func `one server's waiting connections leave room for another tenant's`() async throws {
        try await withBook { book, loop in
            let end = loop.now.advanced(by: .seconds(3600))
            let ask: @Sendable (EgressBook.Key) async throws -> EgressBook.Answer = { key in
                try await book.permission(
                    for: try Self.target(1),
                    of: key,
                    code: "unknown",
                    waitingUntil: end
                )
            }
            let loud = (0..<16).map { _ in
                loop.spawnThrowing { try await ask(Self.key("loud")) }
            }
            while await book.waitingCount < 16 { await Task.yield() }
            // One more finds no room, and is answered at once.
            guard case .unanswered = try await ask(Self.key("loud")) else {
                Issue.record("it was let in")
                return
            }
            // Nor does a third server of the same tenant, once two have filled its share.
            let second = (0..<16).map { _ in
                loop.spawnThrowing { try await ask(Self.key("second")) }
            }
            while await book.waitingCount < 32 { await Task.yield() }
            guard case .unanswered = try await ask(Self.key("third")) else {
                Issue.record("the tenant's share was not held")
                return
            }
            let quiet = loop.spawnThrowing { try await ask(Self.key("quiet", "other")) }
            while await book.waitingCount < 33 { await Task.yield() }
            let rule = try EgressRule("host-1.example")
            for key in [Self.key("loud"), Self.key("second"), Self.key("quiet", "other")] {
                _ = try await book.refuse(rule, of: key, by: "ana")
            }
            for task in loud + second + [quiet] { _ = try await task.value }
        }
    }
}
