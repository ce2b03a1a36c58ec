package import Audit
package import Base

/// A log that is only read, while a gateway writes it or when none runs.
///
/// For `audit tail`, `search`, `show`, `export`, `prove` and for giving records to the verifier.
/// Blocks; belongs to one thread.
package final class LogArchive {
    package let key: CheckpointKey
    private let reader: LogReader
    private var index: SearchIndex
    private let openIndex: (String) -> SearchIndex
    private let checkpointPath: String

    /// Opens the log of a state folder; makes nothing.
    package init(folder: String, _ hashing: any Hashing) throws(StoreOpenError) {
        checkpointPath = folder + "/checkpoint"
        let path = folder + "/log.db"
        let format: [UInt8]?
        let origin: [UInt8]?
        let publicKey: [UInt8]?
        do throws(DatabaseFailure) {
            reader = try LogReader(Database(path: path, isReadOnly: true), hashing)
            format = try reader.meta("format")
            origin = try reader.meta("origin")
            publicKey = try reader.meta("public_key")
        } catch { throw .database(error) }
        let formatText = String(decoding: format ?? [], as: UTF8.self)
        guard formatText == LogSchema.format else { throw .otherFormat(formatText) }
        guard let origin = LogOrigin(String(decoding: origin ?? [], as: UTF8.self)), let publicKey
        else { throw .evidenceBroken("the log has lost its name or key") }
        key = CheckpointKey(origin: origin, publicKey: publicKey, hashing)
        openIndex = { searchPath in
            SearchIndex(path: searchPath, origin: origin.text) { () throws(DatabaseFailure) in
                try LogReader(Database(path: path, isReadOnly: true), hashing)
            }
        }
        index = openIndex(folder + "/search.db")
    }

    package func size() throws(DatabaseFailure) -> UInt64 { try reader.size() }

    /// The first record there is; those before it were removed.
    package func begin() throws(DatabaseFailure) -> UInt64 { try reader.begin() }

    /// The note that speaks of the removed records; nil when the log says of none.
    package func tombstone() throws(DatabaseFailure) -> [UInt8]? {
        try reader.meta(LogSchema.tombstone)
    }

    /// A row of the state as `rows` opens it; nil when there is none that was sealed by it.
    package func entry(
        _ key: StateKey,
        openedBy rows: any RowSealing
    ) throws(DatabaseFailure) -> StateEntry? {
        try reader.entry(key)?.opened(by: rows)
    }

    /// Records in order, at most 16 MiB at once; empty at the end of the log.
    package func leaves(
        from index: UInt64,
        limit: Int
    ) throws(DatabaseFailure) -> [StoredLeaf] {
        try reader.leaves(from: index, limit: limit)
    }

    /// Hands every record there is to `body`, which says whether it wants more.
    ///
    /// Before them `start` is told which is the first, and the note in the place of those before it.
    package func eachLeaf(
        from start: (UInt64, _ tombstone: [UInt8]?) -> Void = { _, _ in },
        _ body: (StoredLeaf) -> Bool
    ) throws(DatabaseFailure) {
        try reader.snapshot { () throws(DatabaseFailure) in
            let first = try reader.begin()
            start(first, try reader.meta(LogSchema.tombstone))
            try reader.eachLeaf(from: first, body)
        }
    }

    /// Hands on all records before `end` in steps, the last ones first; each step is in order.
    package func eachStepBackwards(
        before end: UInt64,
        _ body: ([StoredLeaf]) -> Bool
    ) throws(DatabaseFailure) {
        let begin = try reader.begin()
        try reader.eachStepBackwards(min(begin, end)..<end, body)
    }

    /// Indexes some more records for `search`; how many are indexed then, and how many there are.
    ///
    /// Finds nothing to do when the gateway did it already.
    package func indexMore() throws(DatabaseFailure) -> (indexed: UInt64, size: UInt64) {
        try index.catchUp()
    }

    /// Goes on with an index in memory, for a folder that cannot be written.
    package func indexInMemory() { index = openIndex(":memory:") }

    /// What is found among the records indexed so far.
    package func search(_ query: SearchQuery) throws(DatabaseFailure) -> SearchAnswer {
        try index.answer(query)
    }

    /// Checkpoints of the database, oldest first, and the one kept beside it.
    package func checkpointNotes() throws(DatabaseFailure) -> [String] {
        let beside = (try? LogFile.read(checkpointPath)).flatMap { $0 }
        return try reader.checkpointNotes()
            + (beside.map { [String(decoding: $0, as: UTF8.self)] } ?? [])
    }

    package func salt(of leaf: UInt64) throws(DatabaseFailure) -> Salt? {
        try reader.salt(of: leaf)
    }

    package func consistencyProof(
        from older: UInt64,
        to size: UInt64
    ) throws(DatabaseFailure) -> TreeProof? {
        guard try reader.size() >= size, try reader.isProvable(size: older) else { return nil }
        return try reader.prover().consistency(from: older, to: size)
    }

    /// One record with its path to the last checkpoint, for who does not have the log.
    ///
    /// Nil when no checkpoint covers the record yet. With `opening` the salt goes along, so that the
    /// receiver can check what the commitments stand for.
    package func evidence(
        of leaf: UInt64,
        opening: Bool
    ) throws(DatabaseFailure) -> [UInt8]? {
        guard let note = try reader.lastCheckpointNote(), let size = Self.size(of: note),
            let record = try reader.leaves(from: leaf, limit: 1).first,
            let path = try reader.prover().inclusion(of: leaf, size: size)
        else { return nil }
        let text = EvidenceText(
            record: record,
            size: size,
            path: path,
            checkpoint: note,
            key: key,
            salt: opening ? try reader.salt(of: leaf) : nil
        )
        return text.bytes
    }

    private static func size(of note: String) -> UInt64? {
        let lines = note.utf8.split(separator: 0x0a)
        return lines.count > 1 ? UInt64(Substring(lines[1])) : nil
    }
}
