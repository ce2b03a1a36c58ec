import JSON

/// A tool's result of nothing but texts, as most are: the marks come between the quotes of each, and
/// nothing else of it changes.
struct PlainTexts {
    private let result: JSONNode
    private var texts: [JSONPlace] = []

    /// Nil for any other result, and for one that may be over a limit: that is the composer's.
    init?(_ result: JSONNode, _ members: ResultMembers, limits: ResultLimits) {
        guard members.structuredContent == nil, members.meta == nil,
            let content = members.content, content.isArray,
            content.count <= limits.itemCount, result.byteCount <= limits.textByteCount
        else { return nil }
        self.result = result
        texts.reserveCapacity(content.count)
        for block in content.elements {
            guard let text = Self.text(of: block) else { return nil }
            texts.append(text.place)
        }
    }

    var isEmpty: Bool { texts.isEmpty }

    /// The text of a block that has nothing else.
    private static func text(of block: JSONNode) -> JSONNode? {
        guard block.isObject, block.count == 2 else { return nil }
        let members = BlockMembers(block)
        guard let text = members[.text], text.isString,
            members[.type]?.isString("text") == true
        else { return nil }
        return text
    }

    /// Nil where that would be longer than a document may be.
    func surrounded(by mark: Mark) -> JSONNode? {
        result.surrounding(texts, by: mark.opening, mark.closing)
    }
}
