import Audit
import Base
import Glibc

/// A full-text index over the log in a file of its own, which can be deleted and is then built
/// again.
///
/// It only names candidates: each is read from the log and compared with the question there. The
/// gateway keeps it when the log is quiet, so that a question finds little left to do; whoever asks
/// indexes the rest first.
final class SearchIndex {
    /// Records of one transaction: many, because every transaction leaves a part to be merged.
    static let stepCount = 8192
    /// The same where calls come and go: its end holds the disk for a few milliseconds only.
    static let smallStepCount = 1024
    /// After so many records a step pauses where calls come and go: half a millisecond's work.
    private static let pieceCount: UInt64 = 64
    private static let version: Int64 = 2

    private let searchPath: String
    private let origin: String
    private let openLog: () throws(DatabaseFailure) -> LogReader
    private var parts: Parts?
    private var words = RecordWords()

    private struct Parts {
        let index: Database
        let log: LogReader
        let insert, insertSpan, next, spans, begin, commit, rollback: Statement
    }

    /// Opens nothing yet: that is done when there is a first record to index, or a question.
    ///
    /// `:memory:` as the path makes one that is nowhere kept.
    init(
        path: String,
        origin: String,
        log: @escaping () throws(DatabaseFailure) -> LogReader
    ) {
        searchPath = path
        self.origin = origin
        openLog = log
    }

    /// Lets go of the files and of SQLite's caches.
    func close() { parts = nil }

    // MARK: indexing

    /// Indexes up to `limit` more records; how many are indexed then, and how many there are.
    ///
    /// `pause` is run now and then on the way.
    func catchUp(
        limit: Int = SearchIndex.stepCount,
        pause: () -> Void = {}
    ) throws(DatabaseFailure) -> (indexed: UInt64, size: UInt64) {
        try mending { parts throws(DatabaseFailure) in
            let size = try parts.log.size()
            return (try self.catchUp(to: size, limit: limit, parts, pause), size)
        }
    }

    private func catchUp(
        to size: UInt64,
        limit: Int,
        _ parts: Parts,
        _ pause: () -> Void
    ) throws(DatabaseFailure) -> UInt64 {
        // The place is read inside the transaction: a command of the operator may index, too.
        try parts.begin.run()
        do throws(DatabaseFailure) {
            let first = try parts.next.first(read: { $0.unsigned(0) }) ?? 0
            let end = min(size, first + UInt64(clamping: limit))
            if first < end { try insert(first..<end, parts, pause) }
            try parts.commit.run()
            return max(first, end)
        } catch {
            try? parts.rollback.run()
            throw error
        }
    }

    private func insert(
        _ range: Range<UInt64>,
        _ parts: Parts,
        _ pause: () -> Void
    ) throws(DatabaseFailure) {
        var failure: DatabaseFailure?
        var next = range.lowerBound
        // RFC 3339 in UTC with a fixed width sorts as text.
        var earliest: [UInt8] = []
        var latest: [UInt8] = []
        try parts.log.eachLeaf(from: range.lowerBound) { leaf in
            words.read(leaf: leaf.bytes)
            do throws(DatabaseFailure) {
                let row = Parameter.integer(Int64(clamping: leaf.index))
                try parts.insert.run(row, .utf8(words.fields), .utf8(words.text))
            } catch {
                failure = error
                return false
            }
            if !words.time.isEmpty {
                if earliest.isEmpty || words.time.lexicographicallyPrecedes(earliest) {
                    earliest = words.time
                }
                if latest.lexicographicallyPrecedes(words.time) { latest = words.time }
            }
            next = leaf.index + 1
            if next % Self.pieceCount == 0 { pause() }
            return next < range.upperBound
        }
        if let failure { throw failure }
        guard next == range.upperBound else {
            throw DatabaseFailure(
                step: "index the log",
                code: 11,
                message: "records after \(next) are missing",
                meaning: .other
            )
        }
        try parts.insertSpan.run(
            .integer(Int64(clamping: range.lowerBound)),
            .integer(Int64(clamping: next)),
            .utf8(earliest),
            .utf8(latest)
        )
    }

    // MARK: questions

    /// What is found among the records indexed so far.
    func answer(_ query: SearchQuery) throws(DatabaseFailure) -> SearchAnswer {
        try mending { parts throws(DatabaseFailure) in try self.answer(query, parts) }
    }

    private func answer(
        _ query: SearchQuery,
        _ parts: Parts
    ) throws(DatabaseFailure) -> SearchAnswer {
        let size = try parts.log.size()
        let indexed = try parts.next.first(read: { $0.unsigned(0) }) ?? 0
        var found: [StoredLeaf] = []
        let limit = min(max(query.limit, 1), 1000)
        let places = try places(of: query, indexed, parts)
        if let match = Self.match(query) {
            var failure: DatabaseFailure?
            let candidates = try parts.index.prepare(
                """
                SELECT rowid FROM words WHERE words MATCH ? AND rowid >= ? AND rowid < ?
                ORDER BY rowid DESC
                """
            )
            let bounds = [places.lowerBound, places.upperBound].map { place in
                Parameter.integer(Int64(clamping: place))
            }
            try candidates.each([.text(match)] + bounds) { row in
                do throws(DatabaseFailure) {
                    let leaves = try parts.log.leaves(from: row.unsigned(0), limit: 1)
                    found += leaves.filter(query.matches)
                } catch {
                    failure = error
                    return false
                }
                return found.count < limit
            }
            if let failure { throw failure }
        } else {
            try parts.log.eachStepBackwards(places) { step in
                found += step.reversed().filter(query.matches).prefix(limit - found.count)
                return found.count < limit
            }
        }
        return SearchAnswer(leaves: found, indexedSize: indexed, logSize: size)
    }

