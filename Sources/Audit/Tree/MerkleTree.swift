package import Base

/// The hashes of RFC 9162 2.1.1: a leaf and a node can never pose as each other.
package struct TreeHashing: Sendable {
    package let hashing: any Hashing

    package init(_ hashing: any Hashing) { self.hashing = hashing }

    /// RFC 9162 2.1.1: HASH(0x00 || leaf).
    package func leaf(_ record: [UInt8]) -> Digest { hashing.sha256(prefix: 0, record) }

    /// The same of a record where it stands in a larger buffer.
    package func leaf(_ record: Span<UInt8>) -> Digest { hashing.sha256(prefix: 0, record) }

    /// RFC 9162 2.1.1: HASH(0x01 || left || right).
    package func node(_ left: Digest, _ right: Digest) -> Digest {
        hashing.sha256(prefix: 1, left, right)
    }

    /// RFC 9162 2.1.1: the root of an empty tree is the hash of nothing.
    package var emptyRoot: Digest { hashing.sha256([]) }

    /// The root over hashes whose count is a power of two.
    package func root(ofComplete hashes: ArraySlice<Digest>) -> Digest {
        guard hashes.count > 1 else { return hashes.first ?? emptyRoot }
        let middle = hashes.startIndex + hashes.count / 2
        return node(root(ofComplete: hashes[..<middle]), root(ofComplete: hashes[middle...]))
    }
}

/// 256 neighbouring hashes of one level, the unit in which the tree is stored.
///
/// Levels count by eights as in C2SP tlog-tiles: level 0 holds leaf hashes, level 1 the roots of
/// full level-0 tiles, and so on.
package struct Tile: Hashable, Sendable {
    package static let width = 256
    package let level: Int
    package let index: UInt64
    package let hashes: [Digest]

    package init(level: Int, index: UInt64, hashes: [Digest]) {
        self.level = level
        self.index = index
        self.hashes = hashes
    }

    /// The hashes one after the other, 32 bytes each.
    package var bytes: [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(hashes.count * 32)
        for hash in hashes { hash.append(to: &bytes) }
        return bytes
    }

    /// Nil unless the bytes are exactly 256 hashes.
    package init?(level: Int, index: UInt64, bytes: [UInt8]) {
        guard bytes.count == Self.width * 32 else { return nil }
        var hashes: [Digest] = []
        hashes.reserveCapacity(Self.width)
        for start in stride(from: 0, to: bytes.count, by: 32) {
            guard let hash = Digest(bytes: bytes[start..<start + 32]) else { return nil }
            hashes.append(hash)
        }
        self.init(level: level, index: index, hashes: hashes)
    }
}

/// The growing end of the tree: enough to append and to know the root, whatever the size.
///
/// A value: keep a copy before a batch and put it back when the batch could not be written.
package struct TreeEdge: Sendable {
    package private(set) var size: UInt64 = 0
    /// Roots of the complete subtrees, largest first: one per bit set in `size`.
    private var peaks: [Digest] = []
    /// For each tile level the hashes of the tile that is being filled.
    private var pending: [[Digest]] = []
    private let tree: TreeHashing

    package init(_ hashing: any Hashing) { tree = TreeHashing(hashing) }

    /// Appends one leaf; full tiles are added to `tiles`.
    @discardableResult
    package mutating func append(_ record: [UInt8], tiles: inout [Tile]) -> Digest {
        append(record.span, tiles: &tiles)
    }

    @discardableResult
    package mutating func append(_ record: Span<UInt8>, tiles: inout [Tile]) -> Digest {
        let leaf = tree.leaf(record)
        append(leafHash: leaf, tiles: &tiles)
        return leaf
    }

    package mutating func append(leafHash: Digest, tiles: inout [Tile]) {
        keep(leafHash, level: 0, position: size, tiles: &tiles)
        var hash = leafHash
        var position = size
        var level = 0
        // Each trailing one bit of the old size is a complete subtree to join with.
        while position & 1 == 1, let left = peaks.popLast() {
            hash = tree.node(left, hash)
            position >>= 1
            level += 1
            if level % 8 == 0 {
                keep(hash, level: level / 8, position: position, tiles: &tiles)
            }
        }
        peaks.append(hash)
        size += 1
    }

    /// The root over everything appended (RFC 9162 2.1.1).
    package var root: Digest {
        guard var hash = peaks.last else { return tree.emptyRoot }
        for left in peaks.dropLast().reversed() { hash = tree.node(left, hash) }
        return hash
    }

    /// Rebuilds the edge of a tree of `size` leaves from its stored hashes.
    package init<Failure: Error>(
        size: UInt64,
        _ hashing: any Hashing,
        level: @escaping (Int, UInt64) throws(Failure) -> Digest
    ) throws(Failure) {
        tree = TreeHashing(hashing)
        self.size = size
        peaks = try TreeProver(hashing, complete: level).peaks(size: size)
        var tileLevel = 0
        while tileLevel < 8, size >> UInt64(8 * tileLevel) > 0 {
            let count = size >> UInt64(8 * tileLevel)
            var hashes: [Digest] = []
            for index in (count & ~255)..<count {
                hashes.append(try level(8 * tileLevel, index))
            }
            pending.append(hashes)
            tileLevel += 1
        }
    }

    private mutating func keep(
        _ hash: Digest,
        level: Int,
        position: UInt64,
        tiles: inout [Tile]
    ) {
        while pending.count <= level { pending.append([]) }
        pending[level].append(hash)
        guard pending[level].count == Tile.width else { return }
        tiles.append(Tile(level: level, index: position >> 8, hashes: pending[level]))
        pending[level].removeAll(keepingCapacity: true)
    }
}
