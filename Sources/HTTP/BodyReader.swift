import Base
import System

/// Why a body did not arrive.
enum BodyError: Error {
    case framing(FramingError)
    case stream(StreamError)
    /// The peer closed before the end of the body.
    case endedEarly
    /// The buffer budget had no room in time.
    case noRoom
}

/// Reads one whole body into one array, within a limit and the buffer budget.
///
/// Room is taken for what arrives, not for what was announced: a client that announces much and
/// sends nothing holds nothing.
struct BodyReader {
    private static let stepByteCount = 256 << 10

    private let framing: BodyFraming
    private let limit: Int
    private let budget: BufferBudget
    private let bufferWait: Duration
    /// What is taken from the budget; the caller gives it back when the body is done with.
    private(set) var heldByteCount = 0

    init(_ framing: BodyFraming, limit: Int, budget: BufferBudget, bufferWait: Duration) {
        self.framing = framing
        self.limit = limit
        self.budget = budget
        self.bufferWait = bufferWait
    }

    mutating func read(
        from transport: Transport,
        until deadline: Instant
    ) async throws(BodyError) -> [UInt8] {
        switch framing {
        case .none: return []
        case .length(let count): return try await readCounted(count, from: transport, deadline)
        case .chunked: return try await readChunked(from: transport, deadline)
        case .untilClose: return try await readToEnd(from: transport, deadline)
        }
    }

    private mutating func readCounted(
        _ count: Int,
        from transport: Transport,
        _ deadline: Instant
    ) async throws(BodyError) -> [UInt8] {
        guard count <= limit else { throw tooLarge }
        var body: [UInt8] = []
        // One allocation for what is usual; a longer body grows as it arrives.
        body.reserveCapacity(min(count, 1 << 20))
        while body.count < count {
            let step = min(count - body.count, Self.stepByteCount)
            guard try await append(to: &body, step, transport, deadline) else { throw .endedEarly }
        }
        return body
    }

    private mutating func readToEnd(
        from transport: Transport,
        _ deadline: Instant
    ) async throws(BodyError) -> [UInt8] {
        var body: [UInt8] = []
        while true {
            // One byte more than the limit is asked for, to see that there is one.
            let step = min(limit + 1 - body.count, Self.stepByteCount)
            guard step > 0 else { throw tooLarge }
            guard try await append(to: &body, step, transport, deadline) else { return body }
        }
    }

    private mutating func readChunked(
        from transport: Transport,
        _ deadline: Instant
    ) async throws(BodyError) -> [UInt8] {
        var decoder = ChunkedDecoder(limit: limit)
        var body: [UInt8] = []
        let stream = transport.stream
        while true {
            let available = stream.availableCount
            if available > 0 {
                let room = body.count + available - heldByteCount
                if room > 0 { try await hold(room, transport, deadline) }
                let (consumed, isEnd) = try decode(&decoder, from: transport, to: &body)
                stream.consume(consumed)
                if isEnd { return body }
            }
            do throws(StreamError) {
                if try await transport.fill(until: deadline) == 0 { throw .closed }
            } catch { throw error == .closed ? .endedEarly : .stream(error) }
        }
    }

    private func decode(
        _ decoder: inout ChunkedDecoder,
        from transport: Transport,
        to body: inout [UInt8]
    ) throws(BodyError) -> (consumed: Int, isEnd: Bool) {
        do throws(FramingError) {
            return try transport.withBytes { bytes throws(FramingError) in
                var index = 0
                while true {
                    switch try decoder.next(in: bytes, from: &index) {
                    case .data(let range):
                        unsafe bytes.extracting(range).withUnsafeBufferPointer {
                            unsafe body.append(contentsOf: $0)
                        }
                    case .needsMore: return (index, false)
                    case .end(let end): return (end, true)
                    }
                }
            }
        } catch { throw .framing(error) }
    }

    private mutating func hold(
        _ count: Int,
        _ transport: Transport,
        _ deadline: Instant
    ) async throws(BodyError) {
        if !budget.takeNow(count) {
            let latest = transport.stream.loop.now.advanced(by: bufferWait)
            guard await budget.take(count, until: min(latest, deadline)) else { throw .noRoom }
        }
        heldByteCount += count
    }

    /// Appends what comes next, at most `step` bytes; false when nothing comes any more.
    ///
    /// While it waits it holds room for what came, and for nothing that was only announced: whoever
    /// sends half a message and stops holds half a message.
    private mutating func append(
        to body: inout [UInt8],
        _ step: Int,
        _ transport: Transport,
        _ deadline: Instant
    ) async throws(BodyError) -> Bool {
        if transport.stream.availableCount == 0 {
            if heldByteCount > body.count {
                budget.give(heldByteCount - body.count)
                heldByteCount = body.count
            }
            do throws(StreamError) {
                guard try await transport.arrival(until: deadline) else { return false }
            } catch { throw .stream(error) }
        }
        let missing = body.count + step - heldByteCount
        if missing > 0 { try await hold(missing, transport, deadline) }
        switch transport.stream.readNow(appendingTo: &body, atMost: step) {
        case .bytes, .wouldBlock: return true
        case .end: return false
        case .failed(let error): throw .stream(error)
        }
    }

    private var tooLarge: BodyError {
        .framing(FramingError(.bodyTooLarge(limit: limit), at: 0))
    }
}
