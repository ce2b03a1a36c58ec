/// A JSON text that was read once, with an index over it; immutable and cheap to copy.
///
/// RFC 8259, read strictly: one value, UTF-8 without byte order mark, no key twice in an object
/// (compared after unescaping), no half surrogate pair, nothing over its limit. Numbers stay text.
package struct JSONDocument: Sendable {
    let tape: Tape

    init(tape: Tape) { self.tape = tape }

    /// Reads the whole text or says at which byte it is not taken, and why.
    package init(parsing bytes: [UInt8], limits: JSONLimits = .message) throws(JSONError) {
        tape = try TapeParser.parse(bytes, limits: limits)
    }

    /// Copies the slice, so that the buffer it lies in is not kept alive.
    package init(
        parsing bytes: ArraySlice<UInt8>,
        limits: JSONLimits = .message
    ) throws(JSONError) {
        guard bytes.count <= limits.byteCount else {
            throw .tooLarge(limit: limits.byteCount, offset: limits.byteCount)
        }
        tape = try TapeParser.parse(Array(bytes), limits: limits)
    }

    /// The text as it was given.
    package var bytes: [UInt8] { tape.bytes }

    package var root: JSONNode { JSONNode(tape: tape, index: 0) }
}

/// What a JSON value is.
package enum JSONKind: UInt8, Sendable {
    case object, array, string, number, `true`, `false`, null
}
