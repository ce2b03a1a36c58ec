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

    /// The text's UTF-8.
    @inlinable
    package mutating func append(_ text: String) {
        var text = text
        text.withUTF8 { unsafe append(contentsOf: $0) }
    }

    /// Eight bytes, the one of lowest value first.
    @inlinable @inline(__always)
    package mutating func append(littleEndian word: UInt64) {
        reserve(8)
        unsafe UnsafeMutableRawPointer(base + written)
            .storeBytes(of: word.littleEndian, as: UInt64.self)
        written += 8
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
