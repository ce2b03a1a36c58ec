import Audit
import Base

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
    /// Records whose first and last time are noted together: of what a question with a time has to
    /// look at, so many at either end may lie outside.
    private static let spanCount: UInt64 = 512
    /// After so many records a step pauses where calls come and go: half a millisecond's work.
    private static let pieceCount: UInt64 = 64

    private let path: String
    private let origin: String
    private let openLog: () throws(DatabaseFailure) -> LogReader
    private var parts: (file: IndexFile, log: LogReader)?
    private var words = RecordWords()

    /// Opens nothing yet: that is done when there is a first record to index, or a question.
    ///
    /// `:memory:` as the path makes one that is nowhere kept.
    init(
        path: String,
        origin: String,
        log: @escaping () throws(DatabaseFailure) -> LogReader
    ) {
        self.path = path
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
        try mending { file, log throws(DatabaseFailure) in
            try log.snapshot { () throws(DatabaseFailure) in
                try self.catchUp(limit: limit, file, log, pause)
            }
        }
    }

    private func catchUp(
        limit: Int,
        _ file: IndexFile,
        _ log: LogReader,
        _ pause: () -> Void
    ) throws(DatabaseFailure) -> (indexed: UInt64, size: UInt64) {
        let (begin, size) = (try log.begin(), try log.size())
        // The place is read inside the change: a command of the operator may index, too.
        return try file.change { () throws(DatabaseFailure) in
            try file.drop(before: begin, whole: false)
            let first = max(begin, try file.indexed().upperBound)
            // A step ends where a part does.
            let partEnd = (first / IndexFile.partCount + 1) * IndexFile.partCount
            let end = min(size, partEnd, first + UInt64(clamping: limit))
            if first < end { try insert(first..<end, file, log, pause) }
            return (max(first, end), size)
        }
    }

    /// Takes the words of removed records out of the part whose other records are still there.
    func forgetRemoved() throws(DatabaseFailure) {
        try mending { file, log throws(DatabaseFailure) in
            try log.snapshot { () throws(DatabaseFailure) in
                try file.change { () throws(DatabaseFailure) in try self.forgetRemoved(file, log) }
            }
        }
    }

    private func forgetRemoved(
        _ file: IndexFile,
        _ log: LogReader
    ) throws(DatabaseFailure) {
        let (begin, indexed) = (try log.begin(), try file.indexed())
        guard indexed.lowerBound < begin, begin < indexed.upperBound else { return }
        try file.drop(before: begin, whole: true)
        let partEnd = (begin / IndexFile.partCount + 1) * IndexFile.partCount
        _ = try read(begin..<min(indexed.upperBound, partEnd), file, log) {}
    }

    private func insert(
        _ range: Range<UInt64>,
        _ file: IndexFile,
        _ log: LogReader,
        _ pause: () -> Void
    ) throws(DatabaseFailure) {
        var first = range.lowerBound
        while first < range.upperBound {
            let span = first..<min(range.upperBound, first + Self.spanCount)
            let times = try read(span, file, log, pause)
            try file.note(span, earliest: times.earliest, latest: times.latest)
            first = span.upperBound
        }
    }

    /// Inserts what those records say; the first and the last of their times.
    private func read(
        _ range: Range<UInt64>,
        _ file: IndexFile,
        _ log: LogReader,
        _ pause: () -> Void
    ) throws(DatabaseFailure) -> (earliest: [UInt8], latest: [UInt8]) {
        var failure: DatabaseFailure?
        var next = range.lowerBound
        // RFC 3339 in UTC with a fixed width sorts as text.
        var earliest: [UInt8] = []
        var latest: [UInt8] = []
        try log.eachLeaf(from: range.lowerBound) { leaf in
            words.read(leaf: leaf.bytes)
            do throws(DatabaseFailure) { try file.insert(leaf.index, words) } catch {
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
        return (earliest, latest)
    }

    // MARK: questions

    /// What is found among the records indexed so far.
    func answer(_ query: SearchQuery) throws(DatabaseFailure) -> SearchAnswer {
        try mending { file, log throws(DatabaseFailure) in
            // Both read one state of the log: records may be removed meanwhile.
            try log.snapshot { () throws(DatabaseFailure) in try self.answer(query, file, log) }
        }
    }

    private func answer(
        _ query: SearchQuery,
        _ file: IndexFile,
        _ log: LogReader
    ) throws(DatabaseFailure) -> SearchAnswer {
        let size = try log.size()
        let indexed = try file.indexed().upperBound
        var found: [StoredLeaf] = []
        let limit = min(max(query.limit, 1), 1000)
        let places = try places(of: query, indexed, file, log)
        if let match = Self.match(query) {
            var failure: DatabaseFailure?
            var window = LeafWindow(log)
            try file.candidates(match, in: places) { record in
                do throws(DatabaseFailure) {
                    if let leaf = try window.leaf(record), query.matches(leaf) {
                        found.append(leaf)
                    }
                } catch {
                    failure = error
                    return false
                }
                return found.count < limit
            }
            if let failure { throw failure }
        } else {
            try log.eachStepBackwards(places) { step in
                found += step.reversed().filter(query.matches).prefix(limit - found.count)
                return found.count < limit
            }
        }
        return SearchAnswer(leaves: found, indexedSize: indexed, logSize: size)
    }

    /// Where the records that may be meant lie.
    private func places(
        of query: SearchQuery,
        _ indexed: UInt64,
        _ file: IndexFile,
        _ log: LogReader
    ) throws(DatabaseFailure) -> Range<UInt64> {
        var first = try log.begin()
        var end = min(indexed, query.before ?? indexed)
        if query.since != nil || query.until != nil {
            guard let span = try file.places(since: query.since, until: query.until) else {
                return 0..<0
            }
            first = max(first, span.lowerBound)
            end = min(end, span.upperBound)
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
            query.kind?.rawValue, query.tenant?.rawValue, query.call, query.principal?.rawValue,
            query.server?.rawValue, query.tool?.rawValue,
        ]
        let words = (query.words ?? "").split(whereSeparator: \.isWhitespace).prefix(16)
        let parts =
            fields.compactMap { $0 }.map { "fields : " + quoted($0) } + words.map { quoted($0) }
        return parts.isEmpty ? nil : parts.joined(separator: " ")
    }

    // MARK: the file

    /// Runs `body` once more over a new index when the file turns out to be damaged.
    private func mending<Value>(
        _ body: (IndexFile, LogReader) throws(DatabaseFailure) -> Value
    ) throws(DatabaseFailure) -> Value {
        do throws(DatabaseFailure) { return try run(body) } catch {
            guard error.meaning == .corrupt else { throw error }
            parts = nil
            IndexFile.remove(path)
            return try run(body)
        }
    }

    private func run<Value>(
        _ body: (IndexFile, LogReader) throws(DatabaseFailure) -> Value
    ) throws(DatabaseFailure) -> Value {
        if let parts { return try body(parts.file, parts.log) }
        let opened = (file: try IndexFile(path: path, origin: origin), log: try openLog())
        parts = opened
        return try body(opened.file, opened.log)
    }
}
