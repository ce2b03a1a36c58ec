package import JSON

/// What an operator may demand of one argument.
package indirect enum Constraint: Sendable, Equatable {
    /// A string, number, boolean or null; numbers by exact value.
    case equals(JSONValue)
    case oneOf([JSONValue])
    case glob(PathGlob)
    case host(HostPattern)
    /// RE2. In allowing places it must match the whole value, in restricting ones any part of it.
    case pattern(String)
    case min(JSONNumber)
    case max(JSONNumber)
    /// Unicode code points, as `maxLength` of JSON Schema counts.
    case maxLength(Int)
    case absent
    /// Each alternative is a list of constraints that must all hold.
    case anyOf([[Constraint]])

    /// The keys of a constraint, as policy files spell them.
    package static let keys = [
        "equals", "one_of", "glob", "host", "pattern", "min", "max", "maxLength", "absent",
        "any_of",
    ]

    package var key: String {
        switch self {
        case .equals: "equals"
        case .oneOf: "one_of"
        case .glob: "glob"
        case .host: "host"
        case .pattern: "pattern"
        case .min: "min"
        case .max: "max"
        case .maxLength: "maxLength"
        case .absent: "absent"
        case .anyOf: "any_of"
        }
    }

    /// As policy files write the value.
    package var value: JSONValue {
        switch self {
        case .equals(let value): value
        case .oneOf(let values): .array(values)
        case .glob(let glob): .init(glob.text)
        case .host(let host): .init(host.text)
        case .pattern(let text): .init(text)
        case .min(let number), .max(let number): .number(number)
        case .maxLength(let count): .init(count)
        case .absent: true
        case .anyOf(let alternatives): .array(alternatives.map(Self.object))
        }
    }

    /// The constraints of one argument as the object a policy file writes, keys sorted.
    package static func object(_ constraints: [Constraint]) -> JSONValue {
        .object(
            JSONObject(
                constraints.sorted { $0.key < $1.key }.map { (JSONString($0.key), $0.value) }
            )
        )
    }

    /// What it demands, for people and models: `one of "a", "b"`.
    package var demand: String {
        let value = String(decoding: value.serialised(), as: UTF8.self)
        return switch self {
        case .equals: "equal to \(value)"
        case .oneOf: "one of \(value)"
        case .glob(let glob): "a path within `\(glob.text)`"
        case .host(let host): "at host `\(host.text)`"
        case .pattern: "matching \(value)"
        case .min: "at least \(value)"
        case .max: "at most \(value)"
        case .maxLength: "of at most \(value) characters"
        case .absent: "left out"
        case .anyOf(let alternatives):
            alternatives.map(Self.demand).joined(separator: ", or ")
        }
    }

    static func demand(_ constraints: [Constraint]) -> String {
        constraints.map(\.demand).joined(separator: " and ")
    }
}

/// The constraints a rule, scope or limit puts on arguments, by JSON Pointer into the call form.
package struct ArgumentConstraints: Sendable, Equatable {
    /// Sorted by pointer, each pointer once.
    package let entries: [Entry]

    package struct Entry: Sendable, Equatable {
        package let pointer: JSONPointer
        /// All must hold; sorted by key, each key once.
        package let constraints: [Constraint]

        package init(pointer: JSONPointer, constraints: [Constraint]) {
            self.pointer = pointer
            self.constraints = constraints.sorted { $0.key < $1.key }
        }
    }

    package init(_ entries: [Entry]) { self.entries = entries.sorted { $0.pointer < $1.pointer } }

    package static let none = ArgumentConstraints([])

    package var isEmpty: Bool { entries.isEmpty }

    /// As policy files write it.
    package var value: JSONValue {
        .object(
            JSONObject(
                entries.map {
                    (JSONString($0.pointer.description), Constraint.object($0.constraints))
                }
            )
        )
    }

    /// Whether every call that satisfies these also satisfies `other`, as far as it is plain to see.
    package func implies(_ other: ArgumentConstraints) -> Bool {
        other.entries.allSatisfy { wanted in
            guard let own = entries.first(where: { $0.pointer == wanted.pointer }) else {
                return false
            }
            return wanted.constraints.allSatisfy { constraint in
                own.constraints.contains { $0.implies(constraint) }
            }
        }
    }
}

extension Constraint {
    /// Whether every value that satisfies this satisfies `other`; false when it is not plain.
    func implies(_ other: Constraint) -> Bool {
        if self == other { return true }
        switch (self, other) {
        case (.equals(let value), .oneOf(let values)): return values.contains(value)
        case (.oneOf(let own), .oneOf(let values)): return own.allSatisfy(values.contains)
        case (.oneOf(let own), .equals(let value)): return own.allSatisfy { $0 == value }
        case (.min(let own), .min(let number)): return own >= number
        case (.max(let own), .max(let number)): return own <= number
        case (.maxLength(let own), .maxLength(let count)): return own <= count
        case (.equals(.number(let own)), .min(let number)): return own >= number
        case (.equals(.number(let own)), .max(let number)): return own <= number
        case (_, .anyOf(let alternatives)):
            return alternatives.contains { $0.count == 1 && $0.allSatisfy(implies) }
        default: return false
        }
    }
}
