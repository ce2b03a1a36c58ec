import Audit
import AuditVerifier
import Base
import Crypto
import Storage
import TestKit
import Testing

// There is one power for the whole process: suites that cut it run one after the other.
extension PowerLossCrashTests {
    /// The power goes in the middle of removals: afterwards the log begins where it did before the step,
    /// or where it does after it, and holds.
    struct RemovalCrashTests {
        private static let steps = 60

        /// Writes and removes until the power goes; the beginnings that were told, the last one first.
        private func work(_ store: SQLiteStore) async -> [UInt64] {
            var order = RemovalOrder()
            order.before = Timestamp(milliseconds: .max)
            var begun: [UInt64] = [0]
            for step in 0..<Self.steps {
                let records = (0..<64).flatMap { place in
                    [RecordKind.intent, .outcome].map { record($0, call: "\(step)-\(place)") }
                }
                guard (try? await store.commit(Transaction(records: records))) != nil,
                    (try? await kept(store)) != nil
                else { break }
                do throws(StoreError) {
                    if let removal = try await store.remove(order, at: Timestamp(milliseconds: 0)) {
                        begun.insert(removal.size, at: 0)
                    }
                } catch { break }
            }
            return begun
        }

        private func verify(_ folder: TemporaryFolder) throws -> VerificationReport {
            let archive = try LogArchive(folder: folder.path, hashing)
            let key = try VerifierKey(archive.key.text, hashing)
            var check = LogVerification(hashing)
            for note in try archive.checkpointNotes() {
                check.expect(Array(note.utf8), key, Ed25519.Checker())
            }
            let begin = { (first: UInt64, tombstone: [UInt8]?) in
                check.begin(at: first, tombstone, key, Ed25519.Checker())
            }
            try archive.eachLeaf(from: begin) { leaf in
                check.add(leaf.bytes)
                return true
            }
            return check.report()
        }

        @Test func `a removal is done whole or not at all in 60 losses of power`() async throws {
            var removals = 0
            for seed in UInt64(1)...60 {
                let folder = TemporaryFolder()
                let random = SeededRandom(seed: seed)
                var options = try options(in: folder, seed: seed)
                options.reservedByteCount = 128 << 10
                options.hasSearchIndex = false
                options.layer = FaultLayer.crash
                try #require(FaultLayer.losePower(seed: seed, after: 60 + random.next() % 900))
                var begun: [UInt64] = [0]
                if let store = try? SQLiteStore.open(options) {
                    begun = await work(store)
                    await store.close()
                }
                #expect(FaultLayer.restorePower(), "seed \(seed): the plan was too long")
                options.layer = nil
                let store = try SQLiteStore.open(options)
                // What was told is done; one more step may be, whose answer never came.
                #expect(store.begin >= begun[0], "seed \(seed)")
                removals += begun.count - 1
                await store.close()
                let report = try verify(folder)
                #expect(report.holds, "seed \(seed): \(report.findings)")
                #expect(report.removedCount == store.begin)
            }
            #expect(removals > 100)
        }
    }
}
