import Base

/// The fields of a head that arrived: its bytes, and where the values of the known ones lie in them.
///
/// Other names are looked for line by line.
package final class HeaderFields: Sendable, Sequence {
    private struct Place: Sendable, BitwiseCopyable {
        var start: UInt16 = 0
        var count: UInt16 = 0
    }

    let bytes: [UInt8]
    /// How the connection and the body are framed, read in the same pass.
    let framing: FramingFields
    package let count: Int

    /// Where the first field line begins.
    private let start: Int
    /// The value of the first field of each known name.
    private let places: InlineArray<16, Place>
    /// The known names that are there, and those that are more than once; bits of `KnownField`.
    private let present: UInt16
    private let repeated: UInt16

    /// The value of the only or first field of that name, without blanks around it.
    package subscript(name: FieldName) -> ArraySlice<UInt8>? {
        guard let known = name.known else { return line(named: name, from: start).map(value(of:)) }
        guard present & known.bit != 0 else { return nil }
        let place = places[Int(known.rawValue)]
        return bytes[Int(place.start)..<Int(place.start) + Int(place.count)]
    }

    /// As the subscript, for names that are no constant of `FieldName`.
    package func first(_ name: FieldName) -> ArraySlice<UInt8>? { self[name] }

    /// Whether more than one field has that name.
    package func isRepeated(_ name: FieldName) -> Bool {
        if let known = name.known { return repeated & known.bit != 0 }
        guard let first = line(named: name, from: start) else { return false }
        return line(named: name, from: first.end) != nil
    }

    /// Whether any two fields have the same name, whatever its case.
    package var hasRepeatedName: Bool {
        if repeated != 0 { return true }
        // Each of the others is compared with those behind it; most heads have few.
        var others = count - present.nonzeroBitCount
        var index = start
        while others > 1, let line = line(at: index) {
            index = line.end
            guard line.known == nil else { continue }
            others -= 1
            if isNamed(as: line, from: index) { return true }
        }
        return false
    }

    /// The values of all fields of that name as one list, for names whose value is a list
    /// (RFC 9110 section 5.3).
    package func joined(_ name: FieldName) -> [UInt8] {
        var values: [UInt8] = []
        var next = line(named: name, from: start)
        while let line = next {
            if !values.isEmpty { values.append(0x2c) }
            values += value(of: line)
            next = self.line(named: name, from: line.end)
        }
        return values
    }

    /// Every field in the order it came.
    package func makeIterator() -> Iterator { Iterator(fields: self, index: start) }

    package struct Iterator: IteratorProtocol {
        fileprivate let fields: HeaderFields
        fileprivate var index: Int

        package mutating func next() -> (name: ArraySlice<UInt8>, value: ArraySlice<UInt8>)? {
            guard let line = fields.line(at: index) else { return nil }
            index = line.end
            return (fields.name(of: line), fields.value(of: line))
        }
    }

    private func name(of line: FieldLine) -> ArraySlice<UInt8> {
        bytes[line.name..<line.name + line.nameCount]
    }

    private func value(of line: FieldLine) -> ArraySlice<UInt8> {
        bytes[line.value..<line.value + line.valueCount]
    }

    /// The line that begins there; nil behind the last.
    private func line(at index: Int) -> FieldLine? {
        let bytes = bytes
        let span = bytes.span
        // All lines were read once, so that none throws.
        return span[index] == Bytes.carriageReturn ? nil : try? FieldLine(span, at: index)
    }

    private func line(named name: FieldName, from start: Int) -> FieldLine? {
        var index = start
        while let line = line(at: index) {
            if line.known == nil ? isNamed(line, name) : line.known == name.known { return line }
            index = line.end
        }
        return nil
    }

    private func isNamed(_ line: FieldLine, _ name: FieldName) -> Bool {
        self.name(of: line).equalsIgnoringCase(name.text)
    }

    /// Whether a line from there on has the same name.
    private func isNamed(as line: FieldLine, from start: Int) -> Bool {
        let bytes = bytes
        let span = bytes.span
        var index = start
        while let other = self.line(at: index) {
            index = other.end
            if other.nameCount == line.nameCount,
                Bytes.equalIgnoringCase(span, line.name, other.name, line.nameCount)
            {
                return true
            }
        }
        return false
    }

    /// Where the value of the field of that name stands, for those that were told apart.
    func range(of known: KnownField) -> Range<Int>? {
        guard present & known.bit != 0 else { return nil }
        let place = places[Int(known.rawValue)]
        return Int(place.start)..<Int(place.start) + Int(place.count)
    }

    /// The fields of `bytes`, which are those of `other` but for the digits of the body's length.
    init(_ other: HeaderFields, bytes: [UInt8], contentLength: Int) {
        self.bytes = bytes
        framing = other.framing.with(contentLength: contentLength)
        count = other.count
        start = other.start
        places = other.places
        present = other.present
        repeated = other.repeated
    }

    /// Reads the field lines from `start` to the empty line that ends `bytes`.
    convenience init(bytes: [UInt8], from start: Int) throws(FramingError) {
        try self.init(bytes.span, from: start, whole: bytes)
    }

    /// Reads the field lines from `start` to the empty line behind them.
    ///
    /// - Parameter whole: the same bytes, which end with that line; without them, what the head takes of
    ///   the span is copied.
    init(
        _ span: Span<UInt8>,
        from start: Int,
        whole: [UInt8]?,
        limit: Int = Limits.headerCount
    ) throws(FramingError) {
        var framing = FramingFields()
        var places = InlineArray<16, Place>(repeating: Place())
        var (count, present, repeated): (Int, UInt16, UInt16) = (0, 0, 0)
        var index = start
        while index < span.count, span[index] != Bytes.carriageReturn {
            guard count < limit else {
                throw FramingError(.tooManyFields(limit: limit), at: index)
            }
            let line = try FieldLine(span, at: index)
            count += 1
            index = line.end
            guard let known = line.known else { continue }
            try framing.read(line, known, in: span)
            repeated |= present & known.bit
            guard present & known.bit == 0 else { continue }
            present |= known.bit
            // What a line holds is within the 64 KiB that `FieldLine` takes.
            places[Int(known.rawValue)] = Place(
                start: UInt16(line.value),
                count: UInt16(line.valueCount)
            )
        }
        let end = index + 2
        guard end <= span.count, span[index + 1] == Bytes.lineFeed,
            whole == nil || end == span.count
        else { throw FramingError(.bareCarriageReturn, at: index) }
        bytes = whole ?? Bytes.array(span.extracting(first: end))
        self.framing = framing
        self.count = count
        self.start = start
        self.places = places
        self.present = present
        self.repeated = repeated
    }
}

/// One `name: value CR LF`, as offsets.
struct FieldLine {
    /// What it is, where it is one of those that are asked for in every message.
    let known: KnownField?
    let name: Int
    let nameCount: Int
    let value: Int
    let valueCount: Int
    /// The byte after its line feed.
    let end: Int

    init(_ bytes: Span<UInt8>, at start: Int) throws(FramingError) {
        var index = Bytes.first(0x3A, in: bytes, from: start)
        known = index < bytes.count ? KnownField(bytes, start, index - start) : nil
        if known == nil {
            index = start
            while index < bytes.count, Bytes.isToken(bytes[index]) { index += 1 }
            // RFC 9112 section 5.1: no blank between name and colon; a server refuses it.
            guard index > start, index < bytes.count, bytes[index] == 0x3A else {
                throw FramingError(.badFieldName, at: index)
            }
        }
        name = start
        nameCount = index - start
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
        value = valueStart
        valueCount = valueEnd - valueStart
        end = index + 2
    }
}
