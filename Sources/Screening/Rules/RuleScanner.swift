import Base

/// Runs the rules of a book over a text in two steps: which keywords occur, then the expressions
/// they announce, on windows round their hits.
struct RuleScanner: Sendable {
    /// Few keywords stand in so short a part, and each of them is looked for in the whole of it.
    static let partByteCount = 512
    /// Matches of one rule in one text; more of them is a text made of secrets.
    static let mostMatches = 100_000

    let book: RuleBook

    func appendFindings(
        in text: [UInt8],
        to findings: inout [Finding],
        budget: inout WorkBudget
    ) throws(ScreeningFailure) {
        var windows: [Int: [Range<Int>]] = [:]
        var present: [Int] = []
        var start = 0
        // Part by part, so that a keyword is looked for only near where it is known to stand.
        while start < text.count {
            let part = start..<min(text.count, start + Self.partByteCount + book.longestKeyword)
            present.removeAll(keepingCapacity: true)
            try book.appendKeywords(in: text, range: part, to: &present)
            for keyword in present { append(keyword, in: text, part, to: &windows) }
            start += Self.partByteCount
            if !present.isEmpty || start % (1 << 16) == 0 { try budget.check() }
        }
        guard !windows.isEmpty else { return }
        for (rule, ranges) in windows.sorted(by: { $0.key < $1.key }) {
            for window in Windows.joined(ranges) {
                try appendFindings(of: rule, in: text, window, to: &findings, budget: &budget)
            }
        }
    }

    /// The windows round a keyword's hits, for each rule it announces.
    private func append(
        _ keyword: Int,
        in text: [UInt8],
        _ part: Range<Int>,
        to windows: inout [Int: [Range<Int>]]
    ) {
        let word = book.keywords[keyword]
        let hits = word.positions(in: text.span, part)
        for rule in book.rulesOfKeyword[keyword] {
            Windows.append(
                round: hits,
                length: word.bytes.count,
                reach: book.rules[rule].reach,
                textCount: text.count,
                to: &windows[rule, default: []]
            )
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
        let finder: any PatternFinder
        if let known = book.compiledFinder(of: number) {
            finder = known
        } else {
            finder = try budget.exempting { () throws(ScreeningFailure) in
                try book.finder(of: number)
            }
        }
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
            if var range = candidate.secret(by: rule) {
                // A token longer than the window goes on beyond it.
                if range.upperBound == window.upperBound {
                    range = range.lowerBound..<tokenEnd(from: range.upperBound, in: text)
                }
                findings.append(Finding(range: range, rule: rule.id))
                start = max(range.upperBound, match.whole.lowerBound + 1)
            } else {
                // What was taken for a value may be the name of the next one.
                start = max(
                    match.group == nil ? match.whole.upperBound : value.lowerBound,
                    match.whole.lowerBound + 1
                )
            }
        }
        try budget.check()
    }

    private func tokenEnd(from start: Int, in text: [UInt8]) -> Int {
        var end = start
        while end < text.count, isBase64(text[end]) || text[end] == 0x2e || text[end] == 0x3d {
            end += 1
        }
        return end
    }
}

/// A keyword with Horspool's table of skips; it is in lower case, the text in any.
struct Keyword: Sendable {
    let bytes: [UInt8]
    private let skips: [UInt8]

    /// Nil for no bytes, or more than a skip can name.
    init?(_ bytes: [UInt8]) {
        guard let last = bytes.indices.last, bytes.count <= 255 else { return nil }
        var skips = [UInt8](repeating: UInt8(bytes.count), count: 256)
        for (index, byte) in bytes.dropLast().enumerated() {
            skips[Int(byte)] = UInt8(last - index)
            if Letters.isLower(byte) { skips[Int(byte & ~0x20)] = UInt8(last - index) }
        }
        self.bytes = bytes
        self.skips = skips
    }

    func positions(in text: Span<UInt8>, _ range: Range<Int>) -> [Int] {
        var result: [Int] = []
        let skips = skips.span
        let bytes = bytes.span
        var position = range.lowerBound
        while position <= range.upperBound - bytes.count {
            var index = bytes.count - 1
            while index >= 0, Letters.lowercased(text[position + index]) == bytes[index] {
                index -= 1
            }
            if index < 0 { result.append(position) }
            position += Int(skips[Int(text[position + bytes.count - 1])])
        }
        return result
    }
}

/// Stretches of text round keywords' hits.
enum Windows {
    static func append(
        round positions: [Int],
        length: Int,
        reach: RedactionRule.Reach,
        textCount: Int,
        to windows: inout [Range<Int>]
    ) {
        for position in positions {
            let start = max(0, position - reach.before)
            let end = min(textCount, position + length + reach.after)
            if let last = windows.last, start <= last.upperBound, start >= last.lowerBound {
                windows[windows.count - 1] = last.lowerBound..<max(last.upperBound, end)
            } else {
                windows.append(start..<end)
            }
        }
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
