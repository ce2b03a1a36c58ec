package import Base
import JSON

/// Argument constraints, compiled.
package struct ArgumentCondition: Condition {
    /// A class only because every call walks over a list of them.
    private final class Entry: Sendable {
        let pointer: JSONPointer
        let tokens: [[UInt8]]
        let tests: [ValueTest]
        let constraints: [Constraint]

        init(
            pointer: JSONPointer,
            tokens: [[UInt8]],
            tests: [ValueTest],
            constraints: [Constraint]
        ) {
            self.pointer = pointer
            self.tokens = tokens
            self.tests = tests
            self.constraints = constraints
        }
    }

    private let entries: [Entry]
    private let direction: Direction

    package var needs: FactKinds { entries.isEmpty ? [] : .arguments }

    package static func compile(
        _ source: ArgumentConstraints,
        phase: Phase,
        direction: Direction,
        engine: any PatternEngine
    ) throws(ConditionProblem) -> ArgumentCondition {
        guard source.isEmpty || FactKinds.visible(in: phase).contains(.arguments) else {
            throw .notVisible(what: "an argument", phase)
        }
        var entries: [Entry] = []
        for entry in source.entries {
            var tests: [ValueTest] = []
            for constraint in entry.constraints {
                do throws(PatternFailure) {
                    tests.append(try ValueTest(constraint, direction, engine))
                } catch {
                    throw .badPattern(pointer: entry.pointer, reason: "\(error)")
                }
            }
            entries.append(
                Entry(
                    pointer: entry.pointer,
                    tokens: entry.pointer.tokens.map { Array($0.text.utf8) },
                    tests: tests,
                    constraints: entry.constraints
                )
            )
        }
        return ArgumentCondition(entries: entries, direction: direction)
    }

    private init(entries: [Entry], direction: Direction) {
        self.entries = entries
        self.direction = direction
    }

    /// The same condition for a server whose relative paths begin at `root`.
    func rooted(at root: ServerRoot) -> ArgumentCondition {
        ArgumentCondition(
            entries: entries.map { entry in
                Entry(
                    pointer: entry.pointer,
                    tokens: entry.tokens,
                    tests: entry.tests.map { $0.rooted(at: root) },
                    constraints: entry.constraints
                )
            },
            direction: direction
        )
    }

    /// Fails as soon as one entry fails; otherwise unclear as soon as one is.
    package func evaluate(_ facts: ConditionFacts) -> Truth {
        var result = Truth.holds
        for entry in entries {
            let truth = Self.truth(of: entry, tokens: 0, at: facts.arguments, direction)
            // What an allowing condition does not surely know counts as no.
            if truth == .fails || (truth == .unclear && direction == .allowing) { return truth }
            if truth == .unclear { result = .unclear }
        }
        return result
    }

    package func explain(_ facts: ConditionFacts) -> [ConditionFinding] {
        entries.map { entry in
            ConditionFinding(
                pointer: entry.pointer.description,
                demand: Constraint.demand(entry.constraints),
                found: Self.found(entry.pointer.resolve(facts.arguments)),
                truth: Self.truth(of: entry, tokens: 0, at: facts.arguments, direction)
            )
        }
    }

    /// The entries that do not count in this condition's direction, for a short text.
    func firstFailure(_ facts: ConditionFacts) -> ConditionFinding? {
        explain(facts).first { !direction.counts($0.truth) }
    }

    /// Follows the pointer; an array means each of its elements, where the token is no index.
    private static func truth(
        of entry: Entry,
        tokens used: Int,
        at node: JSONNode,
        _ direction: Direction
    ) -> Truth {
        if node.kind == .array {
            if used < entry.tokens.count, let index = arrayIndex(entry.tokens[used]) {
                guard let element = node.element(at: index) else { return missing(entry) }
                return truth(of: entry, tokens: used + 1, at: element, direction)
            }
            return truthOfEach(entry, tokens: used, in: node, direction)
        }
        guard used < entry.tokens.count else { return Self.truth(of: entry.tests, for: node) }
        let token = entry.tokens[used]
        guard let member = node.member(utf8: token.span) else { return missing(entry) }
        return truth(of: entry, tokens: used + 1, at: member, direction)
    }

    /// Allowing: every element must hold; restricting: one that does not fail is enough.
    private static func truthOfEach(
        _ entry: Entry,
        tokens used: Int,
        in array: JSONNode,
        _ direction: Direction
    ) -> Truth {
        var result: Truth?
        for element in array.elements {
            // An array in an array is of another kind than what was constrained.
            let truth =
                element.kind == .array
                ? Truth.unclear : truth(of: entry, tokens: used, at: element, direction)
            switch direction {
            case .allowing:
                if truth != .holds { return truth }
                result = .holds
            case .restricting:
                if truth == .holds { return .holds }
                if truth == .unclear { result = .unclear } else { result = result ?? .fails }
            }
        }
        return result ?? .unclear
    }

    /// What is not there satisfies `absent` and leaves every other demand unclear.
    private static func missing(_ entry: Entry) -> Truth {
        entry.tests.allSatisfy { $0.isAbsent } ? .holds : .unclear
    }

    private static func truth(of tests: [ValueTest], for node: JSONNode) -> Truth {
        var result = Truth.holds
        for test in tests {
            switch test.truth(for: node) {
            case .holds: continue
            case .fails: return .fails
            case .unclear: result = .unclear
            }
        }
        return result
    }

    /// RFC 6901 section 4: digits without leading zeros.
    private static func arrayIndex(_ token: [UInt8]) -> Int? {
        guard (1...9).contains(token.count), token.allSatisfy({ $0 &- 0x30 < 10 }),
            token.count == 1 || token.first != 0x30
        else { return nil }
        return token.reduce(0) { $0 * 10 + Int($1 &- 0x30) }
    }

    static func found(_ node: JSONNode?) -> String {
        guard let node else { return "nothing" }
        return printable(String(decoding: node.source.prefix(200), as: UTF8.self), limit: 120)
    }
}
