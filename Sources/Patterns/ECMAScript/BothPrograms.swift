package import Base

extension RegexEngine {
    /// An ECMA-262 pattern in either engine, so that one can be compared with the other.
    ///
    /// `linear` is nil where RE2 cannot express the pattern or has no room for its program.
    package func programs(
        of pattern: String
    ) throws(PatternFailure) -> (linear: (any CompiledPattern)?, backtracking: any CompiledPattern)
    {
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
        return (
            linear.map { LinearPattern($0) },
            BacktrackingPattern(try PCRE2Pattern(translation.backtracking, shown: pattern))
        )
    }
}
