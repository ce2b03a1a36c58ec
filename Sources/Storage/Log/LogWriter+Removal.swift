import Audit
import Base

/// Removing the oldest records: their rows go, a signed tombstone and a record about it come, all in
/// one transaction.
extension LogWriter {
    /// The write-ahead log is not emptied of removed records more often than this: its room is
    /// written anew each time.
    private static let emptyingPause: Duration = .seconds(3600)

    /// The first record that has to stay: nothing before it is open, and a checkpoint over all of it
    /// is kept wherever it should be.
    ///
    /// Nil while nothing may go.
    func removalFloor() -> UInt64? {
        guard health == .writable else { return nil }
        return min(published.withLock { $0.keptSize }, firstOpenIntent ?? .max)
    }

    /// Carries out a step; its plan was made a moment ago by another thread.
    func remove(_ plan: RemovalPlan) -> Result<Removal?, StoreError> {
        guard let floor = removalFloor(), plan.tombstone.size <= floor else { return .success(nil) }
        let tombstone = plan.tombstone
        let note = key.note(tombstone, signedBy: options.signer)
        do throws(DatabaseFailure) {
            guard try reader.begin() == plan.first else { return .success(nil) }
            let record = record(of: plan)
            try write(record) { statements throws(DatabaseFailure) in
                try statements.remove(before: tombstone.size)
                try statements.setMeta(LogSchema.tombstone, Array(note.utf8))
            }
        } catch {
            fail(error)
            return .failure(failure)
        }
        published.withLock { $0.tombstone = tombstone }
        holdsRemoved = true
        return .success(Removal(size: tombstone.size, recordCount: tombstone.size - plan.first))
    }

    /// Takes removed records out of the write-ahead log as well, when nothing more goes for now.
    func endRemovals() -> Result<Void, StoreError> {
        let now = options.clock.instant
        let isDue = emptiedAt.map { now >= $0.advanced(by: Self.emptyingPause) } ?? true
        guard holdsRemoved, isDue, health == .writable else { return .success(()) }
        do throws(DatabaseFailure) { try writeAheadLog.empty(waits: false) } catch {
            // Somebody reads the log, and no call waits for that; the next run tries it again.
            if error.meaning == .busy { return .success(()) }
            fail(error)
            return .failure(failure)
        }
        (holdsRemoved, emptiedAt) = (false, now)
        return .success(())
    }

    private func record(of plan: RemovalPlan) -> AuditRecord {
        AuditRecord(
            .log,
            at: plan.tombstone.time,
            tenant: .main,
            environment: options.environment,
            detail: .fields([
                RecordField("change", "removed"),
                RecordField("first", .integer(Int64(clamping: plan.first))),
                RecordField("next", .integer(Int64(clamping: plan.tombstone.size))),
                RecordField("reason", plan.reason.rawValue),
                RecordField("root", .digest(plan.tombstone.root(options.hashing))),
            ])
        )
    }
}
