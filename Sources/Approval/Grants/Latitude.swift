import JSON
import Policy

/// How far one argument of a granted shape may differ from what was shown.
package struct Latitude: Sendable, Equatable {
    /// One demand; all of a latitude's must hold.
    enum Demand: Sendable, Equatable {
        case glob(PathGlob)
        case oneOf([JSONValue])
        case min(JSONNumber)
        case max(JSONNumber)
        case maxLength(Int)
    }

    /// The kind the shown value has; a value of another kind is never covered.
    let kind: JSONKind
    let demands: [Demand]

    /// Reads `true` (any value of the shown kind) or an object of demands.
    init(_ node: JSONNode, shown: JSONNode, at pointer: String) throws(ShapeError) {
        switch shown.kind {
        case .object, .array: throw .notOneValue(pointer)
        case .string, .number, .true, .false, .null: break
        }
        kind = shown.kind
        if node.bool == true {
            demands = []
        } else {
            guard node.kind == .object, node.count > 0 else { throw .badDemand(pointer) }
            var found: [Demand] = []
            for (key, value) in node.members {
                guard let demand = Self.demand(key.text, value) else { throw .badDemand(pointer) }
                found.append(demand)
            }
            demands = found
        }
        guard covers(shown) else { throw .shownIsOutside(pointer) }
    }

    private static func demand(_ key: String, _ value: JSONNode) -> Demand? {
        switch key {
        case "glob":
            // Relative ones would need the folder the server starts in: only plain paths are taken.
            guard let text = value.string, text.utf8.first == UInt8(ascii: "/"),
                let glob = try? PathGlob(text)
            else { return nil }
            return .glob(glob)
        case "one_of":
            let values = value.elements.map(\.value)
            let areScalars = value.elements.allSatisfy { $0.kind != .object && $0.kind != .array }
            guard value.kind == .array, areScalars, (1...64).contains(values.count) else {
                return nil
            }
            return .oneOf(values)
        case "min": return value.number.map { .min($0) }
        case "max": return value.number.map { .max($0) }
        case "maxLength":
            guard let count = value.number?.int, count >= 0 else { return nil }
            return .maxLength(count)
        default: return nil
        }
    }

    /// Whether the value is of the shown kind and every demand surely holds.
    func covers(_ node: JSONNode) -> Bool {
        let isSameKind =
            node.kind == kind || (node.bool != nil && (kind == .true || kind == .false))
        return isSameKind && demands.allSatisfy { $0.covers(node) }
    }

    /// As it was written.
    var value: JSONValue {
        guard !demands.isEmpty else { return true }
        return .object(JSONObject(demands.map { ($0.key, $0.value) }))
    }

    /// For the sentence: `any text`, `a path within …`.
    var words: String {
        guard !demands.isEmpty else {
            switch kind {
            case .string: return "any text"
            case .number: return "any number"
            case .true, .false: return "true or false"
            case .object, .array, .null: return "null"
            }
        }
        return demands.map(\.words).joined(separator: " and ")
    }
}

extension Latitude.Demand {
    func covers(_ node: JSONNode) -> Bool {
        switch self {
        case .glob(let glob):
            // A relative value begins at a folder nobody was shown.
            guard let bytes = node.utf8, bytes.first == UInt8(ascii: "/") else { return false }
            return glob.matches(bytes.span) == true
        case .oneOf(let values): return values.contains(node.value)
        case .min(let least): return node.number.map { $0 >= least } ?? false
        case .max(let most): return node.number.map { $0 <= most } ?? false
        case .maxLength(let count):
            return node.string.map { $0.unicodeScalars.count <= count } ?? false
        }
    }

    fileprivate var key: JSONString {
        switch self {
        case .glob: "glob"
        case .oneOf: "one_of"
        case .min: "min"
        case .max: "max"
        case .maxLength: "maxLength"
        }
    }

    fileprivate var value: JSONValue {
        switch self {
        case .glob(let glob): .init(glob.text)
        case .oneOf(let values): .array(values)
        case .min(let number), .max(let number): .number(number)
        case .maxLength(let count): .init(count)
        }
    }

    fileprivate var words: String {
        let text = String(decoding: value.serialised(), as: UTF8.self)
        return switch self {
        case .glob(let glob): "a path within \(glob.text)"
        case .oneOf: "one of \(text)"
        case .min: "at least \(text)"
        case .max: "at most \(text)"
        case .maxLength: "of at most \(text) characters"
        }
    }
}
