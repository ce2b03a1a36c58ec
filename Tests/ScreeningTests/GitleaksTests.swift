import Base
import TestKit
import Testing

@testable import Screening

/// Each rule of another project's file describes a class of secret; a text made from its
/// expression is one of the class.
///
/// The file has no texts, neither secrets nor others. What it says of others are the entropy below
/// which a match is none, and lists of values, words and names that are none; texts made from these
/// are its counter-samples. A class, or an entry of a list, is judged by three texts each, of which
/// two decide.
@Suite(.enabled(if: Corpus.has("gitleaks-rules"), "corpus gitleaks-rules is not here"))
struct GitleaksTests {
    /// Whether two of the three texts lose something.
    private static func redacts(_ screener: Screener, _ texts: [String]) -> Bool {
        texts.count { !screener.screen(text: $0).report.redactions.isEmpty } >= 2
    }

    @Test func `recall and precision by classes are at least four in five`() throws {
        let file = try GitleaksFile.read()
        let screener = try Fixture.screener()
        var unknown: [String] = []
        var alarms: [String] = []
        var counterCount = 0
        func counter(_ name: String, _ text: (UInt64) -> String?) {
            let texts = (1...3).compactMap { text(UInt64($0)) }
            guard !texts.isEmpty else { return }
            counterCount += 1
            if Self.redacts(screener, texts) { alarms.append(name) }
        }
        for rule in file.rules {
            let pattern = rule.pattern
            let texts = (1...3).map { PatternSample.text(of: pattern, seed: $0) }
            if !Self.redacts(screener, texts) { unknown.append(rule.id) }
            counter("\(rule.id)/entropy") { seed in
                let sample = PatternSample.monotonous(of: pattern, group: rule.group, seed: seed)
                let entropy = Entropy.bitsPerByte(of: Array(sample.secret.utf8)[...])
                return entropy < rule.entropy ? sample.text : nil
            }
            for (number, allowed) in (file.values + rule.values).enumerated() {
                counter("\(rule.id)/value \(number)") { seed in
                    let value = PatternSample.text(of: allowed, seed: seed)
                    return rule.text(holding: value, seed: seed)
                }
            }
            for (number, allowed) in rule.matches.enumerated() {
                counter("\(rule.id)/match \(number)") { seed in
                    let name = PatternSample.text(of: allowed, seed: seed)
                    return name + " = \"" + PatternSample.text(of: "[a-z0-9]{32}", seed: seed)
                        + "\""
                }
            }
            for (number, word) in rule.words.enumerated() {
                counter("\(rule.id)/\(word)") { seed in
                    let next = rule.words[(number + 7 * Int(seed)) % rule.words.count]
                    return rule.text(holding: "\(word)-\(next)", seed: seed)
                }
            }
        }
        let known = file.rules.count - unknown.count
        let recall = Double(known) / Double(max(1, file.rules.count))
        let precision = Double(known) / Double(max(1, known + alarms.count))
        print("gitleaks-rules: \(known) of \(file.rules.count) classes, recall \(recall)")
        print("  unknown: \(unknown.joined(separator: " "))")
        print("  \(alarms.count) alarms at \(counterCount) counter-classes, precision \(precision)")
        print("  alarms: \(alarms.joined(separator: " "))")
        try #require(file.rules.count > 200 && counterCount > 200)
        #expect(recall >= 0.8)
        #expect(precision >= 0.8)
    }
}

/// What is used of the file: expressions, the least entropy, and what is none of it.
private struct GitleaksFile {
    struct Rule {
        let id: String
        var pattern = ""
        var entropy = 0.0
        /// Expressions of values, and of whole matches, that are none; words that speak against it.
        var values: [String] = []
        var matches: [String] = []
        var words: [String] = []
        /// Which group of the expression holds the secret.
        var group = 1

        func text(holding value: String, seed: UInt64) -> String? {
            PatternSample.text(of: pattern, holding: value, group: group, seed: seed)
        }
    }

    private(set) var rules: [Rule] = []
    /// Expressions of values that are no secret by any rule.
    private(set) var values: [String] = []

    static func read() throws -> GitleaksFile {
        let folder = try #require(Corpus.folder("gitleaks-rules"))
        let bytes = try #require(Corpus.bytes(folder + "/gitleaks.toml"))
        var file = GitleaksFile()
        for block in String(decoding: bytes, as: UTF8.self).split(separator: "\n[") {
            file.take(block.split(separator: "\n"))
        }
        file.rules.removeAll { $0.pattern.isEmpty }
        return file
    }

    /// A table with its keys; lists have one entry a line.
    private mutating func take(_ lines: [Substring]) {
        guard let header = lines.first else { return }
        var list = ""
        var entries: [String: [String]] = [:]
        for line in lines.dropFirst() {
            if line.hasSuffix(" = [") {
                list = String(line.dropLast(4))
            } else if line == "]" {
                list = ""
            } else if !list.isEmpty {
                entries[list, default: []].append(Self.unquoted(line))
            } else if let separator = line.firstRange(of: " = ") {
                entries[String(line[..<separator.lowerBound])] = [
                    Self.unquoted(line[separator.upperBound...])
                ]
            }
        }
        let regexes = entries["regexes"] ?? []
        switch header {
        case "[rules]]":
            var rule = Rule(id: entries["id"]?.first ?? "")
            rule.pattern = entries["regex"]?.first ?? ""
            rule.entropy = entries["entropy"]?.first.flatMap(Double.init) ?? 0
            rule.group = entries["secretGroup"]?.first.flatMap(Int.init) ?? 1
            rules.append(rule)
        case "allowlist]": values += regexes
        case "[rules.allowlists]]" where entries["paths"] == nil && !rules.isEmpty:
            let last = rules.count - 1
            switch entries["regexTarget"]?.first {
            case nil: rules[last].values += regexes
            case "match": rules[last].matches += regexes
            // A line is the text round a match, which an expression of it does not say.
            default: break
            }
            rules[last].words += entries["stopwords"] ?? []
        default: break
        }
    }

    private static func unquoted(_ text: Substring) -> String {
        var text = text.drop { $0 == " " }
        if text.last == "," { text = text.dropLast() }
        for quote in ["'''", "\""] where text.hasPrefix(quote) && text.hasSuffix(quote) {
            return String(text.dropFirst(quote.count).dropLast(quote.count))
        }
        return String(text)
    }
}
