/// Reads bytes into a tape in one pass without recursion.
///
/// This loop sees every byte of every call. All that changes are locals that fit registers; what is
/// rare is a call out of line that gets values and gives values back.
struct TapeParser {
    private let text: SourceText
    private let limits: JSONLimits
    private var writer: TapeWriter
    /// Where a key stands that its object has already; reported last, when all else is right, so
    /// that the error tells "not JSON" from "JSON with a key twice".
    private var duplicate = Int.max
    private var indexes: [KeyIndex] = []

    private static let none = UInt32.max
    private static let object = UInt32(JSONKind.object.rawValue)

    static func parse(_ bytes: [UInt8], limits: JSONLimits) throws(JSONError) -> Tape {
        guard bytes.count <= limits.byteCount else {
            throw .tooLarge(limit: limits.byteCount, offset: limits.byteCount)
        }
        guard !bytes.isEmpty else { throw .unexpectedEnd(offset: 0) }
        return unsafe try bytes.withUnsafeBufferPointer { buffer throws(JSONError) in
            guard let base = buffer.baseAddress else { throw .unexpectedEnd(offset: 0) }
            let text = unsafe SourceText(base, buffer.count)
            var parser = TapeParser(text, limits, TapeWriter(bytes: bytes, limit: limits.nodeCount))
            try parser.document()
            return parser.writer.sealed(parser.indexes)
        }
    }

    private init(_ text: SourceText, _ limits: JSONLimits, _ writer: TapeWriter) {
        self.text = text
        self.limits = limits
        self.writer = writer
    }

    // MARK: structure

    /// A container that is still open keeps its parent's index in `link`, and in `end` how many
    /// members it had when a container inside it was opened; so the tape is the stack.
    @inline(__always)
    private mutating func document() throws(JSONError) {
        if text.byteCount >= 3, text[0] == 0xef, text[1] == 0xbb, text[2] == 0xbf {
            throw .byteOrderMark(offset: 0)
        }
        var at = text.skipBlanks(0)
        var parent = Self.none
        var isObject = false
        var members: UInt32 = 0
        var depth = 0
        values: while true {
            guard at < text.byteCount else { throw .unexpectedEnd(offset: at) }
            let byte = text[at]
            if byte == 0x22 {
                at = try string(at, isKey: false)
            } else if byte == 0x7b || byte == 0x5b {
                guard depth < limits.depth else { throw .tooDeep(limit: limits.depth, offset: at) }
                if parent != Self.none { unsafe writer.entries[Int(parent)].end = members }
                isObject = byte == 0x7b
                let entry = TapeEntry(isObject ? .object : .array, start: at, end: 0, link: parent)
                parent = UInt32(truncatingIfNeeded: writer.count)
                try writer.push(entry)
                members = 0
                depth &+= 1
                at = text.skipBlanks(at &+ 1)
                guard at < text.byteCount else { throw .unexpectedEnd(offset: at) }
                // Each opening bracket is two below its closing one.
                if text[at] != byte &+ 2 {
                    if isObject { at = try key(at, count: 0) }
                    continue values
                }
                at &+= 1
                (parent, isObject, members) = close(parent, members, at)
                depth &-= 1
            } else {
                at = try scalar(at, byte)
            }
            while true {
                guard parent != Self.none else { break values }
                members &+= 1
                at = text.skipBlanks(at)
                guard at < text.byteCount else { throw .unexpectedEnd(offset: at) }
                let byte = text[at]
                if byte == 0x2c {
                    at = text.skipBlanks(at &+ 1)
                    if isObject { at = try key(at, count: members) }
                    continue values
                }
                guard byte == (isObject ? 0x7d : 0x5d) else { throw .unexpectedByte(offset: at) }
                at &+= 1
                (parent, isObject, members) = close(parent, members, at)
                depth &-= 1
            }
        }
        at = text.skipBlanks(at)
        guard at == text.byteCount else { throw .trailingBytes(offset: at) }
        guard duplicate == .max else { throw .duplicateKey(offset: duplicate) }
    }

    /// Ends a container before `at` and goes back to its parent.
    @inline(__always)
    private mutating func close(
        _ index: UInt32,
        _ members: UInt32,
        _ at: Int
    ) -> (parent: UInt32, isObject: Bool, members: UInt32) {
        let container = unsafe writer.entries + Int(index)
        let parent = unsafe container.pointee.link
        let meta = unsafe container.pointee.meta
        unsafe container.pointee.end = UInt32(truncatingIfNeeded: at)
        unsafe container.pointee.link = UInt32(truncatingIfNeeded: writer.count)
        unsafe container.pointee.meta = meta | members << 8
        if members > 1, meta & 7 == Self.object {
            let check = unsafe KeyCheck(text, writer.entries, object: Int(index))
            if members <= KeyCheck.few {
                if let found = check.duplicateOfFew() { duplicate = min(duplicate, found) }
            } else {
                let (index, found) = check.index()
                indexes.append(index)
                duplicate = min(duplicate, found ?? .max)
            }
        }
        guard parent != Self.none else { return (parent, false, 0) }
        let outer = unsafe writer.entries[Int(parent)]
        return (parent, outer.meta & 7 == Self.object, outer.end)
    }

    /// A key and its colon; gives back where the value starts.
    @inline(__always)
    private mutating func key(_ start: Int, count: UInt32) throws(JSONError) -> Int {
        guard start < text.byteCount else { throw .unexpectedEnd(offset: start) }
        guard text[start] == 0x22 else { throw .unexpectedByte(offset: start) }
        guard count < limits.objectKeyCount else {
            throw .tooManyKeys(limit: limits.objectKeyCount, offset: start)
        }
        let at = text.skipBlanks(try string(start, isKey: true))
        guard at < text.byteCount else { throw .unexpectedEnd(offset: at) }
        guard text[at] == 0x3a else { throw .unexpectedByte(offset: at) }
        return text.skipBlanks(at &+ 1)
    }

    // MARK: scalars

    @inline(__always)
    private mutating func scalar(_ start: Int, _ byte: UInt8) throws(JSONError) -> Int {
        if byte == 0x2d || byte &- 0x30 < 10 {
            let (end, flags) = try text.number(start)
            try writer.push(
                TapeEntry(.number, start: start, end: end, link: writer.next, flags: flags)
            )
            return end
        }
        let kind: JSONKind = byte == 0x74 ? .true : byte == 0x66 ? .false : .null
        let end = try text.literal(start, kind)
        try writer.push(TapeEntry(kind, start: start, end: end, link: writer.next))
        return end
    }

    /// A string whose opening quote is at `quote`; gives back the place after the closing one.
    @inline(__always)
    private mutating func string(_ quote: Int, isKey: Bool) throws(JSONError) -> Int {
        let start = quote &+ 1
        var end = text.plainEnd(start)
        var flags: UInt32 = 0
        if end == text.byteCount || text[end] != 0x22 { (end, flags) = try text.restOfString(end) }
        let link = isKey ? KeyHash.of(text, start, end, isEscaped: flags != 0) : writer.next
        try writer.push(TapeEntry(.string, start: start, end: end, link: link, flags: flags))
        return end &+ 1
    }
}
