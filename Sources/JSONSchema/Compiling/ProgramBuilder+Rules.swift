internal import Base
internal import JSON

/// What is asked of numbers, strings, arrays and objects.
extension ProgramBuilder {
    mutating func numberRule(_ source: Source) throws(SchemaError) -> Int32 {
        guard source.dialect.hasValidation else { return -1 }
        let view = source.view
        var rule = NumberRule()
        rule.minimum = try view.number("minimum")
        rule.maximum = try view.number("maximum")
        rule.exclusiveMinimum = try view.number("exclusiveMinimum")
        rule.exclusiveMaximum = try view.number("exclusiveMaximum")
        rule.divisor = try view.number("multipleOf")
        if let divisor = rule.divisor, divisor.exact <= JSONNumber(0) {
            throw view.error("multipleOf", takes: "a number above 0")
        }
        if let divisor = rule.divisor, divisor.exact.text.utf8.count > JSONNumber.divisorDigitCount
        {
            throw view.error("multipleOf", .tooLong(limit: JSONNumber.divisorDigitCount))
        }
        let isEmpty =
            rule.minimum == nil && rule.maximum == nil && rule.exclusiveMinimum == nil
            && rule.exclusiveMaximum == nil && rule.divisor == nil
        guard !isEmpty else { return -1 }
        parts.numbers.append(rule)
        return Int32(truncatingIfNeeded: parts.numbers.count - 1)
    }

    mutating func stringRule(_ source: Source) throws(SchemaError) -> Int32 {
        guard source.dialect.hasValidation else { return -1 }
        let view = source.view
        var rule = StringRule()
        rule.minimumLength = try view.count("minLength") ?? 0
        rule.maximumLength = try view.count("maxLength") ?? .max
        if let text = try view.text("pattern") {
            rule.pattern = try pattern(text, at: view.pointer() + "/pattern")
        }
        guard rule.minimumLength > 0 || rule.maximumLength < .max || rule.pattern >= 0 else {
            return -1
        }
        parts.strings.append(rule)
        return Int32(truncatingIfNeeded: parts.strings.count - 1)
    }

    mutating func arrayRule(_ source: Source) throws(SchemaError) -> Int32 {
        let view = source.view
        var rule = ArrayRule()
        if source.dialect.hasApplicators {
            let isDraft7 = source.dialect.draft == .draft7
            let items = source.node["items"]
            if isDraft7, let items, items.kind == .array {
                rule.prefix = add(list: children(source, items))
                rule.prefixKeyword = .items
                rule.rest = child(source, "additionalItems")
                rule.restKeyword = .additionalItems
            } else {
                if !isDraft7, let prefix = try view.array("prefixItems") {
                    rule.prefix = add(list: children(source, prefix))
                }
                rule.rest = child(source, "items")
            }
            rule.contains = child(source, "contains")
        }
        if source.dialect.hasValidation {
            rule.minimumCount = try view.count("minItems") ?? 0
            rule.maximumCount = try view.count("maxItems") ?? .max
            rule.isUnique = try view.flag("uniqueItems")
            if source.dialect.draft == .draft2020 {
                rule.minimumContained = try view.count("minContains") ?? 1
                rule.maximumContained = try view.count("maxContains") ?? .max
            }
        }
        let isEmpty =
            rule.prefix.count == 0 && rule.rest < 0 && rule.contains < 0 && rule.minimumCount == 0
            && rule.maximumCount == .max && !rule.isUnique
        guard !isEmpty else { return -1 }
        parts.arrays.append(rule)
        return Int32(truncatingIfNeeded: parts.arrays.count - 1)
    }

