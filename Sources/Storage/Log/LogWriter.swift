import Audit
import Base

/// Writes the log: the one place that changes the database, used by one thread at a time (`CommitQueue`).
///
/// A batch is one database transaction with one sync. What a batch does to the values in memory
/// (tree, open intents, budgets) is kept back until the sync is done, so that a failed batch leaves
/// nothing behind.
final class LogWriter {
    let options: StoreOptions
    let key: CheckpointKey
    let published: Lock<PublishedState>
    let reader: LogReader
    private let statements: WriterStatements
    private(set) var edge: TreeEdge
    private var open: OpenIntents
    private var daily: DailyBytes
    var health = StoreHealth.writable
    private var snapshotSize: UInt64
    /// When the next checkpoint is due, by the monotonic clock of `options`.
    private(set) var checkpointDue: Instant
    var writeAheadLog: WriteAheadLog
    var pace = DiskPace()
    /// When a sick disk is tried again.
    var nextTrial = Instant(nanoseconds: 0)
    /// Takes each signed checkpoint and its size, to keep it elsewhere.
    private let keep: @Sendable (String, UInt64) -> Void
    /// Whether the write-ahead log may still have removed records.
    var holdsRemoved: Bool
    /// When it was last emptied of them.
    var emptiedAt: Instant?

    init(
        _ database: Database,
        reader: LogReader,
        options: StoreOptions,
        key: CheckpointKey,
        edge: TreeEdge,
        open: OpenIntents,
        daily: DailyBytes,
        published: Lock<PublishedState>,
        keep: @escaping @Sendable (String, UInt64) -> Void
    ) throws(DatabaseFailure) {
        self.reader = reader
        self.options = options
        self.key = key
        self.edge = edge
        self.open = open
        self.daily = daily
        self.published = published
        self.keep = keep
        // An earlier process may have ended in the middle of it.
        holdsRemoved = published.withLock { $0.tombstone != nil }
        writeAheadLog = WriteAheadLog(of: database, options)
        statements = try WriterStatements(database)
        snapshotSize = edge.size
        checkpointDue = options.clock.instant.advanced(by: options.checkpointInterval)
    }

    /// The writer thread's whole life.
    func serve(_ queue: CommitQueue) {
        var written: CommitQueue.Written?
        while true {
            // A second is the pace of looking after things: checkpoints, a full disk.
            let batch = queue.take(until: sleepClock() + 1_000_000_000, after: written)
            writeAll(batch.commits)
            for chore in batch.chores { chore(self) }
            lookAfter()
            if batch.isClosing { return finish() }
            written = CommitQueue.Written(isQuick: isQuick, needsCare: false)
        }
    }

    /// Writes what another thread took from the queue.
    func writeHere(_ commits: [PendingCommit]) -> CommitQueue.Written {
        write(commits)
        let needsCare = health != .writable || writeAheadLog.isDue()
        return CommitQueue.Written(isQuick: isQuick, needsCare: needsCare)
    }

    /// A sick disk is the thread's, however quickly it refuses.
    private var isQuick: Bool { pace.isQuick && health == .writable }

    private func writeAll(_ commits: [PendingCommit]) {
        guard commits.count > LogSchema.segmentRecordCount else { return write(commits) }
        var left = commits[...]
        while !left.isEmpty {
            let chunk = left.prefix(LogSchema.segmentRecordCount)
            left = left.dropFirst(chunk.count)
            write(Array(chunk))
        }
    }

    /// Writes an `unknown` record for every intent an earlier process left open; once, at start.
    func closeOpenIntents() throws(DatabaseFailure) -> [RecoveredIntent] {
        var recovered: [RecoveredIntent] = []
        var records: [AuditRecord] = []
        var changes: [StateChange] = []
        for leaf in open.leaves.values.sorted() {
            guard let stored = try reader.leaves(from: leaf, limit: 1).first,
                let head = RecordHead(leaf: stored.bytes),
                let record = head.unknownRecord(intent: leaf, at: options.clock.timestamp)
            else { continue }
            let salt = try reader.salt(of: leaf)
            let intent = RecoveredIntent(leaf: leaf, head: head, salt: salt)
            recovered.append(intent)
            changes += options.changesOnClosing(intent)
            records.append(record)
        }
        guard !records.isEmpty else { return [] }
        var transaction = Transaction(records: records, changes: changes)
        if let rows = options.rows {
            // What cannot be sealed is left for the next start: the intents stay open, and known.
            guard let sealed = transaction.sealed(by: rows) else { return recovered }
            transaction = sealed
        }
        write([
            unsafe PendingCommit(transaction: transaction, byteCount: 0, continuation: nil)
        ])
        return recovered
    }

    // MARK: one batch

    private struct Batch: ~Copyable {
        var edge: TreeEdge
        var segment: Segment
        var tiles: [Tile] = []
        var steps: [OpenIntents.Step] = []
        var bytes = TenantBytes()
        var note: String?

