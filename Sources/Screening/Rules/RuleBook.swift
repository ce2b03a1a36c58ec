package import Base

/// Why a set of rules is not taken.
package enum RuleBookError: Error, Equatable, Sendable, CustomStringConvertible {
    case badID(String)
    case repeatedID(String)
    case noKeyword(rule: String)
    case badKeyword(rule: String, keyword: String)
    case keywords(PatternFailure)

    package var description: String {
        switch self {
        case .badID(let id): "rule id `\(id)`: use lower-case letters, digits and `-`"
        case .repeatedID(let id): "two rules are called `\(id)`; rename one"
        case .noKeyword(let rule):
            "rule `\(rule)` has no keyword; name a literal every match contains"
        case .badKeyword(let rule, let keyword):
            "rule `\(rule)`: keyword `\(keyword)` must have 2 to 255 bytes"
        case .keywords(let failure): "the rules' keywords: \(failure)"
        }
    }
}

/// Redaction rules that were checked, with their keywords in one set and their expressions compiled
/// when a keyword first calls for them.
package final class RuleBook: Sendable {
    package let rules: [RedactionRule]
    /// Every keyword once, in lower case.
    let keywords: [Keyword]
    /// Of each keyword, the rules it announces.
    let rulesOfKeyword: [[Int]]
    let longestKeyword: Int
    private let set: any LiteralSet
    private let engine: any PatternSearchEngine
    private let finders: Lock<[(any PatternFinder)?]>

    package init(
        _ rules: [RedactionRule],
        engine: any PatternSearchEngine
    ) throws(RuleBookError) {
        var ids: Set<String> = []
        var index: [[UInt8]: Int] = [:]
        var keywords: [Keyword] = []
        var owners: [[Int]] = []
        for (number, rule) in rules.enumerated() {
            guard Self.isID(rule.id) else { throw .badID(rule.id) }
            guard ids.insert(rule.id).inserted else { throw .repeatedID(rule.id) }
            guard !rule.keywords.isEmpty else { throw .noKeyword(rule: rule.id) }
            for keyword in rule.keywords {
                let bytes = keyword.utf8.map { (0x41...0x5a).contains($0) ? $0 | 0x20 : $0 }
                guard bytes.count >= 2, let word = Keyword(bytes) else {
                    throw .badKeyword(rule: rule.id, keyword: keyword)
                }
                if let known = index[bytes] {
                    owners[known].append(number)
                } else {
                    index[bytes] = keywords.count
                    keywords.append(word)
                    owners.append([number])
                }
            }
        }
        do {
            set = try engine.literalSet(keywords.map(\.bytes))
        } catch {
            throw .keywords(error)
        }
        self.rules = rules
        self.keywords = keywords
        rulesOfKeyword = owners
        longestKeyword = keywords.lazy.map(\.bytes.count).max() ?? 0
        self.engine = engine
        finders = Lock(Array(repeating: nil, count: rules.count))
    }

    /// Appends the keywords that occur in that part of the text.
    func appendKeywords(
        in text: [UInt8],
        range: Range<Int>,
        to found: inout [Int]
    ) throws(ScreeningFailure) {
        do {
            try set.appendOccurring(in: text, range: range, to: &found)
        } catch {
            throw .outOfMemory(rule: "keywords")
        }
    }

    func compiledFinder(of rule: Int) -> (any PatternFinder)? { finders.withLock { $0[rule] } }

    /// Compiles the rule's expression, at its first use.
    func finder(of rule: Int) throws(ScreeningFailure) -> any PatternFinder {
        do {
            let made = try engine.finder(rules[rule].pattern)
            finders.withLock { $0[rule] = made }
            return made
        } catch {
            throw .outOfMemory(rule: rules[rule].id)
        }
    }

    private static func isID(_ text: String) -> Bool {
        !text.isEmpty && text.utf8.count <= 48
            && text.utf8.allSatisfy {
                (0x61...0x7a).contains($0) || (0x30...0x39).contains($0) || $0 == 0x2d
            }
    }
}
