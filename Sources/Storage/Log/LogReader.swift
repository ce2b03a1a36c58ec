import Audit
import Base

/// Reads the log over one connection; belongs to that connection's thread.
final class LogReader {
    private let database: Database
    private let tree: TreeHashing
    private let firstSegment, lastSegment, segmentAt, segmentsFrom, tileAt, saltRow: Statement
    private let stateRow, stateRows, tenantRows, metaRow, lastNote: Statement

    init(_ database: Database, _ hashing: any Hashing) throws(DatabaseFailure) {
        self.database = database
        tree = TreeHashing(hashing)
        firstSegment = try database.prepare("SELECT first FROM segment ORDER BY first LIMIT 1")
        lastSegment = try database.prepare(
            "SELECT first, count FROM segment ORDER BY first DESC LIMIT 1"
        )
        segmentAt = try database.prepare(
            "SELECT first, count, records FROM segment WHERE first <= ? ORDER BY first DESC LIMIT 1"
        )
        segmentsFrom = try database.prepare(
            "SELECT first, count, records FROM segment WHERE first > ? ORDER BY first"
        )
        tileAt = try database.prepare("SELECT hashes FROM tile WHERE place = ?")
        saltRow = try database.prepare(
            "SELECT first, salts FROM salt WHERE first <= ? ORDER BY first DESC LIMIT 1"
        )
        stateRow = try database.prepare(
            "SELECT version, value FROM state WHERE tenant = ? AND kind = ? AND name = ?"
        )
        stateRows = try database.prepare(
            """
            SELECT tenant, name, version, value FROM state WHERE kind = ?1
                AND (?2 IS NULL OR (tenant, name) > (?2, ?3)) ORDER BY tenant, name LIMIT ?4
            """
        )
        tenantRows = try database.prepare(
            """
            SELECT tenant, name, version, value FROM state WHERE tenant = ?1 AND kind = ?2
                AND (?3 IS NULL OR name > ?3) ORDER BY name LIMIT ?4
            """
        )
        metaRow = try database.prepare("SELECT value FROM meta WHERE name = ?")
        lastNote = try database.prepare(
            "SELECT note FROM checkpoint ORDER BY size DESC LIMIT 1"
        )
    }

    /// Runs `body` on one state of the database.
    func snapshot<Value>(
        _ body: () throws(DatabaseFailure) -> Value
    ) throws(DatabaseFailure) -> Value {
        try database.execute("BEGIN")
        let result: Result<Value, DatabaseFailure>
        do throws(DatabaseFailure) { result = .success(try body()) } catch {
            result = .failure(error)
        }
        try database.execute("COMMIT")
        return try result.get()
    }

    /// The number of records.
    func size() throws(DatabaseFailure) -> UInt64 {
        try lastSegment.first { $0.unsigned(0) + $0.unsigned(1) } ?? 0
    }

    /// The first record there is; those before it were removed.
    func begin() throws(DatabaseFailure) -> UInt64 {
        try firstSegment.first { $0.unsigned(0) } ?? 0
    }

    /// What is in use of the database; the rest of its file waits for later records.
    func usedByteCount() throws(DatabaseFailure) -> UInt64 {
        func figure(_ name: String) throws(DatabaseFailure) -> UInt64 {
            try database.prepare("PRAGMA \(name)").first { $0.unsigned(0) } ?? 0
        }
        let (all, free) = (try figure("page_count"), try figure("freelist_count"))
        return (all - min(all, free)) * (try figure("page_size"))
    }

    func meta(_ name: String) throws(DatabaseFailure) -> [UInt8]? {
        try metaRow.first(.text(name)) { $0.bytes(0) }
    }

    /// The last checkpoint the database holds.
    func lastCheckpointNote() throws(DatabaseFailure) -> String? {
        try lastNote.first { $0.text(0) }
    }

    /// Every checkpoint the database holds, oldest first.
    func checkpointNotes() throws(DatabaseFailure) -> [String] {
        var notes: [String] = []
        try database.prepare("SELECT note FROM checkpoint ORDER BY size").each([]) { row in
            notes.append(row.text(0))
            return true
        }
        return notes
    }

