import Base
import JSON

/// A value and where it stands.
struct Place {
    let node: JSONNode
    let pointer: JSONPointer

    func child(_ key: JSONString, _ node: JSONNode) -> Place {
        Place(node: node, pointer: JSONPointer(tokens: pointer.tokens + [key]))
    }
}

/// Reads policy values and collects every problem instead of stopping at the first.
struct PolicyReader {
    let positions: (JSONPointer) -> Position?
    private(set) var problems: [PolicyProblem] = []

    /// So many problems are reported; what comes after them is most likely their consequence.
    static let problemLimit = 50
    static let ruleLimit = 1000
    static let limitLimit = 200
    static let toolLimit = 10_000
    static let patternLimit = 200
    static let constraintLimit = 64

    init(positions: @escaping (JSONPointer) -> Position?) { self.positions = positions }

    mutating func report(_ cause: PolicyProblem.Cause, at place: Place) {
        guard problems.count < Self.problemLimit else { return }
        problems.append(
            PolicyProblem(cause, at: place.pointer, position: positions(place.pointer))
        )
    }

    // MARK: Shapes

    mutating func members(_ place: Place) -> [(key: String, place: Place)] {
        guard place.node.kind == .object else {
            report(.wrongKind(expected: "a mapping"), at: place)
            return []
        }
        return place.node.members.map { ($0.key.text, place.child($0.key, $0.value)) }
    }

    mutating func elements(_ place: Place, limit: Int, of what: String) -> [Place] {
        guard place.node.kind == .array else {
            report(.wrongKind(expected: "a list"), at: place)
            return []
        }
        guard place.node.count <= limit else {
            report(.tooMany(what: what, limit: limit), at: place)
            return []
        }
        return place.node.elements.enumerated().map { index, node in
            place.child(JSONString(String(index)), node)
        }
    }

    /// Refuses every key that is not in `known`; the place must be a mapping.
    mutating func closeKeys(_ place: Place, known: [String], beside: [String] = []) {
        for (key, child) in members(place)
        where !(known + beside).contains(where: { same($0, key) }) {
            report(.unknownKey(key, known: known), at: child)
        }
    }

    func child(_ place: Place, _ key: String) -> Place? {
        place.node.member(key).map { place.child(JSONString(key), $0) }
    }

    mutating func text(_ place: Place) -> String? {
        guard let text = place.node.string else {
            report(.wrongKind(expected: "a text"), at: place)
            return nil
        }
        return text
    }

    mutating func flag(_ place: Place) -> Bool? {
        guard let flag = place.node.bool else {
            report(.wrongKind(expected: "true or false"), at: place)
            return nil
        }
        return flag
    }

    mutating func word<Word>(
        _ place: Place,
        _ known: [String],
        _ read: (String) -> Word?
    ) -> Word? {
        guard let text = text(place) else { return nil }
        guard let word = read(text) else {
            report(.unknownWord(text, known: known), at: place)
            return nil
        }
        return word
    }

    mutating func whole(_ place: Place, _ range: ClosedRange<Int>) -> Int? {
        guard let number = place.node.number else {
            report(.wrongKind(expected: "a whole number"), at: place)
            return nil
        }
        guard let value = number.int, range.contains(value) else {
            report(
                .badRange("a whole number from \(range.lowerBound) to \(range.upperBound)"),
                at: place
            )
            return nil
        }
        return value
    }

    mutating func name<Name: ShortName>(_: Name.Type, _ text: String, at place: Place) -> Name? {
        do throws(InvalidName) {
            return try Name(text)
        } catch {
            report(.badName(error.description), at: place)
            return nil
        }
    }

    private func same(_ left: String, _ right: String) -> Bool {
        left.utf8.elementsEqual(right.utf8)
    }
}
