extension JSONNode {
    /// Tells this value from every other of its document.
    package var identity: Int { index }

    /// The number is plain digits, perhaps after a minus sign: no fraction, no exponent.
    package var isPlainInteger: Bool { entry.kind == .number && entry.isInteger }

    /// The value of a number of at most 18 plain digits, without allocating; nil for all others.
    package var smallInteger: Int64? {
        let entry = entry
        guard entry.kind == .number, entry.isInteger, entry.end - entry.start <= 18 else {
            return nil
        }
        return unsafe withContent { bytes in
            var magnitude: Int64 = 0
            for place in 0..<bytes.count {
                let byte = unsafe bytes[place]
                if byte == 0x2d { continue }
                magnitude = magnitude &* 10 &+ Int64(byte &- 0x30)
            }
            return unsafe bytes.first == 0x2d ? -magnitude : magnitude
        }
    }

    /// How many code points a string holds, without decoding it; 0 for what is no string.
    package var scalarCount: Int {
        let entry = entry
        guard entry.kind == .string else { return 0 }
        return unsafe withContent { bytes in
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
                    unsafe (bytes[place + 2] | 0x20) == 0x64
                    && (bytes[place + 3] | 0x20) >= 0x63
                if !isSecondHalf { count += 1 }
                place += 6
            }
            return count
        }
    }

    /// The source length of the value, in bytes.
    package var byteCount: Int {
        let entry = entry
        return Int(entry.end - entry.start)
    }

    /// Hands over the decoded bytes of a string, or the text of a number, copied only if escaped.
    @inline(__always)
    package func withText<Result>(_ body: (Span<UInt8>) -> Result) -> Result {
        if entry.isEscaped {
            let decoded = Unescape.decode(content)
            return body(decoded.span)
        }
        return unsafe withContent { unsafe body(Span(_unsafeElements: $0)) }
    }
}
