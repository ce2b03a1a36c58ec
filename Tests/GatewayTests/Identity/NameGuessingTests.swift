import Audit
import Base
import Crypto
import JSON
import System
import TestKit
import Testing

@testable import Gateway

/// Who guesses learns neither a passphrase nor a name.
@Suite struct NameGuessingTests {
    private static let passphrase = Array("the passphrase of alice".utf8)

    /// Runs beside a book that knows alice.
    private func withBook(
        _ body: @escaping @Sendable (ApproverBook) async throws -> Void
    ) async throws {
        let seed = SecretBytes([UInt8](repeating: 7, count: 32))
        let store = MemoryStore(
            hashing: hashing,
            signer: try Ed25519.SigningKey(seed: seed),
            random: CountingRandom()
        )
        let loop = try EventLoop()
        let thread = try loop.start()
        let book = ApproverBook(
            loop: loop,
            store: store,
            pool: BlockingPool(),
            random: CountingRandom(),
            environment: EnvironmentName(unchecked: "staging")
        )
        let result = await loop.spawnThrowing {
            let alice = PrincipalName(unchecked: "alice")
            let person = Person(name: alice, roles: [.admin], tenants: nil)
            await book.committed(
                try await book.adding(person, passphrase: Self.passphrase)
            )
            try await body(book)
        }.result
        loop.stop()
        thread.join()
        try result.get()
    }

    /// What is said to a try; nil when it is the right passphrase.
    private static func answer(
        _ name: String,
        _ book: ApproverBook,
        _ passphrase: [UInt8] = Array("wrong, wrong, wrong".utf8)
    ) async -> String? {
        do throws(ControlError) {
            _ = try await book.verify(
                ControlRequest.Credential(approver: name, passphrase: passphrase)
            )
            return nil
        } catch {
            return error.description
        }
    }

    @Test(.timeLimit(.minutes(5)))
    func `tries with invented names say nothing of the names that exist`() async throws {
        try await withBook { book in
            for number in 0..<5 {
                let said = await Self.answer("invented-\(number)", book)
                #expect(said?.contains("is wrong") == true)
            }
            // Neither of a name that exists nor of one that does not.
            for name in ["alice", "bertha"] {
                let said = await Self.answer(name, book)
                #expect(said?.contains("is wrong") == true, "\(name)")
            }
        }
    }

    @Test(.timeLimit(.minutes(5)), arguments: ["alice", "nobody"])
    func `a name is locked after five failures, whether it exists or not`(
        name: String
    ) async throws {
        try await withBook { book in
            for _ in 0..<5 { #expect(await Self.answer(name, book)?.contains("is wrong") == true) }
            #expect(await Self.answer(name, book)?.contains("too many") == true)
        }
    }

    /// A lock that went by whether a name exists told it: once every slot of the others was locked,
    /// a name that was not was known.
    @Test(.timeLimit(.minutes(5)))
    func `a lock does not change when the name comes to exist`() async throws {
        try await withBook { book in
            let bertha = PrincipalName(unchecked: "bertha")
            for _ in 0..<5 { _ = await Self.answer("bertha", book) }
            let person = Person(name: bertha, roles: [.approver], tenants: nil)
            await book.committed(
                try await book.adding(person, passphrase: Self.passphrase)
            )
            #expect(
                await Self.answer("bertha", book, Self.passphrase)?.contains("too many") == true
            )
            #expect(await Self.answer("alice", book, Self.passphrase) == nil)
        }
    }

    @Test(.timeLimit(.minutes(5))) func `the right passphrase proves its approver`() async throws {
        try await withBook { book in
            #expect(await Self.answer("alice", book, Self.passphrase) == nil)
        }
    }
}
