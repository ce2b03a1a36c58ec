import Audit
package import Base

/// Which of the oldest records may go, and which are still needed.
///
/// Parts that are nil ask for nothing; with neither `before` nor `byteCount` nothing goes.
package struct RemovalOrder: Sendable {
    /// Records from before this moment go.
    package var before: Timestamp?
    /// The oldest records go until the database fills no more than this.
    package var byteCount: UInt64?
    /// By size only records from before this moment go; nil for all of them.
    package var sizeBefore: Timestamp?
    /// Records from this one on stay, whatever their age.
    package var neededFrom: UInt64?
    /// Records from this moment on stay, whatever their size.
    package var neededSince: Timestamp?

    package init() {}
}

/// What one step removed.
package struct Removal: Sendable {
    /// Records 0 up to this one are gone.
    package let size: UInt64
    package let recordCount: UInt64
}

/// One step of a removal, found by the reader and carried out by the writer: whole rows of the
/// oldest records, few enough that no call waits long for them.
struct RemovalPlan: Sendable {
    /// Bounds of one step: what it writes fits the room of the write-ahead log.
    private static let recordCount: UInt64 = 4096
    private static let byteCount = 2 << 20

    enum Reason: String, Sendable { case age, size }

    /// The first record there is before the step.
    let first: UInt64
    let tombstone: Tombstone
    let reason: Reason

    /// Nil when nothing may go.
    ///
    /// `floor` is the first record the writer itself needs; `calls` are those the last step left
    /// without their intent.
    init?(
        _ order: RemovalOrder,
        from reader: LogReader,
        floor: UInt64,
        calls: [String],
        at now: Timestamp
    ) throws(DatabaseFailure) {
        let first = try reader.begin()
        // The tile that is being filled is made from its records.
        let end = min(floor, order.neededFrom ?? .max, try reader.size() & ~255)
        guard first < end else { return nil }
        let used = order.byteCount == nil ? 0 : try reader.usedByteCount()
        let surplus = order.byteCount.map { used - min(used, $0) } ?? 0
        var (next, byteCount, reason) = (first, 0, Reason?.none)
        var open = Set(calls)
        try reader.eachRow(from: first) { row in
            let rowEnd = row.first + UInt64(row.records.count)
            guard row.first == next, rowEnd <= end,
                rowEnd - first <= Self.recordCount || next == first,
                let last = row.records.last, let time = RecordHead(leaf: Array(last))?.timestamp,
                order.neededSince.map({ time < $0 }) ?? true
            else { return false }
            let isOld = order.before.map { time < $0 } ?? false
            let maySpill = order.sizeBefore.map { time < $0 } ?? true
            guard isOld || maySpill && UInt64(byteCount) < surplus else { return false }
            reason = reason ?? (isOld ? .age : .size)
            for record in row.records {
                guard let head = RecordHead(leaf: Array(record)), let call = head.call else {
                    continue
                }
                switch RecordKind(rawValue: head.kind) {
                case .intent: open.insert(call)
                case .outcome, .unknown: open.remove(call)
                default: break
                }
                byteCount += record.count
            }
            next = rowEnd
            return byteCount < Self.byteCount
        }
        guard next > first, let reason else { return nil }
        self.first = first
        self.reason = reason
        tombstone = Tombstone(
            size: next,
            time: now,
            peaks: try reader.prover().peaks(size: next),
            calls: open.sorted()
        )
    }
}
