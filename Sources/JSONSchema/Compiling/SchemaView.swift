internal import JSON

/// Reads the keywords of one schema object, each with the type its draft asks for.
struct SchemaView {
    let node: JSONNode
    /// Where the schema stands; only asked for a fault.
    let pointer: () -> String

    func error(_ keyword: StaticString, _ reason: SchemaError.Reason) -> SchemaError {
        SchemaError(pointer: pointer() + "/\(keyword)", reason: reason)
    }

    func error(_ keyword: StaticString, takes expected: String) -> SchemaError {
        error(keyword, .wrongValue(expected: expected))
    }

    /// A count such as `minLength`: a whole number from 0; one too large for any instance is `max`.
    func count(_ keyword: StaticString) throws(SchemaError) -> Int? {
        guard let value = node[keyword] else { return nil }
        guard let number = value.number, number.isInteger, number >= JSONNumber(0) else {
            throw error(keyword, takes: "a whole number from 0")
        }
        return number.int ?? .max
    }

    func number(_ keyword: StaticString) throws(SchemaError) -> NumberBound? {
        guard let value = node[keyword] else { return nil }
        guard let number = value.number else { throw error(keyword, takes: "a number") }
        return NumberBound(exact: number, integer: number.int64)
    }

    func text(_ keyword: StaticString) throws(SchemaError) -> String? {
        guard let value = node[keyword] else { return nil }
        guard let text = value.string else { throw error(keyword, takes: "a string") }
        return text
    }

    func flag(_ keyword: StaticString) throws(SchemaError) -> Bool {
        guard let value = node[keyword] else { return false }
        guard let flag = value.bool else { throw error(keyword, takes: "true or false") }
        return flag
    }

    func array(_ keyword: StaticString) throws(SchemaError) -> JSONNode? {
        guard let value = node[keyword] else { return nil }
        guard value.kind == .array else { throw error(keyword, takes: "an array") }
        return value
    }

    func object(_ keyword: StaticString) throws(SchemaError) -> JSONNode? {
        guard let value = node[keyword] else { return nil }
        guard value.kind == .object else { throw error(keyword, takes: "an object") }
        return value
    }

    /// The bytes of each name in a list such as `required`, each name once.
    func names(_ value: JSONNode, of keyword: StaticString) throws(SchemaError) -> [[UInt8]] {
        guard value.kind == .array else { throw error(keyword, takes: "an array of names") }
        var seen: Set<[UInt8]> = []
        var names: [[UInt8]] = []
        for element in value.elements {
            guard let name = element.utf8 else { throw error(keyword, takes: "an array of names") }
            if seen.insert(name).inserted { names.append(name) }
        }
        return names
    }

    func types() throws(SchemaError) -> TypeSet {
        guard let value = node["type"] else { return .any }
        let expected = "a type name or an array of them"
        if let name = value.string {
            guard let types = TypeSet(name: name) else { throw error("type", takes: expected) }
            return types
        }
        guard value.kind == .array, value.count > 0 else { throw error("type", takes: expected) }
        var types: TypeSet = []
        for element in value.elements {
            guard let type = element.string.flatMap({ TypeSet(name: $0) }) else {
                throw error("type", takes: expected)
            }
            types.formUnion(type)
        }
        return types
    }
}
