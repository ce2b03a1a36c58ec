/// Takes events out of the body of a response, whatever coding it has.
struct EventBody: Sendable {
    private var framing: BodyFraming
    private var decoder = ChunkedDecoder(limit: .max)
    private var events: EventStreamParser
    private(set) var isEnded: Bool

    init(_ framing: BodyFraming, eventByteCount: Int) {
        self.framing = framing
        isEnded = framing == .none
        events = EventStreamParser(eventByteCount: eventByteCount)
    }

    /// Whether the connection is good for another request once the body has ended.
    var isReusable: Bool { framing != .untilClose }

    var bufferedByteCount: Int { events.bufferedByteCount }
    var lastEventID: [UInt8]? { events.lastEventID }
    var retryDelay: Duration? { events.retryDelay }

    /// The server closed: whether that ends the body in order.
    mutating func endsWithConnection() -> Bool {
        isEnded = framing == .untilClose
        return isEnded
    }

    /// Reads up to the end of one event, or all of `bytes`.
    mutating func parse(
        _ bytes: Span<UInt8>
    ) -> Result<(event: ServerSentEvent?, consumedCount: Int), HTTPClientError> {
        do {
            return .success(try next(in: bytes))
        } catch let error as EventStreamError {
            return .failure(HTTPClientError(.event(error), requestSent: true))
        } catch let error as FramingError {
            return .failure(HTTPClientError(.framing(error), requestSent: true))
        } catch {
            return .failure(HTTPClientError(.endedEarly, requestSent: true))
        }
    }

    private mutating func next(
        in bytes: Span<UInt8>
    ) throws -> (event: ServerSentEvent?, consumedCount: Int) {
        var index = 0
        switch framing {
        case .none:
            return (nil, 0)
        case .untilClose:
            return (try events.next(in: bytes, from: &index), index)
        case .length(let left):
            let event = try events.next(in: bytes.extracting(first: left), from: &index)
            framing = .length(left - index)
            isEnded = left == index
            return (event, index)
        case .chunked:
            return try nextInChunks(in: bytes)
        }
    }

    /// An event may end inside a chunk, the rest of which is for the next call: the decoder is
    /// taken back to where it stood and given only what was used.
    private mutating func nextInChunks(
        in bytes: Span<UInt8>
    ) throws -> (event: ServerSentEvent?, consumedCount: Int) {
        var index = 0
        while true {
            let before = (decoder, index)
            switch try decoder.next(in: bytes, from: &index) {
            case .data(let range):
                var used = 0
                let event = try events.next(in: bytes.extracting(range), from: &used)
                guard let event else { continue }
                let end = range.lowerBound + used
                if used < range.count {
                    decoder = before.0
                    var again = 0
                    let part = bytes.extracting(before.1..<end)
                    _ = try decoder.next(in: part, from: &again)
                }
                return (event, end)
            case .needsMore:
                return (nil, index)
            case .end(let end):
                isEnded = true
                return (nil, end)
            }
        }
    }
}

extension ResponseHead {
    /// Whether the content is an event stream, parameters of the type aside.
    package var isEventStream: Bool {
        guard let type = self[.contentType] else { return false }
        let essence = type.prefix { $0 != 0x3B }
        let end = essence.lastIndex { !Bytes.isBlank($0) }.map { $0 + 1 } ?? essence.startIndex
        return essence[..<end].equalsIgnoringCase("text/event-stream")
    }
}
