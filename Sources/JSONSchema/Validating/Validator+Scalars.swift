internal import Base
internal import JSON

/// Strings and numbers.
extension Validator {
    mutating func checkString(_ number: Int32, _ ruleNumber: Int32, _ value: JSONPlace) -> Bool {
        let rule = program.strings[Int(ruleNumber)]
        var holds = true
        if rule.minimumLength > 0 || rule.maximumLength < .max {
            guard spend(1 + walk.byteCount(value) >> 4) else { return false }
            // RFC 8259 characters, that is code points (validation 6.3.1).
            let length = walk.scalarCount(value)
            if length < rule.minimumLength || length > rule.maximumLength {
                noteLength(number, value, length, rule)
                guard isCollecting else { return false }
                holds = false
            }
        }
        if rule.pattern >= 0, !matches(rule.pattern, value) {
            let text = printable(program.patternTexts[Int(rule.pattern)], limit: 96)
            note(number, "pattern", value, expected: "text that matches `\(text)`")
            return false
        }
        return holds
    }

    /// Whether the pattern matches; a pattern that hits its limit ends the whole validation, so that
    /// no `not` around it can turn "undecided" into "holds".
    mutating func matches(_ pattern: Int32, _ value: JSONPlace) -> Bool {
        let program = program
        let compiled = program.patterns[Int(pattern)]
        let limit = limits.backtrackingCount
        if compiled.stepsPerByte == nil { backtrackings += 1 }
        guard spend(16 + walk.byteCount(value) * (compiled.stepsPerByte ?? 1)),
            walk.kind(value) == .string
        else { return false }
        let holds =
            backtrackings > limit
            ? nil : walk.withText(value) { text in try? compiled.matches(text) }
        if holds == nil { stop = .patternLimit(pattern: program.patternTexts[Int(pattern)]) }
        return holds ?? false
    }

    mutating func checkNumber(_ number: Int32, _ ruleNumber: Int32, _ value: JSONPlace) -> Bool {
        guard spend(1 + walk.byteCount(value) >> 2) else { return false }
        let small = walk.smallInteger(value)
        let rule = program.numbers[Int(ruleNumber)]
        var holds = true
        if let bound = rule.minimum, compare(value, small, bound) < 0 {
            note(number, "minimum", value, expected: Self.words("at least", bound))
            holds = false
        }
        if let bound = rule.maximum, compare(value, small, bound) > 0 {
            note(number, "maximum", value, expected: Self.words("at most", bound))
            holds = false
        }
        if let bound = rule.exclusiveMinimum, compare(value, small, bound) <= 0 {
            note(number, "exclusiveMinimum", value, expected: Self.words("more than", bound))
            holds = false
        }
        if let bound = rule.exclusiveMaximum, compare(value, small, bound) >= 0 {
            note(number, "exclusiveMaximum", value, expected: Self.words("less than", bound))
            holds = false
        }
        guard let bound = rule.divisor, holds || isCollecting else { return holds }
        if !isMultiple(value, small, bound) {
            note(number, "multipleOf", value, expected: Self.words("a multiple of", bound))
            holds = false
        }
        return holds && stop == nil
    }

    /// Exact: as integers where both are small ones, otherwise as decimals, never as doubles.
    private func compare(_ value: JSONPlace, _ small: Int64?, _ bound: NumberBound) -> Int {
        if let small, let integer = bound.integer {
            return small < integer ? -1 : (small > integer ? 1 : 0)
        }
        guard let exact = walk.node(value).number else { return 0 }
        return exact < bound.exact ? -1 : (exact == bound.exact ? 0 : 1)
    }

    private mutating func isMultiple(
        _ value: JSONPlace,
        _ small: Int64?,
        _ bound: NumberBound
    ) -> Bool {
        if let small, let integer = bound.integer, integer > 0 { return small % integer == 0 }
        // Undecidable within bounds is not the same as "no": it ends the validation.
        let digits = JSONNumber.dividendDigitCount
        guard walk.byteCount(value) <= digits,
            spend(walk.byteCount(value) * bound.exact.text.utf8.count / 8)
        else {
            if stop == nil { stop = .tooMuchWork(limit: allowedWork) }
            return false
        }
        return walk.node(value).number?.isMultiple(of: bound.exact) ?? false
    }

    private static func words(_ relation: String, _ bound: NumberBound) -> String {
        relation + " " + printable(bound.exact.text, limit: 32)
    }
}
