import Base

/// Everything that finds secrets in a text, in one place.
struct Redactor: Sendable {
    let secrets: SecretScanner
    let rules: RuleScanner

    /// Longer texts are looked over by `findings`, which says what its work may cost.
    private static let lookByteCount = 16 << 10

    /// Whether one look at that part of a text says that `findings` would find nothing in it.
    ///
    /// False decides nothing.
    func findsNothing(in text: [UInt8], _ range: Range<Int>) -> Bool {
        guard range.count <= Self.lookByteCount else { return false }
        let part = text.span.extracting(range)
        guard secrets.findsNothing(in: part), !KeyMaterial.mayOccur(in: part) else { return false }
        var keywords: [Int] = []
        do throws(ScreeningFailure) {
            try rules.book.appendKeywords(in: text, range: range, to: &keywords)
        } catch {
            return false
        }
        return keywords.isEmpty && UntrustedMarker.imitations(in: part).isEmpty
    }

    /// Sorted, apart from one another, ending between code points.
    func findings(
        in text: [UInt8],
        budget: inout WorkBudget
    ) throws(ScreeningFailure) -> [Finding] {
        var findings: [Finding] = []
        try secrets.appendFindings(in: text, to: &findings, budget: &budget)
        KeyMaterial.appendFindings(in: text, to: &findings)
        try rules.appendFindings(in: text, to: &findings, budget: &budget)
        for range in UntrustedMarker.imitations(in: text.span) {
            findings.append(Finding(range: range, rule: Finding.marker))
        }
        guard !findings.isEmpty else { return [] }
        Repeats.appendFindings(in: text, of: &findings)
        try budget.check()
        for index in findings.indices {
            findings[index].range = CodePoints.widened(findings[index].range, in: text)
        }
        return Finding.joined(findings)
    }

    /// The text with each finding replaced by `[REDACTED:rule]`.
    static func redacted(_ text: ArraySlice<UInt8>, _ findings: [Finding]) -> [UInt8] {
        var result: [UInt8] = []
        result.reserveCapacity(text.count)
        var position = text.startIndex
        for finding in findings {
            let range = finding.range.clamped(to: text.startIndex..<text.endIndex)
            result += text[position..<range.lowerBound]
            result += finding.replacement
            position = range.upperBound
        }
        result += text[position...]
        return result
    }
}

/// The same value once more: what a rule has recognised by its name is as secret without it.
enum Repeats {
    /// Shorter values occur by chance.
    static let leastByteCount = 8
    static let longestByteCount = 400
    static let mostValues = 256

    private static func standsAlone(_ range: Range<Int>, in text: [UInt8]) -> Bool {
        let before = range.lowerBound > 0 && Letters.isAlphanumeric(text[range.lowerBound - 1])
        let after = range.upperBound < text.count && Letters.isAlphanumeric(text[range.upperBound])
        return !before && !after
    }

    static func appendFindings(in text: [UInt8], of findings: inout [Finding]) {
        var rules: [[UInt8]: String] = [:]
        for finding in findings
        where finding.secret == nil && finding.rule != Finding.marker
            && finding.range.count >= leastByteCount
            && finding.range.count <= longestByteCount && rules.count < mostValues
        {
            rules[Array(text[finding.range])] = finding.rule
        }
        let values = rules.sorted { $0.key.lexicographicallyPrecedes($1.key) }
        guard !values.isEmpty else { return }
        var hits: [LiteralScanner.Hit] = []
        LiteralScanner(values.map(\.key))
            .appendHits(in: text.span, range: 0..<text.count, to: &hits)
        for hit in hits where standsAlone(hit.range, in: text) {
            findings.append(Finding(range: hit.range, rule: values[hit.literal].value))
        }
    }
}

/// Where code points begin in UTF-8.
enum CodePoints {
    static func isBoundary(_ position: Int, in text: [UInt8]) -> Bool {
        position <= 0 || position >= text.count || text[position] & 0xc0 != 0x80
    }

    static func widened(_ range: Range<Int>, in text: [UInt8]) -> Range<Int> {
        var (start, end) = (range.lowerBound, range.upperBound)
        while !isBoundary(start, in: text) { start -= 1 }
        while !isBoundary(end, in: text) { end += 1 }
        return start..<end
    }

    /// The largest boundary at or before `position`.
    static func floor(_ position: Int, in text: [UInt8]) -> Int {
        var position = min(position, text.count)
        while !isBoundary(position, in: text) { position -= 1 }
        return position
    }
}
