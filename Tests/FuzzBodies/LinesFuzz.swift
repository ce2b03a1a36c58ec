import Base
import Gateway

/// What servers print: their messages line by line, their error output in bounded lines.
enum LinesFuzz {
    private static let limit = 256

    static func check(_ bytes: [UInt8]) {
        var derived = Derived(from: bytes)
        let ends = derived.ends(of: bytes.count)
        let whole = split(bytes, ends: [bytes.count])
        expect(whole == split(bytes, ends: ends), "lines in pieces read like the whole")
        if let whole {
            let naive = bytes.split(separator: 10, omittingEmptySubsequences: false)
            let lines = naive.dropLast().map { $0.last == 13 ? $0.dropLast() : $0 }
            expect(
                whole.lines == lines.filter { !$0.isEmpty }.map { Array($0) }
                    && whole.rest == Array(naive.last ?? []),
                "lines are what stands between newlines"
            )
        }
        errors(bytes, ends: ends)
    }

    private struct Lines: Equatable {
        var lines: [[UInt8]] = []
        var rest: [UInt8] = []
    }

    /// Nil when a line was too long, which ends the connection.
    private static func split(_ bytes: [UInt8], ends: [Int]) -> Lines? {
        var splitter = LineSplitter(limit: limit)
        var lines = Lines()
        var start = 0
        for end in ends {
            guard let more = try? splitter.append(Array(bytes[start..<end])) else { return nil }
            lines.lines += more
            expect(splitter.bufferedByteCount <= limit, "a line that is not over is bounded")
            start = end
        }
        lines.rest = splitter.finish()
        return lines
    }

    /// Every byte of the error output is in a line, a newline, or said to be dropped.
    private static func errors(_ bytes: [UInt8], ends: [Int]) {
        var lines = ErrorLines(lineLimit: 64, byteCount: 512)
        var items: [ErrorLines.Item] = []
        var start = 0
        for (number, end) in ends.enumerated() {
            // A minute passes between every fourth piece and the next.
            let now = Instant(nanoseconds: UInt64(number / 4) * 60_000_000_000)
            items += lines.append(Array(bytes[start..<end]), at: now)
            start = end
        }
        items += lines.finish(at: Instant(nanoseconds: 0))
        var total = 0
        for item in items {
            switch item {
            case .line(let line, _):
                expect(line.count <= 64 && !line.contains(10), "an error line is bounded")
                total += line.count
            case .dropped(let count):
                expect(count > 0, "nothing dropped is not said")
                total += count
            }
        }
        expect(total == bytes.count { $0 != 10 }, "each byte is shown or said to be dropped")
    }
}
