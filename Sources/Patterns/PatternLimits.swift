/// What a pattern may cost; hit, the answer is `PatternFailure` and never a guess.
package enum PatternLimits {
    /// The text of one pattern.
    package static let patternByteCount = 8 << 10
    /// Groups within groups.
    package static let groupDepth = 100
    /// RE2's budget for one schema pattern: program and state caches together.
    package static let schemaMemory = 2 << 20
    /// RE2's budget for one pattern of our own rules.
    package static let ruleMemory = 2 << 20
    /// RE2's budget for one set of literals or patterns.
    package static let setMemory = 8 << 20
    /// Instructions times bytes for RE2, whose worst case is about a nanosecond for each.
    package static let linearSteps = 1 << 28
    /// The same for a set of patterns, which only spares looks of each by itself: about 20 ms.
    package static let unionSteps = 1 << 24
    /// What the backtracking engine is given at most.
    package static let backtrackingTextByteCount = 4 << 10
    /// Its steps: about 5 ms.
    package static let stepCount: UInt32 = 200_000
    package static let depth: UInt32 = 2_000
    package static let heapKibibytes: UInt32 = 2_048
    /// The largest count in `{n,m}`.
    package static let repetition = 65_535
}
