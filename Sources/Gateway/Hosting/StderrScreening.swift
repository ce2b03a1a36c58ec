import Base
import Screening

/// Screens what servers write to their standard error, by the secrets as they are known now.
final class StderrScreening: Sendable {
    private let screener: Lock<Screener>

    init(_ screener: Screener) { self.screener = Lock(screener) }

    func replace(_ screener: Screener) { self.screener.withLock { $0 = screener } }

    /// One server's lines: a key in armour is followed from line to line.
    func line(limitInBytes: Int) -> @Sendable ([UInt8]) -> String {
        let lines = Lock(
            LineScreener(screener: screener.withLock { $0 }, limitInBytes: limitInBytes)
        )
        return { [self] bytes in
            let current = screener.withLock { $0 }
            return lines.withLock { lines in
                lines.screener = current
                return lines.screen(line: bytes).text
            }
        }
    }
}
