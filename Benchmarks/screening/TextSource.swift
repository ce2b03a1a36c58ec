import Base
import Crypto
import Patterns
import Screening
import System

/// What the texts of one row have in them.
enum Content: String, CaseIterable {
    case words, noise, fewKeywords, keywords, fewSecrets, secrets

    var name: String {
        switch self {
        case .words: "words, no keyword"
        case .noise: "random letters, no keyword"
        case .fewKeywords: "keyword in 1 line of 10"
        case .keywords: "keyword in each line"
        case .fewSecrets: "secret in 1 line of 10"
        case .secrets: "secret in each line"
        }
    }
}

/// An unending text of which no part was there before: prose, JSON and log lines of random words.
struct TextSource {
    private let content: Content
    private var numbers: SplitMix
    private let reader: LineReader
    private var lineCount = 0

    init(_ content: Content, seed: UInt64, reader: LineReader) {
        self.content = content
        self.reader = reader
        numbers = SplitMix(state: seed)
    }

    mutating func text(byteCount: Int) -> [UInt8] {
        var text: [UInt8] = []
        text.reserveCapacity(byteCount + 4096)
        while text.count < byteCount {
            text += line()
            text.append(0x0a)
        }
        let end = text[..<byteCount].lastIndex(of: 0x0a) ?? byteCount
        // A text ends where a line does, so that it is what its row says.
        return Array(text[..<end])
    }

    private mutating func line() -> [UInt8] {
        lineCount += 1
        let isTenth = lineCount.isMultiple(of: 10)
        switch content {
        case .words: return wordsWithoutKeyword()
        case .noise: return untilTaken({ $0.noise() }, by: reader.hasNoKeyword)
        case .fewKeywords where isTenth, .keywords:
            return untilTaken({ $0.keywordLine() }, by: reader.hasNoSecret)
        case .fewSecrets where isTenth, .secrets:
            return untilTaken({ $0.secretLine() }, by: reader.hasSecret)
        case .fewKeywords, .fewSecrets: return wordsWithoutKeyword()
        }
    }

    private mutating func wordsWithoutKeyword() -> [UInt8] {
        untilTaken({ $0.words() }, by: reader.hasNoKeyword)
    }

    private mutating func untilTaken(
        _ make: (inout Self) -> [UInt8],
        by isTaken: ([UInt8]) -> Bool
    ) -> [UInt8] {
        while true {
            let line = make(&self)
            if isTaken(line) { return line }
        }
    }

    private mutating func words() -> [UInt8] {
        var line: [UInt8] = []
        switch numbers.below(3) {
        case 0:
            for _ in 0..<12 {
                line += word() + [0x20]
            }
        case 1:
            line += "  {\"".utf8
            line += word() + Array("\": \"".utf8) + word() + [0x20] + word()
            line += "\", \"".utf8
            line += word() + Array("\": \(numbers.below(100_000))},".utf8)
        default:
            line += "2026-11-\(10 + numbers.below(20)) 08:\(10 + numbers.below(50)) INFO ".utf8
            line += word() + Array(": ".utf8) + word() + [0x20] + word() + [0x3d]
            line += "\(numbers.below(100_000)) ".utf8
            line += word()
        }
        return line
    }

    private mutating func word() -> [UInt8] { letters(0x61...0x7a, 2 + numbers.below(9)) }

    /// As if every byte of a text were a surprise.
    private mutating func noise() -> [UInt8] { letters(0x20...0x7e, 72) }

    private mutating func letters(_ range: ClosedRange<UInt8>, _ count: Int) -> [UInt8] {
        (0..<count).map { _ in range.lowerBound + UInt8(numbers.below(range.count)) }
    }

    private mutating func keywordLine() -> [UInt8] {
        let line = words()
        let place = numbers.below(line.count)
        let keyword = reader.keywords[numbers.below(reader.keywords.count)]
        return line[..<place] + [0x20] + keyword + [0x20] + line[place...]
    }

    private mutating func secretLine() -> [UInt8] {
        let secret =
            switch numbers.below(5) {
            case 0: "id AKIA" + pick("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", 16)
            case 1: "password = \"" + pick(alphanumerics, 14) + "\""
            case 2: "postgres://app:" + pick(alphanumerics, 12) + "@db.example:5432/x"
            case 3: "Authorization: Bearer " + pick(alphanumerics, 40)
            default:
                "eyJ" + pick(alphanumerics, 33) + ".eyJ" + pick(alphanumerics, 60) + "."
                    + pick(alphanumerics, 43)
            }
        return word() + [0x20] + Array(secret.utf8) + [0x20] + word()
    }

    private mutating func pick(_ characters: String, _ count: Int) -> String {
        let bytes = Array(characters.utf8)
        return String(
            decoding: (0..<count).map { _ in bytes[numbers.below(bytes.count)] },
            as: UTF8.self
        )
    }

    private let alphanumerics = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
}

/// Tells lines with keywords and secrets apart by rules of its own: the measured ones never see
/// a line before it is measured.
final class LineReader {
    let keywords: [[UInt8]]
    private let set: any LiteralSet
    private let screener: Screener

    init() throws {
        let engine = RegexEngine()
        keywords = RedactionRule.builtIn.flatMap(\.keywords).map { Array($0.utf8) }
        set = try engine.literalSet(keywords)
        screener = Screener(
            secrets: [],
            rules: try RuleBook(RedactionRule.builtIn, engine: engine),
            clock: SystemClock(),
            random: SystemRandom()
        )
    }

    func hasNoKeyword(_ line: [UInt8]) -> Bool {
        var found: [Int] = []
        do {
            try set.appendOccurring(in: line, range: 0..<line.count, to: &found)
        } catch {
            fatalError("\(error)")
        }
        return found.isEmpty
    }

    func hasSecret(_ line: [UInt8]) -> Bool {
        screener.screen(utf8: line).report.changedContent
    }

    func hasNoSecret(_ line: [UInt8]) -> Bool { !hasSecret(line) }
}

/// SplitMix64, the same numbers in every run.
struct SplitMix {
    var state: UInt64

    mutating func below(_ bound: Int) -> Int {
        state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
        return Int((mixed ^ (mixed >> 31)) % UInt64(bound))
    }
}
