import Audit
import Base
import Glibc

/// An index over the log in a file of its own, which can be deleted and is then built again.
///
/// It follows the log when that is quiet, and before each question; the writer never waits for it.
final class SearchIndex {
    /// Records indexed before one question is answered; about two seconds of work.
    private static let catchUpCount = 200_000
    private static let quietCount: UInt64 = 500
    private static let stepCount = 2000

    private let searchPath: String
    private let openLog: () throws(DatabaseFailure) -> LogReader
    private var parts: Parts?
    private let origin: String
    private var lastSize: UInt64 = 0
    private var caughtUpSize: UInt64 = 0

    private struct Parts {
        let index: Database
        let log: LogReader
        let insert, insertWords, next, begin, commit, rollback: Statement
    }

    /// Opens nothing yet: that is done when there is a first record to index, or a question.
    init(
        path: String,
        origin: String,
        log: @escaping () throws(DatabaseFailure) -> LogReader
    ) {
        searchPath = path
        self.origin = origin
        openLog = log
    }

    /// Indexes a little when the log grew little since the last look.
    func catchUpWhenQuiet(size: UInt64) {
        let growth = size - min(size, lastSize)
        lastSize = size
        guard growth < Self.quietCount, size > caughtUpSize else { return }
        // Without an index the next question says why; nothing depends on this step.
        if let indexed = try? catchUp(to: size, limit: Self.stepCount) { caughtUpSize = indexed }
    }

    func answer(_ query: SearchQuery) throws(DatabaseFailure) -> SearchAnswer {
        let parts = try opened()
        let logSize = try parts.log.size()
        let indexed = try catchUp(to: logSize, limit: Self.catchUpCount)
        var clauses: [String] = []
        var values: [Parameter] = []
        func add(_ clause: String, _ value: Parameter?) {
            guard let value else { return }
            clauses.append(clause)
            values.append(value)
        }
        add("tenant = ?", query.tenant.map { .text($0.rawValue) })
        add("kind = ?", query.kind.map { .text($0.rawValue) })
        add("call = ?", query.call.map { .text($0) })
        add("principal = ?", query.principal.map { .text($0.rawValue) })
        add("server = ?", query.server.map { .text($0.rawValue) })
        add("tool = ?", query.tool.map { .text($0.rawValue) })
        // RFC 3339 in UTC with a fixed width sorts as text.
        add("time >= ?", query.since.map { .text($0.description) })
        add("time <= ?", query.until.map { .text($0.description) })
        add("leaf < ?", query.before.map { .integer(Int64(clamping: $0)) })
        add(
            "leaf IN (SELECT rowid FROM words WHERE words MATCH ?)",
            Self.match(query.words).map { .text($0) }
        )
        let condition = clauses.isEmpty ? "" : "WHERE " + clauses.joined(separator: " AND ")
        values.append(.integer(Int64(min(max(query.limit, 1), 1000))))
        let statement = try parts.index.prepare(
            "SELECT leaf FROM entry \(condition) ORDER BY leaf DESC LIMIT ?"
        )
        var found: [UInt64] = []
        try statement.each(values) { row in
            found.append(row.unsigned(0))
            return true
        }
        var leaves: [StoredLeaf] = []
        for leaf in found { leaves += try parts.log.leaves(from: leaf, limit: 1) }
        return SearchAnswer(leaves: leaves, indexedSize: indexed, logSize: logSize)
    }

    /// Each word quoted, so that nothing in it is an operator of the query language.
    private static func match(_ words: String?) -> String? {
        let quoted = (words ?? "").split(whereSeparator: \.isWhitespace).prefix(16).map { word in
            "\"" + word.split(separator: "\"").joined() + "\""
        }
        return quoted.isEmpty ? nil : quoted.joined(separator: " ")
    }

    /// Indexes up to `limit` more records; how many are indexed then.
    private func catchUp(to size: UInt64, limit: Int) throws(DatabaseFailure) -> UInt64 {
        let parts = try opened()
        var left = limit
        while left > 0 {
            // The place is read inside the transaction: a command of the operator may index, too.
            try parts.begin.run()
            do throws(DatabaseFailure) {
                let next = try parts.next.first(read: { $0.unsigned(0) }) ?? 0
                let leaves =
                    next < size
                    ? try parts.log.leaves(from: next, limit: min(Self.stepCount, left)) : []
                for leaf in leaves { try insert(leaf, parts) }
                try parts.commit.run()
                guard !leaves.isEmpty else { return next }
                left -= leaves.count
            } catch {
                try? parts.rollback.run()
                throw error
            }
        }
        return try parts.next.first(read: { $0.unsigned(0) }) ?? 0
    }

    private func insert(_ leaf: StoredLeaf, _ parts: Parts) throws(DatabaseFailure) {
        func text(_ value: String?) -> Parameter { value.map { .text($0) } ?? .null }
        let index = Parameter.integer(Int64(clamping: leaf.index))
        let head = RecordHead(leaf: leaf.bytes)
        try parts.insert.run(
            index,
            text(head?.time),
            text(head?.tenant),
            text(head?.kind),
            text(head?.call),
            text(head?.principal),
            text(head?.server),
            text(head?.tool)
        )
        try parts.insertWords.run(index, text(head?.words))
    }

    private func opened() throws(DatabaseFailure) -> Parts {
        if let parts { return parts }
        let made: Parts
        do throws(DatabaseFailure) { made = try open() } catch {
            // Damaged, or of another log: it holds nothing that is not in the log.
            for suffix in ["", "-journal"] { unsafe unlink(searchPath + suffix) }
            made = try open()
        }
        parts = made
        return made
    }

    private func open() throws(DatabaseFailure) -> Parts {
        let index = try Database(path: searchPath)
        try index.execute(
            """
            PRAGMA journal_mode=TRUNCATE; PRAGMA synchronous=OFF;
            CREATE TABLE IF NOT EXISTS origin(name TEXT PRIMARY KEY);
            CREATE TABLE IF NOT EXISTS entry(
                leaf INTEGER PRIMARY KEY, time TEXT, tenant TEXT, kind TEXT, call TEXT,
                principal TEXT, server TEXT, tool TEXT);
            CREATE INDEX IF NOT EXISTS entry_call ON entry(call);
            CREATE INDEX IF NOT EXISTS entry_tool ON entry(server, tool);
            CREATE VIRTUAL TABLE IF NOT EXISTS words USING fts5(text, content='');
            """
        )
        try index.prepare("INSERT OR IGNORE INTO origin VALUES(?)").run(.text(origin))
        let logs = try index.prepare("SELECT count(*) FROM origin").first { $0.integer(0) }
        guard logs == 1 else {
            throw DatabaseFailure(
                step: "open the search index",
                code: 11,
                message: "it is of another log",
                meaning: .corrupt
            )
        }
        return Parts(
            index: index,
            log: try openLog(),
            insert: try index.prepare("INSERT INTO entry VALUES(?, ?, ?, ?, ?, ?, ?, ?)"),
            insertWords: try index.prepare("INSERT INTO words(rowid, text) VALUES(?, ?)"),
            next: try index.prepare("SELECT max(leaf) + 1 FROM entry"),
            begin: try index.prepare("BEGIN IMMEDIATE"),
            commit: try index.prepare("COMMIT"),
            rollback: try index.prepare("ROLLBACK")
        )
    }
}
