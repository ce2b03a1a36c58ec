package import Base

/// Cuts a server's output into lines, as the stdio transport frames messages (2025-11-25,
/// basic/transports: one message per line, no newline inside).
package struct LineSplitter: Sendable {
    package enum Failure: Error, Equatable, Sendable, CustomStringConvertible {
        case lineTooLong(limit: Int)

        package var description: String {
            switch self {
            case .lineTooLong(let limit): "a line of more than \(limit) bytes"
            }
        }
    }

    private let limit: Int
    /// The start of a line whose end has not come.
    private var partial: [UInt8] = []

    package init(limit: Int = Limits.lineByteCount) { self.limit = limit }

    package var bufferedByteCount: Int { partial.count }

    /// Takes the next bytes and gives the lines they complete, without their ends and without empty
    /// ones; a carriage return before the newline belongs to the end.
    package mutating func append(_ bytes: [UInt8]) throws(Failure) -> [[UInt8]] {
        var lines: [[UInt8]] = []
        var rest = bytes[...]
        while let newline = rest.firstIndex(of: 0x0a) {
            let piece = rest[..<newline]
            rest = rest[(newline + 1)...]
            guard piece.count <= limit - partial.count else { throw .lineTooLong(limit: limit) }
            var line: [UInt8]
            if partial.isEmpty {
                line = Array(piece)
            } else {
                // Taken out before it grows: a copy of 10 MB would be made otherwise.
                line = []
                swap(&line, &partial)
                line += piece
            }
            if line.last == 0x0d { line.removeLast() }
            if !line.isEmpty { lines.append(line) }
        }
        guard rest.count <= limit - partial.count else { throw .lineTooLong(limit: limit) }
        partial += rest
        return lines
    }

    /// What came after the last newline; a message cut off by the end of the process.
    package mutating func finish() -> [UInt8] {
        defer { partial = [] }
        return partial
    }
}

/// Counts what a server prints on its standard output that is no message.
///
/// A library's greeting is common and harmless; a server that goes on is not speaking MCP.
package struct NoiseCounter: Sendable, Equatable {
    package let lineLimit: Int
    package private(set) var lineCount = 0

    package init(lineLimit: Int = Limits.noiseLineCount) { self.lineLimit = lineLimit }

    /// Whether a line may be a message: JSON-RPC messages are objects, batches are arrays.
    package static func mayBeMessage(_ line: [UInt8]) -> Bool {
        let first = line.first { $0 != 0x20 && $0 != 0x09 }
        return first == 0x7b || first == 0x5b
    }

    /// Counts one; true when it was one too many.
    package mutating func note() -> Bool {
        lineCount += 1
        return lineCount > lineLimit
    }
}

/// Cuts a server's error output into lines of bounded length at a bounded rate.
///
/// Everything is read, so that the server never waits for its log to be read; what is over the
/// limits is dropped, and how much was dropped is said.
package struct ErrorLines: Sendable {
    package enum Item: Sendable, Equatable {
        case line([UInt8], isCut: Bool)
        /// So many bytes were dropped since the last item.
        case dropped(Int)
    }

    private let lineLimit: Int
    private let windowByteCount: Int
    private let window: Duration
    private var partial: [UInt8] = []
    private var isCut = false
    private var dropped = 0
    private var used = 0
    private var windowStart: Instant?

    package init(
        lineLimit: Int = Limits.stderrLineByteCount,
        byteCount: Int = Limits.stderrByteCount,
        per window: Duration = .seconds(60)
    ) {
        self.lineLimit = lineLimit
        windowByteCount = byteCount
        self.window = window
    }

    package mutating func append(_ bytes: [UInt8], at now: Instant) -> [Item] {
        var items: [Item] = []
        for piece in bytes.split(separator: 0x0a, omittingEmptySubsequences: false).enumerated() {
            // Each piece but the first follows a newline.
            if piece.offset > 0 { items += finishLine(now) }
            let room = max(0, lineLimit - partial.count)
            partial += piece.element.prefix(room)
            if piece.element.count > room {
                isCut = true
                dropped += piece.element.count - room
            }
        }
        return items
    }

    /// The last line, when the process ended in the middle of it.
    package mutating func finish(at now: Instant) -> [Item] {
        let items = finishLine(now)
        guard dropped > 0 else { return items }
        defer { dropped = 0 }
        return items + [.dropped(dropped)]
    }

    private mutating func finishLine(_ now: Instant) -> [Item] {
        guard !partial.isEmpty else { return [] }
        let line = partial
        let wasCut = isCut
        partial = []
        isCut = false
        if windowStart.map({ now.duration(since: $0) >= window }) ?? true {
            windowStart = now
            used = 0
        }
        guard line.count <= windowByteCount - used else {
            dropped += line.count
            return []
        }
        used += line.count
        guard dropped > 0 else { return [.line(line, isCut: wasCut)] }
        defer { dropped = 0 }
        return [.dropped(dropped), .line(line, isCut: wasCut)]
    }
}
