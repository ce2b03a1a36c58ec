import Base

/// Takes the chunked coding off a body that arrives in pieces (RFC 9112 section 7.1).
///
/// Chunk extensions are refused. Trailers are checked for form, counted and dropped: nothing in
/// them may become a header field afterwards (section 7.1.2).
package struct ChunkedDecoder: Sendable {
    /// What stands next in the input.
    package enum Piece: Equatable, Sendable {
        /// That part of the input is body.
        case data(Range<Int>)
        /// All of the input is read, more must come.
        case needsMore
        /// The body ended; the offset is the first byte after it.
        case end(Int)
    }

    private enum State {
        case size(Int, digits: Int)
        case sizeLineFeed(Int)
        case data(Int)
        case dataCarriageReturn
        case dataLineFeed
        case trailer(TrailerState)
        case ended
    }

    private enum TrailerState {
        case lineStart, name, value, lineFeed, lastLineFeed
    }

    private let limit: Int
    private var total = 0
    private var trailerByteCount = 0
    private var state = State.size(0, digits: 0)

    /// - Parameter limit: how many bytes of body at most; one more is an error before it is read.
    package init(limit: Int) { self.limit = limit }

    /// Reads on from `index`, which is moved to the first byte not looked at yet.
    package mutating func next(
        in bytes: Span<UInt8>,
        from index: inout Int
    ) throws(FramingError) -> Piece {
        while index < bytes.count {
            switch state {
            case .data(let left):
                let count = min(left, bytes.count - index)
                state = count == left ? .dataCarriageReturn : .data(left - count)
                index += count
                return .data(index - count..<index)
            case .ended:
                return .end(index)
            default:
                try step(bytes[index], at: index)
                index += 1
            }
        }
        if case .ended = state { return .end(index) }
        return .needsMore
    }

    private mutating func step(_ byte: UInt8, at index: Int) throws(FramingError) {
        switch state {
        case .size(let size, let digits):
            state = try afterSizeByte(byte, size, digits, at: index)
        case .sizeLineFeed(let size):
            guard byte == Bytes.lineFeed else { throw FramingError(.badChunkSize, at: index) }
            state = size == 0 ? .trailer(.lineStart) : .data(size)
        case .dataCarriageReturn:
            guard byte == Bytes.carriageReturn else { throw FramingError(.badChunkEnd, at: index) }
            state = .dataLineFeed
        case .dataLineFeed:
            guard byte == Bytes.lineFeed else { throw FramingError(.badChunkEnd, at: index) }
            state = .size(0, digits: 0)
        case .trailer(let trailer):
            try stepTrailer(trailer, byte, at: index)
        case .data, .ended:
            break
        }
    }

    private mutating func afterSizeByte(
        _ byte: UInt8,
        _ size: Int,
        _ digits: Int,
        at index: Int
    ) throws(FramingError) -> State {
        if let value = Bytes.hexValue(byte) {
            guard digits < Limits.chunkLineByteCount else {
                throw FramingError(.chunkLineTooLong(limit: Limits.chunkLineByteCount), at: index)
            }
            let (product, overflows) = size.multipliedReportingOverflow(by: 16)
            // A product of sixteen has room for one more digit.
            let sum = product &+ value
            guard !overflows, sum >= 0, sum <= limit - total else {
                throw FramingError(.bodyTooLarge(limit: limit), at: index)
            }
            return .size(sum, digits: digits + 1)
        }
        guard digits > 0 else { throw FramingError(.badChunkSize, at: index) }
        switch byte {
        case Bytes.carriageReturn:
            total += size
            return .sizeLineFeed(size)
        case 0x3B: throw FramingError(.chunkExtension, at: index)
        default: throw FramingError(.badChunkSize, at: index)
        }
    }

    private mutating func stepTrailer(
        _ trailer: TrailerState,
        _ byte: UInt8,
        at index: Int
    ) throws(FramingError) {
        trailerByteCount += 1
        guard trailerByteCount <= Limits.trailerByteCount else {
            throw FramingError(.trailersTooLarge(limit: Limits.trailerByteCount), at: index)
        }
        switch (trailer, byte) {
        case (.lineStart, Bytes.carriageReturn): state = .trailer(.lastLineFeed)
        case (.lastLineFeed, Bytes.lineFeed): state = .ended
        case (.lineFeed, Bytes.lineFeed): state = .trailer(.lineStart)
        case (.value, Bytes.carriageReturn): state = .trailer(.lineFeed)
        case (.name, 0x3A): state = .trailer(.value)
        case (.lineStart, _) where Bytes.isToken(byte), (.name, _) where Bytes.isToken(byte):
            state = .trailer(.name)
        case (.value, _) where !Bytes.isControl(byte) || byte == Bytes.tab: break
        default: throw FramingError(.badTrailer, at: index)
        }
    }
}
