import Base
import JSON

/// Rules out by one look at each argument what nearly every call leaves unsaid.
///
/// A restricting condition fails when one of its arguments is a string without what it looks for.
/// Conditions that look into the same argument share a group: one pass over the string asks for the
/// patterns of all of them. What is not ruled out is evaluated by itself; to rule out too little is
/// never wrong. Rules only: what a limit asks for is what most calls of its tool hold.
struct ArgumentScreen: Sendable {
    /// Conditions that surely fail where the argument is a string with nothing of this.
    private struct Group: Sendable {
        let tokens: [[UInt8]]
        let texts: [[UInt8]]
        let patterns: (any PatternUnion)?

        func isRuledOut(by root: JSONNode) -> Bool {
            var node = root
            for token in tokens {
                // In an array each element counts, and what is missing fails no condition.
                guard node.kind == .object, let member = node.member(utf8: token.span) else {
                    return false
                }
                node = member
            }
            return node.test { isRuledOut(by: $0) } ?? false
        }

        private func isRuledOut(by text: Span<UInt8>) -> Bool {
            for wanted in texts where Self.isSame(wanted.span, text) { return false }
            guard let patterns else { return true }
            return !patterns.mayMatch(text)
        }

        private static func isSame(_ left: Span<UInt8>, _ right: Span<UInt8>) -> Bool {
            guard left.count == right.count else { return false }
            for index in 0..<left.count where left[index] != right[index] { return false }
            return true
        }
    }

    private let groups: [Group]

    static let none = ArgumentScreen(groups: [])

    private init(groups: [Group]) { self.groups = groups }

    /// The groups whose conditions fail for these arguments.
    func ruledOut(by arguments: JSONNode) -> RuledOut {
        var result = RuledOut()
        for index in groups.indices where groups[index].isRuledOut(by: arguments) {
            result.insert(index)
        }
        return result
    }
}

/// Which groups of conditions an `ArgumentScreen` found to fail for one call.
struct RuledOut: Sendable {
    static let groupCount = 64
    private var bits: UInt64

    fileprivate init() { bits = 0 }

    fileprivate mutating func insert(_ group: Int) { bits |= 1 << UInt64(group) }

    /// Whether a condition of that group fails; no for one that is in none.
    func contains(_ group: Int?) -> Bool {
        guard let group else { return false }
        return bits >> UInt64(group) & 1 == 1
    }
}

extension ArgumentScreen {
    /// Collects conditions into groups.
    struct Builder {
        private struct Draft {
            let pointer: JSONPointer
            var needles: Needles
        }

        private var drafts: [Draft] = []

        /// The group the condition belongs to; nil where no string can rule it out.
        mutating func group(of constraints: ArgumentConstraints) -> Int? {
            for entry in constraints.entries {
                guard let needles = Needles.first(in: entry.constraints) else { continue }
                if let index = drafts.firstIndex(where: { $0.pointer == entry.pointer }) {
                    drafts[index].needles.formUnion(needles)
                    return index
                }
                guard drafts.count < RuledOut.groupCount else { return nil }
                drafts.append(Draft(pointer: entry.pointer, needles: needles))
                return drafts.count - 1
            }
            return nil
        }

        /// - Parameter union: nil where patterns cannot be looked for together.
        func screen(_ union: ([String]) -> (any PatternUnion)?) -> ArgumentScreen {
            ArgumentScreen(
                groups: drafts.map { draft in
                    let patterns = draft.needles.patterns
                    return Group(
                        tokens: draft.pointer.tokens.map { Array($0.text.utf8) },
                        texts: draft.needles.texts,
                        patterns: patterns.isEmpty ? nil : union(patterns) ?? AnyPattern()
                    )
                }
            )
        }
    }

    /// Stands for patterns that could not be put together: nothing is ruled out.
    private struct AnyPattern: PatternUnion {
        func mayMatch(_ text: Span<UInt8>) -> Bool { true }
    }

    /// What a string must be, or hold, for constraints not to fail.
    private struct Needles {
        var texts: [[UInt8]] = []
        var patterns: [String] = []

        /// All constraints must hold, so that one that asks for a text or pattern is enough; nil
        /// where none does.
        static func first(in constraints: [Constraint]) -> Needles? {
            for constraint in constraints {
                if let needles = needles(of: constraint) { return needles }
            }
            return nil
        }

        private static func needles(of constraint: Constraint) -> Needles? {
            switch constraint {
            case .pattern(let pattern): return Needles(patterns: [pattern])
            case .equals(let value): return needles(of: [value])
            case .oneOf(let values): return needles(of: values)
            case .anyOf(let alternatives):
                var result = Needles()
                for alternative in alternatives {
                    guard let needles = first(in: alternative) else { return nil }
                    result.formUnion(needles)
                }
                return result
            case .glob, .host, .min, .max, .maxLength, .absent: return nil
            }
        }

        /// A string is of another kind than values without a string, which leaves it unclear.
        private static func needles(of values: [JSONValue]) -> Needles? {
            var result = Needles()
            for case .string(let text) in values { result.texts.append(Array(text.text.utf8)) }
            return result.texts.isEmpty ? nil : result
        }

        mutating func formUnion(_ other: Needles) {
            texts += other.texts
            patterns += other.patterns
        }
    }
}
