internal import Base
internal import JSON

/// A schema as flat rows of rules that point at one another by number; never changed once built.
///
/// INVARIANT: every number in a rule lies inside the row it names, because the builder wrote both.
final class Program: Sendable {
    let nodes: [Node]
    let steps: [Step]
    let objects: [ObjectRule]
    let arrays: [ArrayRule]
    let strings: [StringRule]
    let numbers: [NumberRule]
    let conditions: [ConditionRule]
    let dependents: [DependentRule]
    let patternRules: [PatternRule]
    let enums: [EnumRule]
    /// Lists of node numbers, for `allOf` and its like.
    let lists: [Int32]
    let constants: [Constant]
    let keys: KeyPool
    let patterns: [any CompiledPattern]
    let patternTexts: [String]
    /// Where each dynamic anchor stands, by name and then by resource.
    let dynamicAnchors: [[Int32: Int32]]
    let places: [Place]
    let resources: [String]

    init(_ parts: ProgramParts) {
        nodes = parts.nodes
        steps = parts.steps
        objects = parts.objects
        arrays = parts.arrays
        strings = parts.strings
        numbers = parts.numbers
        conditions = parts.conditions
        dependents = parts.dependents
        patternRules = parts.patternRules
        enums = parts.enums
        lists = parts.lists
        constants = parts.constants
        keys = parts.keys
        patterns = parts.patterns
        patternTexts = parts.patternTexts
        dynamicAnchors = parts.dynamicAnchors
        places = parts.places
        resources = parts.resources
    }

    /// Where that node's schema stands: a JSON Pointer, behind the document's name when that is not
    /// the schema itself.
    func location(of node: Int32) -> String {
        var segments: [String] = []
        var current = node
        var root = node
        while current >= 0 {
            let place = places[Int(current)]
            if !place.segment.isEmpty { segments.append(place.segment) }
            root = current
            current = place.parent
        }
        let pointer = segments.reversed().map { "/" + $0 }.joined()
        return root == 0 ? pointer : resources[Int(places[Int(root)].resource)] + "#" + pointer
    }
}

/// The rows while they are written.
struct ProgramParts {
    var nodes: [Node] = []
    var steps: [Step] = []
    var objects: [ObjectRule] = []
    var arrays: [ArrayRule] = []
    var strings: [StringRule] = []
    var numbers: [NumberRule] = []
    var conditions: [ConditionRule] = []
    var dependents: [DependentRule] = []
    var patternRules: [PatternRule] = []
    var enums: [EnumRule] = []
    var lists: [Int32] = []
    var constants: [Constant] = []
    var keys = KeyPool()
    var patterns: [any CompiledPattern] = []
    var patternTexts: [String] = []
    var dynamicAnchors: [[Int32: Int32]] = []
    var places: [Place] = []
    var resources: [String] = []
}

/// Where a schema stands, told as its parent and the way from there.
struct Place: Sendable {
    var parent: Int32
    /// One or more escaped pointer tokens, joined by `/`; empty for the root of a document.
    var segment: String
    var resource: Int32
}

/// One schema object or boolean.
struct Node: Sendable {
    var types = TypeSet.any
    /// Rule numbers by kind of instance; -1 where that kind has none.
    var object: Int32 = -1
    var array: Int32 = -1
    var string: Int32 = -1
    var number: Int32 = -1
    /// What is checked for an instance of any kind, in this order.
    var steps = Row.empty
    /// The schema resource it belongs to, which a dynamic reference looks through.
    var resource: Int32 = 0
    /// It has `unevaluatedProperties` or `unevaluatedItems` that only marks can answer.
    var collectsMarks = false
    /// It is the schema `false`.
    var isNever = false
}

/// A run of entries in one of the program's rows.
struct Row: Sendable, Equatable {
    var first: Int32
    var count: Int32

    static let empty = Row(first: 0, count: 0)
    var range: Range<Int> { Int(first)..<Int(first) + Int(count) }
}

/// The kinds of instance a schema takes.
struct TypeSet: OptionSet, Sendable {
    let rawValue: UInt8

    static let null = TypeSet(rawValue: 1)
    static let boolean = TypeSet(rawValue: 2)
    static let object = TypeSet(rawValue: 4)
    static let array = TypeSet(rawValue: 8)
    static let string = TypeSet(rawValue: 16)
    static let number = TypeSet(rawValue: 32)
    /// A number without a fraction: `1.0` is one (2020-12 core 4.2.3, validation 6.1.1).
    static let integer = TypeSet(rawValue: 64)
    static let any: TypeSet = [.null, .boolean, .object, .array, .string, .number, .integer]

