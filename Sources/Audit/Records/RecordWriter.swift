import Base

/// Appends JSON to a byte array: no tree, no `String`, members in the order of the calls.
///
/// RFC 8785 order is the caller's duty (the tests compare every kind with a sorted parse), its
/// escaping and number spelling are done here.
struct RecordWriter: ~Copyable {
    private var bytes: ByteSink
    private var second = WrittenSecond()

    init(capacity: Int) { bytes = ByteSink(capacity: capacity) }

    /// What was written.
    consuming func written() -> [UInt8] { bytes.bytes() }

    /// How many bytes were written.
    var count: Int { bytes.count }

    /// What was written, where it stands.
    var span: Span<UInt8> {
        @_lifetime(borrow self)
        get { bytes.span }
    }

    /// Begins anew, in the same room; a text beyond that many bytes does not keep its room.
    mutating func removeAll(keeping most: Int) { bytes.removeAll(keeping: most) }

    /// What was written before: whole members, or all but the last one's value.
    mutating func members(_ written: [UInt8]) { bytes.append(contentsOf: written.span) }

    /// Where the object begins; `endObject` is given it.
    func beginObject() -> Int { bytes.count }

    mutating func endObject(_ start: Int) {
        // Each member stands behind a comma, and the first one's becomes the bracket.
        if bytes.count == start {
            bytes.append(0x7b)
        } else {
            bytes.replace(at: start, with: 0x7b)
        }
        bytes.append(0x7d)
    }

    /// The name of the object's next member: ours, ASCII without anything to escape.
    mutating func name(_ name: StaticString) {
        unsafe bytes.append(
            0x222c,  // ,"
            UnsafeBufferPointer(start: name.utf8Start, count: name.utf8CodeUnitCount),
            0x3a22  // ":
        )
    }

    mutating func string(_ text: String) {
        bytes.append(0x22)
        var text = text
        text.withUTF8 { unsafe append(escaping: $0) }
        bytes.append(0x22)
    }

    /// At most `limit` bytes of the text, cut between code points; true when something was cut.
    mutating func string(_ text: String, limit: Int) -> Bool {
        bytes.append(0x22)
        var text = text
        let isCut = text.withUTF8 { utf8 -> Bool in
            var end = min(utf8.count, max(0, limit))
            // A continuation byte (0b10xxxxxx) at the cut belongs to the code point before it.
            while end > 0, end < utf8.count, unsafe utf8[end] & 0xc0 == 0x80 { end -= 1 }
            unsafe append(escaping: UnsafeBufferPointer(rebasing: utf8[..<end]))
            return end < utf8.count
        }
        bytes.append(0x22)
        return isCut
    }

    /// A name that cannot contain anything to escape.
    mutating func plain(_ text: String) {
        bytes.append(0x22)
        bytes.append(text)
        bytes.append(0x22)
    }

    mutating func strings(_ texts: [String]) {
        bytes.append(0x5b)
        for (index, text) in texts.enumerated() {
            if index > 0 { bytes.append(0x2c) }
            string(text)
        }
        bytes.append(0x5d)
    }

    /// Held to ±(2^53 − 1), the integers RFC 8785 writes exactly.
    mutating func integer(_ value: Int64) {
        let bound: Int64 = 9_007_199_254_740_991
        let held = min(max(value, -bound), bound)
        if held < 0 { bytes.append(0x2d) }
        digits(held.magnitude)
    }

    mutating func flag(_ value: Bool) {
        bytes.append(value ? "true" : "false")
    }

    mutating func digest(_ digest: Digest) {
        bytes.append(0x22)
        hex(digest.words.0)
        hex(digest.words.1)
        hex(digest.words.2)
        hex(digest.words.3)
        bytes.append(0x22)
    }

    private mutating func hex(_ word: UInt64) {
        bytes.append(littleEndian: Self.hex(UInt32(truncatingIfNeeded: word >> 32)))
        bytes.append(littleEndian: Self.hex(UInt32(truncatingIfNeeded: word)))
    }

    /// The eight digits of a number, the first in the lowest byte.
    private static func hex(_ value: UInt32) -> UInt64 {
        // One nibble to a byte, then the highest first.
        var nibbles = UInt64(value)
        nibbles = (nibbles | nibbles << 16) & 0x0000_ffff_0000_ffff
        nibbles = (nibbles | nibbles << 8) & 0x00ff_00ff_00ff_00ff
        nibbles = (nibbles | nibbles << 4) & 0x0f0f_0f0f_0f0f_0f0f
        nibbles = nibbles.byteSwapped
        // 1 where the digit is a letter, which stands 39 further on than the digits do.
        let letters = ((nibbles &+ 0x0606_0606_0606_0606) >> 4) & 0x0101_0101_0101_0101
        return nibbles &+ 0x3030_3030_3030_3030 &+ letters &* 0x27
    }