        init(edge: TreeEdge, byteCount: Int = 0) {
            self.edge = edge
            segment = Segment(first: edge.size, byteCount: byteCount)
        }
    }

    /// Records what it can of `commits` in one database transaction and tells every caller.
    func write(_ commits: [PendingCommit]) {
        var left = commits
        for _ in 0..<2 {
            if health != .writable {
                left = left.filter { commit in
                    guard let refusal = refusal(of: commit.transaction) else { return true }
                    finish(commit, .failure(refusal))
                    return false
                }
            }
            guard !left.isEmpty else { return }
            do throws(DatabaseFailure) {
                let results = try record(left)
                for (commit, result) in zip(left, results) { finish(commit, result) }
                return
            } catch { fail(error) }
        }
        for commit in left { finish(commit, .failure(failure)) }
    }

    private func record(
        _ commits: [PendingCommit]
    ) throws(DatabaseFailure) -> [Result<Receipt, StoreError>] {
        let now = options.clock.timestamp
        let began = options.clock.instant
        try statements.begin.run()
        do throws(DatabaseFailure) {
            // A call's records have a kibibyte and a half, and about as many commits as calls wait.
            var batch = Batch(edge: edge, byteCount: min(commits.count, 64) << 10)
            batch.note = try noteIfDue()
            try snapshotIfDue()
            var leaves = LeafBuffer()
            var results: [Result<Receipt, StoreError>] = []
            results.reserveCapacity(commits.count)
            for commit in commits {
                results.append(try apply(commit.transaction, by: &leaves, to: &batch, at: now))
            }
            try flush(&batch)
            try statements.commit.run()
            adopt(batch, at: now, since: began)
            return results
        } catch {
            // The failure that matters is the first one; rolling back may fail on a dead disk.
            try? statements.rollback.run()
            throw error
        }
    }

    private func apply(
        _ transaction: Transaction,
        by leaves: inout LeafBuffer,
        to batch: inout Batch,
        at now: Timestamp
    ) throws(DatabaseFailure) -> Result<Receipt, StoreError> {
        leaves.encode(transaction.records)
        if let refusal = limitRefusal(of: transaction, leaves, &batch, at: now) {
            return .failure(refusal)
        }
        let versions: [UInt64]
        switch try statements.expectedVersions(of: transaction.changes) {
        case .success(let found): versions = found
        case .failure(let conflict): return .failure(conflict)
        }
        for (change, version) in zip(transaction.changes, versions) {
            try statements.apply(change, version: version)
        }
        let first = batch.edge.size
        for (place, record) in transaction.records.enumerated() {
            if batch.segment.isFull { try flush(&batch) }
            if let step = OpenIntents.Step(
                kind: record.kind,
                call: record.call,
                leaf: batch.edge.size
            ) {
                batch.steps.append(step)
            }
            batch.edge.append(leaves.leaf(place), tiles: &batch.tiles)
            batch.segment.append(leaves.leaf(place), salt: record.salt)
            batch.bytes.add(leaves.byteCount(of: place), of: record.tenant)
        }
        return .success(Receipt(leaves: first..<batch.edge.size, versions: versions))
    }

    private func limitRefusal(
        of transaction: Transaction,
        _ leaves: borrowing LeafBuffer,
        _ batch: inout Batch,
        at now: Timestamp
    ) -> StoreError? {
        for change in transaction.changes {
            guard case .put(let key, let value, _) = change,
                value.count > Limits.stateValueByteCount
            else { continue }
            let limit = Limits.stateValueByteCount
            return .valueTooLarge(key, byteCount: value.count, limit: limit)
        }
        for (place, record) in transaction.records.enumerated() {
            let byteCount = leaves.byteCount(of: place)
            guard byteCount <= Limits.recordByteCount else {
                return .recordTooLarge(byteCount: byteCount, limit: Limits.recordByteCount)
            }
            // What ends, decides or locks is recorded whatever was spent.
            guard let limit = options.dailyByteLimit,
                record.kind.startsWork || record.kind.isAgentDriven
            else { continue }
            let spent = batch.bytes.spent(by: record.tenant) { daily.spent(by: $0, at: now) }
            guard spent + byteCount <= limit else {
                return .budgetSpent(record.tenant, limit: limit)
            }
        }
        return nil
    }

    private func flush(_ batch: inout Batch) throws(DatabaseFailure) {
        if batch.segment.count > 0 { try statements.insert(batch.segment) }
        for tile in batch.tiles { try statements.insert(tile) }
        batch.segment = Segment(first: batch.edge.size)
        batch.tiles.removeAll(keepingCapacity: true)
    }

