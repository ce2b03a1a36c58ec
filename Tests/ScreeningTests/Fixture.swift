import Base
import JSON
import Patterns
import TestKit

@testable import Screening

enum Fixture {
    /// One book for all tests: expressions are compiled once.
    static let book: Result<RuleBook, any Error> = Result {
        try RuleBook(RedactionRule.builtIn, engine: RegexEngine())
    }

    static func redactor(secrets: [KnownSecret] = []) throws -> Redactor {
        Redactor(secrets: SecretScanner(secrets), rules: RuleScanner(book: try book.get()))
    }

    static func screener(
        secrets: [KnownSecret] = [],
        clock: any Clock = ManualClock()
    ) throws -> Screener {
        Screener(secrets: secrets, rules: try book.get(), clock: clock, random: CountingRandom())
    }

    static func secret(_ name: String, _ value: String) throws -> KnownSecret {
        struct TooShort: Error {}
        guard let secret = KnownSecret(name: name, value: Array(value.utf8)) else {
            throw TooShort()
        }
        return secret
    }

    static func node(_ json: String) throws -> JSONNode {
        try JSONDocument(parsing: Array(json.utf8), limits: .result).root
    }

    static func redacted(_ text: String, secrets: [KnownSecret] = []) throws -> String {
        try screener(secrets: secrets).screen(text: text, limitInBytes: 1 << 24).text
    }
}

/// Bytes that count up, so that marks in tests are known.
struct CountingRandom: RandomSource {
    func bytes(count: Int) -> [UInt8] { (0..<count).map { UInt8(truncatingIfNeeded: $0 + 1) } }
}

/// A clock that has moved on each time someone looks.
final class SteppingClock: Clock {
    private let step: UInt64
    private let state = Lock<UInt64>(0)

    init(step: Duration) { self.step = UInt64(max(0, step.saturatedNanoseconds)) }

    var instant: Instant {
        state.withLock { time in
            time += step
            return Instant(nanoseconds: time)
        }
    }
    var timestamp: Timestamp { Timestamp(milliseconds: 0) }
}

func contains(_ text: [UInt8], _ part: [UInt8]) -> Bool {
    guard let first = part.first, text.count >= part.count else { return part.isEmpty }
    return (0...text.count - part.count).contains {
        text[$0] == first && text[$0...].starts(with: part)
    }
}
