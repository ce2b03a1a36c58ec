package import Base

/// The log at one moment, in figures.
package struct StoreFigures: Sendable {
    package struct File: Sendable {
        package let name: String
        package let byteCount: UInt64
    }

    package let recordCount: UInt64
    /// How many of them, from the first one on, were removed.
    package let removedCount: UInt64
    /// Records that no checkpoint covers yet.
    package let unsignedCount: UInt64
    /// How long the database transactions took, their sync included.
    package let commitTime: DurationHistogram
    /// Transactions that wait for the writer, and what they take in memory, roughly.
    package let waitingCount: Int
    package let waitingByteCount: Int
    package let lostCount: UInt64
    package let files: [File]
    /// What an ordinary user may still write to the file system of the log.
    package let freeByteCount: UInt64
    /// Bytes of records by tenant on the day of its last record.
    package let dayBytes: [TenantID: Int]
}
