/// What the fields of a head say about where its body ends and whether the connection stays.
struct FramingFields: Sendable {
    private(set) var contentLength: Int?
    private(set) var isChunked = false
    private(set) var hasHost = false
    private(set) var saysClose = false
    private(set) var expectsContinue = false
    /// Where the field that decides stands, for errors found when all are read.
    private(set) var offset = 0

    /// Looks at one field.
    @inline(__always)
    mutating func read(
        _ line: FieldLine,
        _ known: KnownField,
        in bytes: Span<UInt8>
    ) throws(FramingError) {
        switch known {
        case .host: try readHost(line, in: bytes)
        case .expect: try readExpect(line, in: bytes)
        case .connection: try readConnection(line, in: bytes)
        case .contentLength: try readLength(line, in: bytes)
        case .transferEncoding: try readCoding(line, in: bytes)
        default: break
        }
    }

    /// The same with another length of the body, for a head that had one.
    func with(contentLength: Int) -> FramingFields {
        var other = self
        other.contentLength = contentLength
        return other
    }

    /// RFC 9112 section 6.3: both together are how requests are smuggled; refused.
    func checked() throws(FramingError) -> FramingFields {
        if isChunked, contentLength != nil {
            throw FramingError(.contentLengthWithTransferEncoding, at: offset)
        }
        return self
    }

    private mutating func readLength(
        _ line: FieldLine,
        in bytes: Span<UInt8>
    ) throws(FramingError) {
        // RFC 9110 section 8.6 lets equal repeats pass; two fields are two opinions all the same.
        guard contentLength == nil else {
            throw FramingError(.repeatedContentLength, at: line.name)
        }
        guard 1...18 ~= line.valueCount else {
            throw FramingError(.badContentLength, at: line.value)
        }
        let digits = line.value..<line.value + line.valueCount
        guard let number = Bytes.number(in: bytes, digits) else {
            let place = digits.first { !Bytes.isDigit(bytes[$0]) }
            throw FramingError(.badContentLength, at: place ?? line.value)
        }
        contentLength = number
        offset = line.name
    }

    private mutating func readCoding(
        _ line: FieldLine,
        in bytes: Span<UInt8>
    ) throws(FramingError) {
        guard !isChunked else { throw FramingError(.repeatedTransferEncoding, at: line.name) }
        offset = line.name
        if Bytes.equal(bytes, line.value, line.valueCount, ignoringCaseOf: "chunked") {
            isChunked = true
            return
        }
        var codings: [Range<Int>] = []
        try line.eachToken(in: bytes, else: .badTransferEncoding) { codings.append($0) }
        func saysChunked(_ coding: Range<Int>) -> Bool {
            Bytes.equal(bytes, coding.lowerBound, coding.count, ignoringCaseOf: "chunked")
        }
        // RFC 9112 section 6.1: in a request `chunked` is last, once; other codings we do not know.
        guard let last = codings.last, saysChunked(last),
            !codings.dropLast().contains(where: saysChunked)
        else { throw FramingError(.badTransferEncoding, at: line.value) }
        throw FramingError(.unknownTransferCoding, at: line.value)
    }

    private mutating func readHost(_ line: FieldLine, in bytes: Span<UInt8>) throws(FramingError) {
        guard !hasHost else { throw FramingError(.repeatedHost, at: line.name) }
        guard line.holdsHost(in: bytes) else { throw FramingError(.badHost, at: line.value) }
        hasHost = true
    }

    private mutating func readConnection(
        _ line: FieldLine,
        in bytes: Span<UInt8>
    ) throws(FramingError) {
        var closes = false
        try line.eachToken(in: bytes, else: .badConnection) { token in
            closes =
                closes
                || Bytes.equal(bytes, token.lowerBound, token.count, ignoringCaseOf: "close")
        }
        saysClose = saysClose || closes
    }

    private mutating func readExpect(
        _ line: FieldLine,
        in bytes: Span<UInt8>
    ) throws(FramingError) {
        guard Bytes.equal(bytes, line.value, line.valueCount, ignoringCaseOf: "100-continue")
        else { throw FramingError(.unknownExpectation, at: line.value) }
        expectsContinue = true
    }
}

extension FieldLine {
    /// Calls `body` for each member of a comma-separated list of tokens (RFC 9110 section 5.6.1);
    /// empty members are skipped, anything else throws `reason`.
    fileprivate func eachToken(
        in bytes: Span<UInt8>,
        else reason: FramingError.Reason,
        _ body: (Range<Int>) -> Void
    ) throws(FramingError) {
        let end = value + valueCount
        var index = value
        while index < end {
            if Bytes.isBlank(bytes[index]) || bytes[index] == 0x2C {
                index += 1
                continue
            }
            let start = index
            while index < end, Bytes.isToken(bytes[index]) { index += 1 }
            guard index > start else { throw FramingError(reason, at: index) }
            body(start..<index)
            while index < end, Bytes.isBlank(bytes[index]) { index += 1 }
            guard index == end || bytes[index] == 0x2C else {
                throw FramingError(reason, at: index)
            }
        }
    }

    /// Whether the value is a host and perhaps a port.
    ///
    /// A name has letters, digits, hyphens, dots and underscores; an address of version 6 stands in
    /// brackets. Narrower than RFC 3986 section 3.2.2 on purpose: what is compared with a list of
    /// allowed hosts has no need of percent signs.
    fileprivate func holdsHost(in bytes: Span<UInt8>) -> Bool {
        let end = value + valueCount
        var index = value
        if index < end, bytes[index] == 0x5B {
            index += 1
            let start = index
            while index < end,
                Bytes.hexValue(bytes[index]) != nil || bytes[index] == 0x3A || bytes[index] == 0x2E
            { index += 1 }
            guard index > start, index < end, bytes[index] == 0x5D else { return false }
            index += 1
        } else {
            let start = index
            while index < end, Self.isHostByte(bytes[index]) { index += 1 }
            guard index > start else { return false }
        }
        guard index < end else { return true }
        guard bytes[index] == 0x3A, 2...6 ~= end - index else { return false }
        index += 1
        while index < end, Bytes.isDigit(bytes[index]) { index += 1 }
        return index == end
    }

    private static func isHostByte(_ byte: UInt8) -> Bool {
        Bytes.isDigit(byte) || Bytes.lowercased(byte) &- 0x61 < 26 || byte == 0x2D || byte == 0x2E
            || byte == 0x5F
    }
}
