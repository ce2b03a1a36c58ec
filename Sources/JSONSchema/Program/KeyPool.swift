internal import JSON

/// Tables of byte strings, each sorted, so that a look-up costs the same whatever keys arrive.
///
/// A hash table would be a little faster, but whoever writes the keys could make them collide.
struct KeyPool: Sendable {
    struct Entry: Sendable {
        var offset: Int32
        var length: Int32
        /// The node for the member's value; -1 where the key is only required.
        var node: Int32
        var isRequired: Bool
    }

    private(set) var bytes: [UInt8] = []
    private(set) var entries: [Entry] = []

    /// Adds one table of distinct keys and returns where it stands in `entries`.
    mutating func add(_ table: [(key: [UInt8], node: Int32, isRequired: Bool)]) -> Row {
        let first = entries.count
        for item in table.sorted(by: { Self.precedes($0.key, $1.key) }) {
            let offset = bytes.count
            bytes += item.key
            entries.append(
                Entry(
                    offset: Int32(truncatingIfNeeded: offset),
                    length: Int32(truncatingIfNeeded: item.key.count),
                    node: item.node,
                    isRequired: item.isRequired
                )
            )
        }
        return Row(
            first: Int32(truncatingIfNeeded: first),
            count: Int32(truncatingIfNeeded: table.count)
        )
    }

    /// The place of `key` in `entries`, or -1.
    @inline(__always)
    func find(_ key: borrowing Span<UInt8>, in table: Row) -> Int {
        var low = Int(table.first)
        var high = low + Int(table.count)
        while low < high {
            let middle = (low + high) >> 1
            let order = compare(entries[middle], key)
            if order == 0 { return middle }
            if order < 0 { low = middle + 1 } else { high = middle }
        }
        return -1
    }

    func key(at place: Int) -> [UInt8] {
        let entry = entries[place]
        return Array(bytes[Int(entry.offset)..<Int(entry.offset) + Int(entry.length)])
    }

    /// Negative, zero or positive, as the entry stands before, at or after `key`: the shorter one
    /// first, so that most comparisons end at the length.
    @inline(__always)
    private func compare(_ entry: Entry, _ key: borrowing Span<UInt8>) -> Int {
        let length = Int(entry.length)
        if length != key.count { return length - key.count }
        let offset = Int(entry.offset)
        for place in 0..<length {
            let byte = bytes[offset + place]
            if byte != key[place] { return Int(byte) - Int(key[place]) }
        }
        return 0
    }

    private static func precedes(_ left: [UInt8], _ right: [UInt8]) -> Bool {
        left.count != right.count ? left.count < right.count : left.lexicographicallyPrecedes(right)
    }
}
