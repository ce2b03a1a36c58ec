/// The hash of a key's decoded bytes, 32 bits.
///
/// It is not seeded: whoever finds colliding keys gains nothing, because `KeyCheck` counts its
/// steps and sorts when there are too many.
enum KeyHash {
    @inline(__always)
    static func of(
        _ base: UnsafePointer<UInt8>,
        _ start: Int,
        _ end: Int,
        isEscaped: Bool
    ) -> Int {
        if isEscaped {
            let decoded = unsafe Unescape.decode(
                UnsafeBufferPointer(start: base + start, count: end - start)
            )
            return of(decoded)
        }
        return unsafe hash(base + start, end - start)
    }

    static func of(_ bytes: [UInt8]) -> Int {
        unsafe bytes.withUnsafeBufferPointer { buffer in
            guard let base = buffer.baseAddress else { return unsafe hash(nil, 0) }
            return unsafe hash(base, buffer.count)
        }
    }

    private static func mix(_ left: UInt64, _ right: UInt64) -> UInt64 {
        let product = left.multipliedFullWidth(by: right)
        return product.high ^ product.low
    }

    @inline(__always)
    private static func hash(_ base: UnsafePointer<UInt8>?, _ count: Int) -> Int {
        var state = UInt64(truncatingIfNeeded: count) ^ 0x2d35_8dcc_aa6c_78a5
        guard let base = unsafe base else { return Int(truncatingIfNeeded: state & 0xffff_ffff) }
        let raw = unsafe UnsafeRawPointer(base)
        var at = 0
        while at + 8 <= count {
            let word = unsafe raw.loadUnaligned(fromByteOffset: at, as: UInt64.self)
            state = mix(state ^ word, 0xa076_1d64_78bd_642f)
            at += 8
        }
        var tail: UInt64 = 0
        while at < count {
            tail = unsafe tail << 8 | UInt64(base[at])
            at += 1
        }
        state = mix(state ^ tail, 0xe703_7ed1_a0b4_28db)
        return Int(truncatingIfNeeded: (state >> 32) ^ (state & 0xffff_ffff)) & 0xffff_ffff
    }
}

/// Looks for a key that stands twice in one object.
@safe
struct KeyCheck {
    private let base: UnsafePointer<UInt8>
    private let entries: UnsafeMutablePointer<TapeEntry>
    private let object: Int
    private let end: Int

    init(base: UnsafePointer<UInt8>, entries: UnsafeMutablePointer<TapeEntry>, object: Int) {
        unsafe self.base = base
        unsafe self.entries = entries
        self.object = object
        end = unsafe Int(entries[object].link)
    }

    func run() throws(JSONError) {
        if unsafe entries[object].count <= 32 { try small() } else { try large() }
    }

    /// A row of 64 bits tells most keys apart; only a shared bit costs a look back.
    private func small() throws(JSONError) {
        var seen: UInt64 = 0
        var key = object + 1
        while key < end {
            let bit = unsafe UInt64(1) << UInt64(entries[key].link & 63)
            if seen & bit != 0 {
                var earlier = object + 1
                while earlier < key {
                    if isSame(earlier, key) { throw duplicate(key) }
                    earlier = next(earlier)
                }
            }
            seen |= bit
            key = next(key)
        }
    }

    /// A table with open addressing; work that does not stay linear goes to `sorted`.
    private func large() throws(JSONError) {
        let keyCount = unsafe entries[object].count
        var size = 128
        while size < keyCount * 2 { size *= 2 }
        var table = [UInt32](repeating: 0, count: size)
        var steps = keyCount * 8
        var key = object + 1
        while key < end {
            var slot = unsafe Int(entries[key].link) & (size - 1)
            while table[slot] != 0 {
                if isSame(Int(table[slot]), key) { throw duplicate(key) }
                steps -= 1
                guard steps > 0 else { return try sorted() }
                slot = (slot + 1) & (size - 1)
            }
            table[slot] = UInt32(truncatingIfNeeded: key)
            key = next(key)
        }
    }

    /// Compares neighbours after sorting, for keys chosen to collide.
    private func sorted() throws(JSONError) {
        var keys: [(bytes: [UInt8], index: Int)] = []
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
            throw duplicate(max(left.index, right.index))
        }
    }

    /// The key after this one's value.
    @inline(__always)
    private func next(_ key: Int) -> Int { unsafe Int(entries[key + 1].link) }

    private func duplicate(_ key: Int) -> JSONError {
        .duplicateKey(offset: unsafe Int(entries[key].start) - 1)
    }

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
            start: base + Int(entry.start),
            count: Int(entry.end - entry.start)
        )
    }

    private func decoded(_ key: Int) -> [UInt8] { unsafe Unescape.decode(raw(key)) }
}