    mutating func objectRule(_ source: Source) throws(SchemaError) -> Int32 {
        let view = source.view
        var rule = ObjectRule()
        var table: [[UInt8]: (node: Int32, isRequired: Bool)] = [:]
        if source.dialect.hasApplicators {
            if let properties = try view.object("properties") {
                for (key, value) in properties.members {
                    let node = library.number(of: value, in: source.document) ?? -1
                    table[Array(key.text.utf8)] = (node, false)
                }
            }
            rule.patterns = try patternRules(source)
            rule.additional = child(source, "additionalProperties")
            rule.propertyNames = child(source, "propertyNames")
        }
        if source.dialect.hasValidation {
            if let required = view.node["required"] {
                for name in try view.names(required, of: "required") {
                    table[name, default: (-1, false)].isRequired = true
                    rule.requiredCount += 1
                }
            }
            rule.minimumCount = try view.count("minProperties") ?? 0
            rule.maximumCount = try view.count("maxProperties") ?? .max
        }
        rule.dependents = try dependentNames(source)
        let isEmpty =
            table.isEmpty && rule.patterns.count == 0 && rule.additional < 0
            && rule.propertyNames < 0 && rule.minimumCount == 0 && rule.maximumCount == .max
            && rule.dependents.count == 0
        guard !isEmpty else { return -1 }
        rule.keys = parts.keys.add(table.map { ($0.key, $0.value.node, $0.value.isRequired) })
        parts.objects.append(rule)
        return Int32(truncatingIfNeeded: parts.objects.count - 1)
    }

    private mutating func patternRules(_ source: Source) throws(SchemaError) -> Row {
        guard let map = try source.view.object("patternProperties") else { return .empty }
        var rules: [PatternRule] = []
        for (key, value) in map.members {
            let place = { source.view.pointer() + "/patternProperties/" + pointerToken(key.text) }
            let number = try pattern(key.text, at: place())
            let node = library.number(of: value, in: source.document) ?? -1
            rules.append(PatternRule(pattern: number, node: node))
        }
        let first = parts.patternRules.count
        parts.patternRules += rules
        return row(first, rules.count)
    }

    /// `dependentRequired`, and the lists of names in `dependencies`.
    private mutating func dependentNames(_ source: Source) throws(SchemaError) -> Row {
        var rules: [DependentRule] = []
        if source.dialect.hasValidation, source.dialect.draft == .draft2020,
            let map = try source.view.object("dependentRequired")
        {
            for (key, value) in map.members.nodes {
                let names = try source.view.names(value, of: "dependentRequired")
                rules.append(dependent(on: key, names: names, node: -1, isOld: false))
            }
        }
        if source.dialect.hasApplicators, let map = try source.view.object("dependencies") {
            for (key, value) in map.members.nodes where value.kind == .array {
                let names = try source.view.names(value, of: "dependencies")
                rules.append(dependent(on: key, names: names, node: -1, isOld: true))
            }
        }
        let first = parts.dependents.count
        parts.dependents += rules
        return row(first, rules.count)
    }

    /// `dependentSchemas`, and the schemas in `dependencies`.
    mutating func dependentSchemas(_ source: Source) throws(SchemaError) -> Row {
        guard source.dialect.hasApplicators else { return .empty }
        var rules: [DependentRule] = []
        if source.dialect.draft == .draft2020, let map = try source.view.object("dependentSchemas")
        {
            for (key, value) in map.members.nodes {
                let node = library.number(of: value, in: source.document) ?? -1
                rules.append(dependent(on: key, names: [], node: node, isOld: false))
            }
        }
        if let map = try source.view.object("dependencies") {
            for (key, value) in map.members.nodes where value.kind != .array {
                let node = library.number(of: value, in: source.document) ?? -1
                rules.append(dependent(on: key, names: [], node: node, isOld: true))
            }
        }
        let first = parts.dependents.count
        parts.dependents += rules
        return row(first, rules.count)
    }

    private mutating func dependent(
        on key: JSONNode,
        names: [[UInt8]],
        node: Int32,
        isOld: Bool
    ) -> DependentRule {
        DependentRule(
            trigger: parts.keys.add([(key.utf8 ?? [], -1, false)]),
            required: parts.keys.add(names.map { ($0, -1, true) }),
            node: node,
            isDependencies: isOld
        )
    }
}
