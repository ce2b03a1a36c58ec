/// Writes a value with sorted keys and one spelling for each string; numbers as it is told.
@safe
struct Canonicaliser: ~Copyable {
    enum Numbers {
        /// RFC 8785: every number through the nearest double.
        case doubles
        /// The call form: exact (docs/architecture.md, rule 2).
        case exact
    }

    /// A container that is being written.
    private struct Frame {
        let isObject: Bool
        /// Whether the members are written in another order than they have on the tape.
        var isSorted = false
        var isFirst = true
        /// The next element's or key's index on the tape, or the next place in `keys`.
        var at: Int
        var end: Int
        /// How many keys outer objects have in `keys`.
        let outerKeys: Int
    }

    private let numbers: Numbers
    private let tape: Tape
    private let source: UnsafePointer<UInt8>
    private var output: OutputBuffer
    /// The innermost container; those around it stand in `outer`, which most calls never need.
    private var current: Frame?
    private var outer: [Frame] = []
    /// The keys of the open objects that had to be sorted, as tape indices, in the order they are
    /// written.
    private var keys: [Int] = []

    /// The bytes of `node`, without recursion.
    static func bytes(of node: JSONNode, _ numbers: Numbers) throws(CallFormError) -> [UInt8] {
        let tape = node.tape
        return unsafe try tape.bytes.withUnsafeBufferPointer { buffer throws(CallFormError) in
            guard let source = buffer.baseAddress else { return [] }
            let length = Int(node.entry.end - node.entry.start) + 2
            var writer = unsafe Canonicaliser(tape, source, numbers, capacity: length + 32)
            try writer.write(node.index)
            while try writer.step() {}
            return writer.output.bytes
        }
    }

    private init(
        _ tape: Tape,
        _ source: UnsafePointer<UInt8>,
        _ numbers: Numbers,
        capacity: Int
    ) {
        self.tape = tape
        unsafe self.source = source
        self.numbers = numbers
        output = OutputBuffer(capacity: capacity)
    }

    /// Writes the next member or element of the innermost container, or its end; false when done.
    private mutating func step() throws(CallFormError) -> Bool {
        guard var frame = current else { return false }
        guard frame.at < frame.end else {
            output.append(frame.isObject ? 0x7d : 0x5d)
            keys.removeLast(keys.count - frame.outerKeys)
            current = outer.popLast()
            return true
        }
        if !frame.isFirst { output.append(0x2c) }
        frame.isFirst = false
        let key = frame.isSorted ? keys[frame.at] : frame.at
        let value = frame.isObject ? key + 1 : key
        if frame.isObject {
            string(tape[key])
            output.append(0x3a)
        }
        frame.at = frame.isSorted ? frame.at + 1 : Int(tape[value].link)
        current = frame
        try write(value)
        return true
    }

    private mutating func write(_ index: Int) throws(CallFormError) {
        let entry = tape[index]
        switch entry.kind {
        case .string: string(entry)
        case .number: try number(entry, index)
        case .true, .false, .null: unsafe output.append(text(entry))
        case .object:
            output.append(0x7b)
            enter(index, entry, isObject: true)
        case .array:
            output.append(0x5b)
            enter(index, entry, isObject: false)
        }
    }

    private mutating func enter(_ index: Int, _ entry: TapeEntry, isObject: Bool) {
        if let current { outer.append(current) }
        let outerKeys = keys.count
        var frame = Frame(
            isObject: isObject,
            at: index + 1,
            end: Int(entry.link),
            outerKeys: outerKeys
        )
        if isObject, unsafe !KeyOrder.isCanonical(tape, source, index) {
            collectKeys(index, entry)
            frame.isSorted = true
            frame.at = outerKeys
            frame.end = keys.count
        }
        current = frame
    }

    private func text(_ entry: TapeEntry) -> UnsafeBufferPointer<UInt8> {
        unsafe UnsafeBufferPointer(
            start: source + Int(entry.start),
            count: Int(entry.end - entry.start)
        )
    }

    /// RFC 8785 section 3.2.2.2; a source without escapes is spelled that way already.
    private mutating func string(_ entry: TapeEntry) {
        if entry.isEscaped {
            unsafe respell(text(entry))
        } else {
            unsafe output.append(
                UnsafeBufferPointer(
                    start: source + (Int(entry.start) - 1),
                    count: Int(entry.end - entry.start) + 2
                )
            )
        }
    }

    /// Writes each escape as RFC 8785 does: named ones by their letter, other controls as four
    /// lower-case digits, all else as itself.
    private mutating func respell(_ text: UnsafeBufferPointer<UInt8>) {
        output.append(0x22)
        var at = 0
        while at < text.count {
            let plain = unsafe Scan.backslash(text, at)
            if plain > at { unsafe output.append(UnsafeBufferPointer(rebasing: text[at..<plain])) }
            guard plain + 1 < text.count else { break }
            let escape = unsafe text[plain + 1]
            at = plain + 2
            if escape == 0x2f {
                output.append(0x2f)
            } else if escape != 0x75 {
                output.append(0x5c)
                output.append(escape)
            } else {
                at = plain
                // One escape or a row of them; a pair's halves stay together.
                while at + 1 < text.count, unsafe text[at] == 0x5c, unsafe text[at + 1] == 0x75 {
                    at += 6
                }
                var respelt: [UInt8] = []
                let decoded = unsafe Unescape.decode(
                    UnsafeBufferPointer(rebasing: text[plain..<min(at, text.count)])
                )
                unsafe decoded.withUnsafeBufferPointer { unsafe Escape.escape($0, into: &respelt) }
                output.append(respelt)
            }
        }
        output.append(0x22)
    }

