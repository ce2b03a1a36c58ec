import Base
import JSON

/// One constraint, compiled for one direction.
indirect enum ValueTest: Sendable {
    /// The call form spells equal values with equal bytes, so that equality is one of bytes.
    case oneOf([[UInt8]], kinds: Set<JSONKind>)
    case glob(PathGlob)
    case host(HostPattern)
    case pattern(any CompiledPattern)
    case min(JSONNumber)
    case max(JSONNumber)
    case maxLength(Int)
    case absent
    case anyOf([[ValueTest]])

    init(
        _ constraint: Constraint,
        _ direction: Direction,
        _ engine: any PatternEngine
    ) throws(PatternFailure) {
        switch constraint {
        case .equals(let value): self = Self.equality([value])
        case .oneOf(let values): self = Self.equality(values)
        case .glob(let glob): self = .glob(glob)
        case .host(let host): self = .host(host)
        case .pattern(let text):
            // Compiled alone first, so that an unbalanced bracket cannot escape the wrapping.
            let search = try engine.compile(text, .re2)
            self = .pattern(
                direction == .restricting ? search : try engine.compile("\\A(?:\(text))\\z", .re2)
            )
        case .min(let number): self = .min(number)
        case .max(let number): self = .max(number)
        case .maxLength(let count): self = .maxLength(count)
        case .absent: self = .absent
        case .anyOf(let alternatives):
            var compiled: [[ValueTest]] = []
            for alternative in alternatives {
                var tests: [ValueTest] = []
                for constraint in alternative {
                    tests.append(try ValueTest(constraint, direction, engine))
                }
                compiled.append(tests)
            }
            self = .anyOf(compiled)
        }
    }

    var isAbsent: Bool {
        switch self {
        case .absent: true
        case .anyOf(let alternatives): alternatives.contains { $0.allSatisfy(\.isAbsent) }
        default: false
        }
    }

    func rooted(at root: ServerRoot) -> ValueTest {
        switch self {
        case .glob(let glob): .glob(glob.rooted(at: root))
        case .anyOf(let alternatives):
            .anyOf(alternatives.map { $0.map { $0.rooted(at: root) } })
        default: self
        }
    }

    /// For a value that is there and no array; call-form bytes.
    func truth(for node: JSONNode) -> Truth {
        switch self {
        case .oneOf(let spellings, let kinds):
            let source = node.source
            if spellings.contains(where: { $0.elementsEqual(source) }) { return .holds }
            return kinds.contains(node.kind) ? .fails : .unclear
        case .glob(let glob):
            return Self.withText(of: node) { glob.matches($0) }
        case .host(let host):
            guard let text = node.utf8 else { return .unclear }
            return Self.truth(host.matches(text))
        case .pattern(let pattern):
            return Self.withText(of: node) { try? pattern.matches($0) }
        case .min(let least):
            guard let number = node.number else { return .unclear }
            return number >= least ? .holds : .fails
        case .max(let most):
            guard let number = node.number else { return .unclear }
            return number <= most ? .holds : .fails
        case .maxLength(let count):
            guard node.kind == .string else { return .unclear }
            return Self.isAtMost(count, node) ? .holds : .fails
        case .absent:
            // A written null is as good as nothing to many servers, and not to others.
            return node.isNull ? .unclear : .fails
        case .anyOf(let alternatives):
            return Self.anyOf(alternatives, node)
        }
    }

    private static func anyOf(_ alternatives: [[ValueTest]], _ node: JSONNode) -> Truth {
        var result = Truth.fails
        for alternative in alternatives {
            var truth = Truth.holds
            for test in alternative where truth != .fails {
                let next = test.truth(for: node)
                if next != .holds { truth = next }
            }
            if truth == .holds { return .holds }
            if truth == .unclear { result = .unclear }
        }
        return result
    }

    private static func truth(_ answer: Bool?) -> Truth {
        switch answer {
        case true?: .holds
        case false?: .fails
        case nil: .unclear
        }
    }

    private static func equality(_ values: [JSONValue]) -> ValueTest {
        .oneOf(values.map(spelling), kinds: Set(values.flatMap(kinds)))
    }

    /// The bytes the call form has for that scalar.
    private static func spelling(_ value: JSONValue) -> [UInt8] {
        if case .number(let number) = value { return number.callForm ?? [] }
        return value.serialised()
    }

    private static func kinds(_ value: JSONValue) -> [JSONKind] {
        switch value {
        case .null: [.null]
        case .bool: [.true, .false]
        case .number: [.number]
        case .string: [.string]
        case .array: [.array]
        case .object: [.object]
        }
    }

    private static func isAtMost(_ count: Int, _ node: JSONNode) -> Bool {
        let source = node.source
        // Every code point takes at least one byte between the quotes.
        if source.count - 2 <= count { return true }
        guard let text = node.utf8 else { return false }
        return text.reduce(0) { $0 + ($1 & 0xc0 == 0x80 ? 0 : 1) } <= count
    }

    /// Gives the decoded bytes of a string, without copying where nothing was escaped.
    private static func withText(
        of node: JSONNode,
        _ body: (Span<UInt8>) -> Bool?
    ) -> Truth {
        truth(node.test(body))
    }
}