    // MARK: leaves

    func leaves(
        from index: UInt64,
        limit: Int,
        byteLimit: Int = Limits.resultByteCount
    ) throws(DatabaseFailure) -> [StoredLeaf] {
        var leaves: [StoredLeaf] = []
        try eachLeaf(from: index, byteLimit: byteLimit) { leaf in
            leaves.append(leaf)
            return leaves.count < limit
        }
        return limit > 0 ? leaves : []
    }

    /// Leaves in order while `body` says so and the bytes last.
    func eachLeaf(
        from index: UInt64,
        byteLimit: Int = .max,
        _ body: (StoredLeaf) -> Bool
    ) throws(DatabaseFailure) {
        var next = index
        var bytesLeft = byteLimit
        var isDamaged = false
        var goesOn = true
        // True while the caller wants more.
        func take(_ first: UInt64, _ count: Int, _ bytes: [UInt8]) -> Bool {
            guard let records = Segment.records(in: bytes, count: count) else {
                isDamaged = true
                return false
            }
            for (place, record) in records.enumerated() {
                let index = first + UInt64(place)
                guard index >= next else { continue }
                guard index == next else {
                    isDamaged = true
                    return false
                }
                next += 1
                bytesLeft -= record.count
                goesOn = body(StoredLeaf(index: index, bytes: Array(record))) && bytesLeft > 0
                guard goesOn else { return false }
            }
            return true
        }
        guard let (first, count, bytes) = try row(around: index) else { return }
        _ = take(first, count, bytes)
        if goesOn, !isDamaged {
            try segmentsFrom.each([.integer(Int64(clamping: first))]) { row in
                take(row.unsigned(0), Int(row.integer(1)), row.bytes(2))
            }
        }
        if isDamaged { throw damage("records after \(next) are damaged") }
    }

    /// The row a record stands in, as it is stored.
    private func row(
        around index: UInt64
    ) throws(DatabaseFailure) -> (first: UInt64, count: Int, bytes: [UInt8])? {
        let found = try segmentAt.first(.integer(Int64(clamping: index))) { row in
            (first: row.unsigned(0), count: Int(row.integer(1)), bytes: row.bytes(2))
        }
        return found.flatMap { index < $0.first + UInt64(clamping: $0.count) ? $0 : nil }
    }

    /// The records of the row that one stands in; nil where the log does not have it.
    func neighbours(
        of index: UInt64
    ) throws(DatabaseFailure) -> (first: UInt64, records: [ArraySlice<UInt8>])? {
        guard let (first, count, bytes) = try row(around: index) else { return nil }
        guard let records = Segment.records(in: bytes, count: count) else {
            throw damage("the records from \(first) on are damaged")
        }
        return (first, records)
    }

    /// The rows of the log from the one that begins with that record, while `body` says so.
    func eachRow(
        from first: UInt64,
        _ body: ((first: UInt64, records: [ArraySlice<UInt8>])) -> Bool
    ) throws(DatabaseFailure) {
        var damaged: UInt64?
        try segmentsFrom.each([.integer(Int64(clamping: first) - 1)]) { row in
            let first = row.unsigned(0)
            guard let records = Segment.records(in: row.bytes(2), count: Int(row.integer(1))) else {
                damaged = first
                return false
            }
            return body((first, records))
        }
        if let damaged { throw damage("records after \(damaged) are damaged") }
    }

    /// Hands on the records of those places from the end, in steps that are each in order.
    func eachStepBackwards(
        _ places: Range<UInt64>,
        _ body: ([StoredLeaf]) -> Bool
    ) throws(DatabaseFailure) {
        var end = places.upperBound
        while end > places.lowerBound {
            let start = end - min(256, end - places.lowerBound)
            var step: [StoredLeaf] = []
            try eachLeaf(from: start) { leaf in
                guard leaf.index < end else { return false }
                step.append(leaf)
                return leaf.index + 1 < end
            }
            guard !step.isEmpty, body(step) else { return }
            end = start
        }
    }

    // MARK: tree