    private mutating func number(_ entry: TapeEntry, _ index: Int) throws(CallFormError) {
        let text = unsafe text(entry)
        if unsafe NumberSpelling.isCanonical(text, isInteger: entry.isInteger) {
            unsafe output.append(text)
            return
        }
        let number = unsafe JSONNumber(accepted: text)
        let offset = Int(entry.start)
        switch numbers {
        case .exact: output.append(try number.callForm(offset: offset))
        case .doubles:
            guard let double = number.double else { throw .numberOutOfRange(offset: offset) }
            output.append(ECMAScriptNumber.text(of: double))
        }
    }

    // MARK: key order

    /// Appends the keys of an object to `keys`, in the order of RFC 8785 section 3.2.3.
    private mutating func collectKeys(_ index: Int, _ object: TapeEntry) {
        let first = keys.count
        var key = index + 1
        var hasEscapes = false
        while key < Int(object.link) {
            hasEscapes = hasEscapes || tape[key].isEscaped
            keys.append(key)
            key = Int(tape[key + 1].link)
        }
        if hasEscapes { sortDecoded(from: first) } else { sort(from: first) }
    }

    private func precedes(_ left: Int, _ right: Int) -> Bool {
        unsafe KeyOrder.precedes(tape, source, left, right)
    }

    private mutating func sort(from first: Int) {
        if keys.count - first <= 16 {
            for place in first + 1..<keys.count {
                let key = keys[place]
                var hole = place
                while hole > first, precedes(key, keys[hole - 1]) {
                    keys[hole] = keys[hole - 1]
                    hole -= 1
                }
                keys[hole] = key
            }
            return
        }
        var sorted = Array(keys[first...])
        sorted.sort { precedes($0, $1) }
        keys.replaceSubrange(first..., with: sorted)
    }

    /// Some keys are escaped: decodes each once.
    private mutating func sortDecoded(from first: Int) {
        var decoded = keys[first...].map {
            (bytes: unsafe Unescape.decode(text(tape[$0])), key: $0)
        }
        decoded.sort { left, right in
            unsafe left.bytes.withUnsafeBufferPointer { left in
                unsafe right.bytes.withUnsafeBufferPointer { right in
                    unsafe UTF16Order.precedes(left, right)
                }
            }
        }
        keys.replaceSubrange(first..., with: decoded.map(\.key))
    }
}

/// UTF-8 compared as its UTF-16 code units would be.
enum UTF16Order {
    static func precedes(
        _ left: UnsafeBufferPointer<UInt8>,
        _ right: UnsafeBufferPointer<UInt8>
    ) -> Bool {
        for at in 0..<min(left.count, right.count) {
            let (leftByte, rightByte) = unsafe (left[at], right[at])
            if leftByte == rightByte { continue }
            // UTF-8 sorts as code points do. Code units differ from that only where one side is
            // beyond U+FFFF (surrogates, 0xD800 up; lead byte from 0xF0) and the other in U+E000
            // to U+FFFF (lead bytes 0xEE and 0xEF).
            if leftByte >= 0xee, rightByte >= 0xee, (leftByte >= 0xf0) != (rightByte >= 0xf0) {
                return leftByte >= 0xf0
            }
            return leftByte < rightByte
        }
        return left.count < right.count
    }
}

/// Which number texts are their own canonical spelling; nearly all of them are.
enum NumberSpelling {
    /// True only for texts that RFC 8785 and the call form both leave as they are.
    ///
    /// With at most 15 significant digits the shortest text of the nearest double has the same
    /// digits, and ECMA-262 writes them without exponent from 10^-6 up to 10^21. What remains to be
    /// excluded are exponents, needless zeros and the minus sign of zero.
    static func isCanonical(_ text: UnsafeBufferPointer<UInt8>, isInteger: Bool) -> Bool {
        guard text.count <= 16 else { return false }
        var digits = unsafe text[...]
        if unsafe digits.first == 0x2d { unsafe digits = digits.dropFirst() }
        if isInteger {
            return unsafe digits.count <= 15 && (digits.first != 0x30 || text.count == 1)
        }
        guard let point = unsafe digits.firstIndex(of: 0x2e), unsafe digits.last != 0x30 else {
            return false
        }
        var zeros = 0
        var isLeading = unsafe digits.first == 0x30
        for at in (point + 1)..<text.count {
            let byte = unsafe text[at]
            guard byte &- 0x30 < 10 else { return false }  // an exponent
            if byte != 0x30 { isLeading = false }
            if isLeading { zeros += 1 }
        }
        return zeros <= 5
    }
}

/// The JSON Canonicalization Scheme.
package enum RFC8785 {
    /// The canonical bytes; numbers go through doubles, and one beyond their range is refused.
    package static func canonical(_ node: JSONNode) throws(CallFormError) -> [UInt8] {
        try Canonicaliser.bytes(of: node, .doubles)
    }
}
