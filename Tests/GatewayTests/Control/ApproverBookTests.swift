import Audit
import Base
import Crypto
import System
import TestKit
import Testing

@testable import Gateway

/// Roles are of one environment: a state folder that moved brings nobody along.
@Suite struct ApproverBookTests {
    @Test func `who may decide in staging decides nothing in production`() async throws {
        let store = MemoryStore(
            hashing: hashing,
            signer: try Ed25519.SigningKey(seed: SecretBytes([UInt8](repeating: 7, count: 32))),
            random: CountingRandom()
        )
        let loop = try EventLoop()
        let thread = try loop.start()
        let pool = BlockingPool()
        func book(_ environment: String) -> ApproverBook {
            ApproverBook(
                loop: loop,
                store: store,
                pool: pool,
                random: CountingRandom(),
                environment: EnvironmentName(unchecked: environment)
            )
        }
        let (staging, again, production) = (book("staging"), book("staging"), book("production"))
        let name = try PrincipalName("ana")
        let result = await loop.spawnThrowing {
            let passphrase = Array("correct horse battery".utf8)
            let person = Person(name: name, roles: [.admin, .approver], tenants: nil)
            var transaction = Transaction()
            transaction.changes = [
                try await staging.adding(person, passphrase: passphrase).change
            ]
            _ = try await store.commit(transaction)
            try await again.load()
            #expect(await again.names == [name])
            try await production.load()
            #expect(await production.isEmpty)
            #expect(await production.elsewhere == [name])
            let credential = ControlRequest.Credential(
                approver: name.rawValue,
                passphrase: passphrase
            )
            #expect(try await again.verify(credential) == name)
            await #expect(throws: ControlError.self) { try await production.verify(credential) }
        }.result
        loop.stop()
        thread.join()
        try result.get()
    }
}
