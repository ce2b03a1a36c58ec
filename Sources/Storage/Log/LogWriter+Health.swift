import Audit
import Base

/// What the disk said last, and what is still written because of it.
extension LogWriter {
    /// Why the transaction is not even tried.
    func refusal(of transaction: Transaction) -> StoreError? {
        if let refusal = health.refusal(of: transaction) { return refusal }
        guard case .reserveOnly(let reason) = health else { return nil }
        let isAgentDriven = transaction.records.contains { $0.kind.isAgentDriven }
        return writeAheadLog.hasRoom(forAgents: isAgentDriven) ? nil : .noSpace(reason)
    }

    var failure: StoreError {
        switch health {
        case .reserveOnly(let reason): .noSpace(reason)
        case .notWritable(let reason): .notWritable(reason)
        case .broken(let reason): .broken(reason)
        case .closed: .closed
        case .writable: .notWritable("the disk refused")
        }
    }

    /// Sets the health a failed write speaks of.
    func fail(_ error: DatabaseFailure) {
        // How long it took to fail nobody knows.
        pace = DiskPace()
        switch error.meaning {
        case .full:
            // Already living from the reserve: then that is used up as well.
            if case .reserveOnly = health {
                set(.notWritable(error.description))
            } else {
                set(.reserveOnly(error.description))
            }
        // After a failed sync the kernel may have dropped the pages and will report success next
        // time; only reading everything again tells what is on the disk.
        case .failedSync, .corrupt: set(.broken(error.description))
        case .busy, .other: set(.notWritable(error.description))
        }
    }

    private func set(_ health: StoreHealth) {
        if case .broken = self.health { return }
        self.health = health
        published.withLock { $0.health = health }
    }

    /// Between batches: copies the write-ahead log, signs when due, and tries a sick disk again.
    func lookAfter() {
        do throws(DatabaseFailure) {
            switch health {
            case .broken, .closed: return
            case .writable:
                _ = try copies { log throws(DatabaseFailure) in try log.copyIfDue() }
            case .reserveOnly, .notWritable:
                // Not more than once a second, though a sick store may be asked often.
                guard options.clock.instant >= nextTrial else { return }
                nextTrial = options.clock.instant.advanced(by: .seconds(1))
                try recover()
            }
            let signed = published.withLock { $0.signedSize }
            if edge.size > signed, options.clock.instant >= checkpointDue {
                try writeNote(force: false, snapshot: false)
            }
        } catch { fail(error) }
    }

    /// Copies the write-ahead log; on a full disk the store lives from its reserve from then on.
    private func copies(
        _ copy: (inout WriteAheadLog) throws(DatabaseFailure) -> Void
    ) throws(DatabaseFailure) -> Bool {
        do throws(DatabaseFailure) { try copy(&writeAheadLog) } catch {
            guard error.meaning == .full else { throw error }
            set(.reserveOnly(error.description))
            return false
        }
        return true
    }

    /// Whether the disk is well again; throws what it answers while it is not.
    private func recover() throws(DatabaseFailure) {
        if case .notWritable = health {
            // A small write tells whether there is anything to hope for.
            try writeNote(force: false, snapshot: true)
        }
        guard try copies({ log throws(DatabaseFailure) in try log.copy() }) else { return }
        try writeNote(force: false, snapshot: true)
        set(.writable)
    }
}
