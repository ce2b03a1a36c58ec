/// A few keys that are looked for together: one pass over an object finds the members of all.
package final class JSONKeys: Sendable {
    /// How many there are at most.
    package static let most = 8

    private let names: [StaticString]
    /// By some bits of a hash, which are different for all of them, the number of the key from 1.
    private let numbers: InlineArray<64, UInt8>
    private let shift: UInt32
    private let hashes: InlineArray<8, UInt32>

    /// - Parameter names: at most `most`, written in the source, all different.
    package init(_ names: StaticString...) {
        precondition(names.count <= Self.most, "more keys than one pass looks for")
        self.names = names
        let known = names.map { name in name.withUTF8Buffer { unsafe KeyHash.of($0) } }
        let shifts = (UInt32(0)...26).filter { shift in
            Set(known.map { Self.slot($0, shift) }).count == known.count
        }
        guard let shift = shifts.first else {
            preconditionFailure("no six bits of their hashes tell these keys apart")
        }
        var numbers = InlineArray<64, UInt8>(repeating: 0)
        var hashes = InlineArray<8, UInt32>(repeating: 0)
        for (number, hash) in known.enumerated() {
            hashes[number] = hash
            numbers[Self.slot(hash, shift)] = UInt8(number + 1)
        }
        self.shift = shift
        self.numbers = numbers
        self.hashes = hashes
    }

    @inline(__always)
    private static func slot(_ hash: UInt32, _ shift: UInt32) -> Int { Int(hash >> shift & 63) }

    /// Which of the keys that one is, by its place on the tape.
    @inline(__always)
    fileprivate func number(of key: Int, on tape: Tape) -> Int? {
        let hash = tape[key].link
        let number = Int(numbers[Self.slot(hash, shift)]) - 1
        guard number >= 0, hashes[number] == hash else { return nil }
        let isSame = names[number].withUTF8Buffer { unsafe tape.hasContent(key, $0) }
        return isSame ? number : nil
    }
}

/// The members of one object that have one of a few keys; none of what is no object.
package struct JSONFewMembers: Sendable {
    private let tape: Tape
    /// Of each key the index of its value; 0, where no member's value can stand, for none.
    private var places = SIMD8<UInt32>(repeating: 0)

    fileprivate init(_ keys: JSONKeys, of object: JSONNode) {
        tape = object.tape
        let entry = object.entry
        guard case .object = entry.kind else { return }
        let end = Int(entry.link)
        var key = object.index + 1
        while key < end {
            if let number = keys.number(of: key, on: tape) {
                places[number] = UInt32(truncatingIfNeeded: key + 1)
            }
            key = Int(tape[key + 1].link)
        }
    }

    /// The value of the key that was given as number `key`, from 0.
    package subscript(key: Int) -> JSONNode? {
        let place = places[key]
        return place == 0 ? nil : JSONNode(tape: tape, index: Int(place))
    }

    package func has(_ key: Int) -> Bool { places[key] != 0 }

    package func kind(of key: Int) -> JSONKind? {
        let place = places[key]
        return place == 0 ? nil : tape[Int(place)].kind
    }

    /// Which key that value of the same document has; nil where it is none of those.
    package func key(of value: JSONPlace) -> Int? {
        for number in 0..<JSONKeys.most where Int(places[number]) == value.index { return number }
        return nil
    }
}

extension JSONNode {
    /// The members with those keys, found in one pass.
    package func members(_ keys: JSONKeys) -> JSONFewMembers { JSONFewMembers(keys, of: self) }

    package var isObject: Bool { if case .object = entry.kind { true } else { false } }
    package var isArray: Bool { if case .array = entry.kind { true } else { false } }

    /// The value of a number of at most 18 plain digits, without allocating; nil for all else.
    package var smallInteger: Int64? { JSONWalk(self).smallInteger(place) }

    /// Whether nothing but commas and colons stands between the members of an object.
    package var isCompact: Bool {
        let object = entry
        guard case .object = object.kind else { return false }
        // Two brackets; with each member a colon, and a comma but for the last.
        var length = 2 + max(0, object.count * 2 - 1)
        var key = index + 1
        let end = Int(object.link)
        while key < end {
            length += tape[key].sourceCount + tape[key + 1].sourceCount
            key = Int(tape[key + 1].link)
        }
        return length == object.sourceCount
    }

    /// Whether no string or key of this value has an escape or is one of `words`, ASCII letters of
    /// either case being the same.
    ///
    /// - Parameter words: in lower case, none of them empty.
    package func isPlain(without words: [StaticString]) -> Bool {
        let bytes = tape.bytes
        let span = bytes.span
        let end = kind == .string ? index + 1 : Int(entry.link)
        // Most strings begin with a letter that none of the words begins with.
        let firsts = words.reduce(UInt32(0)) { bits, word in
            bits | word.withUTF8Buffer { unsafe $0.first.map { 1 << UInt32($0 & 31) } ?? 0 }
        }
        for place in index..<end {
            let entry = tape[place]
            guard entry.kind == .string else { continue }
            if entry.isEscaped { return false }
            let content = Int(entry.start)..<Int(entry.end)
            guard !content.isEmpty, firsts >> UInt32(span[content.lowerBound] & 31) & 1 != 0 else {
                continue
            }
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
