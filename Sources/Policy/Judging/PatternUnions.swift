import Base

/// Patterns that were put together: many tools share the rules of one list.
final class PatternUnions: Sendable {
    private let engine: any PatternEngine
    /// By their bytes, because texts of other bytes can be equal.
    private let known = Lock<[[[UInt8]]: (any PatternUnion)?]>([:])

    init(_ engine: any PatternEngine) { self.engine = engine }

    /// Nil where they cannot be looked for in one pass.
    func union(_ patterns: [String]) -> (any PatternUnion)? {
        let key = patterns.map { Array($0.utf8) }
        return known.withLock { known in
            if let union = known[key] { return union }
            let union = engine.union(patterns)
            known[key] = .some(union)
            return union
        }
    }
}
