import Audit
import Base

/// What callers may see of the writer's state at any time.
struct PublishedState {
    var size: UInt64
    var health: StoreHealth
    var lastNote: String?
    /// The size the last note covers.
    var signedSize: UInt64
    /// What says that the oldest records were removed; nil while the log has all of them.
    var tombstone: Tombstone?
    /// The size of the last checkpoint that is kept beside the database and at every destination.
    var keptSize: UInt64 = 0
    /// Checkpoints the keeper was given and is not done with.
    var unkeptCount = 0
    /// Why the last checkpoint the keeper is done with is not kept everywhere.
    var keepFailure: String?
    /// Transactions that could not be recorded, and whose callers do not wait or can do nothing.
    var lostCount: UInt64 = 0
    /// How long the database transactions took, their sync included.
    var commitTime = DurationHistogram()
    /// Bytes of records by tenant on the day of the last of them, for tenants written since the start.
    var dayBytes: [TenantID: Int] = [:]
}
