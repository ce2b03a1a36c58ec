import JSON

/// The members of a result that screening reads, found in one pass.
struct ResultMembers {
    private let found: JSONFewMembers

    private static let keys = JSONKeys(
        "content",
        "messages",
        "contents",
        "completion",
        "structuredContent",
        "isError",
        "_meta",
        "resultType"
    )

    init(_ result: JSONNode) { found = result.members(Self.keys) }

    var content: JSONNode? { found[0] }
    var messages: JSONNode? { found[1] }
    var contents: JSONNode? { found[2] }
    var completion: JSONNode? { found[3] }
    var structuredContent: JSONNode? { found[4] }
    var isError: JSONNode? { found[5] }
    var meta: JSONNode? { found[6] }
    /// Whether it says that it is all there is (2026-07-28, basic).
    var isComplete: Bool { found[7]?.isString("complete") ?? false }
}

/// The same of a block of content, or of a resource inside of one.
struct BlockMembers {
    enum Key: Int { case text, data, blob, resource, meta, type }

    private let found: JSONFewMembers

    /// In the order of `Key`.
    private static let keys = JSONKeys("text", "data", "blob", "resource", "_meta", "type")

    init(_ block: JSONNode) { found = block.members(Self.keys) }

    subscript(key: Key) -> JSONNode? { found[key.rawValue] }

    /// Whether there is no such member, or a string or null.
    func isTextOrNone(_ key: Key) -> Bool {
        switch found.kind(of: key.rawValue) {
        case nil, .string, .null: true
        default: false
        }
    }
}