    /// RFC 3339 in UTC with milliseconds, the same text as `Timestamp.description`.
    mutating func time(_ time: Timestamp) {
        // 0000-01-01 to 9999-12-31: the years RFC 3339 can write.
        let milliseconds = min(max(time.milliseconds, -62_167_219_200_000), 253_402_300_799_999)
        second.become(milliseconds >= 0 ? milliseconds / 1000 : (milliseconds - 999) / 1000)
        let rest = milliseconds - second.number * 1000
        bytes.append(0x22)
        let text = second.text
        bytes.append(contentsOf: text.span)
        bytes.append(0x2e)
        bytes.append(0x30 + UInt8(truncatingIfNeeded: rest / 100))
        bytes.append(0x30 + UInt8(truncatingIfNeeded: rest / 10 % 10))
        bytes.append(0x30 + UInt8(truncatingIfNeeded: rest % 10))
        bytes.append(0x5a)
        bytes.append(0x22)
    }

    private mutating func digits(_ value: UInt64) {
        if value >= 10 { digits(value / 10) }
        bytes.append(0x30 + UInt8(truncatingIfNeeded: value % 10))
    }

    private mutating func append(escaping utf8: UnsafeBufferPointer<UInt8>) {
        var index = 0
        // Eight bytes at once; of those that need an escape the ones before it.
        while index + 8 <= utf8.count {
            let word = unsafe UnsafeRawBufferPointer(utf8)
                .loadUnaligned(fromByteOffset: index, as: UInt64.self)
            bytes.append(littleEndian: UInt64(littleEndian: word))
            let escapes = Self.escapes(in: UInt64(littleEndian: word))
            if escapes == 0 {
                index += 8
                continue
            }
            let place = escapes.trailingZeroBitCount / 8
            bytes.removeLast(8 - place)
            escape(unsafe utf8[index + place])
            index += place + 1
        }
        while index < utf8.count {
            let byte = unsafe utf8[index]
            if byte < 0x20 || byte == 0x22 || byte == 0x5c {
                escape(byte)
            } else {
                bytes.append(byte)
            }
            index += 1
        }
    }

    /// A bit in the first of eight bytes that is a control character, a quote or a backslash; what is
    /// set in bytes after it says nothing.
    private static func escapes(in word: UInt64) -> UInt64 {
        let ones: UInt64 = 0x0101_0101_0101_0101
        let highs: UInt64 = 0x8080_8080_8080_8080
        // Bytes that are zero after the exclusive or, and bytes below 0x20, borrow their high bit.
        func zeros(_ word: UInt64) -> UInt64 { (word &- ones) & ~word }
        let controls = (word &- ones &* 0x20) & ~word
        return (controls | zeros(word ^ ones &* 0x22) | zeros(word ^ ones &* 0x5c)) & highs
    }

    // RFC 8785 3.2.2.2: the short escapes where JSON has one, else \u00xx in lower case.
    private mutating func escape(_ byte: UInt8) {
        bytes.append(0x5c)
        switch byte {
        case 0x22, 0x5c: bytes.append(byte)
        case 0x08: bytes.append(0x62)
        case 0x09: bytes.append(0x74)
        case 0x0a: bytes.append(0x6e)
        case 0x0c: bytes.append(0x66)
        case 0x0d: bytes.append(0x72)
        default:
            bytes.append(0x75)
            bytes.append(0x30)
            bytes.append(0x30)
            bytes.append(Self.hexDigit(byte >> 4))
            bytes.append(Self.hexDigit(byte & 15))
        }
    }

    private static func hexDigit(_ value: UInt8) -> UInt8 {
        value < 10 ? 0x30 + value : 0x57 + value
    }
}

/// The text of the second that was written last, which most records share with the one before.
private struct WrittenSecond {
    /// Seconds since 1970.
    private(set) var number = Int64.min
    /// Such as `2026-11-22T02:46:00`.
    private(set) var text: [UInt8] = []

    mutating func become(_ seconds: Int64) {
        guard seconds != number else { return }
        number = seconds
        var days = seconds / 86_400
        var inDay = seconds % 86_400
        if inDay < 0 {
            inDay += 86_400
            days -= 1
        }
        // Days since 0000-03-01, then by eras of 400 years (Hinnant, civil_from_days).
        let shifted = days + 719_468
        let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let monthIndex = (5 * dayOfYear + 2) / 153
        let month = monthIndex < 10 ? monthIndex + 3 : monthIndex - 9
        let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
        text.removeAll(keepingCapacity: true)
        padded(year / 100, after: nil)
        padded(year % 100, after: nil)
        padded(month, after: 0x2d)
        padded(dayOfYear - (153 * monthIndex + 2) / 5 + 1, after: 0x2d)
        padded(inDay / 3600, after: 0x54)
        padded(inDay / 60 % 60, after: 0x3a)
        padded(inDay % 60, after: 0x3a)
    }

    private mutating func padded(_ value: Int64, after separator: UInt8?) {
        if let separator { text.append(separator) }
        text.append(0x30 + UInt8(truncatingIfNeeded: value / 10 % 10))
        text.append(0x30 + UInt8(truncatingIfNeeded: value % 10))
    }
}
