package import Base

/// A store that forgets everything with the process.
///
/// For tests, and to measure what durability costs. Same semantics otherwise.
package final class MemoryStore: RecordStore {
    private struct Contents {
        var leaves: [[UInt8]] = []
        var salts: [UInt64: Salt] = [:]
        var edge: TreeEdge
        var rows: [StateKey: (version: UInt64, value: [UInt8])] = [:]
        var health = StoreHealth.writable
        var lostCount: UInt64 = 0
    }

    package let key: CheckpointKey
    private let signer: any Signing
    private let hashing: any Hashing
    private let contents: Lock<Contents>

    package init(hashing: any Hashing, signer: any Signing, random: any RandomSource) {
        self.hashing = hashing
        self.signer = signer
        key = CheckpointKey(
            origin: LogOrigin(from: random),
            publicKey: signer.publicKey,
            hashing
        )
        contents = Lock(Contents(edge: TreeEdge(hashing)))
    }

    package var size: UInt64 { contents.withLock { $0.edge.size } }
    package var health: StoreHealth { contents.withLock { $0.health } }

    /// Makes every later write fail as a full disk would (tests).
    package func setHealth(_ health: StoreHealth) { contents.withLock { $0.health = health } }

    package func submit(
        _ transaction: Transaction,
        _ continuation: UnsafeContinuation<Result<Receipt, StoreError>, Never>
    ) {
        let result = Result { () throws(StoreError) in try apply(transaction) }
        unsafe continuation.resume(returning: result)
    }

    package func post(_ transaction: Transaction) throws(StoreError) { _ = try apply(transaction) }

    package func countLost() { contents.withLock { $0.lostCount += 1 } }
    package var lostCount: UInt64 { contents.withLock { $0.lostCount } }

    private func apply(_ transaction: Transaction) throws(StoreError) -> Receipt {
        let encoded = transaction.records.map { $0.encoded() }
        for bytes in encoded where bytes.count > Limits.recordByteCount {
            throw .recordTooLarge(byteCount: bytes.count, limit: Limits.recordByteCount)
        }
        let result: Result<Receipt, StoreError> = contents.withLock { contents in
            if let refusal = contents.health.refusal(of: transaction) { return .failure(refusal) }
            var changed: [StateKey: (version: UInt64, value: [UInt8])?] = [:]
            var versions: [UInt64] = []
            for (index, change) in transaction.changes.enumerated() {
                let key = change.key
                let row = changed[key] ?? contents.rows[key]
                let found = row?.version ?? 0
                guard change.expectation.holds(forVersion: found) else {
                    return .failure(.conflict(index: index, key: key, found: found))
                }
                switch change {
                case .put(_, let value, _):
                    changed[key] = .some((found + 1, value))
                    versions.append(found + 1)
                case .delete:
                    changed[key] = .some(nil)
                    versions.append(0)
                case .check: versions.append(0)
                }
            }
            for (key, row) in changed { contents.rows[key] = row }
            let first = contents.edge.size
            for (record, bytes) in zip(transaction.records, encoded) {
                var full: [Tile] = []
                if let salt = record.salt { contents.salts[contents.edge.size] = salt }
                contents.edge.append(bytes, tiles: &full)
                contents.leaves.append(bytes)
            }
            return .success(Receipt(leaves: first..<contents.edge.size, versions: versions))
        }
        return try result.get()
    }

    package func entry(_ key: StateKey) async throws(StoreError) -> StateEntry? {
        contents.withLock { contents in
            contents.rows[key].map { StateEntry(key: key, version: $0.version, value: $0.value) }
        }
    }

    package func entries(
        _ table: StateTable,
        tenant: TenantID?,
        after: StateKey?,
        limit: Int
    ) async throws(StoreError) -> [StateEntry] {
        let rows = contents.withLock { $0.rows }
        let keys = rows.keys.filter { key in
            key.table == table && (tenant == nil || key.tenant == tenant)
                && (after.map { Self.precedes($0, key) } ?? true)
        }
        return keys.sorted(by: Self.precedes).prefix(max(0, limit)).compactMap { key in
            rows[key].map { StateEntry(key: key, version: $0.version, value: $0.value) }
        }
    }

    private static func precedes(_ left: StateKey, _ right: StateKey) -> Bool {
        left.tenant == right.tenant
            ? left.name.utf8.lexicographicallyPrecedes(right.name.utf8)
            : left.tenant.rawValue.utf8.lexicographicallyPrecedes(right.tenant.rawValue.utf8)
    }

    package func leaves(from index: UInt64, limit: Int) async throws(StoreError) -> [StoredLeaf] {
        contents.withLock { contents in
            let start = Int(clamping: index)
            guard start < contents.leaves.count, limit > 0 else { return [] }
            let end = min(contents.leaves.count, start + min(limit, contents.leaves.count))
            return (start..<end).map { StoredLeaf(index: UInt64($0), bytes: contents.leaves[$0]) }
        }
    }

    package func checkpoint() async throws(StoreError) -> String {
        let edge = contents.withLock { $0.edge }
        return key.note(
            Checkpoint(origin: key.origin.text, size: edge.size, root: edge.root),
            signedBy: signer
        )
    }

    package func inclusionProof(
        of leaf: UInt64,
        size: UInt64
    ) async throws(StoreError) -> TreeProof? {
        let contents = contents.withLock { $0 }
        guard size <= contents.edge.size else { return nil }
        return prover(contents).inclusion(of: leaf, size: size)
    }

    package func consistencyProof(
        from older: UInt64,
        to size: UInt64
    ) async throws(StoreError) -> TreeProof? {
        let contents = contents.withLock { $0 }
        guard size <= contents.edge.size else { return nil }
        return prover(contents).consistency(from: older, to: size)
    }

    private func prover(_ contents: Contents) -> TreeProver<Never> {
        let tree = TreeHashing(hashing)
        return TreeProver(hashing) { level, index in
            let start = Int(clamping: index << UInt64(level))
            let leaves = contents.leaves[start..<start + 1 << level].map { tree.leaf($0) }
            return tree.root(ofComplete: leaves[...])
        }
    }

    package func forgetSalt(of leaf: UInt64) async throws(StoreError) {
        contents.withLock { $0.salts[leaf] = nil }
    }

    package func salt(of leaf: UInt64) async throws(StoreError) -> Salt? {
        contents.withLock { $0.salts[leaf] }
    }

    package func close() async { contents.withLock { $0.health = .closed } }
}

extension Expectation {
    /// Whether a row of that version (0 when absent) is as expected.
    package func holds(forVersion found: UInt64) -> Bool {
        switch self {
        case .anything: true
        case .absent: found == 0
        case .version(let version): found == version && found > 0
        }
    }
}

extension StoreHealth {
    /// Why a store in this state does not take the transaction; nil when it does.
    package func refusal(of transaction: Transaction) -> StoreError? {
        switch self {
        case .writable: nil
        case .reserveOnly(let reason):
            transaction.records.contains { $0.kind.startsWork } ? .noSpace(reason) : nil
        case .notWritable(let reason): .notWritable(reason)
        case .broken(let reason): .broken(reason)
        case .closed: .closed
        }
    }
}
