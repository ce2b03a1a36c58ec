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
    package let root: Digest
    /// Checkpoints whose signature and root were compared.
    package let checkpointCount: Int
    /// Records up to here are covered by a signed checkpoint; nothing vouches for those after it.
    package let coveredSize: UInt64
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
/// Give it the checkpoints first, then every record in order, then ask for the report.
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

    package init(_ hashing: any Hashing) {
        self.hashing = hashing
        tree = TreeCheck(hashing)
    }

    /// Takes a checkpoint to compare with; one that does not hold becomes a finding.
    package mutating func expect(
        _ note: [UInt8],
        _ key: VerifierKey,
        _ checker: any SignatureChecking
    ) {
        do throws(EvidenceError) {
            let checkpoint = try VerifiedCheckpoint(note, key, checker)
            expected.append((checkpoint.size, checkpoint.root))
            checkpointCount += 1
        } catch { find(nil, error.description) }
    }

    /// Takes the next record.
    package mutating func add(_ record: [UInt8]) {
        if tree.size == 0 {
            expected.sort { $0.size < $1.size }
            compare()
        }
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
        if tree.size == 0 {
            expected.sort { $0.size < $1.size }
            compare()
        }
        for missing in expected[next...] {
            find(nil, "a checkpoint covers \(missing.size) records, the log has \(tree.size)")
        }
        return VerificationReport(
            size: tree.size,
            root: tree.root,
            checkpointCount: checkpointCount,
            coveredSize: covered,
            openCallCount: open.count,
            findings: findings,
            findingCount: findingCount
        )
    }
}
