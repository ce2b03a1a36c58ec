extension JSONNode {
    /// The most entries of a tape that are copied; a value of more is written and read anew.
    private static let copiedCount = 64

    /// This object or array as a document of its own, without writing and reading its text again; nil
    /// where its text is not surely the one of the call form, or too long for this to pay.
    ///
    /// What programs send is nearly always spelled that way: no blanks, keys in order, no escapes.
    func canonicalCopy(_ limits: JSONLimits) -> JSONDocument? {
        let entry = entry
        let end = Int(entry.link)
        // No value has more levels or keys than entries.
        let most = min(
            Self.copiedCount,
            limits.depth,
            limits.nodeCount,
            limits.objectKeyCount
        )
        guard entry.kind == .object || entry.kind == .array, end - index <= most,
            entry.sourceCount <= limits.byteCount
        else { return nil }
        let isCanonical = unsafe tape.bytes.withUnsafeBufferPointer { source in
            unsafe hasCanonicalText(source, upTo: end)
        }
        guard isCanonical else { return nil }
        return JSONDocument(tape: Tape(copying: tape, index..<end, Array(source)))
    }

    private func hasCanonicalText(_ source: UnsafeBufferPointer<UInt8>, upTo end: Int) -> Bool {
        guard let base = source.baseAddress else { return false }
        var length = 0
        for place in index..<end {
            let entry = tape[place]
            switch entry.kind {
            case .string:
                guard !entry.isEscaped else { return false }
                length += entry.sourceCount
            case .number:
                let text = unsafe UnsafeBufferPointer(
                    start: base + Int(entry.start),
                    count: entry.sourceCount
                )
                guard unsafe NumberSpelling.isCanonical(text, isInteger: entry.isInteger) else {
                    return false
                }
                length += entry.sourceCount
            case .true, .false, .null: length += entry.sourceCount
            // Brackets; a comma between two, and with each member a colon.
            case .array: length += 2 + max(0, entry.count - 1)
            case .object:
                guard unsafe KeyOrder.isCanonical(tape, base, place) else { return false }
                length += 2 + max(0, entry.count * 2 - 1)
            }
        }
        // Whatever is longer holds blanks.
        return length == entry.sourceCount
    }
}

extension Tape {
    /// The entries of one value of another tape, over the bytes of that value alone.
    fileprivate init(copying other: Tape, _ range: Range<Int>, _ bytes: [UInt8]) {
        self.init(bytes: bytes, capacity: range.count)
        let entries = unsafe entries
        let offset = other[range.lowerBound].start
        let first = UInt32(range.lowerBound)
        for place in range {
            var entry = other[place]
            entry.start -= offset
            entry.end -= offset
            // Of a key it is a hash, which is put back below.
            entry.link &-= first
            unsafe (entries + (place - range.lowerBound)).initialize(to: entry)
        }
        for place in range where other[place].kind == .object {
            var key = place + 1
            while key < Int(other[place].link) {
                unsafe entries[key - range.lowerBound].link = other[key].link
                key = Int(other[key + 1].link)
            }
        }
        seal(count: range.count, indexes: [])
    }
}

/// The order of an object's keys by RFC 8785 section 3.2.3.
enum KeyOrder {
    /// Whether the keys of the object at that place stand in that order already, without escapes.
    static func isCanonical(
        _ tape: Tape,
        _ source: UnsafePointer<UInt8>,
        _ object: Int
    ) -> Bool {
        var key = object + 1
        var last: Int?
        while key < Int(tape[object].link) {
            if tape[key].isEscaped { return false }
            if let last, unsafe !precedes(tape, source, last, key) { return false }
            last = key
            key = Int(tape[key + 1].link)
        }
        return true
    }

    /// Whether one key without escapes comes before another.
    static func precedes(
        _ tape: Tape,
        _ source: UnsafePointer<UInt8>,
        _ left: Int,
        _ right: Int
    ) -> Bool {
        unsafe UTF16Order.precedes(
            tape.text(left, in: source),
            tape.text(right, in: source)
        )
    }
}

extension Tape {
    /// The source between an entry's start and end.
    @inline(__always)
    func text(_ index: Int, in source: UnsafePointer<UInt8>) -> UnsafeBufferPointer<UInt8> {
        let entry = self[index]
        return unsafe UnsafeBufferPointer(
            start: source + Int(entry.start),
            count: Int(entry.end - entry.start)
        )
    }
}