    /// The batch is durable: memory follows.
    private func adopt(_ batch: borrowing Batch, at now: Timestamp, since began: Instant? = nil) {
        let signedSize = edge.size
        edge = batch.edge
        for step in batch.steps { open.apply(step) }
        let (parts, note) = (batch.bytes.parts, batch.note)
        for part in parts where part.added > 0 { daily.add(part.added, of: part.tenant, at: now) }
        let size = edge.size
        let took = began.map { options.clock.instant.duration(since: $0) }
        if let took { pace.note(took) }
        published.withLock { state in
            state.size = size
            if let took { state.commitTime.count(took) }
            for part in parts where part.added > 0 {
                state.dayBytes[part.tenant] = daily.spent(by: part.tenant, at: now)
            }
            guard let note else { return }
            state.lastNote = note
            state.signedSize = signedSize
        }
        if let note {
            checkpointDue = options.clock.instant.advanced(by: options.checkpointInterval)
            keep(note, signedSize)
        }
    }

    private func finish(_ commit: PendingCommit, _ result: Result<Receipt, StoreError>) {
        if let continuation = unsafe commit.continuation {
            unsafe continuation.resume(returning: result)
        } else if case .failure = result {
            published.withLock { $0.lostCount += 1 }
        }
    }

    // MARK: checkpoints and snapshots, inside the open transaction

    private func noteIfDue(force: Bool = false) throws(DatabaseFailure) -> String? {
        let signed = published.withLock { $0.signedSize }
        let isDue =
            force || edge.size >= signed + options.checkpointRecordCount
            || options.clock.instant >= checkpointDue
        guard isDue, force || edge.size > signed else { return nil }
        let checkpoint = Checkpoint(origin: key.origin.text, size: edge.size, root: edge.root)
        let note = key.note(checkpoint, signedBy: options.signer)
        try statements.insert(note: note, size: edge.size)
        return note
    }

    private func snapshotIfDue(force: Bool = false) throws(DatabaseFailure) {
        guard force || edge.size >= snapshotSize + OpenIntents.snapshotRecordCount else { return }
        try statements.setMeta("open_intents", open.snapshot(size: edge.size))
        try statements.setMeta("daily_bytes", daily.snapshot)
        snapshotSize = edge.size
    }

    /// A transaction without records: a note, a snapshot, a sign of life.
    func writeNote(force: Bool, snapshot: Bool) throws(DatabaseFailure) {
        try statements.begin.run()
        do throws(DatabaseFailure) {
            var batch = Batch(edge: edge)
            batch.note = try noteIfDue(force: force)
            try snapshotIfDue(force: snapshot)
            try statements.commit.run()
            adopt(batch, at: options.clock.timestamp)
        } catch {
            try? statements.rollback.run()
            throw error
        }
    }

    /// What `body` writes and one record about it, with a snapshot, in one transaction.
    func write(
        _ record: AuditRecord,
        with body: (WriterStatements) throws(DatabaseFailure) -> Void
    ) throws(DatabaseFailure) {
        let now = options.clock.timestamp
        try statements.begin.run()
        do throws(DatabaseFailure) {
            var batch = Batch(edge: edge)
            try body(statements)
            try snapshotIfDue(force: true)
            var leaves = LeafBuffer()
            _ = try apply(Transaction(record), by: &leaves, to: &batch, at: now)
            try flush(&batch)
            try statements.commit.run()
            adopt(batch, at: now)
        } catch {
            try? statements.rollback.run()
            throw error
        }
    }

    /// The first record that is read again when its call ends, or at a start.
    var firstOpenIntent: UInt64? { open.leaves.values.min() }

    // MARK: chores

    /// Signs the log as it is.
    func sign() -> Result<String, StoreError> {
        if let refusal = health.refusal(of: Transaction()) { return .failure(refusal) }
        do throws(DatabaseFailure) { try writeNote(force: true, snapshot: false) } catch {
            fail(error)
            return .failure(failure)
        }
        return published.withLock { state in
            state.lastNote.map { .success($0) } ?? .failure(.notWritable("nothing was signed"))
        }
    }

    /// Removes a record's salt from the disk.
    func forgetSalt(of leaf: UInt64) -> Result<Void, StoreError> {
        if let refusal = health.refusal(of: Transaction()) { return .failure(refusal) }
        do throws(DatabaseFailure) {
            guard let (first, bytes) = try reader.salts(around: leaf) else { return .success(()) }
            let rest = Segment.removingSalt(in: bytes, at: Int(clamping: leaf - first))
            guard rest.count < bytes.count else { return .success(()) }
            try statements.replaceSalts(first: first, rest)
            try writeAheadLog.empty(waits: true)
            return .success(())
        } catch {
            if error.meaning != .busy { fail(error) }
            return .failure(.notWritable(error.description))
        }
    }

    private func finish() {
        switch health {
        case .broken, .closed: break
        case .writable, .reserveOnly, .notWritable:
            // Best effort: everything acknowledged is durable already.
            try? writeNote(force: true, snapshot: true)
            try? writeAheadLog.copy()
        }
        published.withLock { $0.health = .closed }
    }
}
