import Base

/// The fields of a head that arrived: its bytes, and where each name and value lies in them.
package struct HeaderFields: Sendable, Sequence {
    struct Entry: Sendable {
        let name: UInt16
        let nameCount: UInt16
        let value: UInt16
        let valueCount: UInt16
    }

    let bytes: [UInt8]
    private(set) var entries: [Entry]

    /// How the connection and the body are framed, read in the same pass.
    private(set) var framing = FramingFields()

    package var count: Int { entries.count }

    /// The value of the only or first field of that name, without blanks around it.
    package subscript(name: FieldName) -> ArraySlice<UInt8>? {
        entry(named: name.text, from: 0).map { value(at: $0) }
    }

    /// As the subscript, for names that are no constant of `FieldName`.
    package func first(_ name: FieldName) -> ArraySlice<UInt8>? { self[name] }

    /// Whether more than one field has that name.
    package func isRepeated(_ name: FieldName) -> Bool {
        guard let first = entry(named: name.text, from: 0) else { return false }
        return entry(named: name.text, from: first + 1) != nil
    }

    /// Whether any two fields have the same name, whatever its case.
    package var hasRepeatedName: Bool {
        let span = bytes.span
        for index in entries.indices.dropFirst() {
            let entry = entries[index]
            for other in 0..<index where entries[other].nameCount == entry.nameCount {
                let isSame = Bytes.equalIgnoringCase(
                    span,
                    Int(entries[other].name),
                    Int(entry.name),
                    Int(entry.nameCount)
                )
                if isSame { return true }
            }
        }
        return false
    }

    /// The values of all fields of that name as one list, for names whose value is a list
    /// (RFC 9110 section 5.3).
    package func joined(_ name: FieldName) -> [UInt8] {
        var values: [UInt8] = []
        var index = entry(named: name.text, from: 0)
        while let found = index {
            if !values.isEmpty { values.append(0x2c) }
            values += value(at: found)
            index = entry(named: name.text, from: found + 1)
        }
        return values
    }

    /// Every field in the order it came.
    package func makeIterator() -> Iterator { Iterator(fields: self, index: 0) }

    package struct Iterator: IteratorProtocol {
        fileprivate let fields: HeaderFields
        fileprivate var index: Int

        package mutating func next() -> (name: ArraySlice<UInt8>, value: ArraySlice<UInt8>)? {
            guard index < fields.entries.count else { return nil }
            defer { index += 1 }
            return (fields.name(at: index), fields.value(at: index))
        }
    }

    private func name(at index: Int) -> ArraySlice<UInt8> {
        let entry = entries[index]
        return bytes[Int(entry.name)..<Int(entry.name) + Int(entry.nameCount)]
    }

    private func value(at index: Int) -> ArraySlice<UInt8> {
        let entry = entries[index]
        return bytes[Int(entry.value)..<Int(entry.value) + Int(entry.valueCount)]
    }

    private func entry(named name: StaticString, from start: Int) -> Int? {
        let count = name.utf8CodeUnitCount
        var index = start
        while index < entries.count {
            let entry = entries[index]
            if Int(entry.nameCount) == count,
                Bytes.equal(bytes.span, Int(entry.name), count, ignoringCaseOf: name)
            {
                return index
            }
            index += 1
        }
        return nil
    }

    /// Reads the field lines from `start` to the empty line that ends `bytes`.
    init(
        bytes: [UInt8],
        from start: Int,
        limit: Int = Limits.headerCount
    ) throws(FramingError) {
        self.bytes = bytes
        entries = []
        entries.reserveCapacity(12)
        let span = bytes.span
        var index = start
        while index < span.count, span[index] != Bytes.carriageReturn {
            guard entries.count < limit else {
                throw FramingError(.tooManyFields(limit: limit), at: index)
            }
            let line = try FieldLine(span, at: index)
            try framing.read(line, in: span)
            entries.append(line.entry)
            index = line.end
        }
        guard index + 2 == span.count, span[index + 1] == Bytes.lineFeed else {
            throw FramingError(.bareCarriageReturn, at: index)
        }
    }
}

/// One `name: value CR LF`, as offsets.
struct FieldLine {
    let entry: HeaderFields.Entry
    /// The byte after its line feed.
    let end: Int

    var name: Int { Int(entry.name) }
    var nameCount: Int { Int(entry.nameCount) }
    var value: Int { Int(entry.value) }
    var valueCount: Int { Int(entry.valueCount) }

    init(_ bytes: Span<UInt8>, at start: Int) throws(FramingError) {
        var index = start
        while index < bytes.count, Bytes.isToken(bytes[index]) { index += 1 }
        // RFC 9112 section 5.1: no blank between name and colon; a server refuses it.
        guard index > start, index < bytes.count, bytes[index] == 0x3A else {
            throw FramingError(.badFieldName, at: index)
        }
        let nameEnd = index
        index += 1
        while index < bytes.count, Bytes.isBlank(bytes[index]) { index += 1 }
        let valueStart = index
        while true {
            index = Bytes.firstControl(in: bytes, from: index, to: bytes.count)
            guard index < bytes.count, bytes[index] == Bytes.tab else { break }
            index += 1
        }
        guard index + 1 < bytes.count, index <= Int(UInt16.max) else {
            throw FramingError(.bareCarriageReturn, at: index)
        }
        guard bytes[index] == Bytes.carriageReturn else {
            throw bytes[index] == Bytes.lineFeed
                ? FramingError(.bareLineFeed, at: index)
                : FramingError(.controlByte(bytes[index]), at: index)
        }
        guard bytes[index + 1] == Bytes.lineFeed else {
            throw FramingError(.bareCarriageReturn, at: index)
        }
        var valueEnd = index
        while valueEnd > valueStart, Bytes.isBlank(bytes[valueEnd - 1]) { valueEnd -= 1 }
        entry = HeaderFields.Entry(
            name: UInt16(start),
            nameCount: UInt16(nameEnd - start),
            value: UInt16(valueStart),
            valueCount: UInt16(valueEnd - valueStart)
        )
        end = index + 2
    }
}
