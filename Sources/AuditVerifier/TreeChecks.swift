package import Base

/// The tree of RFC 9162, computed a second time and in another way than the writer does.
package struct TreeCheck: Sendable {
    private let hashing: any Hashing
    /// Per level the root of a complete subtree that waits for its right neighbour.
    private var waiting: [Digest?] = []
    package private(set) var size: UInt64 = 0

    package init(_ hashing: any Hashing) { self.hashing = hashing }

    /// Begins behind records that are gone, with the roots of the subtrees they filled.
    ///
    /// There is one for each bit set in `size`, largest first.
    package init(_ hashing: any Hashing, after size: UInt64, peaks: [Digest]) {
        self.hashing = hashing
        self.size = size
        var peaks = peaks
        for bit in 0..<(64 - size.leadingZeroBitCount) {
            waiting.append(size >> UInt64(bit) & 1 == 1 ? peaks.popLast() : nil)
        }
    }

    /// Adds the next record's bytes; its leaf hash.
    @discardableResult
    package mutating func add(_ record: [UInt8]) -> Digest {
        // RFC 9162 2.1.1: 0x00 before a leaf, 0x01 before two nodes.
        let leaf = hashing.sha256([0x00] + record)
        var carry = leaf
        var level = 0
        while true {
            if level == waiting.count { waiting.append(nil) }
            guard let left = waiting[level] else { break }
            carry = node(left, carry)
            waiting[level] = nil
            level += 1
        }
        waiting[level] = carry
        size += 1
        return leaf
    }

    package var root: Digest {
        var result: Digest?
        for complete in waiting {
            guard let complete else { continue }
            result = result.map { node(complete, $0) } ?? complete
        }
        return result ?? hashing.sha256([])
    }

    private func node(_ left: Digest, _ right: Digest) -> Digest {
        hashing.sha256([0x01] + left.bytes + right.bytes)
    }

    /// RFC 9162 2.1.3.2: whether the path leads from the record to the root.
    package static func isIncluded(
        record: [UInt8],
        at index: UInt64,
        size: UInt64,
        path: [Digest],
        root: Digest,
        _ hashing: any Hashing
    ) -> Bool {
        guard index < size, path.count <= 64 else { return false }
        let tree = TreeCheck(hashing)
        var fn = index
        var sn = size - 1
        var r = hashing.sha256([0x00] + record)
        for p in path {
            guard sn > 0 else { return false }
            if fn & 1 == 1 || fn == sn {
                r = tree.node(p, r)
                while fn & 1 == 0, fn != 0 {
                    fn >>= 1
                    sn >>= 1
                }
            } else {
                r = tree.node(r, p)
            }
            fn >>= 1
            sn >>= 1
        }
        return sn == 0 && r == root
    }

    /// RFC 9162 2.1.4.2: whether the newer tree begins with the older one.
    package static func isConsistent(
        older: (size: UInt64, root: Digest),
        newer: (size: UInt64, root: Digest),
        path: [Digest],
        _ hashing: any Hashing
    ) -> Bool {
        guard older.size > 0, older.size <= newer.size, path.count <= 65 else { return false }
        guard older.size < newer.size else { return path.isEmpty && older.root == newer.root }
        // An older tree that is complete is its own first node.
        let isComplete = older.size & (older.size - 1) == 0
        var rest = (isComplete ? [older.root] : []) + path
        guard !rest.isEmpty else { return false }
        let tree = TreeCheck(hashing)
        var fn = older.size - 1
        var sn = newer.size - 1
        while fn & 1 == 1 {
            fn >>= 1
            sn >>= 1
        }
        var fr = rest.removeFirst()
        var sr = fr
        for c in rest {
            guard sn > 0 else { return false }
            if fn & 1 == 1 || fn == sn {
                fr = tree.node(c, fr)
                sr = tree.node(c, sr)
                while fn & 1 == 0, fn != 0 {
                    fn >>= 1
                    sn >>= 1
                }
            } else {
                sr = tree.node(sr, c)
            }
            fn >>= 1
            sn >>= 1
        }
        return sn == 0 && fr == older.root && sr == newer.root
    }
}
