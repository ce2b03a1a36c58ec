private import Base

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
    var isContainer: Bool { meta & 7 <= UInt32(JSONKind.array.rawValue) }
    @inline(__always)
    var isEscaped: Bool { meta & Self.escaped != 0 }
    @inline(__always)
    var isInteger: Bool { meta & Self.integer != 0 }
    @inline(__always)
    var count: Int { Int(meta >> 8) }
    /// Bytes of the source, quotes and brackets included.
    @inline(__always)
    var sourceCount: Int { Int(end &- start) + (kind == .string ? 2 : 0) }
}

/// What stands before the entries of a tape.
struct TapeHeader {
    let bytes: [UInt8]
    var count: Int
    /// Of the objects with many keys, in the order of the tape.
    var indexes: [KeyIndex]
}

/// The bytes of a text and its entries in one allocation; never changed after the parser made it.
///
/// INVARIANT: every offset and link on the tape lies inside `bytes` and the tape, because the
/// parser wrote them; views index both without further checks on outside data.
struct Tape: @unchecked Sendable {
    private let storage: ManagedBuffer<TapeHeader, TapeEntry>

    /// A tape with room for so many entries; `seal` ends the writing.
    init(bytes: [UInt8], capacity: Int) {
        storage = .create(minimumCapacity: capacity) { _ in
            TapeHeader(bytes: bytes, count: 0, indexes: [])
        }
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

    func seal(count: Int, indexes: [KeyIndex]) {
        unsafe storage.withUnsafeMutablePointerToHeader { header in
            unsafe header.pointee.count = count
            if !indexes.isEmpty {
                unsafe header.pointee.indexes = indexes.sorted { $0.object < $1.object }
            }
        }
    }

    /// The same entries over `bytes`, in which each of those strings has so many bytes more.
    ///
    /// - Parameter strings: values in the order of the tape.
    func widened(_ strings: [JSONPlace], by added: Int, in bytes: [UInt8]) -> Tape {
        unsafe storage.withUnsafeMutablePointers { header, entries in
            let count = unsafe header.pointee.count
            let made = Tape(bytes: bytes, capacity: count)
            let moved = unsafe made.entries
            let added = UInt32(truncatingIfNeeded: added)
            var passed = 0
            var shift: UInt32 = 0
            var next = strings.first?.index ?? .max
            for index in 0..<count {
                var entry = unsafe entries[index]
                entry.start &+= shift
                entry.end &+= shift
                if index == next {
                    entry.end &+= added
                    entry.meta |= TapeEntry.escaped
                    shift &+= added
                    passed += 1
                    next = passed < strings.count ? strings[passed].index : .max
                } else if entry.isContainer, next < Int(entry.link) {
                    let inside = strings[passed...].prefix { $0.index < Int(entry.link) }
                    entry.end &+= added &* UInt32(truncatingIfNeeded: inside.count)
                }
                unsafe (moved + index).initialize(to: entry)
            }
            made.seal(count: count, indexes: unsafe header.pointee.indexes)
            return made
        }
    }

    /// The index of that object, when it has so many keys that one was made.
    func keyIndex(of object: Int) -> KeyIndex? {
        let indexes = unsafe storage.withUnsafeMutablePointerToHeader { unsafe $0.pointee.indexes }
        var low = 0
        var high = indexes.count
        while low < high {
            let middle = (low + high) / 2
            if indexes[middle].object == object { return indexes[middle] }
            if indexes[middle].object < object { low = middle + 1 } else { high = middle }
        }
        return nil
    }

    /// The decoded bytes of a string or key.
    func content(_ index: Int) -> [UInt8] {
        let entry = self[index]
        let source = bytes[Int(entry.start)..<Int(entry.end)]
        return entry.isEscaped ? Unescape.decode(source) : Array(source)
    }

    /// Whether the decoded bytes of a string or key are `other`.
    @inline(__always)
    func hasContent(_ index: Int, _ other: UnsafeBufferPointer<UInt8>) -> Bool {
        let entry = self[index]
        if entry.isEscaped { return unsafe content(index).elementsEqual(other) }
        let count = other.count
        guard Int(entry.end &- entry.start) == count, let other = other.baseAddress else {
            return entry.end == entry.start && other.isEmpty
        }
        return unsafe storage.withUnsafeMutablePointerToHeader { header in
            unsafe header.pointee.bytes.withUnsafeBufferPointer { source in
                guard let base = source.baseAddress else { return false }
                return unsafe haveEqualBytes(base + Int(entry.start), other, count: count)
            }
        }
    }
}
