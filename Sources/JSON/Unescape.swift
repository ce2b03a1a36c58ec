/// Decodes what stands between the quotes of a string the parser has accepted.
enum Unescape {
    @inline(__always)
    static func hexValue(_ byte: UInt8) -> UInt32? {
        switch byte {
        case 0x30...0x39: UInt32(byte) - 0x30
        case 0x41...0x46: UInt32(byte) - 0x37
        case 0x61...0x66: UInt32(byte) - 0x57
        default: nil
        }
    }

    static func decode(_ source: ArraySlice<UInt8>) -> [UInt8] {
        unsafe source.withUnsafeBufferPointer { unsafe decode($0) }
    }

    /// The decoded bytes, UTF-8; never more than the source has, because every escape shrinks.
    static func decode(_ source: UnsafeBufferPointer<UInt8>) -> [UInt8] {
        unsafe Array(unsafeUninitializedCapacity: source.count) { output, written in
            var from = 0
            var to = 0
            while from < source.count {
                let escape = unsafe Scan.backslash(source, from)
                for place in from..<escape { unsafe output[to + place - from] = source[place] }
                to += escape - from
                from = escape
                guard escape + 1 < source.count else { break }
                let letter = unsafe source[escape + 1]
                if letter != 0x75 {
                    unsafe output[to] = named(letter)
                    to += 1
                    from += 2
                } else {
                    guard let (scalar, length) = unsafe scalar(source, escape) else { break }
                    to = unsafe write(scalar, output, to)
                    from += length
                }
            }
            written = to
        }
    }

    @inline(__always)
    private static func named(_ letter: UInt8) -> UInt8 {
        switch letter {
        case 0x62: 0x08
        case 0x66: 0x0c
        case 0x6e: 0x0a
        case 0x72: 0x0d
        case 0x74: 0x09
        default: letter
        }
    }

    /// The code point of `\uXXXX`, or of two of them that are a surrogate pair.
    private static func scalar(
        _ source: UnsafeBufferPointer<UInt8>,
        _ start: Int
    ) -> (scalar: UInt32, length: Int)? {
        guard let unit = unsafe unit(source, start) else { return nil }
        guard unit & 0xfc00 == 0xd800 else { return (unit, 6) }
        guard let low = unsafe self.unit(source, start + 6) else { return nil }
        return (0x10000 + (unit & 0x3ff) << 10 + (low & 0x3ff), 12)
    }

    private static func unit(_ source: UnsafeBufferPointer<UInt8>, _ start: Int) -> UInt32? {
        guard start + 6 <= source.count else { return nil }
        var value: UInt32 = 0
        for place in start + 2..<start + 6 {
            guard let digit = unsafe hexValue(source[place]) else { return nil }
            value = value << 4 | digit
        }
        return value
    }

    /// Writes one character; gives back the place after it.
    private static func write(
        _ scalar: UInt32,
        _ output: UnsafeMutableBufferPointer<UInt8>,
        _ start: Int
    ) -> Int {
        func tail(_ shift: UInt32) -> UInt8 {
            UInt8(truncatingIfNeeded: 0x80 | (scalar >> shift & 0x3f))
        }
        let length = scalar < 0x80 ? 1 : scalar < 0x800 ? 2 : scalar < 0x10000 ? 3 : 4
        switch length {
        case 1: unsafe output[start] = UInt8(truncatingIfNeeded: scalar)
        case 2: unsafe output[start] = UInt8(truncatingIfNeeded: 0xc0 | scalar >> 6)
        case 3: unsafe output[start] = UInt8(truncatingIfNeeded: 0xe0 | scalar >> 12)
        default: unsafe output[start] = UInt8(truncatingIfNeeded: 0xf0 | scalar >> 18)
        }
        for place in 1..<max(length, 1) {
            unsafe output[start + place] = tail(UInt32(6 * (length - 1 - place)))
        }
        return start + length
    }
}

/// Looks at eight bytes at once.
enum Scan {
    private static let ones: UInt64 = 0x0101_0101_0101_0101
    private static let high: UInt64 = 0x8080_8080_8080_8080

    /// Marks the first byte that is 0 by its high bit; marks after it mean nothing.
    @inline(__always)
    private static func zeros(_ word: UInt64) -> UInt64 { (word &- ones) & ~word }

    /// The place of the first backslash from `start` on; the end when there is none.
    @inline(__always)
    static func backslash(_ text: UnsafeBufferPointer<UInt8>, _ start: Int) -> Int {
        var at = start
        while at &+ 8 <= text.count {
            let word = unsafe UnsafeRawBufferPointer(text).loadUnaligned(
                fromByteOffset: at,
                as: UInt64.self
            )
            let found = zeros(word ^ (ones &* 0x5c)) & high
            if found != 0 { return at &+ found.trailingZeroBitCount &>> 3 }
            at &+= 8
        }
        while at < text.count, unsafe text[at] != 0x5c { at &+= 1 }
        return at
    }

    /// The first byte from `start` on that a string must escape; the end when there is none.
    @inline(__always)
    static func escapable(_ text: UnsafeBufferPointer<UInt8>, _ start: Int) -> Int {
        var at = start
        while at &+ 8 <= text.count {
            let word = unsafe UnsafeRawBufferPointer(text).loadUnaligned(
                fromByteOffset: at,
                as: UInt64.self
            )
            let controls = (word &- (ones &* 0x20)) & ~word
            let found =
                (controls | zeros(word ^ (ones &* 0x22)) | zeros(word ^ (ones &* 0x5c))) & high
            if found != 0 { return at &+ found.trailingZeroBitCount &>> 3 }
            at &+= 8
        }
        while at < text.count {
            let byte = unsafe text[at]
            if byte < 0x20 || byte == 0x22 || byte == 0x5c { return at }
            at &+= 1
        }
        return at
    }
}
