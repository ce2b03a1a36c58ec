/// Where a value or key stands in its document; means nothing in another one.
package struct JSONPlace: Hashable, Sendable {
    let index: Int

    @inline(__always)
    init(_ index: Int) { self.index = index }
}

/// The values of one document by their places, for a walk over many of them: a place costs nothing
/// to hold or pass on, where a `JSONNode` keeps the document alive by itself.
package struct JSONWalk: Sendable {
    private let tape: Tape

    package init(_ node: JSONNode) { tape = node.tape }

    package func node(_ place: JSONPlace) -> JSONNode { JSONNode(tape: tape, index: place.index) }

    package func kind(_ place: JSONPlace) -> JSONKind { tape[place.index].kind }

    /// Members or elements; 0 for scalars.
    package func count(_ place: JSONPlace) -> Int { tape[place.index].count }

    /// The first key of an object or element of an array that is not empty.
    package func first(in place: JSONPlace) -> JSONPlace { JSONPlace(place.index + 1) }

    /// The value that belongs to a key.
    package func value(ofKey place: JSONPlace) -> JSONPlace { JSONPlace(place.index + 1) }

    /// What stands behind a value: the next element, or the next key.
    package func next(after place: JSONPlace) -> JSONPlace {
        JSONPlace(Int(tape[place.index].link))
    }

    /// The source length of the value, in bytes, without the quotes of a string.
    package func byteCount(_ place: JSONPlace) -> Int {
        let entry = tape[place.index]
        return Int(entry.end - entry.start)
    }

    /// The number is plain digits, perhaps after a minus sign: no fraction, no exponent.
    package func isPlainInteger(_ place: JSONPlace) -> Bool { tape[place.index].isInteger }

    /// The value of a number of at most 18 plain digits, without allocating; nil for all others.
    package func smallInteger(_ place: JSONPlace) -> Int64? {
        let entry = tape[place.index]
        guard entry.isInteger, entry.end - entry.start <= 18 else { return nil }
        return withText(place) { bytes in
            var magnitude: Int64 = 0
            for place in 0..<bytes.count where bytes[place] != 0x2d {
                magnitude = magnitude &* 10 &+ Int64(bytes[place] &- 0x30)
            }
            return bytes.count > 0 && bytes[0] == 0x2d ? -magnitude : magnitude
        }
    }

    /// How many code points a string holds, without decoding it; 0 for what is no string.
    package func scalarCount(_ place: JSONPlace) -> Int {
        guard kind(place) == .string else { return 0 }
        return unsafe JSONNode(tape: tape, index: place.index).withContent {
            unsafe Self.scalarCount($0)
        }
    }

    private static func scalarCount(_ bytes: UnsafeBufferPointer<UInt8>) -> Int {
        var count = 0
        var place = 0
        while place < bytes.count {
            let byte = unsafe bytes[place]
            guard byte == 0x5c else {
                // UTF-8: every code point has exactly one byte that is no continuation.
                if byte & 0xc0 != 0x80 { count += 1 }
                place += 1
                continue
            }
            guard place + 3 < bytes.count, unsafe bytes[place + 1] == 0x75 else {
                count += 1
                place += 2
                continue
            }
            // The second half of a surrogate pair is \uDC00 to \uDFFF and counts with the first.
            let isSecondHalf =
                unsafe (bytes[place + 2] | 0x20) == 0x64 && (bytes[place + 3] | 0x20) >= 0x63
            if !isSecondHalf { count += 1 }
            place += 6
        }
        return count
    }

    /// Hands over the decoded bytes of a string or key, or the text of a number; copied only if
    /// escaped.
    @inline(__always)
    package func withText<Result>(_ place: JSONPlace, _ body: (Span<UInt8>) -> Result) -> Result {
        let node = JSONNode(tape: tape, index: place.index)
        if tape[place.index].isEscaped {
            let decoded = Unescape.decode(node.content)
            return body(decoded.span)
        }
        return unsafe node.withContent { unsafe body(Span(_unsafeElements: $0)) }
    }
}

extension JSONNode {
    /// What `test` says of the decoded bytes of a string; nil for what is no string.
    ///
    /// As `withText`, but no generic code, which costs a condition more than most tests.
    package func test(_ test: (Span<UInt8>) -> Bool?) -> Bool? {
        let entry = entry
        guard entry.kind == .string else { return nil }
        if entry.isEscaped {
            let decoded = Unescape.decode(content)
            return test(decoded.span)
        }
        let bytes = tape.bytes
        return test(bytes.span.extracting(Int(entry.start)..<Int(entry.end)))
    }

    package var place: JSONPlace { JSONPlace(index) }

    /// The source length of the value, in bytes, without the quotes of a string.
    package var byteCount: Int { JSONWalk(self).byteCount(place) }

    /// How many code points a string holds, without decoding it; 0 for what is no string.
    package var scalarCount: Int { JSONWalk(self).scalarCount(place) }
}
