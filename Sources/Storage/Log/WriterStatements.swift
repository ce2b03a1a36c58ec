import Audit
import Base

/// The prepared statements of the writer.
final class WriterStatements {
    let begin, commit, rollback: Statement
    private let segment, salts, tile, note, meta: Statement
    private let stateVersion, statePut, stateDelete: Statement
    private let removals: [Statement]
    private let tileRemoval: Statement

    init(_ database: Database) throws(DatabaseFailure) {
        begin = try database.prepare("BEGIN IMMEDIATE")
        commit = try database.prepare("COMMIT")
        rollback = try database.prepare("ROLLBACK")
        segment = try database.prepare("INSERT INTO segment VALUES(?, ?, ?)")
        salts = try database.prepare("INSERT OR REPLACE INTO salt VALUES(?, ?)")
        tile = try database.prepare("INSERT INTO tile VALUES(?, ?)")
        note = try database.prepare("INSERT OR REPLACE INTO checkpoint VALUES(?, ?)")
        meta = try database.prepare("INSERT OR REPLACE INTO meta VALUES(?, ?)")
        removals = [
            try database.prepare("DELETE FROM segment WHERE first < ?"),
            try database.prepare("DELETE FROM salt WHERE first < ?"),
            // The last one that vouches for what is removed stays.
            try database.prepare(
                """
                DELETE FROM checkpoint
                WHERE size < (SELECT max(size) FROM checkpoint WHERE size <= ?)
                """
            ),
        ]
        tileRemoval = try database.prepare("DELETE FROM tile WHERE place < ?")
        stateVersion = try database.prepare(
            "SELECT version FROM state WHERE tenant = ? AND kind = ? AND name = ?"
        )
        statePut = try database.prepare(
            """
            INSERT INTO state(tenant, kind, name, version, value) VALUES(?, ?, ?, ?, ?)
            ON CONFLICT(tenant, kind, name)
            DO UPDATE SET version = excluded.version, value = excluded.value
            """
        )
        stateDelete = try database.prepare(
            "DELETE FROM state WHERE tenant = ? AND kind = ? AND name = ?"
        )
    }

    func insert(_ rows: borrowing Segment) throws(DatabaseFailure) {
        let first = Parameter.integer(Int64(clamping: rows.first))
        try segment.run(first, .integer(Int64(rows.count)), inPlace: rows.recordBytes)
        if !rows.saltBytes.isEmpty { try salts.run(first, inPlace: rows.saltBytes) }
    }

    func replaceSalts(first: UInt64, _ bytes: [UInt8]) throws(DatabaseFailure) {
        try salts.run(.integer(Int64(clamping: first)), .bytes(bytes))
    }

    func insert(_ full: Tile) throws(DatabaseFailure) {
        let place = LogSchema.place(level: full.level, index: full.index)
        try tile.run(.integer(place), .bytes(full.bytes))
    }

    func insert(note text: String, size: UInt64) throws(DatabaseFailure) {
        try note.run(.integer(Int64(clamping: size)), .text(text))
    }

    /// Deletes the records before that one, their salts, and what only they needed.
    func remove(before first: UInt64) throws(DatabaseFailure) {
        for removal in removals { try removal.run(.integer(Int64(clamping: first))) }
        // Level 0 comes first, so everything below the place is a tile of leaf hashes.
        let tile = LogSchema.place(level: 0, index: LogSchema.firstTile(ofLog: first))
        try tileRemoval.run(.integer(tile))
    }

    func setMeta(_ name: String, _ value: [UInt8]) throws(DatabaseFailure) {
        try meta.run(.text(name), .bytes(value))
    }

    /// The versions the changes would give their rows, or the first that is not as expected.
    ///
    /// Nothing is written before every expectation holds, so that one caller's conflict needs no
    /// savepoint among the others of the batch.
    func expectedVersions(
        of changes: [StateChange]
    ) throws(DatabaseFailure) -> Result<[UInt64], StoreError> {
        var seen: [StateKey: UInt64] = [:]
        var versions: [UInt64] = []
        for (index, change) in changes.enumerated() {
            let key = change.key
            let found: UInt64
            if let known = seen[key] {
                found = known
            } else {
                found =
                    try stateVersion.first(
                        .text(key.tenant.rawValue),
                        .text(key.table.rawValue),
                        .text(key.name)
                    ) { $0.unsigned(0) } ?? 0
            }
            guard change.expectation.holds(forVersion: found) else {
                return .failure(.conflict(index: index, key: key, found: found))
            }
            switch change {
            case .put:
                seen[key] = found + 1
                versions.append(found + 1)
            case .delete:
                seen[key] = 0
                versions.append(0)
            case .check:
                seen[key] = found
                versions.append(0)
            }
        }
        return .success(versions)
    }

    func apply(_ change: StateChange, version: UInt64) throws(DatabaseFailure) {
        let key = change.key
        switch change {
        case .put(_, let value, _):
            try statePut.run(
                .text(key.tenant.rawValue),
                .text(key.table.rawValue),
                .text(key.name),
                .integer(Int64(clamping: version)),
                .bytes(value)
            )
        case .delete:
            try stateDelete.run(
                .text(key.tenant.rawValue),
                .text(key.table.rawValue),
                .text(key.name)
            )
        case .check: break
        }
    }
}
