package import Base

/// The path from a leaf to a root, or from an older root to a newer one (RFC 9162 2.1.3, 2.1.4).
package struct TreeProof: Hashable, Sendable {
    package let hashes: [Digest]

    package init(hashes: [Digest]) { self.hashes = hashes }
}

/// What was asked cannot be proved, because the tree has no such part.
package enum ProofError: Error, Equatable, Sendable, CustomStringConvertible {
    case outside(leaf: UInt64, size: UInt64)
    case notAnOlderSize(UInt64, of: UInt64)

    package var description: String {
        switch self {
        case .outside(let leaf, let size):
            "record \(leaf) is not in a log of \(size) records; use a number below \(size)"
        case .notAnOlderSize(let older, let size):
            "a log of \(older) records cannot be an earlier state of one with \(size)"
        }
    }
}

/// Makes proofs from the hash of any complete subtree.
package struct TreeProver<Failure: Error> {
    /// The root of the complete subtree over leaves `index << level` to `(index + 1) << level`.
    package typealias Complete = (_ level: Int, _ index: UInt64) throws(Failure) -> Digest

    private let tree: TreeHashing
    private let complete: Complete

    package init(_ hashing: any Hashing, complete: @escaping Complete) {
        tree = TreeHashing(hashing)
        self.complete = complete
    }

    /// RFC 9162 2.1.1, MTH(D_n).
    package func root(size: UInt64) throws(Failure) -> Digest {
        size == 0 ? tree.emptyRoot : try hash(of: 0..<size)
    }

    /// Roots of the complete subtrees of the first `size` leaves, largest first.
    package func peaks(size: UInt64) throws(Failure) -> [Digest] {
        var peaks: [Digest] = []
        var start: UInt64 = 0
        for bit in stride(from: 63, through: 0, by: -1) where size >> UInt64(bit) & 1 == 1 {
            peaks.append(try complete(bit, start >> UInt64(bit)))
            start += 1 << UInt64(bit)
        }
        return peaks
    }

    /// RFC 9162 2.1.3.1, PATH(m, D_n): from the leaf upwards.
    ///
    /// Nil when the leaf is outside.
    package func inclusion(of leaf: UInt64, size: UInt64) throws(Failure) -> TreeProof? {
        guard leaf < size else { return nil }
        var path: [Digest] = []
        var range = 0..<size
        while range.upperBound - range.lowerBound > 1 {
            let middle = Self.split(range)
            if leaf < middle {
                path.append(try hash(of: middle..<range.upperBound))
                range = range.lowerBound..<middle
            } else {
                path.append(try hash(of: range.lowerBound..<middle))
                range = middle..<range.upperBound
            }
        }
        return TreeProof(hashes: path.reversed())
    }

    /// RFC 9162 2.1.4.1, PROOF(m, D_n).
    ///
    /// Nil unless 0 < older ≤ size; empty when they are equal.
    package func consistency(from older: UInt64, to size: UInt64) throws(Failure) -> TreeProof? {
        guard older > 0, older <= size else { return nil }
        var path: [Digest] = []
        var range = 0..<size
        var isWholeOld = true
        while older != range.upperBound {
            let middle = Self.split(range)
            if older <= middle {
                path.append(try hash(of: middle..<range.upperBound))
                range = range.lowerBound..<middle
            } else {
                path.append(try hash(of: range.lowerBound..<middle))
                range = middle..<range.upperBound
                isWholeOld = false
            }
        }
        if !isWholeOld { path.append(try hash(of: range)) }
        return TreeProof(hashes: path.reversed())
    }

    /// The first leaf of the right part: the largest power of two smaller than the count.
    private static func split(_ range: Range<UInt64>) -> UInt64 {
        let count = range.upperBound - range.lowerBound
        return range.lowerBound + 1 << UInt64(63 - (count - 1).leadingZeroBitCount)
    }

    private func hash(of range: Range<UInt64>) throws(Failure) -> Digest {
        let count = range.upperBound - range.lowerBound
        if count & (count - 1) == 0 {
            // Every range here starts at a multiple of its size rounded up, so it is aligned.
            let level = count.trailingZeroBitCount
            return try complete(level, range.lowerBound >> UInt64(level))
        }
        let middle = Self.split(range)
        return tree.node(
            try hash(of: range.lowerBound..<middle),
            try hash(of: middle..<range.upperBound)
        )
    }
}
