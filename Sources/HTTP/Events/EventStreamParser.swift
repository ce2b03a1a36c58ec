import Base

/// Reads an event stream that arrives in pieces cut anywhere (WHATWG HTML section 9.2.6).
///
/// Lines end in LF, CR or CRLF, as the standard says: here the peer's freedom costs nothing, since
/// no second reader sees the same bytes. Data stays bytes; whether it is UTF-8 is for the JSON
/// parser to say.
package struct EventStreamParser: Sendable {
    private let limit: Int
    private var line: [UInt8] = []
    private var data: [UInt8] = []
    private var hasData = false
    private var type: [UInt8]?
    private var pendingID: [UInt8]?
    private var skipsLineFeed = false
    /// How many bytes of a byte order mark were seen; nil once the first line has begun.
    private var markCount: Int? = 0

    /// The last `id` whose event ended, which a client repeats as `Last-Event-ID`; an event that was
    /// cut off does not count, so that it is asked for again.
    package private(set) var lastEventID: [UInt8]?
    /// The last `retry` seen: how long to wait before connecting again.
    package private(set) var retryDelay: Duration?

    /// How many bytes of an unfinished event are held.
    package var bufferedByteCount: Int { line.count + data.count }

    /// - Parameter eventByteCount: how large one event may grow, its fields counted together.
    package init(eventByteCount: Int = Limits.resultByteCount) { limit = eventByteCount }

    /// Reads on from `index`, which is moved behind what was read; nil when all of `bytes` is
    /// read and no further event ended in it.
    package mutating func next(
        in bytes: Span<UInt8>,
        from index: inout Int
    ) throws(EventStreamError) -> ServerSentEvent? {
        skipMark(in: bytes, from: &index)
        while index < bytes.count {
            if skipsLineFeed {
                skipsLineFeed = false
                if bytes[index] == Bytes.lineFeed {
                    index += 1
                    continue
                }
            }
            let end = Self.lineEnd(in: bytes, from: index)
            guard line.count + (end - index) <= limit - data.count else {
                throw .eventTooLarge(limit: limit)
            }
            append(bytes, index..<end)
            index = end
            guard index < bytes.count else { return nil }
            skipsLineFeed = bytes[index] == Bytes.carriageReturn
            index += 1
            if let event = endLine() { return event }
        }
        return nil
    }

    /// The stream begins with an optional byte order mark, which is no part of the first line.
    private mutating func skipMark(in bytes: Span<UInt8>, from index: inout Int) {
        let mark: [UInt8] = [0xEF, 0xBB, 0xBF]
        while let count = markCount, index < bytes.count {
            if count == mark.count {
                markCount = nil
            } else if bytes[index] == mark[count] {
                markCount = count + 1
                index += 1
            } else {
                line = Array(mark[..<count])
                markCount = nil
            }
        }
    }

    private static func lineEnd(in bytes: Span<UInt8>, from start: Int) -> Int {
        var index = start
        while true {
            index = Bytes.firstControl(in: bytes, from: index, to: bytes.count)
            guard index < bytes.count, bytes[index] != Bytes.lineFeed,
                bytes[index] != Bytes.carriageReturn
            else { return index }
            index += 1
        }
    }

    private mutating func append(_ bytes: Span<UInt8>, _ range: Range<Int>) {
        unsafe bytes.extracting(range).withUnsafeBufferPointer {
            unsafe line.append(contentsOf: $0)
        }
    }

    private mutating func endLine() -> ServerSentEvent? {
        guard !line.isEmpty else { return dispatch() }
        defer { line.removeAll(keepingCapacity: line.count <= 4096) }
        let colon = line.firstIndex(of: 0x3A)
        guard colon != 0 else { return nil }  // a comment
        let name = line[..<(colon ?? line.count)]
        var start = colon.map { $0 + 1 } ?? line.count
        if start < line.count, line[start] == Bytes.space { start += 1 }
        if name.equals("data") {
            takeData(from: start)
        } else if name.equals("event") {
            type = start < line.count ? Array(line[start...]) : nil
        } else if name.equals("id") {
            if !line[start...].contains(0) { pendingID = Array(line[start...]) }
        } else if name.equals("retry") {
            let digits = line[start...]
            if 1...12 ~= digits.count, digits.allSatisfy(Bytes.isDigit) {
                retryDelay = .milliseconds(digits.reduce(0) { $0 * 10 + Int64($1 &- 0x30) })
            }
        }
        return nil
    }

    private mutating func takeData(from start: Int) {
        if !hasData {
            hasData = true
            // The common case, one line of data: the line's own storage becomes the event's.
            line.removeSubrange(..<start)
            swap(&line, &data)
            line.removeAll()
        } else {
            data.append(Bytes.lineFeed)
            data.append(contentsOf: line[start...])
        }
    }

    private mutating func dispatch() -> ServerSentEvent? {
        defer {
            type = nil
            hasData = false
        }
        lastEventID = pendingID
        guard hasData else { return nil }
        let event = ServerSentEvent(data: data, type: type, id: lastEventID)
        data = []
        return event
    }
}
