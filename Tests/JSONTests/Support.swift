import JSON

/// What a document says, in the shape the reference reader gives.
func tree(_ node: JSONNode) -> ReferenceReader.Tree {
    switch node.kind {
    case .object: .object(node.members.map { (Array($0.key.text.utf8), tree($0.value)) })
    case .array: .array(node.elements.map(tree))
    case .string: .string(node.utf8 ?? [])
    case .number: .number(Array((node.number?.text ?? "").utf8))
    case .true: .word("true")
    case .false: .word("false")
    case .null: .word("null")
    }
}

func parse(_ text: String, _ limits: JSONLimits = .message) throws(JSONError) -> JSONDocument {
    try JSONDocument(parsing: Array(text.utf8), limits: limits)
}

func text(_ bytes: some Collection<UInt8>) -> String { String(decoding: bytes, as: UTF8.self) }

/// The call form of a text as text.
func form(_ source: String) throws -> String { text(try CallForm(try parse(source).root).bytes) }
