import Base

/// Path text as the most forgiving file system and server would read it.
///
/// ASCII letters are lowered. Of Unicode only what turns into ASCII is folded: full-width, small and
/// vertical forms, the Greek question mark, the long s and the Kelvin sign; characters without
/// width, which some file systems ignore, are dropped. Everything else compares as bytes: an
/// accented name in another normalisation form is another name here.
struct PathFolding {
    private(set) var bytes: [UInt8] = []

    mutating func append(_ text: ArraySlice<UInt8>) {
        bytes.reserveCapacity(bytes.count + text.count)
        if text.allSatisfy({ $0 < 0x80 }) {
            for byte in text { bytes.append(byte &- 0x41 < 26 ? byte | 0x20 : byte) }
            return
        }
        for scalar in String(decoding: text, as: UTF8.self).unicodeScalars { append(scalar) }
    }

    private mutating func append(_ scalar: Unicode.Scalar) {
        switch scalar.value {
        case 0x41...0x5a: bytes.append(UInt8(scalar.value | 0x20))
        case 0..<0x80: bytes.append(UInt8(scalar.value))
        case 0xff21...0xff3a: bytes.append(UInt8(scalar.value - 0xff21 + 0x61))
        case 0xff01...0xff5e: bytes.append(UInt8(scalar.value - 0xff01 + 0x21))
        case 0x37e, 0xfe14, 0xfe54: bytes.append(UInt8(ascii: ";"))
        case 0xfe10, 0xfe50: bytes.append(UInt8(ascii: ","))
        case 0xfe13, 0xfe55: bytes.append(UInt8(ascii: ":"))
        case 0xfe15, 0xfe57: bytes.append(UInt8(ascii: "!"))
        case 0xfe16, 0xfe56: bytes.append(UInt8(ascii: "?"))
        case 0xfe5f: bytes.append(UInt8(ascii: "#"))
        case 0xfe60: bytes.append(UInt8(ascii: "&"))
        case 0xfe66: bytes.append(UInt8(ascii: "="))
        case 0xfe6b: bytes.append(UInt8(ascii: "@"))
        case 0x2024, 0xfe52: bytes.append(UInt8(ascii: "."))  // one dot leader, small full stop
        case 0x2025: bytes += Array("..".utf8)  // two dot leader
        case 0x2044, 0x2215, 0x29f8: bytes.append(UInt8(ascii: "/"))
        case 0x2216, 0x29f5, 0xfe68: bytes.append(UInt8(ascii: "\\"))
        case 0x17f: bytes.append(UInt8(ascii: "s"))
        case 0x212a: bytes.append(UInt8(ascii: "k"))
        case 0xad, 0x34f, 0x61c, 0x180e, 0x200b...0x200f, 0x202a...0x202e, 0x2060...0x206f,
            0xfe00...0xfe0f, 0xfeff, 0xe0000...0xe0fff:
            break
        default: bytes.append(contentsOf: String(scalar).utf8)
        }
    }

    /// Whether some reader would see a dot, a slash or nothing where these bytes have another
    /// character, or blanks that it drops, so that they are nobody's certain path.
    static func hidesStructure(_ text: Span<UInt8>) -> Bool {
        guard text.count > 0 else { return false }
        // Many servers trim what they are given.
        if text[0] == 0x20 || text[text.count - 1] == 0x20 { return true }
        var isASCII = true
        for index in 0..<text.count where text[index] >= 0x80 { isASCII = false }
        guard !isASCII else { return false }
        let scalars = unsafe text.withUnsafeBufferPointer {
            unsafe String(decoding: $0, as: UTF8.self)
        }.unicodeScalars
        for scalar in scalars where scalar.value >= 0x80 {
            if scalar.properties.isWhitespace { return true }
            var folding = PathFolding()
            folding.append(scalar)
            if folding.bytes.isEmpty || folding.bytes.contains(where: { "./\\".utf8.contains($0) })
            {
                return true
            }
        }
        return false
    }

    /// Percent escapes undone once, as forgiving servers do; nil when there are none.
    ///
    /// With `%u002e`, and with 0xC0 and 0xC1, which begin nothing valid (RFC 3629 section 3) but are
    /// taken by some decoders: `%c0%ae` and `%c0%2e` are dots there.
    static func percentDecoded(_ text: [UInt8]) -> [UInt8]? {
        guard text.contains(UInt8(ascii: "%")) else { return nil }
        var result: [UInt8] = []
        var index = 0
        var changed = false
        while index < text.count {
            guard let (value, width) = escape(text, at: index) else {
                result.append(text[index])
                index += 1
                continue
            }
            changed = true
            index += width
            let lead = UInt8(exactly: value) ?? 0
            if lead & 0xfe == 0xc0, let (next, nextWidth) = escape(text, at: index), next < 0xc0 {
                let low = UInt8(truncatingIfNeeded: next)
                result.append(low < 0x80 ? low : (lead & 1) << 6 | low & 0x3f)
                index += nextWidth
            } else if width == 3 {
                result.append(lead)
            } else {
                result += String(Unicode.Scalar(value) ?? "\u{fffd}").utf8
            }
        }
        return changed ? result : nil
    }

    /// What an escape stands for, a byte or a code unit, and how long it is.
    private static func escape(_ text: [UInt8], at index: Int) -> (UInt32, Int)? {
        guard index < text.count, text[index] == UInt8(ascii: "%") else { return nil }
        func digits(_ from: Int, _ count: Int) -> UInt32? {
            guard from + count <= text.count else { return nil }
            var value: UInt32 = 0
            for place in from..<from + count {
                guard let digit = Hex.value(of: text[place]) else { return nil }
                value = value << 4 | UInt32(digit)
            }
            return value
        }
        if let value = digits(index + 1, 2) { return (value, 3) }
        guard index + 1 < text.count, text[index + 1] | 0x20 == UInt8(ascii: "u"),
            let value = digits(index + 2, 4)
        else { return nil }
        return (value, 6)
    }
}
