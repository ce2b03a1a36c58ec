/// Lower-case hexadecimal.
@usableFromInline
package enum Hex {
    @inlinable
    package static func encode(_ bytes: some Collection<UInt8>) -> String {
        unsafe String(unsafeUninitializedCapacity: bytes.count * 2) { digits in
            var end = 0
            for byte in bytes {
                unsafe digits[end] = digit(byte >> 4)
                unsafe digits[end + 1] = digit(byte & 15)
                end += 2
            }
            return end
        }
    }

    /// The 16 digits of a number.
    package static func encode(_ word: UInt64) -> String {
        unsafe String(unsafeUninitializedCapacity: 16) { digits in
            for place in 0..<16 {
                let half = UInt8(truncatingIfNeeded: word &>> UInt64(60 &- 4 &* place)) & 15
                unsafe digits[place] = digit(half)
            }
            return 16
        }
    }

    /// The digits as bytes.
    package static func digits(of bytes: [UInt8]) -> [UInt8] {
        unsafe [UInt8](unsafeUninitializedCapacity: bytes.count * 2) { digits, end in
            for byte in bytes {
                unsafe digits[end] = digit(byte >> 4)
                unsafe digits[end + 1] = digit(byte & 15)
                end += 2
            }
        }
    }

    /// Nil unless the text is an even number of hexadecimal digits.
    @inlinable
    package static func decode(_ text: some StringProtocol) -> [UInt8]? {
        var result: [UInt8] = []
        result.reserveCapacity(text.utf8.count / 2)
        var high: UInt8?
        for byte in text.utf8 {
            guard let value = value(of: byte) else { return nil }
            if let first = high {
                result.append(first << 4 | value)
                high = nil
            } else {
                high = value
            }
        }
        return high == nil ? result : nil
    }

    @inlinable
    package static func digit(_ value: UInt8) -> UInt8 { value < 10 ? 0x30 + value : 0x57 + value }

    @inlinable
    package static func value(of byte: UInt8) -> UInt8? {
        switch byte {
        case 0x30...0x39: byte - 0x30
        case 0x41...0x46: byte - 0x37
        case 0x61...0x66: byte - 0x57
        default: nil
        }
    }
}

/// Base64 of RFC 4648, section 4 (standard, padded) and section 5 (URL-safe, unpadded).
package enum Base64 {
    package enum Alphabet: Sendable { case standard, urlSafe }

    package static func encode(
        _ bytes: some Collection<UInt8>,
        _ alphabet: Alphabet = .standard
    ) -> String {
        var result: [UInt8] = []
        result.reserveCapacity((bytes.count + 2) / 3 * 4)
        var buffer: UInt32 = 0
        var pending = 0
        for byte in bytes {
            buffer = buffer << 8 | UInt32(byte)
            pending += 1
            guard pending == 3 else { continue }
            for shift in [18, 12, 6, 0] {
                result.append(letter(UInt8(buffer >> UInt32(shift) & 63), alphabet))
            }
            buffer = 0
            pending = 0
        }
        if pending > 0 {
            buffer <<= UInt32(8 * (3 - pending))
            for index in 0...pending {
                result.append(letter(UInt8(buffer >> UInt32(18 - 6 * index) & 63), alphabet))
            }
            if alphabet == .standard {
                result.append(contentsOf: repeatElement(0x3d, count: 3 - pending))
            }
        }
        return String(decoding: result, as: UTF8.self)
    }

    /// Nil for a letter outside the alphabet, wrong padding, or bits set beyond the last byte.
    package static func decode(
        _ text: some StringProtocol,
        _ alphabet: Alphabet = .standard
    ) -> [UInt8]? {
        var letters = Array(text.utf8)
        if alphabet == .standard {
            guard letters.count % 4 == 0 else { return nil }
            for _ in 0..<2 where letters.last == 0x3d { letters.removeLast() }
        }
        guard letters.count % 4 != 1 else { return nil }
        var result: [UInt8] = []
        result.reserveCapacity(letters.count * 3 / 4)
        var buffer: UInt32 = 0
        var bits = 0
        for byte in letters {
            guard let value = value(of: byte, alphabet) else { return nil }
            buffer = (buffer << 6 | UInt32(value)) & 0xfffff
            bits += 6
            if bits >= 8 {
                bits -= 8
                result.append(UInt8(truncatingIfNeeded: buffer >> UInt32(bits)))
            }
        }
        let leftover = buffer & ((1 << UInt32(bits)) - 1)
        return leftover == 0 ? result : nil
    }

    private static func letter(_ value: UInt8, _ alphabet: Alphabet) -> UInt8 {
        switch value {
        case 0..<26: 0x41 + value
        case 26..<52: 0x47 + value
        case 52..<62: value - 4
        case 62: alphabet == .standard ? 0x2b : 0x2d
        default: alphabet == .standard ? 0x2f : 0x5f
        }
    }

    private static func value(of byte: UInt8, _ alphabet: Alphabet) -> UInt8? {
        switch byte {
        case 0x41...0x5a: byte - 0x41
        case 0x61...0x7a: byte - 0x47
        case 0x30...0x39: byte + 4
        case 0x2b where alphabet == .standard, 0x2d where alphabet == .urlSafe: 62
        case 0x2f where alphabet == .standard, 0x5f where alphabet == .urlSafe: 63
        default: nil
        }
    }
}
