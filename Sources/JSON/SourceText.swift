/// The bytes of a text while it is read; two words, handed on by value.
///
/// Places are offsets from 0 to `byteCount`; whoever reads a byte has compared first.
@safe
struct SourceText: BitwiseCopyable {
    let base: UnsafePointer<UInt8>
    let byteCount: Int

    /// `base` must be valid for `byteCount` bytes as long as this value is used.
    init(_ base: UnsafePointer<UInt8>, _ byteCount: Int) {
        unsafe self.base = base
        self.byteCount = byteCount
    }

    /// The byte at a place that was found to lie inside.
    @inline(__always)
    subscript(at: Int) -> UInt8 { unsafe base[at] }

    @inline(__always)
    func skipBlanks(_ start: Int) -> Int {
        guard start < byteCount, self[start] <= 0x20 else { return start }
        return skipMoreBlanks(start)
    }

    @inline(never)
    private func skipMoreBlanks(_ start: Int) -> Int {
        var at = start
        while at < byteCount {
            let byte = self[at]
            guard byte == 0x20 || byte == 0x0a || byte == 0x0d || byte == 0x09 else { return at }
            at &+= 1
        }
        return at
    }

    @inline(__always)
    func digits(_ start: Int) throws(JSONError) -> Int {
        var at = start
        while at < byteCount, self[at] &- 0x30 < 10 { at &+= 1 }
        guard at > start else {
            throw at < byteCount ? .invalidNumber(offset: at) : .unexpectedEnd(offset: at)
        }
        return at
    }

    /// RFC 8259 section 6; gives back the end and whether there are only digits.
    @inline(__always)
    func number(_ start: Int) throws(JSONError) -> (end: Int, flags: UInt32) {
        let first = self[start] == 0x2d ? start &+ 1 : start
        let at = try digits(first)
        if at > first &+ 1, self[first] == 0x30 { throw .invalidNumber(offset: first) }
        if at < byteCount, self[at] == 0x2e || self[at] | 0x20 == 0x65 {
            return (try restOfNumber(at), 0)
        }
        return (at, TapeEntry.integer)
    }

    /// Fraction and exponent.
    @inline(__always)
    private func restOfNumber(_ start: Int) throws(JSONError) -> Int {
        var at = start
        if self[at] == 0x2e { at = try digits(at &+ 1) }
        if at < byteCount, self[at] | 0x20 == 0x65 {
            at &+= 1
            if at < byteCount, self[at] == 0x2b || self[at] == 0x2d { at &+= 1 }
            at = try digits(at)
        }
        return at
    }

    /// The end of `true`, `false` or `null`.
    @inline(__always)
    func literal(_ start: Int, _ kind: JSONKind) throws(JSONError) -> Int {
        let expected: StaticString = kind == .true ? "true" : kind == .false ? "false" : "null"
        let end = start &+ expected.utf8CodeUnitCount
        // "alse" stands for the last four letters of `false`.
        let word: UInt32 =
            kind == .true ? 0x6575_7274 : kind == .false ? 0x6573_6c61 : 0x6c6c_756e
        if end <= byteCount {
            let last = unsafe UnsafeRawPointer(base).loadUnaligned(
                fromByteOffset: end &- 4,
                as: UInt32.self
            )
            if last == word { return end }
        }
        throw misspelling(start, expected)
    }

    @inline(never)
    private func misspelling(_ start: Int, _ expected: StaticString) -> JSONError {
        for index in 0..<expected.utf8CodeUnitCount {
            guard start + index < byteCount else { return .unexpectedEnd(offset: byteCount) }
            guard unsafe self[start + index] == expected.utf8Start[index] else {
                return .unexpectedByte(offset: start + index)
            }
        }
        return .unexpectedByte(offset: start)
    }

    /// The first byte from `start` on that is not plain: a quote, a backslash, a control, or part
    /// of a longer character; the end of the text where there is none.
    @inline(__always)
    func plainEnd(_ start: Int) -> Int {
        let ones: UInt64 = 0x0101_0101_0101_0101
        let raw = unsafe UnsafeRawPointer(base)
        var at = start
        while at &+ 8 <= byteCount {
            let word = unsafe raw.loadUnaligned(fromByteOffset: at, as: UInt64.self)
            // Eight bytes at once. A byte of 0x80 and more has its high bit; below it, taking 1
            // (or 0x20) from a byte that is 0 (or less than 0x20) sets the high bit. A borrow
            // reaches only bytes after the first hit, and the first is all that is asked.
            let hits =
                (word &- ones &* 0x20) | ((word ^ ones &* 0x22) &- ones)
                | ((word ^ ones &* 0x5c) &- ones) | word
            let found = hits & (ones &* 0x80)
            if found != 0 { return at &+ found.trailingZeroBitCount &>> 3 }
            at &+= 8
        }
        while at < byteCount {
            let byte = self[at]
            if byte == 0x22 || byte == 0x5c || byte < 0x20 || byte >= 0x80 { return at }
            at &+= 1
        }
        return byteCount
    }
}
