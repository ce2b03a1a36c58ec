/// The hash of a key's decoded bytes, 32 bits.
///
/// It is not seeded: whoever finds colliding keys gains nothing, because `KeyCheck` counts its
/// steps and sorts when there are too many.
enum KeyHash {
    @inline(__always)
    static func of(
        _ text: SourceText,
        _ start: Int,
        _ end: Int,
        isEscaped: Bool
    ) -> UInt32 {
        let base = unsafe text.base + start
        let count = end &- start
        if isEscaped {
            return unsafe ofEscaped(UnsafeBufferPointer(start: base, count: count))
        }
        // Nearly every key is short and has eight readable bytes from its start on.
        if count <= 8, start &+ 8 <= text.byteCount {
            let word = unsafe UnsafeRawPointer(base).loadUnaligned(as: UInt64.self)
            return finish(word & lowBytes(count), count)
        }
        return unsafe hash(base, count)
    }

    /// The same for bytes that are decoded already.
    static func of(_ bytes: UnsafeBufferPointer<UInt8>) -> UInt32 {
        guard let base = bytes.baseAddress else { return finish(0, 0) }
        return unsafe hash(base, bytes.count)
    }

    @inline(never)
    private static func ofEscaped(_ source: UnsafeBufferPointer<UInt8>) -> UInt32 {
        unsafe Unescape.decode(source).withUnsafeBufferPointer { unsafe of($0) }
    }

    @inline(__always)
    private static func lowBytes(_ count: Int) -> UInt64 {
        count == 0 ? 0 : .max &>> UInt64(truncatingIfNeeded: 64 &- count &* 8)
    }

    @inline(__always)
    private static func mix(_ left: UInt64, _ right: UInt64) -> UInt64 {
        let product = left.multipliedFullWidth(by: right)
        return product.high ^ product.low
    }

    @inline(__always)
    private static func finish(_ state: UInt64, _ count: Int) -> UInt32 {
        let length = UInt64(truncatingIfNeeded: count)
        let mixed = mix(state ^ 0x2d35_8dcc_aa6c_78a5, 0xe703_7ed1_a0b4_28db ^ length)
        return UInt32(truncatingIfNeeded: mixed ^ mixed >> 32)
    }

    private static func hash(_ base: UnsafePointer<UInt8>, _ count: Int) -> UInt32 {
        let raw = unsafe UnsafeRawPointer(base)
        var state: UInt64 = 0
        var at = 0
        while at &+ 8 < count {
            let word = unsafe raw.loadUnaligned(fromByteOffset: at, as: UInt64.self)
            state = mix(state ^ word, 0xa076_1d64_78bd_642f)
            at &+= 8
        }
        var tail: UInt64 = 0
        if count >= 8 {
            tail = unsafe raw.loadUnaligned(fromByteOffset: count &- 8, as: UInt64.self)
        } else {
            for index in 0..<count { tail |= unsafe UInt64(base[index]) << UInt64(index * 8) }
        }
        return finish(state ^ tail, count)
    }
}

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

    /// The offset of the second of two equal keys; nil when all are distinct.
    @inline(__always)
    func duplicate(among keyCount: UInt32) -> Int? { keyCount <= 32 ? few() : many() }

    private var end: Int { unsafe Int(entries[object].link) }

    /// A row of 64 bits tells most keys apart; only a shared bit costs a look back.
    @inline(__always)
    private func few() -> Int? {
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

    /// A table with open addressing; work that does not stay linear goes to `sorted`.
    @inline(never)
    private func many() -> Int? {
        let keyCount = unsafe entries[object].count
        var size = 128
        while size < keyCount * 2 { size *= 2 }
        var table = [UInt32](repeating: 0, count: size)
        var steps = keyCount * 8
        let end = end
        var key = object + 1
        while key < end {
            var slot = unsafe Int(entries[key].link) & (size - 1)
            while table[slot] != 0 {
                if isSame(Int(table[slot]), key) { return offset(key) }
                steps -= 1
                guard steps > 0 else { return sorted() }
                slot = (slot + 1) & (size - 1)
            }
            table[slot] = UInt32(truncatingIfNeeded: key)
            key = next(key)
        }
        return nil
    }

    /// Compares neighbours after sorting, for keys chosen to collide.
    private func sorted() -> Int? {
        var keys: [(bytes: [UInt8], index: Int)] = []
        let end = end
        var key = object + 1
        while key < end {
            keys.append((decoded(key), key))
            key = next(key)
        }
        keys.sort { left, right in
            if left.bytes.count != right.bytes.count { return left.bytes.count < right.bytes.count }
            return left.bytes.lexicographicallyPrecedes(right.bytes)
        }
        for (left, right) in zip(keys, keys.dropFirst()) where left.bytes == right.bytes {
            return offset(max(left.index, right.index))
        }
        return nil
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