    /// Where the records of those times lie; clocks step back, so the spans may overlap.
    private func places(
        of query: SearchQuery,
        _ indexed: UInt64,
        _ parts: Parts
    ) throws(DatabaseFailure) -> Range<UInt64> {
        var first: UInt64 = 0
        var end = min(indexed, query.before ?? indexed)
        if query.since != nil || query.until != nil {
            let times = [query.since?.description ?? "", query.until?.description ?? "~"]
            let span = try parts.spans.first(.text(times[0]), .text(times[1])) {
                row -> (UInt64, UInt64)? in
                row.isNull(0) ? nil : (row.unsigned(0), row.unsigned(1))
            }
            guard let span = span ?? nil else { return 0..<0 }
            first = span.0
            end = min(end, span.1)
        }
        return first < end ? first..<end : 0..<0
    }

    /// Fields and words as phrases that must all occur; nil when neither was given.
    private static func match(_ query: SearchQuery) -> String? {
        // Each quoted, so that nothing in it is an operator of the query language.
        func quoted(_ text: some StringProtocol) -> String {
            "\"" + text.split(separator: "\"").joined(separator: " ") + "\""
        }
        let fields = [
            query.kind?.rawValue, query.tenant.flatMap { $0 == .main ? nil : $0.rawValue },
            query.call, query.principal?.rawValue, query.server?.rawValue, query.tool?.rawValue,
        ]
        let words = (query.words ?? "").split(whereSeparator: \.isWhitespace).prefix(16)
        let parts =
            fields.compactMap { $0 }.map { "fields : " + quoted($0) } + words.map { quoted($0) }
        return parts.isEmpty ? nil : parts.joined(separator: " ")
    }

    // MARK: the file

    /// Runs `body` once more over a new index when the file turns out to be damaged.
    private func mending<Value>(
        _ body: (Parts) throws(DatabaseFailure) -> Value
    ) throws(DatabaseFailure) -> Value {
        do throws(DatabaseFailure) { return try body(opened()) } catch {
            guard error.meaning == .corrupt else { throw error }
            parts = nil
            remove()
            return try body(opened())
        }
    }

    /// It holds nothing that is not in the log.
    private func remove() {
        for suffix in ["", "-journal"] { unsafe unlink(searchPath + suffix) }
    }

    private static var foreign: DatabaseFailure {
        DatabaseFailure(
            step: "open the search index",
            code: 11,
            message: "it is of another log or another program",
            meaning: .corrupt
        )
    }

    private func opened() throws(DatabaseFailure) -> Parts {
        if let parts { return parts }
        let made = try open()
        parts = made
        return made
    }

    private func open() throws(DatabaseFailure) -> Parts {
        let index = try Database(path: searchPath)
        try index.execute(
            "PRAGMA journal_mode=TRUNCATE; PRAGMA synchronous=OFF; PRAGMA cache_size=-1024;"
        )
        let version = try index.prepare("PRAGMA user_version").first { $0.integer(0) }
        let tables = try index.prepare("SELECT count(*) FROM sqlite_schema").first { $0.integer(0) }
        guard version == Self.version || (version == 0 && tables == 0) else {
            throw Self.foreign
        }
        // `words` keeps no text and no lengths: candidates are read from the log.
        try index.execute(
            """
            BEGIN IMMEDIATE;
            PRAGMA user_version=\(Self.version);
            CREATE TABLE IF NOT EXISTS origin(name TEXT PRIMARY KEY);
            CREATE TABLE IF NOT EXISTS span(
                first INTEGER PRIMARY KEY, next INTEGER, earliest TEXT, latest TEXT);
            CREATE VIRTUAL TABLE IF NOT EXISTS words
                USING fts5(fields, text, content='', columnsize=0);
            COMMIT;
            """
        )
        try index.prepare("INSERT OR IGNORE INTO origin VALUES(?)").run(.text(origin))
        let logs = try index.prepare("SELECT count(*) FROM origin").first { $0.integer(0) }
        guard logs == 1 else { throw Self.foreign }
        return Parts(
            index: index,
            log: try openLog(),
            insert: try index.prepare("INSERT INTO words(rowid, fields, text) VALUES(?, ?, ?)"),
            insertSpan: try index.prepare("INSERT INTO span VALUES(?, ?, ?, ?)"),
            next: try index.prepare("SELECT max(next) FROM span"),
            spans: try index.prepare(
                "SELECT min(first), max(next) FROM span WHERE latest >= ? AND earliest <= ?"
            ),
            begin: try index.prepare("BEGIN IMMEDIATE"),
            commit: try index.prepare("COMMIT"),
            rollback: try index.prepare("ROLLBACK")
        )
    }
}
