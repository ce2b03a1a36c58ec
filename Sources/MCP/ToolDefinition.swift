package import Base
package import JSON

/// A tool as its server defines it, kept byte for byte.
package struct ToolDefinition: Sendable {
    package let name: ToolName
    package let kind: OfferKind
    /// The definition whole; its source bytes are what pins cover and agents see.
    package let node: JSONNode
    package let inputSchema: JSONNode
    package let outputSchema: JSONNode?
    package let mirrored: [MirroredParameter]

    package enum Problem: Error, Equatable, Sendable, CustomStringConvertible {
        case notAnObject
        case name(String)
        case tooLarge(byteCount: Int)
        case inputSchema
        case requiresTask
        case mirroredParameter(property: String, reason: String)

        package var description: String {
            switch self {
            case .notAnObject: "the definition is not an object"
            case .name(let reason): reason
            case .tooLarge(let count):
                "the definition has \(count) bytes; at most \(Limits.definitionByteCount) are taken"
            case .inputSchema: "`inputSchema` must be an object with `type: object`"
            case .requiresTask: "the tool runs only as a task, which is not spoken here"
            case .mirroredParameter(let property, let reason):
                "`x-mcp-header` of `\(printable(property))`: \(reason)"
            }
        }
    }

    package init(_ node: JSONNode) throws(Problem) {
        guard node.kind == .object else { throw .notAnObject }
        guard let spelling = node["name"]?.string else { throw .name("a tool needs a `name`") }
        do throws(InvalidName) {
            name = try ToolName(spelling)
        } catch {
            throw .name(error.description)
        }
        kind = OfferKind(of: name)
        guard kind == .tool else {
            throw .name("the name stands for a method of the protocol here")
        }
        guard node.source.count <= Limits.definitionByteCount else {
            throw .tooLarge(byteCount: node.source.count)
        }
        guard let schema = node["inputSchema"], schema.kind == .object,
            schema["type"]?.isString("object") == true
        else { throw .inputSchema }
        if node["execution"]?["taskSupport"]?.isString("required") == true { throw .requiresTask }
        self.node = node
        inputSchema = schema
        let output = node["outputSchema"]
        outputSchema = output?.isNull == true ? nil : output
        mirrored = try MirrorScan.parameters(of: schema)
    }

    /// Something else than a tool, whose definition was read already.
    init(name: ToolName, node: JSONNode, inputSchema: JSONNode) {
        self.name = name
        kind = OfferKind(of: name)
        self.node = node
        self.inputSchema = inputSchema
        outputSchema = nil
        mirrored = []
    }

    package var title: String? { node["title"]?.string }
    package var description: String? { node["description"]?.string }

    /// What the server says of the tool's behaviour; it may raise a tier and never lower one.
    package func hint(_ name: StaticString) -> Bool? { node["annotations"]?[name]?.bool }
}

/// Finds the arguments a schema marks with `x-mcp-header`, and refuses marks where none may be.
private enum MirrorScan {
    static func parameters(
        of schema: JSONNode
    ) throws(ToolDefinition.Problem) -> [MirroredParameter] {
        // Almost every schema has none: one look at the bytes saves the walk.
        guard contains(schema.source, "x-mcp-header") else { return [] }
        var found: [MirroredParameter] = []
        try walk(schema, path: [], into: &found)
        var seen: Set<String> = []
        for parameter in found where !seen.insert(parameter.header.lowercased()).inserted {
            throw .mirroredParameter(property: parameter.header, reason: "is used twice")
        }
        guard try count(schema) == found.count else {
            throw .mirroredParameter(
                property: "",
                reason: "stands where `properties` alone do not lead"
            )
        }
        return found
    }

    private static func walk(
        _ schema: JSONNode,
        path: [JSONString],
        into found: inout [MirroredParameter]
    ) throws(ToolDefinition.Problem) {
        guard let properties = schema["properties"], properties.kind == .object else { return }
        for (name, property) in properties.members {
            let here = path + [name]
            if let mark = property["x-mcp-header"] {
                found.append(try parameter(mark, of: property, at: here))
            }
            try walk(property, path: here, into: &found)
        }
    }

    private static func parameter(
        _ mark: JSONNode,
        of property: JSONNode,
        at path: [JSONString]
    ) throws(ToolDefinition.Problem) -> MirroredParameter {
        let name = path.last?.text ?? ""
        guard let header = mark.string, (1...64).contains(header.utf8.count),
            header.utf8.allSatisfy(isTokenCharacter)
        else {
            throw .mirroredParameter(property: name, reason: "must be an HTTP token")
        }
        let kind: MirroredParameter.Kind
        switch property["type"]?.string {
        case "string": kind = .string
        case "integer": kind = .integer
        case "boolean": kind = .boolean
        default:
            throw .mirroredParameter(
                property: name,
                reason: "stands only on a string, an integer or a boolean"
            )
        }
        return MirroredParameter(header: header, path: path, kind: kind)
    }

    /// How often the keyword stands anywhere as a key.
    private static func count(_ node: JSONNode) throws(ToolDefinition.Problem) -> Int {
        var total = 0
        var waiting = [node]
        while let next = waiting.popLast() {
            for (key, value) in next.members {
                if key == "x-mcp-header" { total += 1 }
                waiting.append(value)
            }
            waiting.append(contentsOf: next.elements)
        }
        return total
    }

    private static func contains(_ bytes: ArraySlice<UInt8>, _ text: StaticString) -> Bool {
        let needle = unsafe Array(
            UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount)
        )
        guard let first = needle.first else { return true }
        var rest = bytes
        while let at = rest.firstIndex(of: first) {
            rest = rest[at...]
            if rest.starts(with: needle) { return true }
            rest = rest.dropFirst()
        }
        return false
    }

    // RFC 9110, 5.6.2.
    private static func isTokenCharacter(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5a, 0x61...0x7a: true
        case 0x21, 0x23...0x27, 0x2a, 0x2b, 0x2d, 0x2e, 0x5e...0x60, 0x7c, 0x7e: true
        default: false
        }
    }
}
