extension SourceText {
    /// What a string with more than plain bytes goes on with; gives back where its closing quote
    /// is, and its flags.
    @inline(never)
    func restOfString(_ start: Int) throws(JSONError) -> (end: Int, flags: UInt32) {
        var at = start
        var flags: UInt32 = 0
        while true {
            guard at < byteCount else { throw .unexpectedEnd(offset: at) }
            let byte = self[at]
            if byte == 0x22 { return (at, flags) }
            if byte == 0x5c {
                flags = TapeEntry.escaped
                at = try escape(at)
            } else if byte >= 0x80 {
                at = try characters(at)
            } else {
                throw .controlCharacter(offset: at)
            }
            // Where escapes or longer characters follow each other there is nothing to scan.
            if at < byteCount, self[at] != 0x5c, self[at] != 0x22 {
                at = plainEnd(at)
            }
        }
    }

    /// RFC 8259 section 7; half of a surrogate pair stands for nothing and is refused.
    @inline(__always)
    private func escape(_ start: Int) throws(JSONError) -> Int {
        guard start &+ 1 < byteCount else { throw .unexpectedEnd(offset: byteCount) }
        switch self[start &+ 1] {
        case 0x22, 0x5c, 0x2f, 0x62, 0x66, 0x6e, 0x72, 0x74: return start &+ 2
        case 0x75:
            let unit = try fourDigits(start &+ 2)
            if unit & 0xf800 != 0xd800 { return start &+ 6 }
            guard unit & 0xfc00 == 0xd800, start &+ 7 < byteCount,
                self[start &+ 6] == 0x5c, self[start &+ 7] == 0x75,
                try fourDigits(start &+ 8) & 0xfc00 == 0xdc00
            else { throw .loneSurrogate(offset: start) }
            return start &+ 12
        default: throw .invalidEscape(offset: start)
        }
    }

    private func fourDigits(_ start: Int) throws(JSONError) -> UInt32 {
        var value: UInt32 = 0
        for at in start..<start &+ 4 {
            guard at < byteCount else { throw .unexpectedEnd(offset: at) }
            guard let digit = Unescape.hexValue(self[at]) else {
                throw .invalidEscape(offset: at)
            }
            value = value << 4 | digit
        }
        return value
    }

    /// Characters of two to four bytes as long as they follow each other (RFC 3629 section 4).
    @inline(__always)
    private func characters(_ start: Int) throws(JSONError) -> Int {
        var at = start
        while at < byteCount {
            let lead = self[at]
            guard lead >= 0x80 else { return at }
            if lead >= 0xe1, lead <= 0xef, lead != 0xed, at &+ 2 < byteCount,
                isTail(at &+ 1), isTail(at &+ 2)
            {
                at &+= 3
            } else if lead >= 0xc2, lead <= 0xdf, at &+ 1 < byteCount, isTail(at &+ 1) {
                at &+= 2
            } else {
                at = try narrowCharacter(at, lead)
            }
        }
        return at
    }

    /// The lead bytes after which not every second byte is allowed: no overlong form, no surrogate,
    /// nothing beyond U+10FFFF.
    private func narrowCharacter(_ at: Int, _ lead: UInt8) throws(JSONError) -> Int {
        let second: ClosedRange<UInt8>
        switch lead {
        case 0xe0: second = 0xa0...0xbf
        case 0xed: second = 0x80...0x9f
        case 0xf0: second = 0x90...0xbf
        case 0xf1...0xf3: second = 0x80...0xbf
        case 0xf4: second = 0x80...0x8f
        default: throw .invalidUTF8(offset: at)
        }
        let length = lead < 0xf0 ? 3 : 4
        guard at &+ length <= byteCount, second.contains(self[at &+ 1]), isTail(at &+ 2),
            length == 3 || isTail(at &+ 3)
        else { throw .invalidUTF8(offset: at) }
        return at &+ length
    }

    @inline(__always)
    private func isTail(_ at: Int) -> Bool { self[at] & 0xc0 == 0x80 }
}
