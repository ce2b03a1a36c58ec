/// One value or key of a text, 16 bytes; a document is a flat row of them in source order.
///
/// A container is followed by its content; `link` of every value is the index after that content,
/// so that a value is skipped in one step. A key is followed by its value, and its `link` holds the
/// hash of its decoded bytes.
struct TapeEntry: BitwiseCopyable {
    /// Offset of the first byte; of a string, of the byte after the opening quote.
    var start: UInt32
    /// Offset after the last byte; of a string, of the closing quote.
    var end: UInt32
    var link: UInt32
    /// Kind in bits 0 to 2, flags in bits 3 and 4, count of members or elements from bit 8.
    var meta: UInt32

    /// The string has escapes, so that its source is not its content.
    static let escaped: UInt32 = 1 << 3
    /// The number is digits only, perhaps after a minus sign.
    static let integer: UInt32 = 1 << 4

    @inline(__always)
    init(_ kind: JSONKind, start: Int, end: Int, link: UInt32, flags: UInt32 = 0) {
        self.start = UInt32(truncatingIfNeeded: start)
        self.end = UInt32(truncatingIfNeeded: end)
        self.link = link
        meta = UInt32(kind.rawValue) | flags
    }

    @inline(__always)
    var kind: JSONKind { JSONKind(rawValue: UInt8(truncatingIfNeeded: meta & 7)) ?? .null }
    @inline(__always)
    var isEscaped: Bool { meta & Self.escaped != 0 }
    @inline(__always)
    var isInteger: Bool { meta & Self.integer != 0 }
    @inline(__always)
    var count: Int { Int(meta >> 8) }
}

/// What stands before the entries of a tape.
struct TapeHeader {
    let bytes: [UInt8]
    var count: Int
}

/// The bytes of a text and its entries in one allocation; never changed after the parser made it.
///
/// INVARIANT: every offset and link on the tape lies inside `bytes` and the tape, because the
/// parser wrote them; views index both without further checks on outside data.
struct Tape: @unchecked Sendable {
    private let storage: ManagedBuffer<TapeHeader, TapeEntry>

    /// A tape with room for so many entries; `seal` ends the writing.
    init(bytes: [UInt8], capacity: Int) {
        storage = .create(minimumCapacity: capacity) { _ in TapeHeader(bytes: bytes, count: 0) }
    }

    var bytes: [UInt8] {
        @inline(__always)
        get { unsafe storage.withUnsafeMutablePointerToHeader { unsafe $0.pointee.bytes } }
    }

    @inline(__always)
    subscript(index: Int) -> TapeEntry {
        unsafe storage.withUnsafeMutablePointers { header, entries in
            precondition(index >= 0 && index < (unsafe header.pointee.count))
            return unsafe entries[index]
        }
    }

    /// The entries while the tape is written; only the parser that made it asks.
    var entries: UnsafeMutablePointer<TapeEntry> {
        unsafe storage.withUnsafeMutablePointerToElements { unsafe $0 }
    }

    func seal(count: Int) {
        unsafe storage.withUnsafeMutablePointerToHeader { unsafe $0.pointee.count = count }
    }
}
