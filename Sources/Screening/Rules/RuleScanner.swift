import Base

/// Runs the rules of a book over a text in two steps: which keywords occur, then the expressions
/// they announce, on windows round their hits.
struct RuleScanner: Sendable {
    /// How far before a keyword a match may begin, and how far after it it may end.
    static let bytesBefore = 256
    static let bytesAfter = 8 << 10
    /// Matches of one rule in one text; more of them is a text made of secrets.
    static let mostMatches = 100_000

    let book: RuleBook

    func appendFindings(
        in text: [UInt8],
        to findings: inout [Finding],
        budget: inout WorkBudget
    ) throws(ScreeningFailure) {
        let present = try book.keywordsOccurring(in: text)
        guard !present.isEmpty else { return }
        try budget.check()
        var windows: [Int: [Range<Int>]] = [:]
        for keyword in present {
            let literal = book.keywords[keyword]
            let hits = KeywordHits.windows(of: literal, in: text.span)
            for rule in book.rulesOfKeyword[keyword] { windows[rule, default: []] += hits }
            try budget.check()
        }
        for (rule, ranges) in windows.sorted(by: { $0.key < $1.key }) {
            for window in KeywordHits.joined(ranges) {
                try appendFindings(of: rule, in: text, window, to: &findings, budget: &budget)
            }
        }
    }

    private func appendFindings(
        of number: Int,
        in text: [UInt8],
        _ window: Range<Int>,
        to findings: inout [Finding],
        budget: inout WorkBudget
    ) throws(ScreeningFailure) {
        let rule = book.rules[number]
        let finder = try book.finder(of: number)
        var start = window.lowerBound
        var count = 0
        while start < window.upperBound {
            let match: PatternSpan?
            do {
                match = try finder.firstMatch(in: text, range: start..<window.upperBound)
            } catch {
                throw .outOfMemory(rule: rule.id)
            }
            guard let match else { break }
            count += 1
            if count % 16 == 0 { try budget.check() }
            guard count <= Self.mostMatches else { throw .outOfMemory(rule: rule.id) }
            let value = match.group ?? match.whole
            let candidate = Candidate(text: text, whole: match.whole, value: value)
            if let range = candidate.secret(by: rule) {
                findings.append(Finding(range: range, rule: rule.id))
                start = max(range.upperBound, match.whole.lowerBound + 1)
            } else {
                // What was taken for a value may be the name of the next one.
                start = max(value.lowerBound, match.whole.lowerBound + 1)
            }
        }
        try budget.check()
    }
}

/// Where a keyword stands, as windows.
enum KeywordHits {
    /// Horspool's search; `keyword` is in lower case, the text in any.
    static func windows(of keyword: [UInt8], in text: Span<UInt8>) -> [Range<Int>] {
        let length = keyword.count
        guard length > 0, text.count >= length else { return [] }
        var skips = [Int](repeating: length, count: 256)
        for index in 0..<length - 1 {
            let byte = Int(keyword[index])
            skips[byte] = length - 1 - index
            if (0x61...0x7a).contains(byte) { skips[byte & ~0x20] = length - 1 - index }
        }
        var result: [Range<Int>] = []
        var position = 0
        while position <= text.count - length {
            if matches(keyword, text, position) {
                let window =
                    max(
                        0,
                        position - RuleScanner.bytesBefore
                    )..<min(
                        text.count,
                        position + length + RuleScanner.bytesAfter
                    )
                if let last = result.last, window.lowerBound <= last.upperBound {
                    result[result.count - 1] = last.lowerBound..<window.upperBound
                } else {
                    result.append(window)
                }
            }
            position += skips[Int(text[position + length - 1])]
        }
        return result
    }

    private static func matches(_ keyword: [UInt8], _ text: Span<UInt8>, _ start: Int) -> Bool {
        for index in stride(from: keyword.count - 1, through: 0, by: -1) {
            let byte = text[start + index]
            let lower = (0x41...0x5a).contains(byte) ? byte | 0x20 : byte
            if lower != keyword[index] { return false }
        }
        return true
    }

    static func joined(_ windows: [Range<Int>]) -> [Range<Int>] {
        var result: [Range<Int>] = []
        for window in windows.sorted(by: { $0.lowerBound < $1.lowerBound }) {
            if let last = result.last, window.lowerBound <= last.upperBound {
                result[result.count - 1] =
                    last.lowerBound..<max(last.upperBound, window.upperBound)
            } else {
                result.append(window)
            }
        }
        return result
    }
}
