/// Base64 as it is met in texts: of either alphabet (RFC 4648 sections 4 and 5), padded or not.
enum LenientBase64 {
    /// Whether only letters of RFC 4648 section 4 and line breaks are in it.
    static func isStandard(_ text: [UInt8]) -> Bool {
        text.allSatisfy {
            Letters.isAlphanumeric($0) || [0x2b, 0x2f, 0x3d, 0x0a, 0x0d].contains($0)
        }
    }

    /// Of text in lines (RFC 2045 section 6.8).
    static func decodeLines(_ text: [UInt8]) -> [UInt8]? {
        decode(text.lazy.filter { $0 != 0x0a && $0 != 0x0d && $0 != 0x20 })
    }

    /// Nil for a byte of neither alphabet; bits that make no whole byte are left out.
    static func decode(_ text: some Collection<UInt8>) -> [UInt8]? {
        var result: [UInt8] = []
        result.reserveCapacity(text.underestimatedCount * 3 / 4)
        var buffer: UInt32 = 0
        var bits = 0
        for byte in text where byte != UInt8(ascii: "=") {
            let sextet: UInt8
            switch byte {
            case 0x41...0x5a: sextet = byte - 0x41
            case 0x61...0x7a: sextet = byte - 0x47
            case 0x30...0x39: sextet = byte + 4
            case 0x2b, 0x2d: sextet = 62
            case 0x2f, 0x5f: sextet = 63
            default: return nil
            }
            buffer = (buffer << 6 | UInt32(sextet)) & 0xffffff
            bits += 6
            guard bits >= 8 else { continue }
            bits -= 8
            result.append(UInt8(truncatingIfNeeded: buffer >> UInt32(bits)))
        }
        return result
    }
}
