import Audit

/// Single records of one state of the log, read row by row: who asks for neighbours one after the
/// other reads and takes apart the row they share once.
///
/// Only for the length of a snapshot: rows may be removed after it.
struct LeafWindow {
    private let log: LogReader
    private var first: UInt64 = 0
    private var records: [ArraySlice<UInt8>] = []

    init(_ log: LogReader) { self.log = log }

    /// One record; nil where the log does not have it.
    mutating func leaf(_ index: UInt64) throws(DatabaseFailure) -> StoredLeaf? {
        if index < first || index - first >= UInt64(records.count) {
            guard let row = try log.neighbours(of: index) else { return nil }
            (first, records) = row
        }
        return StoredLeaf(index: index, bytes: Array(records[Int(index - first)]))
    }
}
