import Audit
import Base
import System

/// A store in memory that answers as a disk does: who hands over a transaction hears of it in a later
/// turn of the loop, and others run meanwhile.
final class LateStore: RecordStore {
    private let base: MemoryStore
    private let loop: EventLoop

    init(_ base: MemoryStore, on loop: EventLoop) {
        self.base = base
        self.loop = loop
    }

    func submit(
        _ transaction: Transaction,
        _ continuation: UnsafeContinuation<Result<Receipt, StoreError>, Never>
    ) {
        // One after another, as they came; each resumes its caller.
        loop.spawn { [base] in unsafe base.submit(transaction, continuation) }
    }

    func post(_ transaction: Transaction) throws(StoreError) { try base.post(transaction) }
    func countLost() { base.countLost() }
    var lostCount: UInt64 { base.lostCount }
    var size: UInt64 { base.size }
    var health: StoreHealth { base.health }
    var key: CheckpointKey { base.key }

    func entry(_ key: StateKey) async throws(StoreError) -> StateEntry? {
        try await base.entry(key)
    }

    func entries(
        _ table: StateTable,
        tenant: TenantID?,
        after: StateKey?,
        limit: Int
    ) async throws(StoreError) -> [StateEntry] {
        try await base.entries(table, tenant: tenant, after: after, limit: limit)
    }

    func leaves(from index: UInt64, limit: Int) async throws(StoreError) -> [StoredLeaf] {
        try await base.leaves(from: index, limit: limit)
    }

    func checkpoint() async throws(StoreError) -> String { try await base.checkpoint() }

    func inclusionProof(
        of leaf: UInt64,
        size: UInt64
    ) async throws(StoreError) -> TreeProof? {
        try await base.inclusionProof(of: leaf, size: size)
    }

    func consistencyProof(
        from older: UInt64,
        to size: UInt64
    ) async throws(StoreError) -> TreeProof? {
        try await base.consistencyProof(from: older, to: size)
    }

    func forgetSalt(of leaf: UInt64) async throws(StoreError) {
        try await base.forgetSalt(of: leaf)
    }
    func salt(of leaf: UInt64) async throws(StoreError) -> Salt? { try await base.salt(of: leaf) }
    func close() async { await base.close() }
}
