internal import Base
internal import JSON

/// Turns every schema of a library into a node of a program.
struct ProgramBuilder {
    var library: SchemaLibrary
    var parts = ProgramParts()
    let engine: any PatternEngine
    let limits: SchemaLimits
    private var patternNumbers: [JSONString: Int32] = [:]
    private var anchorNames: [JSONString: Int32] = [:]

    init(_ library: SchemaLibrary, engine: any PatternEngine, limits: SchemaLimits) {
        self.library = library
        self.engine = engine
        self.limits = limits
    }

    /// Compiles all that is known; a reference may make more known while this runs.
    mutating func build() throws(SchemaError) {
        while parts.nodes.count < library.entries.count {
            let number = Int32(truncatingIfNeeded: parts.nodes.count)
            parts.nodes.append(try node(number))
        }
        parts.places = library.places
        parts.resources = library.resources.map { $0.base.resource }
        parts.dynamicAnchors = Array(repeating: [:], count: anchorNames.count)
        for (anchor, target) in library.dynamicAnchors {
            guard let name = anchorNames[anchor.name] else { continue }
            parts.dynamicAnchors[Int(name)][anchor.resource] = target
        }
        if let loop = LoopFinder(parts).firstLoop() {
            throw SchemaError(pointer: library.pointer(of: loop), reason: .referenceLoop)
        }
    }

    private mutating func node(_ number: Int32) throws(SchemaError) -> Node {
        let entry = library.entries[Int(number)]
        var node = Node()
        node.resource = library.places[Int(number)].resource
        guard entry.node.kind == .object else {
            node.isNever = entry.node.bool == false
            if node.isNever { node.types = [] }
            return node
        }
        let library = library
        let view = SchemaView(node: entry.node) { library.pointer(of: number) }
        if entry.dialect.draft == .draft7, entry.node["$ref"] != nil {
            node.steps = add([.reference(try reference(view, "$ref", number).target)])
            return node
        }
        guard entry.node["$recursiveRef"] == nil else {
            throw view.error("$recursiveRef", .unsupportedKeyword(instead: "$dynamicRef"))
        }
        let source = Source(
            number: number,
            document: entry.document,
            dialect: entry.dialect,
            view: view
        )
        if entry.dialect.hasValidation { node.types = try view.types() }
        node.number = try numberRule(source)
        node.string = try stringRule(source)
        node.array = try arrayRule(source)
        node.object = try objectRule(source)
        let steps = try inPlaceSteps(source)
        let rest = try unevaluated(source, &node, canSimplify: !steps.contains(where: Self.marks))
        node.collectsMarks = !rest.isEmpty
        node.steps = add(steps + rest)
        return node
    }

    /// One schema object while it is compiled.
    struct Source {
        var number: Int32
        var document: Int
        var dialect: Dialect
        var view: SchemaView
        var node: JSONNode { view.node }
    }

    mutating func add(_ steps: [Step]) -> Row {
        let first = parts.steps.count
        parts.steps += steps
        return row(first, steps.count)
    }

    mutating func add(list: [Int32]) -> Row {
        let first = parts.lists.count
        parts.lists += list
        return row(first, list.count)
    }

    func row(_ first: Int, _ count: Int) -> Row {
        Row(first: Int32(truncatingIfNeeded: first), count: Int32(truncatingIfNeeded: count))
    }

    /// Whether the step can leave marks for `unevaluatedProperties` beside it.
    static func marks(_ step: Step) -> Bool {
        switch step {
        case .constant, .enumeration, .not: false
        default: true
        }
    }

    // MARK: references and children

    /// The schema below a keyword, or -1.
    func child(_ source: Source, _ keyword: StaticString) -> Int32 {
        source.node[keyword].flatMap { library.number(of: $0, in: source.document) } ?? -1
    }

    func children(_ source: Source, _ list: JSONNode) -> [Int32] {
        list.elements.compactMap { library.number(of: $0, in: source.document) }
    }

    mutating func reference(
        _ view: SchemaView,
        _ keyword: StaticString,
        _ number: Int32
    ) throws(SchemaError) -> (target: Int32, anchor: JSONString?) {
        let text = try view.text(keyword) ?? ""
        guard text.utf8.count <= limits.textByteCount else {
            throw view.error(keyword, .tooLong(limit: limits.textByteCount))
        }
        return try library.resolve(text, from: number)
    }

    /// 2020-12 core 8.2.3.2: dynamic only when the place it leads to first is a dynamic anchor of
    /// that name.
    mutating func dynamicReference(_ source: Source) throws(SchemaError) -> Step {
        let found = try reference(source.view, "$dynamicRef", source.number)
        let resource = library.places[Int(found.target)].resource
        guard let name = found.anchor,
            library.dynamicAnchors[SchemaLibrary.Anchor(resource: resource, name: name)]
                == found.target
        else { return .reference(found.target) }
        let next = Int32(truncatingIfNeeded: anchorNames.count)
        let known = anchorNames[name] ?? next
        anchorNames[name] = known
        return .dynamicReference(name: known, fallback: found.target)
    }

    mutating func pattern(
        _ text: String,
        at pointer: @autoclosure () -> String
    ) throws(SchemaError) -> Int32 {
        if let known = patternNumbers[JSONString(text)] { return known }
        guard text.utf8.count <= limits.textByteCount else {
            throw SchemaError(pointer: pointer(), reason: .tooLong(limit: limits.textByteCount))
        }
        guard parts.patterns.count < limits.patternCount else {
            throw SchemaError(
                pointer: pointer(),
                reason: .tooManyPatterns(limit: limits.patternCount)
            )
        }
        do {
            parts.patterns.append(try engine.compile(text, .ecma262))
        } catch {
            throw SchemaError(pointer: pointer(), reason: Self.reason(error, pattern: text))
        }
        let number = Int32(truncatingIfNeeded: parts.patternTexts.count)
        parts.patternTexts.append(text)
        patternNumbers[JSONString(text)] = number
        return number
    }

    private static func reason(_ failure: PatternFailure, pattern: String) -> SchemaError.Reason {
        switch failure {
        case .invalid(_, let reason): .badPattern(pattern, reason: reason)
        case .limitExceeded: .badPattern(pattern, reason: "it needs more than a pattern may use")
        }
    }
}
