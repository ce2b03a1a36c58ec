internal import Base
internal import JSON

/// Objects and arrays, each walked once.
extension Validator {
    mutating func checkObject(
        _ number: Int32,
        _ ruleNumber: Int32,
        _ value: JSONPlace,
        _ region: Int
    ) -> Bool {
        let rule = program.objects[Int(ruleNumber)]
        let count = walk.count(value)
        var holds = true
        if count < rule.minimumCount || count > rule.maximumCount {
            noteCount(number, "Properties", value, rule.minimumCount, rule.maximumCount)
            guard isCollecting else { return false }
            holds = false
        }
        if rule.walksMembers {
            var required: Int32 = 0
            var key = walk.first(in: value)
            for place in 0..<count {
                let member = walk.value(ofKey: key)
                if !checkMember(number, rule, key, member, place, region, &required) {
                    guard isCollecting, stop == nil else { return false }
                    holds = false
                }
                key = walk.next(after: member)
            }
            // A key stands once in its object, so that the number of those found tells it all.
            if required != rule.requiredCount {
                noteMissing(number, rule.keys, "required", value)
                guard isCollecting else { return false }
                holds = false
            }
        }
        if rule.dependents.count > 0, !checkDependentNames(number, rule.dependents, value) {
            holds = false
        }
        return holds
    }

    /// One member under every keyword of its object that looks at it.
    private mutating func checkMember(
        _ number: Int32,
        _ rule: ObjectRule,
        _ key: JSONPlace,
        _ member: JSONPlace,
        _ place: Int,
        _ region: Int,
        _ required: inout Int32
    ) -> Bool {
        // The length of a key stands for the comparisons it takes.
        guard spend(2 + walk.byteCount(key) >> 4) else { return false }
        var isNamed = false
        var holds = true
        let known = walk.withText(key) { program.keys.find($0, in: rule.keys) }
        if known >= 0 {
            let entry = program.keys.entries[known]
            if entry.isRequired { required += 1 }
            if entry.node >= 0 {
                isNamed = true
                holds = checkMember(entry.node, key, member)
            }
        }
        for pattern in rule.patterns.range where holds || isCollecting {
            let rule = program.patternRules[pattern]
            guard matches(rule.pattern, key) else { continue }
            isNamed = true
            if !checkMember(rule.node, key, member) { holds = false }
        }
        if !isNamed, rule.additional >= 0, holds || isCollecting {
            isNamed = true
            if program.nodes[Int(rule.additional)].isNever {
                let program = program
                noteUnknown(
                    number,
                    rule.additionalKeyword,
                    key,
                    member,
                    Self.names(rule.keys, in: program)
                )
                holds = false
            } else if !checkMember(rule.additional, key, member) {
                holds = false
            }
        }
        if rule.propertyNames >= 0, holds || isCollecting {
            if !checkMember(rule.propertyNames, key, key) { holds = false }
        }
        if isNamed { mark(region, place) }
        return holds && stop == nil
    }

    /// `value` under a schema, as the member `key`.
    mutating func checkMember(_ schema: Int32, _ key: JSONPlace, _ value: JSONPlace) -> Bool {
        guard isCollecting else { return check(schema, value, Self.unmarked) }
        path.append(.key(key))
        defer { path.removeLast() }
        return check(schema, value, Self.unmarked)
    }

    mutating func checkElement(_ schema: Int32, _ place: Int, _ value: JSONPlace) -> Bool {
        guard isCollecting else { return check(schema, value, Self.unmarked) }
        path.append(.place(place))
        defer { path.removeLast() }
        return check(schema, value, Self.unmarked)
    }

    private mutating func checkDependentNames(
        _ number: Int32,
        _ rules: Row,
        _ value: JSONPlace
    ) -> Bool {
        var holds = true
        for place in rules.range {
            let rule = program.dependents[place]
            guard spend(walk.count(value)) else { return false }
            guard has(value, key: Int(rule.trigger.first)) else { continue }
            for name in rule.required.range {
                guard spend(walk.count(value)) else { return false }
                guard !has(value, key: name) else { continue }
                let keyword: StaticString =
                    rule.isDependencies ? "dependencies" : "dependentRequired"
                noteMissing(number, rule.required, keyword, value)
                guard isCollecting else { return false }
                holds = false
                break
            }
        }
        return holds
    }

    // MARK: arrays

    mutating func checkArray(
        _ number: Int32,
        _ ruleNumber: Int32,
        _ value: JSONPlace,
        _ region: Int
    ) -> Bool {
        let rule = program.arrays[Int(ruleNumber)]
        let count = walk.count(value)
        var holds = true
        if count < rule.minimumCount || count > rule.maximumCount {
            noteCount(number, "Items", value, rule.minimumCount, rule.maximumCount)
            guard isCollecting else { return false }
            holds = false
        }
        if rule.prefix.count > 0 || rule.rest >= 0 {
            if !checkElements(number, rule, value, region) {
                guard isCollecting else { return false }
                holds = false
            }
        }
        if rule.contains >= 0, !checkContains(number, rule, value, region) {
            guard isCollecting else { return false }
            holds = false
        }
        if rule.isUnique, !areDistinct(value) {
            note(number, "uniqueItems", value, expected: "elements that are all different")
            return false
        }
        return holds
    }

    private mutating func checkElements(
        _ number: Int32,
        _ rule: ArrayRule,
        _ value: JSONPlace,
        _ region: Int
    ) -> Bool {
        var holds = true
        let prefixCount = Int(rule.prefix.count)
        var next = walk.first(in: value)
        for place in 0..<walk.count(value) {
            let element = next
            next = walk.next(after: element)
            let schema: Int32
            if place < prefixCount {
                schema = program.lists[Int(rule.prefix.first) + place]
            } else if rule.rest >= 0 {
                schema = rule.rest
            } else {
                break
            }
            if !checkElement(schema, place, element) {
                guard isCollecting, stop == nil else { return false }
                holds = false
            }
            mark(region, place)
        }
        return holds
    }

    private mutating func checkContains(
        _ number: Int32,
        _ rule: ArrayRule,
        _ value: JSONPlace,
        _ region: Int
    ) -> Bool {
        var found = 0
        var next = walk.first(in: value)
        for place in 0..<walk.count(value) {
            let element = next
            next = walk.next(after: element)
            guard quietly({ $0.check(rule.contains, element, Self.unmarked) }) else {
                guard stop == nil else { return false }
                continue
            }
            found += 1
            mark(region, place)
            // Marks need them all, and so does an upper bound.
            if region < 0, found >= rule.minimumContained, rule.maximumContained == .max { break }
        }
        if found < rule.minimumContained {
            let words = "at least \(rule.minimumContained) elements that fit `contains`"
            note(number, "contains", value, expected: words)
            return false
        }
        if found > rule.maximumContained {
            let words = "at most \(rule.maximumContained) elements that fit `contains`"
            note(number, "maxContains", value, expected: words)
            return false
        }
        return true
    }
}
