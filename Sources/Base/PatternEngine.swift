/// A regular expression that was compiled once.
package protocol CompiledPattern: Sendable {
    /// Whether the expression matches anywhere in `text`; anchors are the expression's own.
    ///
    /// Throws when the engine's work limit was hit, which a caller treats as "did not hold".
    func matches(_ text: Span<UInt8>) throws(PatternFailure) -> Bool

    /// About how many steps each byte of text costs, for who keeps a budget; nil for an engine that
    /// backtracks, where one match may cost all its limits allow.
    var stepsPerByte: Int? { get }
}

extension CompiledPattern {
    package func matches(_ text: [UInt8]) throws(PatternFailure) -> Bool { try matches(text.span) }

    package var stepsPerByte: Int? { 1 }
}

/// Which language a pattern is written in.
package enum PatternSyntax: Sendable {
    /// RE2, as our own rules write it.
    case re2
    /// ECMA-262 with the `u` flag, as JSON Schema writes it (2020-12 core, 6.4).
    case ecma262
}

package enum PatternFailure: Error, Equatable, Sendable, CustomStringConvertible {
    case invalid(pattern: String, reason: String)
    case limitExceeded(pattern: String)

    package var description: String {
        switch self {
        case .invalid(let pattern, let reason):
            "pattern `\(printable(pattern))` does not compile: \(oneLine(reason))"
        case .limitExceeded(let pattern):
            "pattern `\(printable(pattern))` took more work than allowed; simplify it"
        }
    }
}

/// Several patterns that are looked for in one pass.
package protocol PatternUnion: Sendable {
    /// Whether any of them may match somewhere in `text`; no is certain.
    func mayMatch(_ text: Span<UInt8>) -> Bool
}

/// What compiles patterns; `Patterns` conforms with RE2 and, bounded, PCRE2.
package protocol PatternEngine: Sendable {
    func compile(
        _ pattern: String,
        _ syntax: PatternSyntax
    ) throws(PatternFailure) -> any CompiledPattern

    /// Patterns in RE2 syntax, together; nil where the engine cannot look for them in one pass.
    func union(_ patterns: [String]) -> (any PatternUnion)?
}

extension PatternEngine {
    package func union(_ patterns: [String]) -> (any PatternUnion)? { nil }
}
