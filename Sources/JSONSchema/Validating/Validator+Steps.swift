internal import Base
internal import JSON

/// What applies to the same place of the value.
extension Validator {
    mutating func perform(_ step: Step, _ number: Int32, _ value: JSONPlace, _ region: Int) -> Bool
    {
        guard spend(1) else { return false }
        switch step {
        case .constant(let constant):
            let constant = program.constants[Int(constant)]
            if equals(value, constant) { return true }
            note(number, "const", value, isChoice: true, expected: Self.words(constant))
            return false
        case .enumeration(let rule): return checkEnum(number, rule, value)
        case .reference(let target): return check(target, value, region)
        case .dynamicReference(let name, let fallback):
            return check(dynamicTarget(name, fallback), value, region)
        case .all(let branches): return checkAll(branches, value, region)
        case .any(let branches): return checkAny(number, branches, value, region)
        case .one(let branches): return checkOne(number, branches, value, region)
        case .not(let excluded):
            guard quietly({ $0.check(excluded, value, Self.unmarked) }) else { return stop == nil }
            note(number, "not", value, expected: "something the schema does not exclude")
            return false
        case .condition(let rule): return checkCondition(rule, value, region)
        case .dependents(let rules): return checkDependents(rules, value, region)
        case .unevaluatedProperties(let rest):
            return checkUnevaluatedProperties(number, rest, value, region)
        case .unevaluatedItems(let rest): return checkUnevaluatedItems(rest, value, region)
        }
    }

    /// Runs a check whose failure is no fault of the value.
    mutating func quietly<Result>(_ body: (inout Validator) -> Result) -> Result {
        let wasCollecting = isCollecting
        isCollecting = false
        defer { isCollecting = wasCollecting }
        return body(&self)
    }

    /// 2020-12 core 8.2.3.2: the outermost resource in scope that has a dynamic anchor of the name.
    private func dynamicTarget(_ name: Int32, _ fallback: Int32) -> Int32 {
        let anchors = program.dynamicAnchors[Int(name)]
        for resource in scope {
            if let target = anchors[resource] { return target }
        }
        return fallback
    }

    private mutating func checkEnum(_ number: Int32, _ rule: Int32, _ value: JSONPlace) -> Bool {
        let isMember: Bool
        if walk.kind(value) == .string {
            let table = program.enums[Int(rule)].strings
            isMember = walk.withText(value) { program.keys.find($0, in: table) } >= 0
        } else {
            isMember = containsEqual(value, in: program.enums[Int(rule)].others)
        }
        if isMember { return true }
        let summary = program.enums[Int(rule)].summary
        note(number, "enum", value, isChoice: true, expected: "one of \(summary)")
        return false
    }

    private mutating func containsEqual(_ value: JSONPlace, in constants: Row) -> Bool {
        for place in constants.range where equals(value, program.constants[place]) { return true }
        return false
    }

    // MARK: branches

    private mutating func checkAll(_ branches: Row, _ value: JSONPlace, _ region: Int) -> Bool {
        var holds = true
        for place in branches.range where !check(program.lists[place], value, region) {
            guard isCollecting else { return false }
            holds = false
        }
        return holds
    }

    /// Checks one branch that may fail; its marks count only when it holds.
    private mutating func tryBranch(_ branch: Int32, _ value: JSONPlace, _ region: Int) -> Bool {
        guard region >= 0 else { return check(branch, value, Self.unmarked) }
        let own = openRegion(value)
        defer { closeRegion(own) }
        guard check(branch, value, own) else { return false }
        merge(own, into: region, value)
        return true
    }

    private mutating func checkAny(
        _ number: Int32,
        _ branches: Row,
        _ value: JSONPlace,
        _ region: Int
    ) -> Bool {
        let holds = quietly { validator in
            var holds = false
            for place in branches.range {
                let branch = validator.program.lists[place]
                guard validator.tryBranch(branch, value, region) else { continue }
                // Without marks the first that holds decides; with marks all of them count.
                if region < 0 { return true }
                holds = true
            }
            return holds
        }
        if !holds, isCollecting { explain(number, "anyOf", branches, value) }
        return holds
    }

    private mutating func checkOne(
        _ number: Int32,
        _ branches: Row,
        _ value: JSONPlace,
        _ region: Int
    ) -> Bool {
        let count = quietly { validator in
            var count = 0
            for place in branches.range where count < 2 {
                let branch = validator.program.lists[place]
                if validator.tryBranch(branch, value, region) { count += 1 }
            }
            return count
        }
        if count == 1 { return true }
        guard isCollecting else { return false }
        if count == 0 {
            explain(number, "oneOf", branches, value)
        } else {
            let words = "exactly one of \(branches.count) forms to fit, and more than one does"
            note(number, "oneOf", value, expected: words)
        }
        return false
    }

    private mutating func checkCondition(
        _ rule: Int32,
        _ value: JSONPlace,
        _ region: Int
    ) -> Bool {
        let rule = program.conditions[Int(rule)]
        let holds = quietly { $0.tryBranch(rule.condition, value, region) }
        guard stop == nil else { return false }
        let next = holds ? rule.consequence : rule.alternative
        return next < 0 || check(next, value, region)
    }

    private mutating func checkDependents(
        _ rules: Row,
        _ value: JSONPlace,
        _ region: Int
    ) -> Bool {
        guard walk.kind(value) == .object else { return true }
        var holds = true
        for place in rules.range {
            guard spend(walk.count(value)) else { return false }
            let rule = program.dependents[place]
            guard has(value, key: Int(rule.trigger.first)), !check(rule.node, value, region) else {
                continue
            }
            guard isCollecting else { return false }
            holds = false
        }
        return holds
    }

    /// Whether the object has the key at that place of the pool.
    func has(_ value: JSONPlace, key place: Int) -> Bool {
        let entry = program.keys.entries[place]
        let first = Int(entry.offset)
        return walk.node(value).member(utf8: program.keys.bytes[first..<first + Int(entry.length)])
            != nil
    }

    // MARK: what is left

    private mutating func checkUnevaluatedProperties(
        _ number: Int32,
        _ rest: Int32,
        _ value: JSONPlace,
        _ region: Int
    ) -> Bool {
        guard walk.kind(value) == .object else { return true }
        var holds = true
        var next = walk.first(in: value)
        for place in 0..<walk.count(value) {
            let key = next
            let member = walk.value(ofKey: key)
            next = walk.next(after: member)
            if isMarked(region, place) { continue }
            if program.nodes[Int(rest)].isNever {
                noteUnknown(number, .unevaluatedProperties, key, member, [])
            } else if checkMember(rest, key, member) {
                mark(region, place)
                continue
            }
            guard isCollecting else { return false }
            holds = false
        }
        return holds
    }

    private mutating func checkUnevaluatedItems(
        _ rest: Int32,
        _ value: JSONPlace,
        _ region: Int
    ) -> Bool {
        guard walk.kind(value) == .array else { return true }
        var holds = true
        var next = walk.first(in: value)
        for place in 0..<walk.count(value) {
            let element = next
            next = walk.next(after: element)
            if isMarked(region, place) { continue }
            if checkElement(rest, place, element) {
                mark(region, place)
                continue
            }
            guard isCollecting else { return false }
            holds = false
        }
        return holds
    }
}
