extension JSONNode {
    /// How much of a document may stand around a value that is to be surrounded: a message has an
    /// id and a few names there.
    private static let otherByteCount = 4 << 10

    /// The bytes of its whole document.
    package var documentBytes: [UInt8] { tape.bytes }

    /// Where `source` stands in them.
    package var sourceRange: Range<Int> {
        let entry = entry
        let margin = entry.kind == .string ? 1 : 0
        return Int(entry.start) - margin..<Int(entry.end) + margin
    }

    package var isString: Bool { if case .string = entry.kind { true } else { false } }

    /// This value in a document that has more text in some of its strings and is otherwise the same.
    ///
    /// Nothing is read again: all that moves are places in the text.
    ///
    /// - Parameters:
    ///   - strings: values of this document that are strings, in the order of the text.
    ///   - opening: stands before the content of each, escaped as between quotes.
    ///   - closing: the same behind it.
    /// - Returns: nil where the text would be longer than a document may be, and where this value is
    ///   a small part of its document, all of which would be copied.
    package func surrounding(
        _ strings: [JSONPlace],
        by opening: ArraySlice<UInt8>,
        _ closing: ArraySlice<UInt8>
    ) -> JSONNode? {
        let source = tape.bytes
        let added = opening.count + closing.count
        let count = source.count + strings.count * added
        guard count <= JSONLimits.mostBytes,
            source.count - sourceRange.count <= Self.otherByteCount
        else { return nil }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(count)
        var position = 0
        for place in strings {
            let string = tape[place.index]
            precondition(string.kind == .string && Int(string.start) >= position)
            bytes += source[position..<Int(string.start)]
            bytes += opening
            bytes += source[Int(string.start)..<Int(string.end)]
            bytes += closing
            position = Int(string.end)
        }
        bytes += source[position...]
        return JSONNode(tape: tape.widened(strings, by: added, in: bytes), index: index)
    }
}
