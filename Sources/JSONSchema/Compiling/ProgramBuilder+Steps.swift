internal import Base
internal import JSON

/// What applies to the same place of the instance.
extension ProgramBuilder {
    /// All of them but the unevaluated ones, the cheap ones first.
    mutating func inPlaceSteps(_ source: Source) throws(SchemaError) -> [Step] {
        var steps: [Step] = []
        if source.dialect.hasValidation { steps += try valueSteps(source) }
        if source.node["$ref"] != nil {
            steps.append(.reference(try reference(source.view, "$ref", source.number).target))
        }
        if source.dialect.draft == .draft2020, source.node["$dynamicRef"] != nil {
            steps.append(try dynamicReference(source))
        }
        guard source.dialect.hasApplicators else { return steps }
        if let list = try branches(source, "allOf") { steps.append(.all(list)) }
        if let list = try branches(source, "anyOf") { steps.append(.any(list)) }
        if let list = try branches(source, "oneOf") { steps.append(.one(list)) }
        let excluded = child(source, "not")
        if excluded >= 0 { steps.append(.not(excluded)) }
        let condition = child(source, "if")
        if condition >= 0 {
            parts.conditions.append(
                ConditionRule(
                    condition: condition,
                    consequence: child(source, "then"),
                    alternative: child(source, "else")
                )
            )
            steps.append(.condition(Int32(truncatingIfNeeded: parts.conditions.count - 1)))
        }
        let dependents = try dependentSchemas(source)
        if dependents.count > 0 { steps.append(.dependents(dependents)) }
        return steps
    }

    private mutating func branches(
        _ source: Source,
        _ keyword: StaticString
    ) throws(SchemaError) -> Row? {
        guard let list = try source.view.array(keyword) else { return nil }
        guard list.count > 0 else {
            throw source.view.error(keyword, takes: "an array of at least one schema")
        }
        return add(list: children(source, list))
    }

    private mutating func valueSteps(_ source: Source) throws(SchemaError) -> [Step] {
        var steps: [Step] = []
        if let value = source.node["const"] {
            parts.constants.append(Constant(value))
            steps.append(.constant(Int32(truncatingIfNeeded: parts.constants.count - 1)))
        }
        guard let list = try source.view.array("enum") else { return steps }
        var strings: Set<[UInt8]> = []
        let first = parts.constants.count
        for element in list.elements {
            if let text = element.utf8 {
                strings.insert(text)
            } else {
                parts.constants.append(Constant(element))
            }
        }
        let rule = EnumRule(
            strings: parts.keys.add(strings.map { ($0, -1, false) }),
            others: row(first, parts.constants.count - first),
            summary: Excerpt.list(list.elements)
        )
        parts.enums.append(rule)
        steps.append(.enumeration(Int32(truncatingIfNeeded: parts.enums.count - 1)))
        return steps
    }

    /// `unevaluatedProperties` and `unevaluatedItems` (2020-12 core 11).
    ///
    /// Where nothing beside them can evaluate anything through another schema they mean the same as
    /// `additionalProperties` and `items`, and need no marks.
    mutating func unevaluated(
        _ source: Source,
        _ node: inout Node,
        canSimplify: Bool
    ) throws(SchemaError) -> [Step] {
        guard source.dialect.hasUnevaluated, source.dialect.draft == .draft2020 else { return [] }
        var steps: [Step] = []
        let properties = child(source, "unevaluatedProperties")
        if properties >= 0 {
            if canSimplify {
                node.object = closed(node.object, with: properties, .unevaluatedProperties)
            } else {
                steps.append(.unevaluatedProperties(properties))
            }
        }
        let items = child(source, "unevaluatedItems")
        if items >= 0 {
            let hasContains = node.array >= 0 && parts.arrays[Int(node.array)].contains >= 0
            if canSimplify, !hasContains {
                node.array = closed(node.array, with: items)
            } else {
                steps.append(.unevaluatedItems(items))
            }
        }
        return steps
    }

    /// The object rule with `node` for what nothing named; unchanged if it has such a node.
    mutating func closed(_ rule: Int32, with node: Int32, _ keyword: Keyword) -> Int32 {
        var changed = rule >= 0 ? parts.objects[Int(rule)] : ObjectRule()
        guard changed.additional < 0 else { return rule }
        changed.additional = node
        changed.additionalKeyword = keyword
        parts.objects.append(changed)
        return Int32(truncatingIfNeeded: parts.objects.count - 1)
    }

    private mutating func closed(_ rule: Int32, with node: Int32) -> Int32 {
        var changed = rule >= 0 ? parts.arrays[Int(rule)] : ArrayRule()
        guard changed.rest < 0 else { return rule }
        changed.rest = node
        changed.restKeyword = .unevaluatedItems
        parts.arrays.append(changed)
        return Int32(truncatingIfNeeded: parts.arrays.count - 1)
    }
}
