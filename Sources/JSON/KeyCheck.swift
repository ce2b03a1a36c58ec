/// Looks for a key that stands twice in one object.
@safe
struct KeyCheck {
    private let text: SourceText
    private let entries: UnsafeMutablePointer<TapeEntry>
    private let object: Int

    @inline(__always)
    init(_ text: SourceText, _ entries: UnsafeMutablePointer<TapeEntry>, object: Int) {
        self.text = text
        unsafe self.entries = entries
        self.object = object
    }

    /// Objects with more keys than this have an index; the others are read through.
    static let few = 32

    private var end: Int { unsafe Int(entries[object].link) }

    /// The offset of the second of two equal keys; nil when all are distinct.
    ///
    /// For objects of few keys: a row of 64 bits tells most of them apart, and only a shared bit
    /// costs a look back.
    @inline(__always)
    func duplicateOfFew() -> Int? {
        var seen: UInt64 = 0
        var key = object &+ 1
        let end = end
        while key < end {
            let bit = unsafe UInt64(1) &<< UInt64(truncatingIfNeeded: entries[key].link)
            if seen & bit != 0, let found = lookBack(key) { return found }
            seen |= bit
            key = next(key)
        }
        return nil
    }

    @inline(never)
    private func lookBack(_ key: Int) -> Int? {
        var earlier = object + 1
        while earlier < key {
            if isSame(earlier, key) { return offset(key) }
            earlier = next(earlier)
        }
        return nil
    }

    /// The same for any number of keys, with the index that was made to find out.
    ///
    /// A table with open addressing; work that does not stay linear, because somebody chose keys
    /// that collide, goes to sorting.
    @inline(never)
    func index() -> (index: KeyIndex, duplicate: Int?) {
        let keyCount = unsafe entries[object].count
        var size = 128
        while size < keyCount * 2 { size *= 2 }
        var table = [UInt32](repeating: 0, count: size)
        var steps = keyCount * 8
        var duplicate: Int?
        let end = end
        var key = object + 1
        while key < end {
            var slot = unsafe Int(entries[key].link) & (size - 1)
            while table[slot] != 0 {
                if isSame(Int(table[slot]), key) {
                    duplicate = duplicate ?? offset(key)
                    break
                }
                steps -= 1
                guard steps > 0 else { return sortedIndex() }
                slot = (slot + 1) & (size - 1)
            }
            table[slot] = UInt32(truncatingIfNeeded: key)
            key = next(key)
        }
        return (KeyIndex(object: object, slots: table, isSorted: false), duplicate)
    }

    /// All keys, sorted by length and bytes.
    private func sortedIndex() -> (index: KeyIndex, duplicate: Int?) {
        var keys: [(bytes: [UInt8], index: Int)] = []
        let end = end
        var key = object + 1
        while key < end {
            keys.append((decoded(key), key))
            key = next(key)
        }
        keys.sort { left, right in
            if left.bytes.count != right.bytes.count { return left.bytes.count < right.bytes.count }
            if left.bytes == right.bytes { return left.index < right.index }
            return left.bytes.lexicographicallyPrecedes(right.bytes)
        }
        let duplicate = zip(keys, keys.dropFirst())
            .filter { $0.bytes == $1.bytes }
            .map { offset($1.index) }
            .min()
        let slots = keys.map { UInt32(truncatingIfNeeded: $0.index) }
        return (KeyIndex(object: object, slots: slots, isSorted: true), duplicate)
    }

    /// The key after this one's value.
    @inline(__always)
    private func next(_ key: Int) -> Int { unsafe Int(entries[key &+ 1].link) }

    /// Where the key's opening quote is.
    private func offset(_ key: Int) -> Int { unsafe Int(entries[key].start) - 1 }

    @inline(__always)
    private func isSame(_ left: Int, _ right: Int) -> Bool {
        unsafe entries[left].link == entries[right].link && isSameText(left, right)
    }

    @inline(never)
    private func isSameText(_ left: Int, _ right: Int) -> Bool {
        if unsafe !entries[left].isEscaped, unsafe !entries[right].isEscaped {
            return unsafe raw(left).elementsEqual(raw(right))
        }
        return decoded(left) == decoded(right)
    }

    private func raw(_ key: Int) -> UnsafeBufferPointer<UInt8> {
        let entry = unsafe entries[key]
        return unsafe UnsafeBufferPointer(
            start: text.base + Int(entry.start),
            count: Int(entry.end - entry.start)
        )
    }

    private func decoded(_ key: Int) -> [UInt8] { unsafe Unescape.decode(raw(key)) }
}
