/// Writes JSON text piece by piece; the caller keeps the pieces in an order that makes sense.
///
/// Commas and colons come by themselves. Strings are escaped as RFC 8785 section 3.2.2.2 does.
package struct JSONWriter {
    package private(set) var bytes: [UInt8]
    private var needsComma = false

    package init(reservingCapacity byteCount: Int = 256) {
        bytes = []
        bytes.reserveCapacity(byteCount)
    }

    package mutating func beginObject() { open(0x7b) }
    package mutating func endObject() { close(0x7d) }
    package mutating func beginArray() { open(0x5b) }
    package mutating func endArray() { close(0x5d) }

    /// The key of the next value.
    package mutating func key(_ key: String) {
        separate()
        quote(key)
        bytes.append(0x3a)
        needsComma = false
    }

    package mutating func key(_ key: JSONString) { self.key(key.text) }

    /// The key of the next value, written in the source with nothing in it to escape.
    package mutating func key(literal key: StaticString) {
        separate()
        bytes.append(0x22)
        key.withUTF8Buffer { unsafe bytes.append(contentsOf: $0) }
        bytes.append(0x22)
        bytes.append(0x3a)
        needsComma = false
    }

    /// JSON text of the source that ends where a value is to stand: `{"jsonrpc":"2.0","id":`.
    package mutating func lead(_ text: StaticString) {
        separate()
        text.withUTF8Buffer { unsafe bytes.append(contentsOf: $0) }
        needsComma = false
    }

    /// A value, or a member with its key, that is written in the source as JSON text.
    package mutating func literal(_ text: StaticString) {
        separate()
        text.withUTF8Buffer { unsafe bytes.append(contentsOf: $0) }
    }

    /// The key of the next value, with the bytes that key has in its own document.
    package mutating func key(_ key: JSONNode) {
        separate()
        append(key)
        bytes.append(0x3a)
        needsComma = false
    }

    package mutating func string(_ text: String) {
        separate()
        quote(text)
    }

    package mutating func string(_ text: JSONString) { string(text.text) }

    /// Bytes that are not UTF-8 become U+FFFD.
    package mutating func string(utf8: some Collection<UInt8>) {
        string(String(decoding: utf8, as: UTF8.self))
    }

    package mutating func number(_ number: JSONNumber) { raw(number.text.utf8) }
    package mutating func number(_ number: some FixedWidthInteger) { raw(String(number).utf8) }
    package mutating func number(_ number: Int) { self.number(Int64(number)) }

    package mutating func number(_ number: Int64) {
        separate()
        if number < 0 { bytes.append(0x2d) }
        // 2^64 has twenty digits.
        var digits = InlineArray<20, UInt8>(repeating: 0)
        var first = 20
        var rest = number.magnitude
        repeat {
            first &-= 1
            digits[first] = 0x30 + UInt8(truncatingIfNeeded: rest % 10)
            rest /= 10
        } while rest > 0
        for place in first..<20 { bytes.append(digits[place]) }
    }

    package mutating func bool(_ value: Bool) { raw((value ? "true" : "false").utf8) }
    package mutating func null() { raw("null".utf8) }

    /// One value that is JSON text already; it is not looked at.
    package mutating func raw(_ text: some Collection<UInt8>) {
        separate()
        bytes += text
    }

    package mutating func raw(_ text: [UInt8]) {
        separate()
        bytes.append(contentsOf: text)
    }

    /// The value with exactly the bytes it has in its document.
    package mutating func node(_ node: JSONNode) {
        separate()
        append(node)
    }

    /// A member as it stands in its document, but for blanks around its colon.
    package mutating func member(_ key: JSONNode, _ value: JSONNode) {
        let (name, content) = (key.entry, value.entry)
        let margin = content.kind == .string ? 1 : 0
        guard Int(content.start) - margin == Int(name.end) + 2 else {
            self.key(key)
            node(value)
            return
        }
        separate()
        append(key.tape, Int(name.start) - 1..<Int(content.end) + margin)
    }

    /// The bytes between the node's ends, quotes and brackets included.
    private mutating func append(_ node: JSONNode) {
        let entry = node.entry
        let margin = entry.kind == .string ? 1 : 0
        append(node.tape, Int(entry.start) - margin..<Int(entry.end) + margin)
    }

    private mutating func append(_ tape: Tape, _ range: Range<Int>) {
        unsafe tape.bytes.withUnsafeBufferPointer { source in
            unsafe bytes.append(contentsOf: UnsafeBufferPointer(rebasing: source[range]))
        }
    }

    package mutating func value(_ value: JSONValue) {
        switch value {
        case .null: null()
        case .bool(let value): bool(value)
        case .number(let value): number(value)
        case .string(let value): string(value)
        case .array(let elements):
            beginArray()
            for element in elements { self.value(element) }
            endArray()
        case .object(let object):
            beginObject()
            for member in object.members {
                key(member.key)
                self.value(member.value)
            }
            endObject()
        }
    }

    private mutating func open(_ bracket: UInt8) {
        separate()
        bytes.append(bracket)
        needsComma = false
    }

    private mutating func close(_ bracket: UInt8) {
        bytes.append(bracket)
        needsComma = true
    }

    private mutating func separate() {
        if needsComma { bytes.append(0x2c) }
        needsComma = true
    }

    private mutating func quote(_ text: String) {
        var text = text
        text.withUTF8 { unsafe Escape.quote($0, into: &bytes) }
    }
}

/// Strings in their shortest JSON spelling: RFC 8785 section 3.2.2.2.
enum Escape {
    /// Appends `text`, which must be UTF-8, with quotes around it.
    static func quote(_ text: UnsafeBufferPointer<UInt8>, into bytes: inout [UInt8]) {
        bytes.append(0x22)
        unsafe escape(text, into: &bytes)
        bytes.append(0x22)
    }

    /// Appends `text`, which must be UTF-8, as it stands between quotes.
    static func escape(_ text: UnsafeBufferPointer<UInt8>, into bytes: inout [UInt8]) {
        var at = 0
        while true {
            let plain = unsafe Scan.escapable(text, at)
            if plain > at {
                unsafe bytes.append(contentsOf: UnsafeBufferPointer(rebasing: text[at..<plain]))
            }
            guard plain < text.count else { return }
            unsafe escape(text[plain], into: &bytes)
            at = plain + 1
        }
    }

    private static func escape(_ byte: UInt8, into bytes: inout [UInt8]) {
        bytes.append(0x5c)
        switch byte {
        case 0x08: bytes.append(0x62)
        case 0x09: bytes.append(0x74)
        case 0x0a: bytes.append(0x6e)
        case 0x0c: bytes.append(0x66)
        case 0x0d: bytes.append(0x72)
        case 0x22, 0x5c: bytes.append(byte)
        default:
            let low = byte & 15
            bytes += [0x75, 0x30, 0x30, 0x30 + byte >> 4, low < 10 ? 0x30 + low : 0x57 + low]
        }
    }
}
