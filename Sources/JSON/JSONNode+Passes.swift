/// A few keys that are looked for together: one pass over an object finds the members of all.
package struct JSONKeys: Sendable {
    /// How many there are at most.
    package static let most = 8

    fileprivate let names: [StaticString]
    fileprivate var hashes = InlineArray<8, UInt32>(repeating: 0)

    /// - Parameter names: at most `most`, written in the source, all different.
    package init(_ names: StaticString...) {
        precondition(names.count <= Self.most, "more keys than one pass looks for")
        self.names = names
        for (number, name) in names.enumerated() {
            hashes[number] = name.withUTF8Buffer { unsafe KeyHash.of($0) }
        }
    }
}

/// The members of one object that have one of a few keys; none of what is no object.
package struct JSONFewMembers: Sendable {
    private let tape: Tape
    /// Of each key the index of its value; 0, where no member's value can stand, for none.
    private var places = InlineArray<8, Int>(repeating: 0)

    fileprivate init(_ keys: JSONKeys, of object: JSONNode) {
        tape = object.tape
        let entry = object.entry
        guard entry.kind == .object else { return }
        let end = Int(entry.link)
        var key = object.index + 1
        while key < end {
            let hash = tape[key].link
            for number in keys.names.indices where keys.hashes[number] == hash {
                let name = keys.names[number]
                if name.withUTF8Buffer({ unsafe tape.hasContent(key, $0) }) {
                    places[number] = key + 1
                }
            }
            key = Int(tape[key + 1].link)
        }
    }

    /// The value of the key that was given as number `key`, from 0.
    package subscript(key: Int) -> JSONNode? {
        let place = places[key]
        return place == 0 ? nil : JSONNode(tape: tape, index: place)
    }

    package func kind(of key: Int) -> JSONKind? {
        let place = places[key]
        return place == 0 ? nil : tape[place].kind
    }
}

extension JSONNode {
    /// The members with those keys, found in one pass.
    package func members(_ keys: JSONKeys) -> JSONFewMembers { JSONFewMembers(keys, of: self) }

    /// Whether no string or key of this value has an escape or is one of `words`, ASCII letters of
    /// either case being the same.
    ///
    /// - Parameter words: in lower case.
    package func isPlain(without words: [StaticString]) -> Bool {
        let bytes = tape.bytes
        let span = bytes.span
        let end = kind == .string ? index + 1 : Int(entry.link)
        for place in index..<end {
            let entry = tape[place]
            guard entry.kind == .string else { continue }
            if entry.isEscaped { return false }
            let content = Int(entry.start)..<Int(entry.end)
            for word in words where word.utf8CodeUnitCount == content.count {
                if Self.isSame(word, span, content) { return false }
            }
        }
        return true
    }

    private static func isSame(
        _ word: StaticString,
        _ text: Span<UInt8>,
        _ range: Range<Int>
    ) -> Bool {
        word.withUTF8Buffer { letters in
            for offset in 0..<range.count {
                let byte = text[range.lowerBound + offset]
                let isUpper = byte >= 0x41 && byte <= 0x5a
                guard unsafe (isUpper ? byte | 0x20 : byte) == letters[offset] else { return false }
            }
            return true
        }
    }
}
