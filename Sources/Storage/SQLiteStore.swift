package import Audit
package import Base

/// The log and the state in one SQLite database.
///
/// The life of one record: a caller hands its transaction to the queue and suspends. The writer
/// thread, or the loop, takes everything that waits, encodes each record, adds it to the tree, writes all of it
/// as one row of `segment` in one database transaction, waits for the disk once, and resumes every
/// caller. Hashes of 256 neighbours go to `tile` when a tile is full; signed checkpoints are kept
/// in `checkpoint`, in a file beside the database, and in every destination. Questions are answered
/// by a second thread over a connection of its own, and the search index lies in another file that
/// can be deleted at any time.
package final class SQLiteStore: RecordStore {
    package let key: CheckpointKey
    /// Intents of an earlier process without outcome; their `unknown` records are written already.
    package let recoveredIntents: [RecoveredIntent]
    /// When the last record of an earlier process was made; nil for a new log.
    package let endedAt: Timestamp?

    private let folder: String
    private let published: Lock<PublishedState>
    private let queue: CommitQueue
    private let writer: WorkerThread
    private let reader: TaskThread<ReaderResource>
    private let keeper: TaskThread<CheckpointKeeper>
    private let searcher: TaskThread<IndexKeeper?>

    private let rows: (any RowSealing)?
    private let foreign = Lock<Set<StateKey>>([])

    init(_ parts: StoreParts, rows: (any RowSealing)?) {
        self.rows = rows
        key = parts.key
        folder = parts.folder
        recoveredIntents = parts.recovered
        endedAt = parts.endedAt
        published = parts.published
        queue = parts.queue
        writer = parts.writer
        reader = parts.reader
        keeper = parts.keeper
        searcher = parts.searcher
    }

    // MARK: writing

    package func submit(
        _ transaction: Transaction,
        _ continuation: UnsafeContinuation<Result<Receipt, StoreError>, Never>
    ) {
        do throws(StoreError) {
            let transaction = try sealed(transaction)
            let refusal = queue.add(
                unsafe PendingCommit(
                    transaction: transaction,
                    byteCount: transaction.roughByteCount,
                    continuation: continuation
                )
            )
            if let refusal { throw refusal }
        } catch {
            unsafe continuation.resume(returning: .failure(error))
        }
    }

    package func post(_ transaction: Transaction) throws(StoreError) {
        let transaction = try sealed(transaction)
        let commit = unsafe PendingCommit(
            transaction: transaction,
            byteCount: transaction.roughByteCount,
            continuation: nil
        )
        if let refusal = queue.add(commit) { throw refusal }
    }

    private func sealed(_ transaction: Transaction) throws(StoreError) -> Transaction {
        guard let rows else { return transaction }
        guard let sealed = transaction.sealed(by: rows) else {
            throw .notWritable("a row of the state cannot be sealed")
        }
        return sealed
    }

    package func checkpoint() async throws(StoreError) -> String {
        try await chore { writer in writer.sign() }
    }

    package func forgetSalt(of leaf: UInt64) async throws(StoreError) {
        try await chore { writer in writer.forgetSalt(of: leaf) }
    }

    /// Removes some of the oldest records that `order` gives away; nil when none may go now.
    ///
    /// A step is a few milliseconds of the writer; call again while there was something to do. The
    /// last call of a run empties the write-ahead log of what was removed.
    package func remove(
        _ order: RemovalOrder,
        at now: Timestamp
    ) async throws(StoreError) -> Removal? {
        let floor = try await chore { writer in .success(writer.removalFloor()) }
        guard let floor else { return nil }
        let calls = published.withLock { $0.tombstone?.calls } ?? []
        let plan = try await read { reader throws(DatabaseFailure) in
            try RemovalPlan(order, from: reader, floor: floor, calls: calls, at: now)
        }
        guard let plan else {
            try await chore { writer in writer.endRemovals() }
            return nil
        }
        return try await chore { writer in writer.remove(plan) }
    }

    private func chore<Value: Sendable>(
        _ body: @escaping @Sendable (LogWriter) -> Result<Value, StoreError>
    ) async throws(StoreError) -> Value {
        let result = await unsafe withUnsafeContinuation {
            (continuation: UnsafeContinuation<Result<Value, StoreError>, Never>) in
            let isTaken = queue.add { writer in
                unsafe continuation.resume(returning: body(writer))
            }
            // Not taken means that the closure above never runs.
            if !isTaken { unsafe continuation.resume(returning: .failure(.closed)) }
        }
        return try result.get()
    }

    // MARK: state anyone may ask for

    package var size: UInt64 { published.withLock { $0.size } }
    package var health: StoreHealth { published.withLock { $0.health } }

    /// The first record there is; those before it were removed.
    package var begin: UInt64 { published.withLock { $0.tombstone?.size } ?? 0 }

    /// Why the last checkpoint is not kept outside the database; nil when it is.
    package var keepFailure: String? { published.withLock { $0.keepTrouble } }

    /// Records up to here are covered by a checkpoint that is kept wherever it should be.
    package var keptSize: UInt64 { published.withLock { $0.keptSize } }

    package func countLost() { published.withLock { $0.lostCount += 1 } }
    package var lostCount: UInt64 { published.withLock { $0.lostCount } }

    /// The log in figures, for metrics; asks the file system, which takes microseconds.
    package var figures: StoreFigures {
        let waiting = queue.waiting
        let files = ["log.db", "log.db-wal"].map { name in
            StoreFigures.File(name: name, byteCount: LogFile.byteCount(folder + "/" + name))
        }
        let free = LogFile.freeByteCount(folder)
        return published.withLock { state in
            StoreFigures(
                recordCount: state.size,
                removedCount: state.tombstone?.size ?? 0,
                unsignedCount: state.size - min(state.size, state.signedSize),
                commitTime: state.commitTime,
                waitingCount: waiting.count,
                waitingByteCount: waiting.byteCount,
                lostCount: state.lostCount,
                files: files,
                freeByteCount: free,
                dayBytes: state.dayBytes
            )
        }
    }

    // MARK: reading

    package func entry(_ key: StateKey) async throws(StoreError) -> StateEntry? {
        let rows = rows
        let entry = try await read { reader throws(DatabaseFailure) in try reader.entry(key) }
        guard let rows, let entry else { return entry }
        let opened = entry.opened(by: rows)
        if opened == nil { foreign.withLock { _ = $0.insert(key) } }
        return opened
    }

    package func entries(
        _ table: StateTable,
        tenant: TenantID?,
        after: StateKey?,
        limit: Int
    ) async throws(StoreError) -> [StateEntry] {
        var found: [StateEntry] = []
        var after = after
        while found.count < limit {
            let (from, missing) = (after, limit - found.count)
            let page = try await read { reader throws(DatabaseFailure) in
                try reader.entries(table, tenant: tenant, after: from, limit: missing)
            }
            guard let last = page.last else { break }
            after = last.key
            guard let rows else {
                found += page
                break
            }
            for entry in page {
                if let opened = entry.opened(by: rows) {
                    found.append(opened)
                } else {
                    foreign.withLock { _ = $0.insert(entry.key) }
                }
            }
        }
        return found
    }

    /// Rows met so far that this gateway did not write; they count as not there.
    package var foreignRows: [StateKey] {
        foreign.withLock { $0.sorted { $0.description < $1.description } }
    }

    package func leaves(from index: UInt64, limit: Int) async throws(StoreError) -> [StoredLeaf] {
        try await read { reader throws(DatabaseFailure) in
            try reader.leaves(from: index, limit: limit)
        }
    }

    package func inclusionProof(
        of leaf: UInt64,
        size: UInt64
    ) async throws(StoreError) -> TreeProof? {
        guard leaf >= begin, size <= self.size else { return nil }
        return try await read { reader throws(DatabaseFailure) in
            try reader.prover().inclusion(of: leaf, size: size)
        }
    }

    package func consistencyProof(
        from older: UInt64,
        to size: UInt64
    ) async throws(StoreError) -> TreeProof? {
        guard size <= self.size else { return nil }
        return try await read { reader throws(DatabaseFailure) in
            guard try reader.isProvable(size: older) else { return nil }
            return try reader.prover().consistency(from: older, to: size)
        }
    }

    package func salt(of leaf: UInt64) async throws(StoreError) -> Salt? {
        try await read { reader throws(DatabaseFailure) in try reader.salt(of: leaf) }
    }

    /// Records that match, newest first, after indexing what was not indexed yet.
    package func search(_ query: SearchQuery) async throws(StoreError) -> SearchAnswer {
        try await searcher.run { keeper in
            guard let keeper else { return .failure(.unreadable("the search index is off")) }
            do throws(DatabaseFailure) { return .success(try keeper.answer(query)) } catch {
                return .failure(.unreadable(error.description))
            }
        }
    }

    private func read<Value: Sendable>(
        _ body: @escaping @Sendable (LogReader) throws(DatabaseFailure) -> Value
    ) async throws(StoreError) -> Value {
        try await reader.run { resource in
            do throws(DatabaseFailure) {
                let reader = try resource.get()
                return .success(
                    try reader.snapshot { () throws(DatabaseFailure) in try body(reader) }
                )
            } catch { return .failure(.unreadable(error.description)) }
        }
    }

    // MARK: the end

    package func close() async {
        // Blocks for one last commit; callers close at shutdown only, after their loops ended.
        reader.close()
        queue.close()
        writer.join()
        keeper.close()
        searcher.close()
    }
}

/// The reader's connection, or why there is none.
typealias ReaderResource = Result<LogReader, DatabaseFailure>

/// What `StoreOpening` puts together.
struct StoreParts {
    let key: CheckpointKey
    let folder: String
    let recovered: [RecoveredIntent]
    let endedAt: Timestamp?
    let published: Lock<PublishedState>
    let queue: CommitQueue
    let writer: WorkerThread
    let reader: TaskThread<ReaderResource>
    let keeper: TaskThread<CheckpointKeeper>
    let searcher: TaskThread<IndexKeeper?>
}

extension Transaction {
    /// What the transaction takes in the queue, within a factor of two; it only bounds memory.
    fileprivate var roughByteCount: Int {
        var count = 256
        for record in records {
            count += 512
            switch record.detail {
            case .judgement(let judgement): count += judgement.arguments?.utf8.count ?? 0
            case .outcome(let outcome): count += outcome.result?.utf8.count ?? 0
            case .fields(let fields): count += 64 * fields.count
            }
        }
        for change in changes {
            if case .put(_, let value, _) = change { count += value.count }
        }
        return count
    }
}