    /// The root of the complete subtree of that level and index.
    func node(level: Int, index: UInt64) throws(DatabaseFailure) -> Digest {
        let tileLevel = level / 8
        let within = UInt64(level % 8)
        let first = index << within
        let count = 1 << Int(within)
        if let tile = try tile(level: tileLevel, index: first >> 8) {
            let start = Int(first & 255)
            return tree.root(ofComplete: tile.hashes[start..<start + count])
        }
        var hashes: [Digest] = []
        if tileLevel == 0 {
            try eachLeaf(from: first) { leaf in
                hashes.append(tree.leaf(leaf.bytes))
                return hashes.count < count
            }
        } else {
            for place in first..<first + UInt64(count) {
                guard let tile = try tile(level: tileLevel - 1, index: place) else {
                    throw damage("tile \(place) of level \(tileLevel - 1) is missing")
                }
                hashes.append(tree.root(ofComplete: tile.hashes[...]))
            }
        }
        guard hashes.count == count else { throw damage("the tree has no node \(level)/\(index)") }
        return tree.root(ofComplete: hashes[...])
    }

    private func tile(level: Int, index: UInt64) throws(DatabaseFailure) -> Tile? {
        let place = LogSchema.place(level: level, index: index)
        guard let bytes = try tileAt.first(.integer(place), read: { $0.bytes(0) }) else {
            return nil
        }
        guard let tile = Tile(level: level, index: index, bytes: bytes) else {
            throw damage("tile \(index) of level \(level) is damaged")
        }
        return tile
    }

    /// Whether the root of an older size can still be made: the tiles of its last records are there.
    func isProvable(size: UInt64) throws(DatabaseFailure) -> Bool {
        let first = LogSchema.firstTile(ofLog: try begin())
        return size % 256 == 0 || size >= first * 256
    }

    func prover() -> TreeProver<DatabaseFailure> {
        TreeProver(tree.hashing) { level, index throws(DatabaseFailure) in
            try self.node(level: level, index: index)
        }
    }

    // MARK: salts and state

    func salts(around leaf: UInt64) throws(DatabaseFailure) -> (first: UInt64, bytes: [UInt8])? {
        try saltRow.first(.integer(Int64(clamping: leaf))) { row in
            (row.unsigned(0), row.bytes(1))
        }
    }

    func salt(of leaf: UInt64) throws(DatabaseFailure) -> Salt? {
        guard let (first, bytes) = try salts(around: leaf) else { return nil }
        return Segment.salt(in: bytes, at: Int(clamping: leaf - first))
    }

    func entry(_ key: StateKey) throws(DatabaseFailure) -> StateEntry? {
        try stateRow.first(
            .text(key.tenant.rawValue),
            .text(key.table.rawValue),
            .text(key.name)
        ) { row in
            StateEntry(key: key, version: row.unsigned(0), value: row.bytes(1))
        }
    }

    func entries(
        _ table: StateTable,
        tenant: TenantID?,
        after: StateKey?,
        limit: Int
    ) throws(DatabaseFailure) -> [StateEntry] {
        var entries: [StateEntry] = []
        func take(_ row: Row) -> Bool {
            let tenant = TenantID(unchecked: row.text(0))
            let key = StateKey(tenant, table, row.text(1))
            entries.append(StateEntry(key: key, version: row.unsigned(2), value: row.bytes(3)))
            return true
        }
        let count = Parameter.integer(Int64(max(0, limit)))
        let name = after.map { Parameter.text($0.name) } ?? .null
        if let tenant {
            let bounds: [Parameter] = [
                .text(tenant.rawValue), .text(table.rawValue), name, count,
            ]
            try tenantRows.each(bounds) { take($0) }
        } else {
            let from = after.map { Parameter.text($0.tenant.rawValue) } ?? .null
            try stateRows.each([.text(table.rawValue), from, name, count]) { take($0) }
        }
        return entries
    }

    private func damage(_ what: String) -> DatabaseFailure {
        DatabaseFailure(step: "read the log", code: 11, message: what, meaning: .corrupt)
    }
}
