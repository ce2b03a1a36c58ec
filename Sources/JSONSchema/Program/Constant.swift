internal import JSON

/// A value of `const` or `enum`, taken out of the schema so that its document can go.
indirect enum Constant: Sendable {
    case null
    case bool(Bool)
    case number(JSONNumber)
    case string([UInt8])
    case array([Constant])
    /// Members sorted by key bytes.
    case object([(key: [UInt8], value: Constant)])

    init(_ node: JSONNode) {
        switch node.kind {
        case .null: self = .null
        case .true: self = .bool(true)
        case .false: self = .bool(false)
        case .number: self = node.number.map { .number($0) } ?? .null
        case .string: self = .string(node.utf8 ?? [])
        case .array: self = .array(node.elements.map { Constant($0) })
        case .object:
            let members = node.members.nodes.map {
                (key: $0.key.utf8 ?? [], value: Constant($0.value))
            }
            self = .object(members.sorted { $0.key.lexicographicallyPrecedes($1.key) })
        }
    }
}
