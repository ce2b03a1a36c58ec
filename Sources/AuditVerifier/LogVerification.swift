package import Base
import JSON

/// One thing that is wrong with a log, and where.
package struct Finding: Sendable, Equatable, CustomStringConvertible {
    package let leaf: UInt64?
    package let text: String

    package init(leaf: UInt64?, _ text: String) {
        self.leaf = leaf
        self.text = text
    }

    package var description: String { leaf.map { "record \($0): \(text)" } ?? text }
}

/// What a whole verification says.
package struct VerificationReport: Sendable {
    package let size: UInt64
    /// How many of them, from the first one on, are gone, as a signed tombstone says.
    package let removedCount: UInt64
    package let root: Digest
    /// Checkpoints whose signature and root were compared.
    package let checkpointCount: Int
    /// Records up to here are covered by a signed checkpoint; nothing vouches for those after it.
    package let coveredSize: UInt64
    /// Checkpoints over removed records alone: signed, and there is nothing left to compare.
    package let olderCheckpointCount: Int
    /// Calls with an intent and neither outcome nor `unknown`: in flight, or cut off.
    package let openCallCount: Int
    package let findings: [Finding]
    /// Findings beyond the first 100 are only counted.
    package let findingCount: Int

    package var holds: Bool { findingCount == 0 }
}

/// Reads a log from its first record to its last and checks everything that can be checked without
/// trusting its writer.
///
/// Give it the checkpoints first, and what stands in the place of removed records; then every record
/// in order; then ask for the report.
package struct LogVerification {
    private static let findingLimit = 100

    private let hashing: any Hashing
    private var tree: TreeCheck
    /// Roots by size, ascending; the same size may be signed twice.
    private var expected: [(size: UInt64, root: Digest)] = []
    private var next = 0
    private var covered: UInt64 = 0
    private var findings: [Finding] = []
    private var findingCount = 0
    private var open: Set<String> = []
    private var checkpointCount = 0
    private var olderCheckpointCount = 0
    /// The most records a checkpoint covers that was kept elsewhere; nil when none was given.
    private var outsideSize: UInt64?
    private var removedCount: UInt64 = 0
    private var hasBegun = false

    package init(_ hashing: any Hashing) {
        self.hashing = hashing
        tree = TreeCheck(hashing)
    }

    /// Takes a checkpoint to compare with; one that does not hold becomes a finding.
    ///
    /// `isOutside` says that it was kept where the log's owner could not exchange it.
    package mutating func expect(
        _ note: [UInt8],
        _ key: VerifierKey,
        _ checker: any SignatureChecking,
        isOutside: Bool = false
    ) {
        if isOutside { outsideSize = outsideSize ?? 0 }
        do throws(EvidenceError) {
            let checkpoint = try VerifiedCheckpoint(note, key, checker)
            expected.append((checkpoint.size, checkpoint.root))
            if isOutside { outsideSize = max(outsideSize ?? 0, checkpoint.size) }
            checkpointCount += 1
        } catch { find(nil, error.description) }
    }

    /// Takes what the log says of its beginning: the number of its first record, and the tombstone
    /// in the place of those before it.
    ///
    /// Call it before the first record; what does not hold becomes a finding.
    package mutating func begin(
        at first: UInt64,
        _ note: [UInt8]?,
        _ key: VerifierKey,
        _ checker: any SignatureChecking
    ) {
        guard let note else {
            if first > 0 { find(nil, "the first \(first) records are missing, with no tombstone") }
            return
        }
        do throws(EvidenceError) {
            let tombstone = try VerifiedTombstone(note, key, checker)
            guard tombstone.size == first else {
                return find(
                    nil,
                    "the tombstone is of \(tombstone.size) records, the log begins with \(first)"
                )
            }
            tree = TreeCheck(hashing, after: tombstone.size, peaks: tombstone.peaks)
            removedCount = tombstone.size
            open = tombstone.calls
        } catch { find(nil, error.description) }
    }

    private mutating func beginIfNeeded() {
        guard !hasBegun else { return }
        hasBegun = true
        expected.sort { $0.size < $1.size }
        olderCheckpointCount = expected.prefix { $0.size < tree.size }.count
        next = olderCheckpointCount
        compare()
    }

    /// Takes the next record.
    package mutating func add(_ record: [UInt8]) {
        beginIfNeeded()
        let leaf = tree.size
        tree.add(record)
        check(record, leaf)
        compare()
    }

    /// Compares with the checkpoints of the present size.
    private mutating func compare() {
        while next < expected.count, expected[next].size <= tree.size {
            if expected[next].size == tree.size {
                if expected[next].root == tree.root {
                    covered = tree.size
                } else {
                    find(
                        nil,
                        "the first \(tree.size) records are not those the checkpoint was signed over"
                    )
                }
            }
            next += 1
        }
    }

    private mutating func check(_ record: [UInt8], _ leaf: UInt64) {
        guard let document = try? JSONDocument(parsing: record, limits: .result) else {
            return find(leaf, "it is not JSON")
        }
        let root = document.root
        guard let canonical = try? RFC8785.canonical(root), canonical == record else {
            return find(leaf, "it is not in the canonical form of RFC 8785")
        }
        guard root["v"]?.number?.int == 1 else { return find(leaf, "its format is not 1") }
        guard let kind = root["kind"]?.string, root["time"]?.string != nil,
            root["tenant"]?.string != nil, root["environment"]?.string != nil
        else { return find(leaf, "it lacks kind, time, tenant or environment") }
        guard let call = root["call"]?.string else {
            if kind == "intent" || kind == "outcome" { find(leaf, "it names no call") }
            return
        }
        switch kind {
        case "intent":
            if !open.insert(call).inserted { find(leaf, "its call is already under way") }
        case "outcome", "unknown":
            if open.remove(call) == nil { find(leaf, "its call has no open intent") }
        default: break
        }
    }

    private mutating func find(_ leaf: UInt64?, _ text: String) {
        findingCount += 1
        if findings.count < Self.findingLimit { findings.append(Finding(leaf: leaf, text)) }
    }

    package consuming func report() -> VerificationReport {
        beginIfNeeded()
        // Nothing is removed before a checkpoint over it was kept outside, and whoever holds the key
        // can sign a tombstone over records that never were.
        if let outsideSize, outsideSize < removedCount {
            find(
                nil,
                "the first \(removedCount) records are gone, and no checkpoint kept elsewhere "
                    + "covers them: the last one covers \(outsideSize)"
            )
        }
        for missing in expected[next...] {
            find(nil, "a checkpoint covers \(missing.size) records, the log has \(tree.size)")
        }
        return VerificationReport(
            size: tree.size,
            removedCount: removedCount,
            root: tree.root,
            checkpointCount: checkpointCount,
            coveredSize: covered,
            olderCheckpointCount: olderCheckpointCount,
            openCallCount: open.count,
            findings: findings,
            findingCount: findingCount
        )
    }
}