    static let names: [(name: String, set: TypeSet)] = [
        ("string", .string), ("number", .number), ("integer", .integer), ("boolean", .boolean),
        ("object", .object), ("array", .array), ("null", .null),
    ]

    init(rawValue: UInt8) { self.rawValue = rawValue }

    init?(name: String) {
        guard let found = Self.names.first(where: { $0.name == name }) else { return nil }
        self = found.set
    }

    /// As a person reads it: `string or null`.
    var words: String {
        let words = Self.names.filter { contains($0.set) }.map(\.name)
        return words.isEmpty ? "nothing" : words.joined(separator: " or ")
    }
}

/// What applies to the same place of the instance.
enum Step: Sendable {
    case constant(Int32)
    case enumeration(Int32)
    case reference(Int32)
    /// `$dynamicRef`: the number of the anchor's name, and where it leads when nothing overrides it.
    case dynamicReference(name: Int32, fallback: Int32)
    case all(Row)
    case any(Row)
    case one(Row)
    case not(Int32)
    case condition(Int32)
    case dependents(Row)
    case unevaluatedProperties(Int32)
    case unevaluatedItems(Int32)

    /// The keyword, for messages.
    var keyword: String {
        switch self {
        case .constant: "const"
        case .enumeration: "enum"
        case .reference: "$ref"
        case .dynamicReference: "$dynamicRef"
        case .all: "allOf"
        case .any: "anyOf"
        case .one: "oneOf"
        case .not: "not"
        case .condition: "if"
        case .dependents: "dependentSchemas"
        case .unevaluatedProperties: "unevaluatedProperties"
        case .unevaluatedItems: "unevaluatedItems"
        }
    }
}

struct ConditionRule: Sendable {
    var condition: Int32
    /// -1 where there is none.
    var consequence: Int32
    var alternative: Int32
}

/// Everything that is asked of an object, so that its members are walked once.
struct ObjectRule: Sendable {
    /// Known and required keys, sorted.
    var keys = Row.empty
    var requiredCount: Int32 = 0
    var patterns = Row.empty
    /// The node for what no other rule named; -1 for none.
    var additional: Int32 = -1
    var additionalKeyword = Keyword.additionalProperties
    var propertyNames: Int32 = -1
    var minimumCount = 0
    var maximumCount = Int.max
    /// `dependentRequired`.
    var dependents = Row.empty
    /// Members have to be walked, because a rule looks at them.
    var walksMembers: Bool {
        keys.count > 0 || patterns.count > 0 || additional >= 0 || propertyNames >= 0
    }
}

/// Which keyword speaks for an object rule's rest, or an array's.
enum Keyword: UInt8, Sendable {
    case additionalProperties, unevaluatedProperties, closed
    case items, additionalItems, unevaluatedItems

    var text: StaticString {
        switch self {
        case .additionalProperties: "additionalProperties"
        case .unevaluatedProperties, .closed: "unevaluatedProperties"
        case .items: "items"
        case .additionalItems: "additionalItems"
        case .unevaluatedItems: "unevaluatedItems"
        }
    }
}

struct PatternRule: Sendable {
    var pattern: Int32
    var node: Int32
}

/// One trigger of `dependentRequired`, `dependentSchemas` or `dependencies`.
struct DependentRule: Sendable {
    /// The key that triggers it, as bytes of the pool.
    var trigger: Row
    /// The keys it then requires, or none.
    var required: Row
    /// The schema that then applies, or -1.
    var node: Int32
    var isDependencies: Bool
}

struct ArrayRule: Sendable {
    /// Node numbers for the first elements, in `lists`.
    var prefix = Row.empty
    var prefixKeyword = PrefixKeyword.prefixItems
    /// The node for the others; -1 for none.
    var rest: Int32 = -1
    var restKeyword = Keyword.items
    var contains: Int32 = -1
    var minimumContained = 1
    var maximumContained = Int.max
    var minimumCount = 0
    var maximumCount = Int.max
    var isUnique = false
}

enum PrefixKeyword: Sendable { case prefixItems, items }

struct StringRule: Sendable {
    var minimumLength = 0
    var maximumLength = Int.max
    var pattern: Int32 = -1
}

struct NumberRule: Sendable {
    var minimum: NumberBound?
    var maximum: NumberBound?
    var exclusiveMinimum: NumberBound?
    var exclusiveMaximum: NumberBound?
    var divisor: NumberBound?
}

/// A number of the schema, with its value as an integer where it is one.
struct NumberBound: Sendable {
    var exact: JSONNumber
    var integer: Int64?
}

struct EnumRule: Sendable {
    /// The strings among its values, sorted keys of the pool.
    var strings = Row.empty
    /// All others, in `constants`.
    var others = Row.empty
    /// All of them as the schema wrote them, shortened, for messages.
    var summary = ""
}
