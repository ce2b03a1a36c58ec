internal import Base
internal import JSON

/// One validation: the walk over a value and a program side by side.
///
/// It runs first without telling anything, and ends at the first fault; only a value that failed is
/// walked again to collect what to say.
struct Validator {
    let program: Program
    /// The document the checked value stands in.
    let walk: JSONWalk
    let limits: SchemaLimits
    /// Steps that may still be taken.
    var work: Int
    let allowedWork: Int
    /// Set once when a limit was hit; from then on nothing holds.
    var stop: SchemaFailure?
    var depth = 0
    /// Matches so far whose cost only their own limits bound.
    var backtrackings = 0
    /// Bits of the members or elements that were evaluated, one region per value in progress.
    var marks: [UInt64] = []
    /// The schema resources entered, outermost first; kept only if the program has dynamic anchors.
    var scope: [Int32] = []
    let tracksScope: Bool
    var isCollecting = false
    var findings: [Finding] = []
    var path: [PathStep] = []

    /// For "no region": nobody asks which members were evaluated.
    static let unmarked = -1

    init(_ program: Program, limits: SchemaLimits, for value: JSONNode) {
        self.program = program
        walk = JSONWalk(value)
        self.limits = limits
        allowedWork = limits.work + limits.workPerByte * value.byteCount
        work = allowedWork
        tracksScope = !program.dynamicAnchors.isEmpty
    }

    /// Whether `value` holds under the whole schema.
    mutating func run(_ schema: CompiledSchema, _ value: JSONPlace) -> Bool {
        guard schema.closesByMarks, walk.kind(value) == .object else {
            return check(schema.entry, value, Self.unmarked) && stop == nil
        }
        let region = openRegion(value)
        guard check(schema.entry, value, region), stop == nil else { return false }
        var holds = true
        var key = walk.first(in: value)
        for place in 0..<walk.count(value) {
            let member = walk.value(ofKey: key)
            if !isMarked(region, place) {
                guard isCollecting else { return false }
                noteUnknown(schema.entry, .closed, key, member, schema.propertyNames)
                holds = false
            }
            key = walk.next(after: member)
        }
        return holds && stop == nil
    }

    // MARK: one schema

    /// Whether `value` holds under the schema `number`; what it evaluates is marked in `region`.
    mutating func check(_ number: Int32, _ value: JSONPlace, _ region: Int) -> Bool {
        work &-= 1
        let node = program.nodes[Int(number)]
        let kind = walk.kind(value)
        if node.types.isDisjoint(with: TypeSet(kind)) {
            guard kind == .number, node.types.contains(.integer), isInteger(value) else {
                noteType(number, node, value)
                return false
            }
        }
        let rule: Int32
        switch kind {
        case .object: rule = node.object
        case .array: rule = node.array
        case .string: rule = node.string
        case .number: rule = node.number
        case .true, .false, .null: rule = -1
        }
        if rule < 0, node.steps.count == 0, work >= 0 { return true }
        return checkRules(number, node, rule, value, region)
    }

    private mutating func checkRules(
        _ number: Int32,
        _ node: Node,
        _ rule: Int32,
        _ value: JSONPlace,
        _ region: Int
    ) -> Bool {
        guard isAllowedToGoOn() else { return false }
        depth += 1
        defer { depth -= 1 }
        let entersResource = tracksScope && scope.last != node.resource
        if entersResource { scope.append(node.resource) }
        defer { if entersResource { scope.removeLast() } }
        let own = node.collectsMarks ? openRegion(value) : region
        defer { if node.collectsMarks { closeRegion(own) } }
        var holds = rule < 0 || checkRule(number, rule, value, own)
        guard holds || isCollecting else { return false }
        for place in node.steps.range {
            let step = program.steps[place]
            // What stayed unevaluated is known only where everything else holds.
            if !holds, step.isUnevaluated { continue }
            if perform(step, number, value, own) { continue }
            guard isCollecting else { return false }
            holds = false
        }
        if holds, node.collectsMarks, region >= 0 { merge(own, into: region, value) }
        return holds
    }

    private mutating func checkRule(
        _ number: Int32,
        _ rule: Int32,
        _ value: JSONPlace,
        _ region: Int
    ) -> Bool {
        switch walk.kind(value) {
        case .object: checkObject(number, rule, value, region)
        case .array: checkArray(number, rule, value, region)
        case .string: checkString(number, rule, value)
        case .number: checkNumber(number, rule, value)
        case .true, .false, .null: true
        }
    }

    private mutating func isAllowedToGoOn() -> Bool {
        guard stop == nil, spend(0) else { return false }
        guard depth < limits.evaluationDepth else {
            stop = .tooDeep(limit: limits.evaluationDepth)
            return false
        }
        return true
    }

    /// Takes `steps` from the budget; false when it is used up.
    @inline(__always)
    mutating func spend(_ steps: Int) -> Bool {
        work &-= steps
        if work >= 0 { return true }
        if stop == nil { stop = .tooMuchWork(limit: allowedWork) }
        return false
    }

    private func isInteger(_ value: JSONPlace) -> Bool {
        walk.isPlainInteger(value) || walk.node(value).number?.isInteger == true
    }

    // MARK: marks

    /// A region of cleared bits, one for each member or element of `value`.
    mutating func openRegion(_ value: JSONPlace) -> Int {
        let first = marks.count
        let words = (walk.count(value) + 63) >> 6
        work &-= words
        for _ in 0..<words { marks.append(0) }
        return first
    }

    /// Regions end in the opposite order of their opening.
    mutating func closeRegion(_ region: Int) {
        marks.removeLast(marks.count - region)
    }

    mutating func merge(_ region: Int, into other: Int, _ value: JSONPlace) {
        for word in 0..<(walk.count(value) + 63) >> 6 {
            marks[other + word] |= marks[region + word]
        }
    }

    @inline(__always)
    mutating func mark(_ region: Int, _ place: Int) {
        guard region >= 0 else { return }
        marks[region + place >> 6] |= 1 << UInt64(place & 63)
    }

    func isMarked(_ region: Int, _ place: Int) -> Bool {
        marks[region + place >> 6] & (1 << UInt64(place & 63)) != 0
    }
}

extension TypeSet {
    /// The type every value of that kind has; `integer` has to be looked for.
    @inline(__always)
    init(_ kind: JSONKind) {
        switch kind {
        case .object: self = .object
        case .array: self = .array
        case .string: self = .string
        case .number: self = .number
        case .true, .false: self = .boolean
        case .null: self = .null
        }
    }
}

extension Step {
    var isUnevaluated: Bool {
        switch self {
        case .unevaluatedProperties, .unevaluatedItems: true
        default: false
        }
    }
}
