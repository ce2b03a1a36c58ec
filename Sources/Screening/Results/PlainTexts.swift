import JSON

/// A tool's result of nothing but texts, as most are: the marks come between the quotes of each, and
/// nothing else of it changes.
struct PlainTexts {
    private let result: JSONNode
    private let content: JSONNode

    /// Nil for any other result, and for one that may be over a limit: that is the composer's.
    init?(_ result: JSONNode, _ members: ResultMembers, limits: ResultLimits) {
        guard members.structuredContent == nil, members.meta == nil,
            let content = members.content, content.kind == .array,
            content.count <= limits.itemCount, result.source.count <= limits.textByteCount
        else { return nil }
        for block in content.elements where Self.text(of: block) == nil { return nil }
        self.result = result
        self.content = content
    }

    var isEmpty: Bool { content.count == 0 }

    /// The text of a block that has nothing else.
    private static func text(of block: JSONNode) -> JSONNode? {
        guard block.kind == .object, block.count == 2 else { return nil }
        let members = BlockMembers(block)
        guard let text = members[.text], text.kind == .string,
            members[.type]?.isString("text") == true
        else { return nil }
        return text
    }

    func surrounded(by mark: Mark) -> [UInt8] {
        let source = result.source
        var bytes: [UInt8] = []
        let marks = mark.opening.count + mark.closing.count
        bytes.reserveCapacity(source.count + content.count * marks)
        var position = source.startIndex
        for block in content.elements {
            guard let token = Self.text(of: block)?.source.indices else { continue }
            bytes += source[position...token.lowerBound]
            bytes += mark.opening
            bytes += source[token.lowerBound + 1..<token.upperBound - 1]
            bytes += mark.closing
            position = token.upperBound - 1
        }
        bytes += source[position...]
        return bytes
    }
}
