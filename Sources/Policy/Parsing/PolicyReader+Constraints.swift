import Base
import JSON

extension PolicyReader {
    /// A mapping of JSON Pointers to constraints; nil when something in it was wrong.
    mutating func constraints(_ place: Place, what: String) -> ArgumentConstraints? {
        let before = problems.count
        let members = members(place)
        if place.node.kind == .object, members.isEmpty { report(.empty(what: what), at: place) }
        guard members.count <= Self.constraintLimit else {
            report(.tooMany(what: "constrained arguments", limit: Self.constraintLimit), at: place)
            return nil
        }
        var entries: [ArgumentConstraints.Entry] = []
        for (key, child) in members {
            guard let pointer = pointer(key, at: child) else { continue }
            let constraints = constraintList(child, depth: 0)
            if entries.contains(where: { $0.pointer == pointer }) {
                report(.duplicate("`\(printable(key))` stands here twice"), at: child)
            }
            entries.append(ArgumentConstraints.Entry(pointer: pointer, constraints: constraints))
        }
        return problems.count == before ? ArgumentConstraints(entries) : nil
    }

    private mutating func pointer(_ text: String, at place: Place) -> JSONPointer? {
        do throws(JSONPointerError) {
            let pointer = try JSONPointer(text)
            guard !pointer.tokens.isEmpty, pointer.tokens.count <= 16 else {
                report(.badRange("a pointer of 1 to 16 steps, such as `/path`"), at: place)
                return nil
            }
            return pointer
        } catch {
            report(.badPointer(error.description), at: place)
            return nil
        }
    }

    /// The constraints of one argument; several keys must all hold.
    private mutating func constraintList(_ place: Place, depth: Int) -> [Constraint] {
        closeKeys(place, known: Constraint.keys)
        guard place.node.kind == .object else { return [] }
        if place.node.count == 0 { report(.empty(what: "the constraint"), at: place) }
        var constraints: [Constraint] = []
        for key in Constraint.keys {
            guard let child = child(place, key),
                let constraint = constraint(key, child, depth: depth)
            else { continue }
            constraints.append(constraint)
        }
        refuseContradictions(constraints, at: place)
        return constraints
    }

    private mutating func constraint(_ key: String, _ place: Place, depth: Int) -> Constraint? {
        switch key {
        case "equals": return scalar(place).map { .equals($0) }
        case "one_of": return oneOf(place)
        case "glob": return glob(place)
        case "host": return host(place)
        case "pattern":
            guard let text = text(place) else { return nil }
            guard (1...1024).contains(text.utf8.count) else {
                report(.badRange("a pattern of 1 to 1024 bytes"), at: place)
                return nil
            }
            return .pattern(text)
        case "min": return bound(place).map { .min($0) }
        case "max": return bound(place).map { .max($0) }
        case "maxLength": return whole(place, 0...1_048_576).map { .maxLength($0) }
        case "absent":
            guard let flag = flag(place) else { return nil }
            if !flag {
                report(.noEffect("`absent: false` says nothing certain; leave it out"), at: place)
            }
            return .absent
        default: return anyOf(place, depth: depth)
        }
    }

    private mutating func scalar(_ place: Place) -> JSONValue? {
        switch place.node.kind {
        case .string, .true, .false, .null: return place.node.value
        case .number: return bound(place).map { .number($0) }
        case .array, .object:
            report(.wrongKind(expected: "a text, a number, true, false or null"), at: place)
            return nil
        }
    }

    /// A number in the spelling of the call form, so that equal values look alike everywhere.
    private mutating func bound(_ place: Place) -> JSONNumber? {
        guard let number = place.node.number else {
            report(.wrongKind(expected: "a number"), at: place)
            return nil
        }
        guard let spelling = number.callForm,
            let canonical = JSONNumber(String(decoding: spelling, as: UTF8.self))
        else {
            report(.badRange("a number with a smaller exponent"), at: place)
            return nil
        }
        return canonical
    }

    private mutating func oneOf(_ place: Place) -> Constraint? {
        let places = elements(place, limit: Self.patternLimit, of: "values")
        if place.node.kind == .array, place.node.count == 0 {
            report(.empty(what: "`one_of`"), at: place)
        }
        var values: [JSONValue] = []
        for place in places {
            guard let value = scalar(place) else { continue }
            if values.contains(value) {
                report(.duplicate("this value stands here twice"), at: place)
            }
            values.append(value)
        }
        return .oneOf(values)
    }

    private mutating func glob(_ place: Place) -> Constraint? {
        guard let text = text(place) else { return nil }
        do throws(PathGlob.Problem) {
            return .glob(try PathGlob(text))
        } catch {
            report(.badGlob(text, reason: error.text), at: place)
            return nil
        }
    }

    private mutating func host(_ place: Place) -> Constraint? {
        guard let text = text(place) else { return nil }
        do throws(HostPattern.Problem) {
            return .host(try HostPattern(text))
        } catch {
            report(.badHost(text), at: place)
            return nil
        }
    }

    private mutating func anyOf(_ place: Place, depth: Int) -> Constraint? {
        guard depth == 0 else {
            report(.notAvailable("`any_of` inside `any_of`"), at: place)
            return nil
        }
        let places = elements(place, limit: Self.constraintLimit, of: "alternatives")
        if place.node.kind == .array, place.node.count == 0 {
            report(.empty(what: "`any_of`"), at: place)
        }
        return .anyOf(places.map { constraintList($0, depth: depth + 1) })
    }

    /// Constraints of one argument that no value can satisfy together.
    private mutating func refuseContradictions(_ constraints: [Constraint], at place: Place) {
        var least: JSONNumber?
        var most: JSONNumber?
        for constraint in constraints {
            if case .min(let number) = constraint { least = number }
            if case .max(let number) = constraint { most = number }
        }
        if let least, let most, least > most {
            report(
                .contradiction("no number is at least \(least.text) and at most \(most.text)"),
                at: place
            )
        }
        if constraints.contains(.absent), constraints.count > 1 {
            report(
                .contradiction("an argument that must be absent can satisfy nothing else"),
                at: place
            )
        }
        let wantsNumber = least != nil || most != nil
        let wantsText = constraints.contains { constraint in
            switch constraint {
            case .glob, .host, .pattern, .maxLength: true
            default: false
            }
        }
        if wantsNumber, wantsText {
            report(.contradiction("no value is a number and a text"), at: place)
        }
    }
}

extension PathGlob.Problem {
    var text: String {
        switch self {
        case .empty: "is empty; write a path such as `/data/**`"
        case .parent: "has `..` in it; write the path it leads to"
        case .unsupported(let character):
            "has `\(printable(String(character)))`, which is not supported; use only `*`, `?` and `**`"
        case .partialDoubleStar:
            "has `**` beside other characters; let it stand alone between slashes"
        case .tooLong: "is too long; use at most 4096 bytes and 128 components"
        }
    }
}
