/// Bytes written one after another into room of its own, for writers that append a great many short
/// pieces: an array asks at each whether it is shared.
@safe @frozen @usableFromInline
package struct ByteSink: ~Copyable {
    @usableFromInline var base: UnsafeMutablePointer<UInt8>
    @usableFromInline var capacity: Int
    @usableFromInline var written = 0

    @inlinable
    package init(capacity: Int) {
        self.capacity = max(64, capacity)
        unsafe base = .allocate(capacity: self.capacity)
    }

    deinit { unsafe base.deallocate() }

    /// How many bytes were written.
    @inlinable
    package var count: Int { written }

    /// Makes room for `more` bytes.
    @inlinable @inline(__always)
    package mutating func reserve(_ more: Int) {
        if capacity - written < more { grow(more) }
    }

    @usableFromInline
    mutating func grow(_ more: Int) {
        let larger = max(capacity * 2, written + more)
        let room = UnsafeMutablePointer<UInt8>.allocate(capacity: larger)
        unsafe room.update(from: base, count: written)
        unsafe base.deallocate()
        unsafe base = room
        capacity = larger
    }

    /// Forgets what was written; room beyond `most` bytes is given back.
    package mutating func removeAll(keeping most: Int) {
        written = 0
        guard capacity > most else { return }
        capacity = max(64, most)
        unsafe base.deallocate()
        unsafe base = .allocate(capacity: capacity)
    }

    @inlinable @inline(__always)
    package mutating func append(_ byte: UInt8) {
        reserve(1)
        unsafe base[written] = byte
        written += 1
    }

    @inlinable @inline(__always)
    package mutating func append(contentsOf bytes: UnsafeBufferPointer<UInt8>) {
        guard let start = bytes.baseAddress else { return }
        reserve(bytes.count)
        unsafe (base + written).update(from: start, count: bytes.count)
        written += bytes.count
    }

    @inlinable @inline(__always)
    package mutating func append(contentsOf bytes: Span<UInt8>) {
        unsafe bytes.withUnsafeBufferPointer { unsafe append(contentsOf: $0) }
    }

    /// Bytes between two and two others: a name with what stands around it.
    @inlinable
    package mutating func append(
        _ before: UInt16,
        _ bytes: UnsafeBufferPointer<UInt8>,
        _ after: UInt16
    ) {
        guard let start = bytes.baseAddress else { return }
        reserve(bytes.count + 4)
        let room = unsafe UnsafeMutableRawPointer(base + written)
        unsafe room.storeBytes(of: before.littleEndian, as: UInt16.self)
        unsafe (room + 2).copyMemory(from: start, byteCount: bytes.count)
        unsafe (room + 2 + bytes.count).storeBytes(of: after.littleEndian, as: UInt16.self)
        written += bytes.count + 4
    }

    /// The text's UTF-8.
    @inlinable
    package mutating func append(_ text: String) {
        var text = text
        text.withUTF8 { unsafe append(contentsOf: $0) }
    }

    /// The bytes of a number, the one of lowest value first.
    @inlinable @inline(__always)
    package mutating func append<Word: FixedWidthInteger>(littleEndian word: Word) {
        reserve(MemoryLayout<Word>.size)
        unsafe UnsafeMutableRawPointer(base + written)
            .storeBytes(of: word.littleEndian, as: Word.self)
        written += MemoryLayout<Word>.size
    }

    /// Takes back the last `count` bytes.
    @inlinable @inline(__always)
    package mutating func removeLast(_ count: Int) {
        precondition(count <= written)
        written -= count
    }

    /// Writes over a byte that was written.
    @inlinable
    package mutating func replace(at place: Int, with byte: UInt8) {
        precondition(place >= 0 && place < written)
        unsafe base[place] = byte
    }

    /// What was written.
    @inlinable
    package var span: Span<UInt8> {
        @_lifetime(borrow self)
        get {
            let span = unsafe Span(_unsafeStart: base, count: written)
            return unsafe _overrideLifetime(span, borrowing: self)
        }
    }

    /// What was written.
    @inlinable
    package consuming func bytes() -> [UInt8] {
        let (base, count) = unsafe (self.base, written)
        return unsafe [UInt8](unsafeUninitializedCapacity: count) { room, filled in
            if let start = room.baseAddress { unsafe start.update(from: base, count: count) }
            filled = count
        }
    }
}
