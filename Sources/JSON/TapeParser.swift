/// Reads bytes into a tape in one pass without recursion.
@safe
struct TapeParser: ~Copyable {
    private let base: UnsafePointer<UInt8>
    private let byteCount: Int
    private let limits: JSONLimits
    private var entries: UnsafeMutablePointer<TapeEntry>
    private var count = 0
    private var capacity: Int
    private var at = 0

    private static let none = Int(UInt32.max)

    static func parse(_ bytes: [UInt8], limits: JSONLimits) throws(JSONError) -> Tape {
        guard bytes.count <= limits.byteCount else {
            throw .tooLarge(limit: limits.byteCount, offset: limits.byteCount)
        }
        let outcome: Result<(UnsafeMutablePointer<TapeEntry>, Int), JSONError> =
            unsafe bytes.withUnsafeBufferPointer { buffer in
                guard let base = buffer.baseAddress, buffer.count > 0 else {
                    return unsafe .failure(.unexpectedEnd(offset: 0))
                }
                var parser = unsafe TapeParser(base, buffer.count, limits)
                do throws(JSONError) {
                    try parser.document()
                    return unsafe .success((parser.entries, parser.count))
                } catch {
                    unsafe parser.entries.deallocate()
                    return unsafe .failure(error)
                }
            }
        let (entries, count) = unsafe try outcome.get()
        return unsafe Tape(bytes: bytes, adopting: entries, count: count)
    }

    private init(_ base: UnsafePointer<UInt8>, _ byteCount: Int, _ limits: JSONLimits) {
        unsafe self.base = base
        self.byteCount = byteCount
        self.limits = limits
        capacity = byteCount / 8 + 16
        unsafe entries = .allocate(capacity: capacity)
    }

    // MARK: structure

    private mutating func document() throws(JSONError) {
        if byteCount >= 3, unsafe base[0] == 0xef, unsafe base[1] == 0xbb, unsafe base[2] == 0xbf {
            throw .byteOrderMark(offset: 0)
        }
        skipBlanks()
        var parent = Self.none
        var members = 0
        var depth = 0
        values: while true {
            guard at < byteCount else { throw .unexpectedEnd(offset: at) }
            let byte = unsafe base[at]
            if byte == 0x22 {
                try string(isKey: false)
            } else if byte == 0x7b || byte == 0x5b {
                guard depth < limits.depth else { throw .tooDeep(limit: limits.depth, offset: at) }
                let kind: JSONKind = byte == 0x7b ? .object : .array
                if parent != Self.none {
                    unsafe entries[parent].end = UInt32(truncatingIfNeeded: members)
                }
                let index = try push(TapeEntry(kind, start: at, end: 0, link: parent))
                parent = index
                members = 0
                depth += 1
                at += 1
                skipBlanks()
                guard at < byteCount else { throw .unexpectedEnd(offset: at) }
                // 0x7b and 0x5b are each two below their closing bracket.
                if unsafe base[at] != byte + 2 {
                    if kind == .object { try key() }
                    continue values
                }
                (parent, members) = try close(parent, members)
                depth -= 1
            } else {
                try scalar(byte)
            }
            while true {
                guard parent != Self.none else { break values }
                members += 1
                skipBlanks()
                guard at < byteCount else { throw .unexpectedEnd(offset: at) }
                let isObject = unsafe entries[parent].kind == .object
                let byte = unsafe base[at]
                if byte == 0x2c {
                    at += 1
                    skipBlanks()
                    if isObject {
                        guard members < limits.objectKeyCount else {
                            throw .tooManyKeys(limit: limits.objectKeyCount, offset: at)
                        }
                        try key()
                    }
                    continue values
                }
                guard byte == (isObject ? 0x7d : 0x5d) else { throw .unexpectedByte(offset: at) }
                (parent, members) = try close(parent, members)
                depth -= 1
            }
        }
        skipBlanks()
        guard at == byteCount else { throw .trailingBytes(offset: at) }
    }

    /// Ends the container at `index` with the bracket at `at`; gives its parent back.
    private mutating func close(_ index: Int, _ members: Int) throws(JSONError) -> (Int, Int) {
        at += 1
        let parent = unsafe Int(entries[index].link)
        unsafe entries[index].end = UInt32(truncatingIfNeeded: at)
        unsafe entries[index].link = UInt32(truncatingIfNeeded: count)
        unsafe entries[index].meta |= UInt32(truncatingIfNeeded: members) << 8
        if members > 1, unsafe entries[index].kind == .object {
            try unsafe KeyCheck(base: base, entries: entries, object: index).run()
        }
        guard parent != Self.none else { return (parent, 0) }
        return (parent, unsafe Int(entries[parent].end))
    }

    private mutating func key() throws(JSONError) {
        guard at < byteCount else { throw .unexpectedEnd(offset: at) }
        guard limits.objectKeyCount > 0 else { throw .tooManyKeys(limit: 0, offset: at) }
        guard unsafe base[at] == 0x22 else { throw .unexpectedByte(offset: at) }
        try string(isKey: true)
        skipBlanks()
        guard at < byteCount else { throw .unexpectedEnd(offset: at) }
        guard unsafe base[at] == 0x3a else { throw .unexpectedByte(offset: at) }
        at += 1
        skipBlanks()
    }

    @inline(__always)
    private mutating func skipBlanks() {
        while at < byteCount {
            let byte = unsafe base[at]
            guard byte <= 0x20, byte == 0x20 || byte == 0x0a || byte == 0x0d || byte == 0x09 else {
                return
            }
            at += 1
        }
    }

