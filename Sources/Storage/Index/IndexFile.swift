import Audit
import Base
import Glibc

/// The file of the search index: which records say which words, in parts of neighbouring records.
///
/// A part is a full-text table of its own. So the newest records are looked at first and alone, what
/// a part costs to merge stays the same however long the log gets, and the words of records that were
/// removed go with their table.
final class IndexFile {
    /// Records of one part.
    static let partCount: UInt64 = 1 << 16
    private static let version: Int64 = 3

    private let path: String
    private let database: Database
    private let insertSpan, bounds, spans, begin, commit, rollback: Statement
    /// The part that was written last.
    private var current: (part: UInt64, insert: Statement)?

    /// Opens or makes it; a failure that means `corrupt` where it is of another log or program.
    init(path: String, origin: String) throws(DatabaseFailure) {
        self.path = path
        let database = try Database(path: path)
        self.database = database
        try database.execute(
            "PRAGMA journal_mode=TRUNCATE; PRAGMA synchronous=OFF; PRAGMA cache_size=-1024;"
        )
        func number(_ sql: String) throws(DatabaseFailure) -> Int64? {
            try database.prepare(sql).first { $0.integer(0) }
        }
        let version = try number("PRAGMA user_version")
        let tables = try number("SELECT count(*) FROM sqlite_schema")
        guard version == Self.version || (version == 0 && tables == 0) else { throw Self.foreign }
        try database.execute(
            """
            BEGIN IMMEDIATE;
            PRAGMA user_version=\(Self.version);
            CREATE TABLE IF NOT EXISTS origin(name TEXT PRIMARY KEY);
            CREATE TABLE IF NOT EXISTS span(
                first INTEGER PRIMARY KEY, next INTEGER, earliest TEXT, latest TEXT);
            COMMIT;
            """
        )
        try database.prepare("INSERT OR IGNORE INTO origin VALUES(?)").run(.text(origin))
        guard try number("SELECT count(*) FROM origin") == 1 else { throw Self.foreign }
        insertSpan = try database.prepare("INSERT INTO span VALUES(?, ?, ?, ?)")
        bounds = try database.prepare(
            """
            SELECT (SELECT first FROM span ORDER BY first LIMIT 1),
                (SELECT next FROM span ORDER BY first DESC LIMIT 1)
            """
        )
        spans = try database.prepare(
            "SELECT min(first), max(next) FROM span WHERE latest >= ? AND earliest <= ?"
        )
        begin = try database.prepare("BEGIN IMMEDIATE")
        commit = try database.prepare("COMMIT")
        rollback = try database.prepare("ROLLBACK")
    }

    /// It holds nothing that is not in the log.
    static func remove(_ path: String) {
        for suffix in ["", "-journal"] { unsafe unlink(path + suffix) }
    }

    private static var foreign: DatabaseFailure {
        DatabaseFailure(
            step: "open the search index",
            code: 11,
            message: "it is of another log or another program",
            meaning: .corrupt
        )
    }

    /// Runs `body` as one change of the file.
    func change<Value>(
        _ body: () throws(DatabaseFailure) -> Value
    ) throws(DatabaseFailure) -> Value {
        try begin.run()
        do throws(DatabaseFailure) {
            let value = try body()
            try commit.run()
            return value
        } catch {
            // A table made in it is gone again.
            current = nil
            try? rollback.run()
            throw error
        }
    }

    // MARK: what is in it

    /// The records that are indexed; empty before the first.
    func indexed() throws(DatabaseFailure) -> Range<UInt64> {
        let found = try bounds.first { row in (row.unsigned(0), row.unsigned(1)) }
        return (found?.0 ?? 0)..<max(found?.0 ?? 0, found?.1 ?? 0)
    }

    /// Where records of those times lie; clocks step back, so the spans may overlap.
    func places(since: Timestamp?, until: Timestamp?) throws(DatabaseFailure) -> Range<UInt64>? {
        let times = [since?.description ?? "", until?.description ?? "~"]
        return try spans.first(.text(times[0]), .text(times[1])) { row -> Range<UInt64>? in
            row.isNull(0) ? nil : row.unsigned(0)..<max(row.unsigned(0), row.unsigned(1))
        } ?? nil
    }

    /// Records of those places that say what `match` asks for, the last ones first, while `body`
    /// says so.
    func candidates(
        _ match: String,
        in places: Range<UInt64>,
        _ body: (UInt64) -> Bool
    ) throws(DatabaseFailure) {
        guard !places.isEmpty else { return }
        let parts = places.lowerBound / Self.partCount...(places.upperBound - 1) / Self.partCount
        let bounds = [places.lowerBound, places.upperBound].map { place in
            Parameter.integer(Int64(clamping: place))
        }
        var goesOn = true
        for part in parts.reversed() where goesOn {
            let found = try database.prepare(
                """
                SELECT rowid FROM words_\(part) WHERE words_\(part) MATCH ?
                AND rowid >= ? AND rowid < ? ORDER BY rowid DESC
                """
            )
            try found.each([.text(match)] + bounds) { row in
                goesOn = body(row.unsigned(0))
                return goesOn
            }
        }
    }

    // MARK: changes, each inside `change`

    /// `words` keeps no text and no lengths: candidates are read from the log.
    func insert(_ record: UInt64, _ words: RecordWords) throws(DatabaseFailure) {
        let part = record / Self.partCount
        if current?.part != part {
            try database.execute(
                """
                CREATE VIRTUAL TABLE IF NOT EXISTS words_\(part)
                USING fts5(fields, text, content='', columnsize=0)
                """
            )
            let insert = try database.prepare(
                "INSERT INTO words_\(part)(rowid, fields, text) VALUES(?, ?, ?)"
            )
            current = (part, insert)
        }
        let row = Parameter.integer(Int64(clamping: record))
        try current?.insert.run(row, .utf8(words.fields), .utf8(words.text))
    }

    /// Notes what was inserted, with its first and last time.
    func note(
        _ range: Range<UInt64>,
        earliest: [UInt8],
        latest: [UInt8]
    ) throws(DatabaseFailure) {
        try insertSpan.run(
            .integer(Int64(clamping: range.lowerBound)),
            .integer(Int64(clamping: range.upperBound)),
            .utf8(earliest),
            .utf8(latest)
        )
    }

    /// Drops the parts before `record`, with all they say, and with `whole` the one it stands in.
    func drop(before record: UInt64, whole: Bool) throws(DatabaseFailure) {
        let last = record / Self.partCount + (whole ? 1 : 0)
        let first = try indexed().lowerBound / Self.partCount
        guard first < last else { return }
        current = nil
        try database.execute("PRAGMA secure_delete=ON")
        for part in first..<last { try database.execute("DROP TABLE IF EXISTS words_\(part)") }
        try database.execute("PRAGMA secure_delete=OFF")
        let kept = Parameter.integer(Int64(clamping: whole ? record : last * Self.partCount))
        try database.prepare("DELETE FROM span WHERE next <= ?").run(kept)
        if whole {
            try database.prepare("UPDATE span SET first = ?1 WHERE first < ?1").run(kept)
        }
    }
}
