package import Base
package import JSON

/// When a condition is asked: while tools are listed, or for one call.
package enum Phase: Sendable, Equatable {
    case list, call
}

/// What a condition looks at.
package struct FactKinds: OptionSet, Sendable {
    package let rawValue: Int
    package init(rawValue: Int) { self.rawValue = rawValue }

    package static let principal = FactKinds(rawValue: 1)
    package static let arguments = FactKinds(rawValue: 2)

    /// What is known in that phase; a listing sees no arguments.
    package static func visible(in phase: Phase) -> FactKinds {
        phase == .call ? [.principal, .arguments] : [.principal]
    }
}

/// What conditions are evaluated on.
package struct ConditionFacts: Sendable {
    /// The root of the call form.
    package let arguments: JSONNode

    package init(arguments: JSONNode) { self.arguments = arguments }
}

/// Whether a condition holds; `unclear` when what it looks at is missing or of another kind.
package enum Truth: Sendable, Equatable {
    case holds, fails, unclear
}

/// Which way a mistake would hurt.
package enum Direction: Sendable, Equatable {
    /// The condition lets a call through: it counts only when it holds.
    case allowing
    /// The condition stops a call: it counts unless it fails.
    case restricting

    /// Whether something with that truth counts.
    package func counts(_ truth: Truth) -> Bool {
        switch self {
        case .allowing: truth == .holds
        case .restricting: truth != .fails
        }
    }
}

/// Something a rule, scope or limit depends on; compiled once, then asked for every call.
///
/// Argument constraints are one; an expression language can be another.
package protocol Condition: Sendable {
    associatedtype Source

    /// Throws when the source is wrong or looks at what `phase` cannot see.
    static func compile(
        _ source: Source,
        phase: Phase,
        direction: Direction,
        engine: any PatternEngine
    ) throws(ConditionProblem) -> Self

    /// What it looks at.
    var needs: FactKinds { get }

    /// Whether it holds, with doubt taken in the direction it was compiled for.
    func evaluate(_ facts: ConditionFacts) -> Truth

    /// Why it held or did not, piece by piece.
    func explain(_ facts: ConditionFacts) -> [ConditionFinding]
}

/// Why a condition does not compile.
package enum ConditionProblem: Error, Equatable, Sendable, CustomStringConvertible {
    case notVisible(what: String, Phase)
    case badPattern(pointer: JSONPointer, reason: String)

    package var description: String {
        switch self {
        case .notVisible(let what, let phase):
            "\(what) cannot be seen \(phase == .list ? "while tools are listed" : "at a call")"
        case .badPattern(let pointer, let reason): "at `\(pointer)`: \(reason)"
        }
    }
}

/// One piece of a condition, what it demanded and what it found.
package struct ConditionFinding: Sendable, Equatable {
    /// The argument, as a JSON Pointer.
    package let pointer: String
    package let demand: String
    /// Printable and cut; `nothing` when the argument is missing.
    package let found: String
    package let truth: Truth
}
