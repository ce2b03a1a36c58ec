import Audit
import Base

extension SQLiteStore {
    /// Opens the store, or makes it when the folder has none.
    ///
    /// Blocks: call it before the loop runs. Before it returns, the log was compared with the
    /// checkpoints kept in it and outside, and every intent without outcome was closed as unknown.
    package static func open(_ options: StoreOptions) throws(StoreOpenError) -> SQLiteStore {
        SQLiteStore(try StoreOpening(options: options).run(), rows: options.rows)
    }
}

/// The steps of a start, in their order.
private struct StoreOpening {
    let options: StoreOptions

    /// The checkpoints a start found; the log extends them.
    private struct Signed {
        /// The newest one at hand.
        var last: (note: String, size: UInt64)?
        /// What is covered beside the database and at every destination.
        var keptSize: UInt64 = 0
    }

    func run() throws(StoreOpenError) -> StoreParts {
        let keeper = CheckpointKeeper(
            path: options.checkpointPath,
            destinations: options.destinations
        )
        let database = try step { () throws(DatabaseFailure) in
            let database = try Database(
                path: options.databasePath,
                joinsWrites: true,
                layer: options.layer
            )
            try database.execute(LogSchema.settings(options.synchronous))
            try database.keepWriteAheadLog()
            try database.execute("BEGIN IMMEDIATE; \(LogSchema.tables) COMMIT")
            return database
        }
        // After the tables, because SQLite removes a write-ahead log it finds beside an empty
        // database. A disk that is full already gives no reserve; the log says so once it runs.
        try? LogFile.fill(options.walPath, to: options.reservedByteCount)
        let reader = try step { () throws(DatabaseFailure) in
            try LogReader(database, options.hashing)
        }
        let kept = try lastKept(keeper)
        let key = try identity(database, reader, kept)
        let tombstone = try checkBegin(reader, key)
        let signed = try checkContinuity(reader, key, kept, keeper.sent(by: key.origin))
        return try start(database, reader, key, keeper, signed, tombstone)
    }

    private func step<Value>(
        _ body: () throws(DatabaseFailure) -> Value
    ) throws(StoreOpenError) -> Value {
        do throws(DatabaseFailure) { return try body() } catch { throw .database(error) }
    }

    private func lastKept(_ keeper: CheckpointKeeper) throws(StoreOpenError) -> String? {
        do throws(FileFailure) { return try keeper.last() } catch {
            throw .file(path: error.path, reason: error.description)
        }
    }

    /// The log's name and key: read back, or given to a new log.
    private func identity(
        _ database: Database,
        _ reader: LogReader,
        _ kept: String?
    ) throws(StoreOpenError) -> CheckpointKey {
        let publicKey = options.signer.publicKey
        if let format = try step({ () throws(DatabaseFailure) in try reader.meta("format") }) {
            let text = String(decoding: format, as: UTF8.self)
            guard text == LogSchema.format else { throw .otherFormat(text) }
            let (origin, known) = try step { () throws(DatabaseFailure) in
                (try reader.meta("origin"), try reader.meta("public_key"))
            }
            guard known == publicKey else { throw .otherKey }
            guard let origin = LogOrigin(String(decoding: origin ?? [], as: UTF8.self)) else {
                throw .evidenceBroken("the log has lost its name")
            }
            return CheckpointKey(origin: origin, publicKey: publicKey, options.hashing)
        }
        guard kept == nil else {
            throw .evidenceBroken("there is a checkpoint beside an empty log")
        }
        let origin = LogOrigin(from: options.random)
        try step { () throws(DatabaseFailure) in
            let statements = try WriterStatements(database)
            try statements.begin.run()
            try statements.setMeta("format", Array(LogSchema.format.utf8))
            try statements.setMeta("origin", Array(origin.text.utf8))
            try statements.setMeta("public_key", publicKey)
            try statements.commit.run()
        }
        return CheckpointKey(origin: origin, publicKey: publicKey, options.hashing)
    }

    /// That no record is missing from the beginning but those a tombstone of this log speaks of.
    private func checkBegin(
        _ reader: LogReader,
        _ key: CheckpointKey
    ) throws(StoreOpenError) -> Tombstone? {
        let (begin, note) = try step { () throws(DatabaseFailure) in
            (try reader.begin(), try reader.meta(LogSchema.tombstone))
        }
        guard let note else {
            guard begin == 0 else {
                throw .evidenceBroken("the first \(begin) records are missing, with no tombstone")
            }
            return nil
        }
        let text = String(decoding: note, as: UTF8.self)
        guard let tombstone = key.tombstone(text, options.checker) else {
            throw .evidenceBroken("its tombstone was not signed with this log's key")
        }
        guard tombstone.size == begin else {
            throw .evidenceBroken(
                "its tombstone is of \(tombstone.size) records, the log begins with record \(begin)"
            )
        }
        let peaks = try step { () throws(DatabaseFailure) in
            try reader.prover().peaks(size: begin)
        }
        guard peaks == tombstone.peaks else {
            throw .evidenceBroken("its tombstone is not of the records that were removed")
        }
        return tombstone
    }

