/// The byte classes of RFC 9110 and RFC 3986, and comparisons that allocate nothing.
package enum Bytes {
    static var tab: UInt8 { 0x09 }
    static var lineFeed: UInt8 { 0x0A }
    static var carriageReturn: UInt8 { 0x0D }
    static var space: UInt8 { 0x20 }

    /// A set of ASCII bytes as two words.
    struct Class {
        let low: UInt64
        let high: UInt64

        @inline(__always)
        func contains(_ byte: UInt8) -> Bool {
            if byte < 64 { return low &>> UInt64(byte) & 1 == 1 }
            return byte < 128 && high &>> UInt64(byte & 63) & 1 == 1
        }
    }

    /// RFC 9110 section 5.6.2: `tchar`.
    @inline(__always)
    static func isToken(_ byte: UInt8) -> Bool {
        Class(low: 0x03FF_6CFA_0000_0000, high: 0x57FF_FFFF_C7FF_FFFE).contains(byte)
    }

    /// RFC 3986 sections 3.3 and 3.4: `pchar`, `/` and `?`, the percent sign included.
    @inline(__always)
    static func isTarget(_ byte: UInt8) -> Bool {
        Class(low: 0xAFFF_FFF2_0000_0000, high: 0x47FF_FFFE_87FF_FFFF).contains(byte)
    }

    @inline(__always)
    static func isDigit(_ byte: UInt8) -> Bool { byte &- 0x30 < 10 }

    @inline(__always)
    static func isBlank(_ byte: UInt8) -> Bool { byte == space || byte == tab }

    /// The value of a hexadecimal digit.
    @inline(__always)
    static func hexValue(_ byte: UInt8) -> Int? {
        switch byte {
        case 0x30...0x39: Int(byte &- 0x30)
        case 0x41...0x46: Int(byte &- 0x41) + 10
        case 0x61...0x66: Int(byte &- 0x61) + 10
        default: nil
        }
    }

    @inline(__always)
    static func lowercased(_ byte: UInt8) -> UInt8 {
        byte &- 0x41 < 26 ? byte | 0x20 : byte
    }

    /// Whether a byte is below 0x20 or 0x7F: what stands in no line but as tab or line end.
    @inline(__always)
    static func isControl(_ byte: UInt8) -> Bool { byte < 0x20 || byte == 0x7F }

    private static var ones: UInt64 { 0x0101_0101_0101_0101 }
    private static var tops: UInt64 { 0x8080_8080_8080_8080 }

    /// Marks the top bit of each of eight bytes that is below 0x20 or 0x7F.
    ///
    /// The lowest mark is exact; above a marked byte one may be marked that is none.
    @inline(__always)
    static func controls(_ word: UInt64) -> UInt64 {
        let below = (word &- ones &* 0x20) & ~word
        let differs = word ^ (ones &* 0x7F)
        let delete = (differs &- ones) & ~differs
        return (below | delete) & tops
    }

    /// The same for the bytes that are `byte`.
    @inline(__always)
    private static func places(of byte: UInt8, in word: UInt64) -> UInt64 {
        let differs = word ^ (ones &* UInt64(byte))
        return (differs &- ones) & ~differs & tops
    }

    /// The first place at or after `start` that holds a control byte, or `end`.
    @inline(__always)
    static func firstControl(in bytes: Span<UInt8>, from start: Int, to end: Int) -> Int {
        var index = start
        let raw = unsafe bytes.bytes
        while index &+ 8 <= end {
            // In bounds: `end` is at most `bytes.count` for every caller in this module.
            let word = unsafe raw.unsafeLoadUnaligned(fromByteOffset: index, as: UInt64.self)
            let marks = controls(UInt64(littleEndian: word))
            if marks != 0 { return index &+ marks.trailingZeroBitCount / 8 }
            index &+= 8
        }
        while index < end, !isControl(bytes[index]) { index &+= 1 }
        return index
    }

    /// The first place at or after `start` that holds `byte`, or the end.
    @inline(__always)
    static func first(_ byte: UInt8, in bytes: Span<UInt8>, from start: Int) -> Int {
        var index = start
        let raw = unsafe bytes.bytes
        while index &+ 8 <= bytes.count {
            let word = unsafe raw.unsafeLoadUnaligned(fromByteOffset: index, as: UInt64.self)
            let marks = places(of: byte, in: UInt64(littleEndian: word))
            if marks != 0 { return index &+ marks.trailingZeroBitCount / 8 }
            index &+= 8
        }
        while index < bytes.count, bytes[index] != byte { index &+= 1 }
        return index
    }

    /// Whether the bytes are that text, upper and lower case being equal; the text is made of lower
    /// case letters, digits and what ASCII has below its letters, such as hyphens.
    @inline(__always)
    static func equal(
        _ bytes: Span<UInt8>,
        _ start: Int,
        _ count: Int,
        ignoringCaseOf text: StaticString
    ) -> Bool {
        guard count == text.utf8CodeUnitCount else { return false }
        return text.withUTF8Buffer { expected in
            let (given, expected) = unsafe (bytes.bytes, expected.span.bytes)
            guard count >= 8 else {
                for index in 0..<count {
                    let other = unsafe expected.unsafeLoad(fromByteOffset: index, as: UInt8.self)
                    let byte = bytes[start &+ index]
                    guard byte | (other & 0x40) &>> 1 == other else { return false }
                }
                return true
            }
            var index = 0
            while true {
                // In bounds: the caller has found `count` bytes from `start`.
                let word = unsafe given.unsafeLoadUnaligned(
                    fromByteOffset: start &+ index,
                    as: UInt64.self
                )
                let other = unsafe expected.unsafeLoadUnaligned(
                    fromByteOffset: index,
                    as: UInt64.self
                )
                // Of what the text is made of, letters alone have the bit 0x40.
                let letters = (other & (ones &* 0x40)) &>> 1
                guard word | letters == other else { return false }
                if index &+ 8 == count { return true }
                // The last word may begin in the one before.
                index = min(index &+ 8, count &- 8)
            }
        }
    }

    /// The number that at most 18 digits are; nil where something else is among them.
    static func number(in bytes: Span<UInt8>, _ digits: Range<Int>) -> Int? {
        var number = 0
        for index in digits {
            guard isDigit(bytes[index]) else { return nil }
            number = number * 10 + Int(bytes[index] &- 0x30)
        }
        return number
    }

    /// 0 where both have the same bytes in that range; always as long on the way.
    static func difference(
        _ left: Span<UInt8>,
        _ right: Span<UInt8>,
        _ range: Range<Int>
    ) -> UInt64 {
        precondition(range.upperBound <= left.count && range.upperBound <= right.count)
        let (one, other) = unsafe (left.bytes, right.bytes)
        var wide = SIMD4<UInt64>()
        var index = range.lowerBound
        // In bounds: the range lies in both.
        while index &+ 32 <= range.upperBound {
            let part = unsafe one.unsafeLoadUnaligned(fromByteOffset: index, as: SIMD4<UInt64>.self)
            wide |=
                unsafe part
                ^ other.unsafeLoadUnaligned(fromByteOffset: index, as: SIMD4<UInt64>.self)
            index &+= 32
        }
        var difference = wide.x | wide.y | wide.z | wide.w
        while index &+ 8 <= range.upperBound {
            let part = unsafe one.unsafeLoadUnaligned(fromByteOffset: index, as: UInt64.self)
            difference |=
                unsafe part
                ^ other.unsafeLoadUnaligned(fromByteOffset: index, as: UInt64.self)
            index &+= 8
        }
        while index < range.upperBound {
            difference |= UInt64(left[index] ^ right[index])
            index &+= 1
        }
        return difference
    }

    static func array(_ bytes: Span<UInt8>) -> [UInt8] {
        unsafe bytes.withUnsafeBufferPointer { unsafe Array($0) }
    }

    /// Whether `count` bytes at two places are the same ASCII text, whatever its case.
    static func equalIgnoringCase(
        _ bytes: Span<UInt8>,
        _ left: Int,
        _ right: Int,
        _ count: Int
    ) -> Bool {
        for index in 0..<count
        where lowercased(bytes[left + index]) != lowercased(bytes[right + index]) {
            return false
        }
        return true
    }
}

extension ArraySlice<UInt8> {
    /// Whether these bytes are exactly that text.
    package func equals(_ text: StaticString) -> Bool {
        count == text.utf8CodeUnitCount
            && text.withUTF8Buffer { unsafe elementsEqual($0) }
    }

    /// Whether these bytes are that text, upper and lower case of ASCII being equal.
    package func equalsIgnoringCase(_ text: StaticString) -> Bool {
        count == text.utf8CodeUnitCount
            && text.withUTF8Buffer {
                unsafe elementsEqual($0) { Bytes.lowercased($0) == Bytes.lowercased($1) }
            }
    }

    /// The bytes as text; what is not UTF-8 shows as U+FFFD.
    package var text: String { String(decoding: self, as: UTF8.self) }
}
