import JSON

/// What was asked for: where a result of it holds blocks for the model, and what a note of ours
/// looks like among them.
package enum ResultKind: Sendable, Equatable {
    /// `content`: blocks.
    case tool
    /// `messages`, each with one block as its `content`.
    case prompt
    /// `contents`: texts and Base64 by their URI.
    case resource
    /// `completion.values`: plain texts.
    case completion

    /// The member that holds the items.
    var member: StaticString? {
        switch self {
        case .tool: "content"
        case .prompt: "messages"
        case .resource: "contents"
        case .completion: nil
        }
    }

    func items(of result: ResultMembers) -> JSONNode? {
        switch self {
        case .tool: result.content
        case .prompt: result.messages
        case .resource: result.contents
        case .completion: nil
        }
    }

    /// The block of one item.
    func block(of item: JSONNode) -> JSONNode? {
        self == .prompt ? item["content"] : item
    }

    /// Whether the result has the shape its method promises; a tool may leave its content out.
    func isShaped(_ result: ResultMembers) -> Bool {
        if self == .completion {
            let values = result.completion?["values"]
            return values?.kind == .array
                && values?.elements.allSatisfy { $0.kind == .string } == true
        }
        guard let items = items(of: result) else { return self == .tool }
        guard items.kind == .array else { return false }
        for item in items.elements {
            guard item.kind == .object, let block = block(of: item), Self.isBlock(block),
                self != .resource || item["uri"]?.kind == .string
            else { return false }
        }
        return true
    }

    private static func isBlock(_ block: JSONNode) -> Bool {
        guard block.kind == .object else { return false }
        let members = BlockMembers(block)
        guard members.isTextOrNone(.text), members.isTextOrNone(.data), members.isTextOrNone(.blob)
        else { return false }
        guard let resource = members[.resource] else { return true }
        guard resource.kind == .object else { return false }
        let inner = BlockMembers(resource)
        return inner.isTextOrNone(.text) && inner.isTextOrNone(.blob)
    }

    /// A text of ours in the place of the block `old`.
    func write(_ text: String, insteadOf old: JSONNode, _ writer: inout JSONWriter) {
        guard self == .resource else {
            ResultComposer.writeTextBlock(text, &writer)
            return
        }
        Self.writeContents(text, uri: old["uri"]?.string ?? "", &writer)
    }

    /// A text of ours as an item of its own.
    func writeItem(_ text: String, _ writer: inout JSONWriter) {
        switch self {
        case .tool, .completion: ResultComposer.writeTextBlock(text, &writer)
        case .prompt:
            writer.beginObject()
            writer.key("role")
            writer.string("user")
            writer.key("content")
            ResultComposer.writeTextBlock(text, &writer)
            writer.endObject()
        case .resource: Self.writeContents(text, uri: "gatehouse:note", &writer)
        }
    }

    private static func writeContents(_ text: String, uri: String, _ writer: inout JSONWriter) {
        writer.beginObject()
        writer.key("uri")
        writer.string(uri)
        writer.key("mimeType")
        writer.string("text/plain")
        writer.key("text")
        writer.string(text)
        writer.endObject()
    }

    /// The members of a result that holds nothing but a text of ours.
    func writeOnly(_ text: String, _ writer: inout JSONWriter) {
        guard let member else {
            writer.key("completion")
            writer.beginObject()
            writer.key("values")
            writer.beginArray()
            writer.endArray()
            writer.endObject()
            return
        }
        writer.key(literal: member)
        writer.beginArray()
        writeItem(text, &writer)
        writer.endArray()
        guard self == .tool else { return }
        writer.key("isError")
        writer.bool(true)
    }
}
