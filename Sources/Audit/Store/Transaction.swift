package import Base

/// Records and state changes that become durable together or not at all.
///
/// Changes are tried in order; the first expectation that does not hold refuses everything with
/// `StoreError.conflict`, and no record is written.
package struct Transaction: Sendable {
    package var records: [AuditRecord]
    package var changes: [StateChange]

    package init(records: [AuditRecord] = [], changes: [StateChange] = []) {
        self.records = records
        self.changes = changes
    }

    package init(_ record: AuditRecord) { self.init(records: [record]) }
}

/// What became durable.
package struct Receipt: Hashable, Sendable {
    /// The leaf indexes of the transaction's records, in order.
    package let leaves: Range<UInt64>
    /// The version each changed row has now, in the order of the changes; 0 for deleted and
    /// checked ones.
    package let versions: [UInt64]

    package init(leaves: Range<UInt64>, versions: [UInt64]) {
        self.leaves = leaves
        self.versions = versions
    }
}

/// A leaf as it stands in the log.
package struct StoredLeaf: Hashable, Sendable {
    package let index: UInt64
    package let bytes: [UInt8]

    package init(index: UInt64, bytes: [UInt8]) {
        self.index = index
        self.bytes = bytes
    }
}

/// Why something was not recorded.
///
/// In every case nothing of it was.
package enum StoreError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The row is not as the change at `index` expects; `found` is its version, 0 when absent.
    case conflict(index: Int, key: StateKey, found: UInt64)
    /// More is waiting than the queue may hold.
    case queueFull
    /// The log cannot grow; only what ends, decides or locks is still recorded.
    case noSpace(String)
    /// The disk refused; tried again every second.
    case notWritable(String)
    /// The disk lied or evidence does not fit: nothing more is written until an operator looks.
    case broken(String)
    case budgetSpent(TenantID, limit: Int)
    case recordTooLarge(byteCount: Int, limit: Int)
    case valueTooLarge(StateKey, byteCount: Int, limit: Int)
    case closed
    /// Reading failed.
    case unreadable(String)

    package var description: String {
        switch self {
        case .conflict(_, let key, let found):
            "`\(key)` changed meanwhile (now version \(found)); read it again and decide anew"
        case .queueFull:
            "more records wait than the disk can take; try again in a second"
        case .noSpace(let reason):
            "no room for new records (\(reason)); free space on the state folder's disk"
        case .notWritable(let reason):
            "the log cannot be written (\(reason)); check the state folder's disk"
        case .broken(let reason):
            "the log is stopped (\(reason)); run `gatehouse audit verify` before starting again"
        case .budgetSpent(let tenant, let limit):
            "tenant `\(tenant)` used its \(limit) bytes of records for today; raise its budget"
        case .recordTooLarge(let byteCount, let limit):
            "a record of \(byteCount) bytes is over the limit of \(limit); shorten its texts"
        case .valueTooLarge(let key, let byteCount, let limit):
            "`\(key)` with \(byteCount) bytes is over the limit of \(limit)"
        case .closed:
            "the log is closed; the gateway is shutting down"
        case .unreadable(let reason):
            "the log cannot be read (\(reason)); check the state folder's disk"
        }
    }
}

/// Whether evidence can be written; `/readyz` and the door read it.
package enum StoreHealth: Hashable, Sendable {
    case writable
    /// New work is refused with `noSpace`; decisions, outcomes and lockdowns use the reserve.
    case reserveOnly(String)
    /// Nothing can be written now; tried again every second.
    case notWritable(String)
    /// Nothing will be written until a restart.
    case broken(String)
    case closed

    /// Whether a new call's intent would be taken.
    package var isWritable: Bool { self == .writable }
}
