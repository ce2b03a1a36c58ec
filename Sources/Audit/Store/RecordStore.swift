package import Base

/// Where records become durable and state changes with them.
///
/// One transaction of one caller is atomic; the store may write those of many callers in one disk
/// operation. `Storage` conforms with SQLite; `MemoryStore` keeps everything in memory.
package protocol RecordStore: Sendable {
    /// Hands over a transaction, and resumes its caller when it is durable or refused.
    ///
    /// What `commit` waits for; itself without a wait, for the one caller to whom another
    /// asynchronous function is too dear.
    func submit(
        _ transaction: Transaction,
        _ continuation: UnsafeContinuation<Result<Receipt, StoreError>, Never>
    )

    /// Hands over a transaction nobody waits for; it joins the next group commit, at most
    /// `Limits.outcomeDelay` later. Throws when it was not even taken; what cannot be written
    /// later counts as lost.
    ///
    /// For callers that do something else when it throws; all others `note`.
    func post(_ transaction: Transaction) throws(StoreError)

    /// Counts a transaction that is not recorded, and of which nobody hears but by this figure.
    func countLost()

    /// Transactions that were to be recorded and are not, since the store was opened.
    var lostCount: UInt64 { get }

    func entry(_ key: StateKey) async throws(StoreError) -> StateEntry?

    /// Rows of a table in the order of tenant and name (as bytes), beginning after `after`.
    func entries(
        _ table: StateTable,
        tenant: TenantID?,
        after: StateKey?,
        limit: Int
    ) async throws(StoreError) -> [StateEntry]

    /// Leaves from that index on, at most `limit` and at most 16 MiB; fewer only at the end of the
    /// log or at that byte limit.
    func leaves(from index: UInt64, limit: Int) async throws(StoreError) -> [StoredLeaf]

    /// Signs the log as it is now; what was signed is kept and sent away.
    func checkpoint() async throws(StoreError) -> String

    /// That record `leaf` is in the log of `size` records (RFC 9162 2.1.3); nil when it is not.
    func inclusionProof(
        of leaf: UInt64,
        size: UInt64
    ) async throws(StoreError) -> TreeProof?

    /// That the log of `size` records begins with the one of `older` (RFC 9162 2.1.4).
    func consistencyProof(
        from older: UInt64,
        to size: UInt64
    ) async throws(StoreError) -> TreeProof?

    /// Deletes the salt of a record: its commitments can no longer be opened by anyone.
    func forgetSalt(of leaf: UInt64) async throws(StoreError)

    /// The salt of a record, while it is kept.
    func salt(of leaf: UInt64) async throws(StoreError) -> Salt?

    /// The number of durable records.
    var size: UInt64 { get }
    var health: StoreHealth { get }
    var key: CheckpointKey { get }

    /// Writes what waits, signs a last checkpoint and lets go of the files.
    func close() async
}

extension RecordStore {
    /// Returns when the transaction is durable.
    ///
    /// Cancelling the task does not take it back: it is always either recorded or refused.
    package func commit(_ transaction: Transaction) async throws(StoreError) -> Receipt {
        try await unsafe withUnsafeContinuation { unsafe submit(transaction, $0) }.get()
    }

    package func commit(_ record: AuditRecord) async throws(StoreError) -> UInt64 {
        try await commit(Transaction(record)).leaves.lowerBound
    }

    package func post(_ record: AuditRecord) throws(StoreError) { try post(Transaction(record)) }

    /// Hands over what happened whether or not it can be recorded; every failure counts as lost.
    package func note(_ transaction: Transaction) {
        do throws(StoreError) { try post(transaction) } catch { countLost() }
    }

    package func note(_ record: AuditRecord) { note(Transaction(record)) }

    /// Like `note`, and returns when the transaction is durable, or with false when it counts as
    /// lost.
    @discardableResult
    package func noteDurably(_ transaction: Transaction) async -> Bool {
        do throws(StoreError) {
            _ = try await commit(transaction)
            return true
        } catch {
            countLost()
            return false
        }
    }

    @discardableResult
    package func noteDurably(_ record: AuditRecord) async -> Bool {
        await noteDurably(Transaction(record))
    }

    /// Every row of a table; for tables that are small by nature.
    package func allEntries(
        _ table: StateTable,
        tenant: TenantID? = nil
    ) async throws(StoreError) -> [StateEntry] {
        var all: [StateEntry] = []
        while true {
            let page = try await entries(table, tenant: tenant, after: all.last?.key, limit: 500)
            all += page
            if page.count < 500 { return all }
        }
    }
}
