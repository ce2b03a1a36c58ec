import Base
import Crypto
import JSON
import Patterns
import Screening
import System

/// What one row found: of each round the thread's processor time, and what came of the result.
struct Measurement {
    private var nanoseconds: [Double] = []
    private var byteCounts: [Double] = []
    private var withheldCount = 0
    private var findingCount = 0

    mutating func add(_ time: Duration, _ result: ScreenedResult, byteCount: Int) {
        let parts = time.components
        nanoseconds.append(Double(parts.seconds) * 1e9 + Double(parts.attoseconds) / 1e9)
        byteCounts.append(Double(byteCount))
        withheldCount += result.report.withheld.isEmpty ? 0 : 1
        findingCount += result.report.redactions.values.reduce(0, +)
    }

    /// Microseconds and nanoseconds a byte, median and most, and the findings of a round.
    var text: String {
        let perByte = zip(nanoseconds, byteCounts).map { $0 / $1 }
        return [
            padded(median(nanoseconds) / 1e3, 11), padded((nanoseconds.max() ?? 0) / 1e3, 11),
            padded(median(perByte), 8), padded(perByte.max() ?? 0, 8),
            padded(Double(findingCount) / Double(max(1, nanoseconds.count)), 10),
        ]
        .joined()
    }

    /// The most of its budget a round took; work is stopped at about twice the budget.
    var budget: String {
        // What `WorkBudget` allows: 20 ms and 100 ns a byte.
        let shares = zip(nanoseconds, byteCounts).map { 100 * $0 / (20e6 + 100 * $1) }
        let most = shares.max() ?? 0
        let verdict = most > 100 ? "over" : "kept"
        let withheld = withheldCount == 0 ? "" : ", \(withheldCount) WITHHELD"
        return "  \(verdict), \(padded(most, 1)) %\(withheld)"
    }
}

func median(_ values: [Double]) -> Double { values.sorted()[values.count / 2] }

/// One decimal place, right-aligned.
func padded(_ value: Double, _ width: Int) -> String {
    let tenths = Int((value * 10).rounded())
    let text = "\(tenths / 10).\(tenths % 10)"
    return String(repeating: " ", count: max(0, width - text.count)) + text
}

/// The function every result passes, with ten known secrets and the built-in rules.
struct Subject {
    private let screener: Screener
    private let context = ScreeningContext(source: "files__read_file")

    init() throws {
        let secrets = (0..<10).compactMap { number in
            KnownSecret(name: "s\(number)", value: Array("known-secret-number-\(number)-Qz7".utf8))
        }
        screener = Screener(
            secrets: secrets,
            rules: try RuleBook(RedactionRule.builtIn, engine: RegexEngine()),
            clock: SystemClock(),
            random: SystemRandom()
        )
    }

    func measure(_ result: JSONNode, into measurement: inout Measurement) throws {
        let start = Process.threadCPUTime()
        let screened = try screener.screen(result: result, context: context)
        let time = Process.threadCPUTime() - start - Self.clockCost
        measurement.add(max(.zero, time), screened, byteCount: result.source.count)
    }

    /// What asking the thread's clock costs, a tenth of the shortest row.
    private static let clockCost: Duration = {
        (0..<1001).map { _ in
            let start = Process.threadCPUTime()
            return Process.threadCPUTime() - start
        }
        .sorted()[500]
    }()
}

/// A result of one text, as the parser gives it to the screener.
func result(of text: [UInt8]) throws -> JSONDocument {
    var writer = JSONWriter()
    writer.string(String(decoding: text, as: UTF8.self))
    let bytes = Array(#"{"content":[{"type":"text","text":"#.utf8) + writer.bytes
    return try JSONDocument(parsing: bytes + Array("}]}".utf8), limits: .result)
}