    @inline(__always)
    private mutating func push(_ entry: TapeEntry) throws(JSONError) -> Int {
        if count == capacity { grow() }
        guard count < limits.nodeCount else {
            throw .tooManyNodes(limit: limits.nodeCount, offset: Int(entry.start))
        }
        unsafe (entries + count).initialize(to: entry)
        count += 1
        return count - 1
    }

    @inline(never)
    private mutating func grow() {
        let larger = UnsafeMutablePointer<TapeEntry>.allocate(capacity: capacity * 2)
        unsafe larger.moveInitialize(from: entries, count: count)
        unsafe entries.deallocate()
        unsafe entries = larger
        capacity *= 2
    }

    // MARK: scalars

    private mutating func scalar(_ byte: UInt8) throws(JSONError) {
        switch byte {
        case 0x2d, 0x30...0x39: try number()
        case 0x74: try literal("true", .true)
        case 0x66: try literal("false", .false)
        case 0x6e: try literal("null", .null)
        default: throw .unexpectedByte(offset: at)
        }
    }

    private mutating func literal(_ text: StaticString, _ kind: JSONKind) throws(JSONError) {
        let start = at
        for index in 0..<text.utf8CodeUnitCount {
            guard at < byteCount else { throw .unexpectedEnd(offset: at) }
            guard unsafe base[at] == text.utf8Start[index] else {
                throw .unexpectedByte(offset: at)
            }
            at += 1
        }
        _ = try push(TapeEntry(kind, start: start, end: at, link: count + 1))
    }

    /// RFC 8259 section 6.
    private mutating func number() throws(JSONError) {
        let start = at
        var flags = TapeEntry.integer
        if unsafe base[at] == 0x2d { at += 1 }
        let first = at
        try digits()
        if unsafe base[first] == 0x30, at > first + 1 { throw .invalidNumber(offset: first) }
        if at < byteCount, unsafe base[at] == 0x2e {
            flags = 0
            at += 1
            try digits()
        }
        if at < byteCount, unsafe base[at] | 0x20 == 0x65 {
            flags = 0
            at += 1
            if at < byteCount, unsafe base[at] == 0x2b || base[at] == 0x2d { at += 1 }
            try digits()
        }
        _ = try push(TapeEntry(.number, start: start, end: at, link: count + 1, flags: flags))
    }

    private mutating func digits() throws(JSONError) {
        let first = at
        while at < byteCount, unsafe base[at] &- 0x30 < 10 { at += 1 }
        guard at > first else {
            if at >= byteCount { throw .unexpectedEnd(offset: at) }
            throw .invalidNumber(offset: at)
        }
    }

    private mutating func string(isKey: Bool) throws(JSONError) {
        at += 1
        let start = at
        var flags: UInt32 = 0
        while true {
            guard at < byteCount else { throw .unexpectedEnd(offset: at) }
            let byte = unsafe base[at]
            if byte == 0x22 { break }
            if byte == 0x5c {
                flags = TapeEntry.escaped
                try escape()
            } else if byte < 0x20 {
                throw .controlCharacter(offset: at)
            } else if byte < 0x80 {
                at += 1
            } else {
                try multibyte(byte)
            }
        }
        let end = at
        at += 1
        var link = count + 1
        if isKey {
            link = unsafe KeyHash.of(base, start, end, isEscaped: flags != 0)
        }
        _ = try push(TapeEntry(.string, start: start, end: end, link: link, flags: flags))
    }

    private mutating func escape() throws(JSONError) {
        let start = at
        at += 1
        guard at < byteCount else { throw .unexpectedEnd(offset: at) }
        switch unsafe base[at] {
        case 0x22, 0x5c, 0x2f, 0x62, 0x66, 0x6e, 0x72, 0x74: at += 1
        case 0x75:
            at += 1
            let unit = try fourDigits()
            if unit & 0xfc00 == 0xdc00 { throw .loneSurrogate(offset: start) }
            guard unit & 0xfc00 == 0xd800 else { return }
            guard at + 1 < byteCount, unsafe base[at] == 0x5c, unsafe base[at + 1] == 0x75 else {
                throw .loneSurrogate(offset: start)
            }
            at += 2
            guard try fourDigits() & 0xfc00 == 0xdc00 else { throw .loneSurrogate(offset: start) }
        default: throw .invalidEscape(offset: start)
        }
    }

    private mutating func fourDigits() throws(JSONError) -> UInt32 {
        var value: UInt32 = 0
        for _ in 0..<4 {
            guard at < byteCount else { throw .unexpectedEnd(offset: at) }
            guard let digit = unsafe Unescape.hexValue(base[at]) else {
                throw .invalidEscape(offset: at)
            }
            value = value << 4 | digit
            at += 1
        }
        return value
    }

    /// One character of two to four bytes (RFC 3629 section 4).
    private mutating func multibyte(_ lead: UInt8) throws(JSONError) {
        let length: Int
        var second: ClosedRange<UInt8> = 0x80...0xbf
        switch lead {
        case 0xc2...0xdf: length = 2
        case 0xe0:
            length = 3
            second = 0xa0...0xbf
        case 0xed:
            length = 3
            second = 0x80...0x9f
        case 0xe1...0xef: length = 3
        case 0xf0:
            length = 4
            second = 0x90...0xbf
        case 0xf4:
            length = 4
            second = 0x80...0x8f
        case 0xf1...0xf3: length = 4
        default: throw .invalidUTF8(offset: at)
        }
        guard at + length <= byteCount, unsafe second.contains(base[at + 1]) else {
            throw .invalidUTF8(offset: at)
        }
        for index in 2..<max(length, 2) {
            guard unsafe base[at + index] & 0xc0 == 0x80 else { throw .invalidUTF8(offset: at) }
        }
        at += length
    }
}
