package import Base

/// Compiles patterns: RE2 for everything it can express, PCRE2 under limits for the rest.
package struct RegexEngine: PatternEngine, PatternSearchEngine {
    package init() {}

    package func compile(
        _ pattern: String,
        _ syntax: PatternSyntax
    ) throws(PatternFailure) -> any CompiledPattern {
        try checkLength(pattern)
        switch syntax {
        case .re2:
            let program = try RE2Pattern(
                pattern,
                shown: pattern,
                .utf8,
                memoryBudget: PatternLimits.schemaMemory
            )
            return LinearPattern(program)
        case .ecma262: return try compileECMAScript(pattern)
        }
    }

    package func union(_ patterns: [String]) -> (any PatternUnion)? {
        RE2Union(patterns, memoryBudget: PatternLimits.setMemory)
    }

    package func literalSet(_ literals: [[UInt8]]) throws(PatternFailure) -> any LiteralSet {
        try LiteralRE2Set(literals, memoryBudget: PatternLimits.setMemory)
    }

    package func finder(_ pattern: String) throws(PatternFailure) -> any PatternFinder {
        try checkLength(pattern)
        return RE2Finder(
            try RE2Pattern(
                pattern,
                shown: pattern,
                .bytes,
                memoryBudget: PatternLimits.ruleMemory
            )
        )
    }

    private func compileECMAScript(
        _ pattern: String
    ) throws(PatternFailure) -> any CompiledPattern {
        var translator = ECMAScriptTranslator(pattern)
        let translation = try translator.translate()
        if let linear = translation.linear {
            do {
                let program = try RE2Pattern(
                    linear,
                    shown: pattern,
                    .utf8,
                    memoryBudget: PatternLimits.schemaMemory
                )
                return LinearPattern(program)
            } catch {
                // Too large for RE2's budget, or nested repeats whose product is over its limit;
                // the expression itself is right, the translator has read it.
            }
        }
        return BacktrackingPattern(try PCRE2Pattern(translation.backtracking, shown: pattern))
    }

    func checkLength(_ pattern: String) throws(PatternFailure) {
        guard pattern.utf8.count <= PatternLimits.patternByteCount else {
            throw .invalid(
                pattern: String(pattern.prefix(80)) + "…",
                reason: "it is longer than \(PatternLimits.patternByteCount) bytes"
            )
        }
    }
}

/// A pattern in RE2: linear in the text, whatever the pattern.
struct LinearPattern: CompiledPattern {
    private let program: RE2Pattern
    let longestText: Int

    init(_ program: RE2Pattern) {
        self.program = program
        longestText = PatternLimits.linearSteps / max(1, program.programSize)
    }

    /// As a state machine a byte costs one step; a large program can fall back to walking itself.
    var stepsPerByte: Int? { 1 + program.programSize >> 8 }

    func matches(_ text: Span<UInt8>) throws(PatternFailure) -> Bool {
        guard text.count <= longestText else { throw .limitExceeded(pattern: program.pattern) }
        return try program.matches(text)
    }
}

/// A pattern RE2 cannot express, run by PCRE2 under limits.
struct BacktrackingPattern: CompiledPattern {
    private let program: PCRE2Pattern

    init(_ program: PCRE2Pattern) { self.program = program }

    var stepsPerByte: Int? { nil }

    func matches(_ text: Span<UInt8>) throws(PatternFailure) -> Bool { try program.matches(text) }
}

struct RE2Finder: PatternFinder {
    private let program: RE2Pattern

    init(_ program: RE2Pattern) { self.program = program }

    func firstMatch(
        in text: [UInt8],
        range: Range<Int>
    ) throws(PatternFailure) -> PatternSpan? {
        try program.first(in: text, range: range)
    }
}
