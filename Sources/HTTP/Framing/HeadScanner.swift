import Base

/// Finds the end of a head in bytes that arrive in pieces, reading each byte once.
///
/// It refuses what no later byte could repair as soon as it is there: control bytes, a CR or LF
/// that stands alone, a folded line, a first byte that begins no message (such as a TLS greeting
/// on a plain port). So a broken peer is told at once and not when a timer fires.
package struct HeadScanner: Sendable {
    private let limit: Int
    private var position = 0
    private var lineStart = 0

    package init(limit: Int = Limits.headByteCount) { self.limit = min(limit, Int(UInt16.max)) }

    /// What may be a head as a whole, before anything was looked at: most arrive in one piece, which
    /// is then read once, by who reads its lines; only what that does not take has to be scanned.
    var unscanned: Int? { position == 0 ? limit : nil }

    /// The length of the head including its empty line, or nil when it has not all arrived.
    ///
    /// `bytes` begins with the head and holds what it held in the call before, and more.
    package mutating func scan(_ bytes: Span<UInt8>) throws(FramingError) -> Int? {
        let end = min(bytes.count, limit)
        while true {
            if position == lineStart, position < end { try checkLineStart(bytes[position]) }
            position = Bytes.firstControl(in: bytes, from: position, to: end)
            guard position < end else {
                if end == limit { throw FramingError(.headTooLarge(limit: limit), at: limit) }
                return nil
            }
            switch bytes[position] {
            case Bytes.tab:
                position += 1
            case Bytes.carriageReturn:
                guard position + 1 < bytes.count else { return nil }
                guard bytes[position + 1] == Bytes.lineFeed else {
                    throw FramingError(.bareCarriageReturn, at: position)
                }
                let isEmptyLine = position == lineStart
                position += 2
                lineStart = position
                if position > limit { throw FramingError(.headTooLarge(limit: limit), at: limit) }
                if isEmptyLine { return position }
            case Bytes.lineFeed:
                throw FramingError(.bareLineFeed, at: position)
            case let byte:
                throw FramingError(.controlByte(byte), at: position)
            }
        }
    }

    private func checkLineStart(_ byte: UInt8) throws(FramingError) {
        if lineStart == 0 {
            // RFC 9112 section 2.2 lets a server skip an empty line for clients of the nineties.
            if byte == Bytes.carriageReturn { throw FramingError(.emptyStartLine, at: 0) }
            if byte == Bytes.lineFeed { throw FramingError(.bareLineFeed, at: 0) }
            if !Bytes.isToken(byte) { throw FramingError(.badMethod, at: 0) }
        } else if Bytes.isBlank(byte) {
            // RFC 9112 section 5.2: obs-fold, and a blank after the first line (section 2.2).
            throw FramingError(.foldedLine, at: lineStart)
        }
    }
}
