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
    init(_ kind: JSONKind, start: Int, end: Int, link: Int, flags: UInt32 = 0) {
        self.start = UInt32(truncatingIfNeeded: start)
        self.end = UInt32(truncatingIfNeeded: end)
        self.link = UInt32(truncatingIfNeeded: link)
        meta = UInt32(kind.rawValue) | flags
    }

    var kind: JSONKind { JSONKind(rawValue: UInt8(truncatingIfNeeded: meta & 7)) ?? .null }
    var isEscaped: Bool { meta & Self.escaped != 0 }
    var isInteger: Bool { meta & Self.integer != 0 }
    var count: Int { Int(meta >> 8) }
}

/// The bytes of a text and its tape; never changed after the parser made it.
///
/// INVARIANT: every offset and link on the tape lies inside `bytes` and the tape, because the
/// parser wrote them; views index both without further checks on outside data.
@safe
final class Tape: @unchecked Sendable {
    let bytes: [UInt8]
    let count: Int
    private let entries: UnsafeMutablePointer<TapeEntry>

    /// Takes over `entries`, allocated with `UnsafeMutablePointer.allocate`.
    init(bytes: [UInt8], adopting entries: UnsafeMutablePointer<TapeEntry>, count: Int) {
        self.bytes = bytes
        unsafe self.entries = entries
        self.count = count
    }

    deinit { unsafe entries.deallocate() }

    @inline(__always)
    subscript(index: Int) -> TapeEntry {
        precondition(index >= 0 && index < count)
        return unsafe entries[index]
    }
}
