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
