import Base
import JSON
import MCP

/// Tools that a server gives the model behind an agent with its question, and uses of them.
///
/// They are the server's own: the model names one and its input, the server hears it as the answer
/// and asks again with what came of it (2025-11-25, client/sampling, "Sampling with Tools").
enum SamplingTools {
    /// The names of those a question gives.
    static func names(in question: JSONNode) -> Set<String> {
        Set(question["tools"]?.elements.compactMap { $0["name"]?.string } ?? [])
    }

    /// Why a question cannot be asked with what it says of tools; nil where it can.
    static func problem(in params: JSONNode) -> String? {
        problem(ofTools: params["tools"]) ?? problem(ofChoice: params["toolChoice"])
            ?? (params["messages"].map(isBalanced) == false
                ? "a use of a tool and its result do not follow each other" : nil)
    }

    /// What an agent is shown of each: how it is called, what it is for, what it takes.
    static func shown(_ tools: JSONNode) -> [UInt8] {
        var writer = JSONWriter()
        writer.beginArray()
        for tool in tools.elements {
            writer.beginObject()
            for (key, value) in tool.members
            where ["name", "title", "description", "inputSchema"].contains(key.text) {
                writer.key(key)
                writer.node(value)
            }
            writer.endObject()
        }
        writer.endArray()
        return writer.bytes
    }

    /// The parts of a message; nil where it is no message.
    static func blocks(of content: JSONNode) -> [JSONNode]? {
        switch content.kind {
        case .object: [content]
        case .array: Array(content.elements)
        default: nil
        }
    }

    /// Whether a part is a use of a tool by the model, or what came of one.
    static func isStep(_ block: JSONNode, by role: String) -> Bool {
        role == "assistant" ? isUse(block) : isOutcome(block)
    }

    /// Whether a model may have answered so.
    ///
    /// - Parameter names: of the tools it was given; nil where they are not known yet.
    static func isAnswer(_ content: JSONNode, using names: Set<String>?) -> Bool {
        guard let blocks = blocks(of: content) else { return false }
        return blocks.allSatisfy { block in
            if SamplingQuestion.isBlock(block) { return true }
            guard isUse(block), let name = block["name"]?.string else { return false }
            return names?.contains(name) ?? true
        }
    }

    // MARK: Inside

    private static func isUse(_ block: JSONNode) -> Bool {
        block["type"]?.isString("tool_use") == true && isName(block["id"])
            && isName(block["name"]) && block["input"]?.kind == .object
    }

    private static func isOutcome(_ block: JSONNode) -> Bool {
        block["type"]?.isString("tool_result") == true && isName(block["toolUseId"])
            && block["content"]?.kind == .array
            && block["content"]?.elements.allSatisfy { $0["type"]?.kind == .string } == true
    }

    private static func isName(_ node: JSONNode?) -> Bool {
        guard let text = node?.string else { return false }
        return (1...256).contains(text.utf8.count)
    }

    private static func problem(ofTools tools: JSONNode?) -> String? {
        guard let tools else { return nil }
        guard tools.kind == .array, tools.count <= Limits.samplingToolCount else {
            return "`tools` is no list of at most \(Limits.samplingToolCount)"
        }
        var seen: Set<String> = []
        for tool in tools.elements {
            do throws(ToolDefinition.Problem) {
                let definition = try ToolDefinition(tool)
                guard seen.insert(definition.name.rawValue).inserted else {
                    return "two of its tools are called `\(definition.name)`"
                }
                guard !refersOutside(definition.inputSchema) else {
                    return "the schema of its tool `\(definition.name)` lies elsewhere"
                }
            } catch {
                return "a tool of its question cannot be given: \(error)"
            }
        }
        return nil
    }

    /// Whether reading a schema would mean to fetch something.
    private static func refersOutside(_ node: JSONNode) -> Bool {
        switch node.kind {
        case .object:
            node.members.contains { key, value in
                if key.text == "$ref" || key.text == "$dynamicRef", let target = value.string {
                    return !target.utf8.starts(with: "#".utf8)
                }
                return refersOutside(value)
            }
        case .array: node.elements.contains(where: refersOutside)
        default: false
        }
    }

    private static func problem(ofChoice choice: JSONNode?) -> String? {
        guard let choice else { return nil }
        let modes = ["auto", "required", "none"]
        let isKnown =
            choice.kind == .object
            && choice.members.allSatisfy { key, value in
                key.text == "mode" && value.string.map(modes.contains) == true
            }
        return isKnown ? nil : "`toolChoice` has a `mode`: auto, required or none"
    }

    /// Whether each use of a tool is followed by one message of their results alone.
    private static func isBalanced(_ messages: JSONNode) -> Bool {
        var open: Set<String> = []
        for message in messages.elements {
            let blocks = message["content"].flatMap(blocks) ?? []
            let outcomes = blocks.filter { $0["type"]?.isString("tool_result") == true }
            let answered = Set(outcomes.compactMap { $0["toolUseId"]?.string })
            guard answered == open, outcomes.count == open.count,
                open.isEmpty || blocks.count == open.count
            else { return false }
            let uses = blocks.filter { $0["type"]?.isString("tool_use") == true }
            open = Set(uses.compactMap { $0["id"]?.string })
            guard open.count == uses.count else { return false }
        }
        return open.isEmpty
    }
}
