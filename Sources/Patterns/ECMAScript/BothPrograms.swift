package import Base

extension RegexEngine {
    /// An ECMA-262 pattern in either engine, so that one can be compared with the other.
    ///
    /// Nil is an engine that cannot express the pattern or has no room for its program; throws where
    /// both are.
    package func programs(
        of pattern: String
    ) throws(PatternFailure) -> (
        linear: (any CompiledPattern)?, backtracking: (any CompiledPattern)?
    ) {
        try checkLength(pattern)
        var translator = ECMAScriptTranslator(pattern)
        let translation = try translator.translate()
        let linear = translation.linear.flatMap { expression in
            try? RE2Pattern(
                expression,
                shown: pattern,
                .utf8,
                memoryBudget: PatternLimits.schemaMemory
            )
        }
        do {
            let program = try PCRE2Pattern(translation.backtracking, shown: pattern)
            return (linear.map { LinearPattern($0) }, BacktrackingPattern(program))
        } catch {
            guard let linear else { throw error }
            return (LinearPattern(linear), nil)
        }
    }
}
