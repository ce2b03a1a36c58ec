import Audit
import AuditVerifier
import Base
import Crypto
import TestKit
import Testing

struct VerificationTests {
    let signer: Ed25519.SigningKey
    let store: MemoryStore
    let checker = Ed25519.Checker()

    init() throws {
        signer = try Ed25519.SigningKey(seed: SecretBytes([UInt8](repeating: 3, count: 32)))
        store = MemoryStore(hashing: hashing, signer: signer, random: SeededRandom(seed: 9))
    }

    private func record(_ kind: RecordKind, _ call: String) -> AuditRecord {
        AuditRecord(kind, at: sampleTime, tenant: .main, environment: staging, call: call)
    }

    /// A log of 20 calls with a checkpoint in the middle and one at the end.
    private func fill() async throws -> (records: [[UInt8]], notes: [[UInt8]]) {
        var notes: [[UInt8]] = []
        for call in 0..<20 {
            _ = try await store.commit(record(.intent, "c\(call)"))
            _ = try await store.commit(record(.outcome, "c\(call)"))
            if call == 9 || call == 19 { notes.append(Array(try await store.checkpoint().utf8)) }
        }
        return (try await store.leaves(from: 0, limit: 100).map(\.bytes), notes)
    }

    private func verify(_ records: [[UInt8]], _ notes: [[UInt8]]) throws -> VerificationReport {
        let key = try VerifierKey(store.key.text, hashing)
        var verification = LogVerification(hashing)
        for note in notes { verification.expect(note, key, checker) }
        for record in records { verification.add(record) }
        return verification.report()
    }

    @Test func `an untouched log holds`() async throws {
        let (records, notes) = try await fill()
        let report = try verify(records, notes)
        #expect(report.holds, "\(report.findings)")
        #expect(report.size == 40)
        #expect(report.coveredSize == 40)
        #expect(report.checkpointCount == 2)
        #expect(report.openCallCount == 0)
    }

    @Test func `one flipped bit in any record is found`() async throws {
        let (records, notes) = try await fill()
        for index in records.indices {
            for place in [0, records[index].count / 3, records[index].count - 1] {
                var changed = records
                changed[index][place] ^= 4
                #expect(try !verify(changed, notes).holds, "record \(index), byte \(place)")
            }
        }
    }

    @Test func `a missing, doubled, swapped or cut-off record is found`() async throws {
        let (records, notes) = try await fill()
        var missing = records
        missing.remove(at: 7)
        #expect(try !verify(missing, notes).holds)
        var doubled = records
        doubled.insert(doubled[7], at: 7)
        #expect(try !verify(doubled, notes).holds)
        var swapped = records
        swapped.swapAt(4, 6)
        #expect(try !verify(swapped, notes).holds)
        #expect(try !verify(Array(records.dropLast()), notes).holds)
        // What no checkpoint covers can only be reported as not covered.
        let tail = try verify(records, Array(notes.prefix(1)))
        #expect(tail.holds)
        #expect(tail.coveredSize == 20)
    }

    @Test func `records that do not fit together are found without any checkpoint`() throws {
        let twice = [record(.intent, "a").encoded(), record(.intent, "a").encoded()]
        #expect(try !verify(twice, []).holds)
        #expect(try !verify([record(.outcome, "a").encoded()], []).holds)
        #expect(try verify([record(.intent, "a").encoded()], []).openCallCount == 1)
        #expect(try !verify([Array(#"{"v":1}"#.utf8)], []).holds)
        #expect(try !verify([Array("{} ".utf8)], []).holds)
        #expect(try !verify([[0xff]], []).holds)
    }

    @Test func `both readers take the writer's note, and neither takes a changed one`() async throws
    {
        _ = try await store.commit(record(.intent, "a"))
        let note = try await store.checkpoint()
        let key = try VerifierKey(store.key.text, hashing)
        #expect(try VerifiedCheckpoint(Array(note.utf8), key, checker).size == 1)
        #expect(try store.key.open(note, checker).size == 1)
        let bytes = Array(note.utf8)
        for index in bytes.indices {
            var changed = bytes
            changed[index] ^= 1
            #expect(throws: EvidenceError.self) { try VerifiedCheckpoint(changed, key, checker) }
            let text = String(decoding: changed, as: UTF8.self)
            #expect(throws: CheckpointError.self) { try store.key.open(text, checker) }
        }
        for count in 0..<bytes.count - 1 {
            let cut = Array(bytes.prefix(count))
            #expect(throws: EvidenceError.self) { try VerifiedCheckpoint(cut, key, checker) }
            let text = String(decoding: cut, as: UTF8.self)
            #expect(throws: CheckpointError.self) { try store.key.open(text, checker) }
        }
    }

    @Test func `a note with a witness's signature and a further line still holds`() async throws {
        let key = try VerifierKey(store.key.text, hashing)
        let root = Base64.encode(hashing.sha256([]).bytes)
        let body = "\(store.key.origin.text)\n0\n\(root)\nextension\n"
        let signature = Base64.encode(store.key.id + signer.sign(Array(body.utf8)))
        let note =
            body
            + "\n\u{2014} witness.example AAAAAAAA\n\u{2014} \(store.key.origin.text) \(signature)\n"
        #expect(try VerifiedCheckpoint(Array(note.utf8), key, checker).size == 0)
        #expect(try store.key.open(note, checker).size == 0)
    }

    @Test func `another log's key and checkpoint are refused`() async throws {
        let other = MemoryStore(hashing: hashing, signer: signer, random: SeededRandom(seed: 10))
        let note = Array(try await other.checkpoint().utf8)
        let key = try VerifierKey(store.key.text, hashing)
        #expect(throws: EvidenceError.self) { try VerifiedCheckpoint(note, key, checker) }
        #expect(throws: EvidenceError.self) {
            try VerifierKey(store.key.text.replacing("gatehouse", with: "gatehause"), hashing)
        }
    }

    @Test func `a file of notes is split into them`() async throws {
        var file: [UInt8] = []
        var notes: [[UInt8]] = []
        for call in 0..<3 {
            _ = try await store.commit(record(.intent, "c\(call)"))
            let note = Array(try await store.checkpoint().utf8)
            notes.append(note)
            file += note + [0x0a]
        }
        let key = try VerifierKey(store.key.text, hashing)
        let split = VerifiedCheckpoint.split(file)
        #expect(split.count == 3)
        for (index, note) in split.enumerated() {
            #expect(try VerifiedCheckpoint(note, key, checker).size == UInt64(index) + 1)
        }
        #expect(VerifiedCheckpoint.split(notes[0]).count == 1)
    }
}
