import Audit
import Base
import Crypto
import TestKit
import Testing

struct MemoryStoreTests {
    @Test func `when only the reserve is left, work is refused and decisions are kept`()
        async throws
    {
        let signer = try Ed25519.SigningKey(seed: SecretBytes([UInt8](repeating: 3, count: 32)))
        let store = MemoryStore(hashing: hashing, signer: signer, random: SeededRandom(seed: 9))
        store.setHealth(.reserveOnly("no space"))
        func record(_ kind: RecordKind) -> AuditRecord {
            AuditRecord(kind, at: sampleTime, tenant: .main, environment: staging)
        }
        for kind in [RecordKind.intent, .proposed] {
            await #expect(throws: StoreError.noSpace("no space")) {
                try await store.commit(record(kind))
            }
        }
        for kind in [RecordKind.outcome, .denied, .lockdown, .judged] {
            _ = try await store.commit(record(kind))
        }
        #expect(store.size == 4)
    }

    @Test func `what is noted and cannot be kept is counted`() async throws {
        let signer = try Ed25519.SigningKey(seed: SecretBytes([UInt8](repeating: 3, count: 32)))
        let store = MemoryStore(hashing: hashing, signer: signer, random: SeededRandom(seed: 9))
        let ended = AuditRecord(.outcome, at: sampleTime, tenant: .main, environment: staging)
        store.note(ended)
        await store.noteDurably(ended)
        #expect(store.size == 2)
        #expect(store.lostCount == 0)
        store.setHealth(.notWritable("no disk"))
        store.note(ended)
        await store.noteDurably(ended)
        #expect(throws: StoreError.notWritable("no disk")) { try store.post(ended) }
        #expect(store.lostCount == 2)
    }
}