    /// That the tree extends what was signed: in the database, and above all outside of it.
    private func checkContinuity(
        _ reader: LogReader,
        _ key: CheckpointKey,
        _ kept: String?,
        _ sent: [(path: String, notes: [String])]
    ) throws(StoreOpenError) -> Signed {
        let own = try step { () throws(DatabaseFailure) in try reader.lastCheckpointNote() }
        var found = Signed()
        for (note, place, isKept) in [(own, "in the database", false), (kept, "beside it", true)] {
            guard let note else { continue }
            let checkpoint: Checkpoint
            do throws(CheckpointError) {
                checkpoint = try key.open(note, options.checker)
            } catch { throw .evidenceBroken("\(error) (the one \(place))") }
            try check(reader, extends: checkpoint, place)
            if checkpoint.size >= found.last?.size ?? 0 { found.last = (note, checkpoint.size) }
            if isKept { found.keptSize = checkpoint.size }
        }
        for (path, notes) in sent {
            // Others may write there: what this log's key did not sign says nothing about this log.
            let signed = notes.lazy.compactMap { try? key.open($0, options.checker) }.first
            if let signed { try check(reader, extends: signed, "in `\(printable(path))`") }
            found.keptSize = min(found.keptSize, signed?.size ?? 0)
        }
        return found
    }

    private func check(
        _ reader: LogReader,
        extends checkpoint: Checkpoint,
        _ place: String
    ) throws(StoreOpenError) {
        let (begin, size) = try step { () throws(DatabaseFailure) in
            (try reader.begin(), try reader.size())
        }
        guard checkpoint.size <= size else {
            throw .evidenceBroken(
                "the checkpoint \(place) covers \(checkpoint.size) records, the log has \(size)"
            )
        }
        // Nothing is removed before a checkpoint over it is kept everywhere, so this is a log that
        // somebody else made, with a tombstone nobody outside can vouch for.
        guard checkpoint.size >= begin else {
            throw .removedUncovered(begin: begin, covered: checkpoint.size, place: place)
        }
        let root = try step { () throws(DatabaseFailure) in
            try reader.prover().root(size: checkpoint.size)
        }
        guard root == checkpoint.root else {
            throw .evidenceBroken(
                "the first \(checkpoint.size) records are not those of the checkpoint \(place)"
            )
        }
    }

    private func start(
        _ database: Database,
        _ reader: LogReader,
        _ key: CheckpointKey,
        _ keeper: CheckpointKeeper,
        _ signed: Signed,
        _ tombstone: Tombstone?
    ) throws(StoreOpenError) -> StoreParts {
        let size = try step { () throws(DatabaseFailure) in try reader.size() }
        let published = Lock(
            PublishedState(
                size: size,
                health: .writable,
                lastNote: signed.last?.note,
                signedSize: signed.last?.size ?? 0,
                tombstone: tombstone,
                keptSize: signed.keptSize
            )
        )
        let keeperThread = try keeperThread(keeper)
        let writer = try step { () throws(DatabaseFailure) in
            let edge = try TreeEdge(size: size, options.hashing) {
                level,
                index throws(DatabaseFailure) in
                try reader.node(level: level, index: index)
            }
            return try LogWriter(
                database,
                reader: reader,
                options: options,
                key: key,
                edge: edge,
                open: OpenIntents(from: reader),
                daily: DailyBytes(snapshot: try reader.meta("daily_bytes")),
                published: published
            ) { note, size in
                CheckpointKeeper.keep(note, size: size, on: keeperThread, published)
            }
        }
        let endedAt = try step { () throws(DatabaseFailure) in
            // What was removed has been looked at by its tombstone, which is the newest then.
            let last = size == 0 ? nil : try reader.leaves(from: size - 1, limit: 1).last
            return last.flatMap { RecordHead(leaf: $0.bytes)?.timestamp }
        }
        let recovered = try step { () throws(DatabaseFailure) in try writer.closeOpenIntents() }
        // From here on the writer is touched by who took a batch from the queue alone (one-writer).
        nonisolated(unsafe) let moved = writer
        let queue = CommitQueue(arrange: options.arrangeWake) { unsafe moved.writeHere($0) }
        guard let thread = WorkerThread({ unsafe moved.serve(queue) }) else { throw .noThread }
        return StoreParts(
            key: key,
            folder: options.folder,
            recovered: recovered,
            endedAt: endedAt,
            published: published,
            queue: queue,
            writer: thread,
            reader: try readerThread(),
            keeper: keeperThread,
            searcher: try searchThread(key, published)
        )
    }

    private func readerThread() throws(StoreOpenError) -> TaskThread<ReaderResource> {
        let options = options
        let thread = TaskThread<ReaderResource>(make: {
            do throws(DatabaseFailure) {
                return .success(try options.reader())
            } catch { return .failure(error) }
        })
        guard let thread else { throw .noThread }
        return thread
    }

    /// The thread for files outside the database, which may hang with another machine's disk.
    private func keeperThread(
        _ keeper: CheckpointKeeper
    ) throws(StoreOpenError) -> TaskThread<CheckpointKeeper> {
        guard let thread = TaskThread(make: { keeper }) else { throw .noThread }
        return thread
    }

    /// The thread of the search index: it takes what no other thread of the machine wants.
    private func searchThread(
        _ key: CheckpointKey,
        _ published: Lock<PublishedState>
    ) throws(StoreOpenError) -> TaskThread<IndexKeeper?> {
        let options = options
        let thread = TaskThread<IndexKeeper?>(
            idleEvery: options.hasSearchIndex ? 1_000_000_000 : nil,
            make: {
                guard options.hasSearchIndex else { return nil }
                WorkerThread.lowerPriority()
                let index = SearchIndex(path: options.searchPath, origin: key.origin.text) {
                    () throws(DatabaseFailure) in try options.reader()
                }
                return IndexKeeper(index: index)
            },
            idle: { keeper in keeper?.look(size: published.withLock { $0.size }) }
        )
        guard let thread else { throw .noThread }
        return thread
    }
}

extension StoreOptions {
    /// A connection that only reads.
    fileprivate func reader() throws(DatabaseFailure) -> LogReader {
        let database = try Database(path: databasePath, isReadOnly: true, layer: layer)
        return try LogReader(database, hashing)
    }
}
