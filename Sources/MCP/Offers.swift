package import Base
package import JSON

/// What a server offers besides tools, under names no tool of its own may have.
///
/// Policy, pins, approvals and records know all of it by these names: `docs.prompts/review`,
/// `docs.resources/read`. What is judged is one of the first four; resources and templates are
/// listed, and read by `resources/read`. What a server may ask of an agent is judged the same way,
/// as one of the last two.
package enum OfferKind: Sendable, Equatable, CaseIterable {
    case tool, prompt, reading, completion
    case resource, template
    case sampling, roots

    package static let promptPrefix = "prompts/"
    package static let resourcePrefix = "resources/"
    package static let templatePrefix = "templates/"
    package static let readingName = "resources/read"
    package static let completionName = "completion/complete"

    package init(of name: ToolName) {
        let text = name.rawValue
        self =
            switch text {
            case Self.readingName: .reading
            case Self.completionName: .completion
            case InputKind.sampling.rawValue: .sampling
            case InputKind.roots.rawValue: .roots
            // As bytes: a mark that joins the `/` would hide it from a comparison of characters.
            case _ where text.utf8.starts(with: Self.promptPrefix.utf8): .prompt
            case _ where text.utf8.starts(with: Self.resourcePrefix.utf8): .resource
            case _ where text.utf8.starts(with: Self.templatePrefix.utf8): .template
            default: .tool
            }
    }

    /// Whether calls of it are judged; the others are only listed.
    package var isJudged: Bool { self != .resource && self != .template }

    /// Whether it is the server that asks for it, and the agent that answers.
    package var isAskedByServer: Bool { self == .sampling || self == .roots }

    /// The method that asks for it.
    package var method: String {
        switch self {
        case .tool: "tools/call"
        case .prompt: "prompts/get"
        case .reading, .resource, .template: "resources/read"
        case .completion: "completion/complete"
        case .sampling: InputKind.sampling.rawValue
        case .roots: InputKind.roots.rawValue
        }
    }

    /// What calls of that method are judged as.
    package init?(judgedBy method: String) {
        switch method {
        case "tools/call": self = .tool
        case "prompts/get": self = .prompt
        case "resources/read": self = .reading
        case "completion/complete": self = .completion
        default: return nil
        }
    }

    /// What that method lists.
    package init?(listedBy method: String) {
        switch method {
        case "tools/list": self = .tool
        case "prompts/list": self = .prompt
        case "resources/list": self = .resource
        case "resources/templates/list": self = .template
        default: return nil
        }
    }

    /// The method that lists it, and the member of its result.
    package var listing: (method: String, member: String)? {
        switch self {
        case .tool: ("tools/list", "tools")
        case .prompt: ("prompts/list", "prompts")
        case .resource: ("resources/list", "resources")
        case .template: ("resources/templates/list", "resourceTemplates")
        case .reading, .completion, .sampling, .roots: nil
        }
    }

    /// What to call one of it in a sentence.
    package var noun: String {
        switch self {
        case .tool: "tool"
        case .prompt: "prompt"
        case .reading, .resource: "resource"
        case .template: "template"
        case .completion: "completion"
        case .sampling, .roots: "question"
        }
    }
}

extension ToolDefinition {
    /// The name or URI by which its server knows it.
    package var wireName: String {
        switch kind {
        case .tool, .reading, .completion, .sampling, .roots: name.rawValue
        case .prompt: without(OfferKind.promptPrefix)
        case .resource: without(OfferKind.resourcePrefix)
        case .template: without(OfferKind.templatePrefix)
        }
    }

    /// By bytes, as the name was put together.
    private func without(_ prefix: String) -> String {
        String(decoding: name.rawValue.utf8.dropFirst(prefix.utf8.count), as: UTF8.self)
    }

    /// Reads an item of a list of that kind.
    package init(_ node: JSONNode, as kind: OfferKind) throws(Problem) {
        switch kind {
        case .tool: try self.init(node)
        case .prompt: try self.init(prompt: node)
        case .resource:
            try self.init(listed: node, prefix: OfferKind.resourcePrefix, by: "uri")
        case .template:
            try self.init(listed: node, prefix: OfferKind.templatePrefix, by: "uriTemplate")
        case .reading, .completion, .sampling, .roots: throw .notAnObject
        }
    }

    /// A prompt; its arguments are texts, and those it does not name are none of it (2026-07-28,
    /// server/prompts).
    private init(prompt node: JSONNode) throws(Problem) {
        guard node.kind == .object else { throw .notAnObject }
        guard let spelling = node["name"]?.string else { throw .name("a prompt needs a `name`") }
        let name = try Self.name(OfferKind.promptPrefix + spelling)
        guard OfferKind(of: name) == .prompt else { throw .name("the name is taken by a method") }
        try Self.checkSize(node)
        var writer = JSONWriter()
        writer.beginObject()
        writer.key("type")
        writer.string("object")
        writer.key("properties")
        writer.beginObject()
        var required: [String] = []
        var seen: Set<JSONString> = []
        for argument in node["arguments"].map({ Array($0.elements) }) ?? [] {
            guard let name = argument["name"]?.string else {
                throw .name("an argument of the prompt has no `name`")
            }
            guard seen.insert(JSONString(name)).inserted else {
                throw .name("two arguments of the prompt are called `\(printable(name))`")
            }
            writer.key(name)
            writer.raw(#"{"type":"string"}"#.utf8)
            if argument["required"]?.bool == true { required.append(name) }
        }
        writer.endObject()
        writer.key("required")
        writer.beginArray()
        for name in required { writer.string(name) }
        writer.endArray()
        writer.endObject()
        guard let schema = try? JSONDocument(parsing: writer.bytes).root else {
            throw .inputSchema
        }
        self.init(name: name, node: node, inputSchema: schema)
    }

    /// A resource or a template: what lists of them say of one.
    private init(listed node: JSONNode, prefix: String, by key: String) throws(Problem) {
        guard node.kind == .object else { throw .notAnObject }
        guard let uri = node.member(key)?.string, node["name"]?.string != nil else {
            throw .name("it needs `\(key)` and `name`")
        }
        // RFC 3986, 3: what has no scheme is no URI, and no name of ours has a colon.
        guard uri.utf8.contains(0x3a) else { throw .name("`\(key)` is no absolute URI") }
        let name = try Self.name(prefix + uri)
        try Self.checkSize(node)
        self.init(name: name, node: node, inputSchema: node)
    }

    /// What reading any resource of a server is judged as; nil never happens, but for a broken
    /// text below.
    package static let reading = made(
        #"{"name":"resources/read","description":"reads a resource of the server by its URI","#
            + #""inputSchema":{"type":"object","properties":{"uri":{"type":"string"}},"#
            + #""required":["uri"]},"annotations":{"readOnlyHint":true}}"#
    )

    /// What asking a server for completions is judged as.
    package static let completion = made(
        #"{"name":"completion/complete","description":"completes an argument of a prompt or a "#
            + #"template of the server","inputSchema":{"type":"object","properties":{"#
            + #""ref":{"type":"object","properties":{"type":{"type":"string"},"#
            + #""name":{"type":"string"},"title":{"type":"string"},"uri":{"type":"string"}},"#
            + #""required":["type"]},"#
            + #""argument":{"type":"object","properties":{"name":{"type":"string"},"#
            + #""value":{"type":"string"}},"required":["name","value"]},"#
            + #""context":{"type":"object","properties":{"arguments":{"type":"object","#
            + #""additionalProperties":{"type":"string"}}}}},"required":["ref","argument"]},"#
            + #""annotations":{"readOnlyHint":true}}"#
    )

    /// What a server that asks the model behind an agent is judged as.
    package static let sampling = asking("in words of the server")

    /// The same where it may give that model tools of its own; accepted by itself.
    package static let samplingWithTools = asking(
        "in words of the server and with tools of the server",
        members:
            #","tools":{"type":"array","items":{"type":"object"}},"toolChoice":{"type":"object"}"#
    )

    private static func asking(_ how: String, members: String = "") -> ToolDefinition? {
        made(
            #"{"name":"sampling/createMessage","description":"asks the model of the agent, "#
                + how + #"","inputSchema":{"type":"object","properties":{"#
                + #""messages":{"type":"array","items":{"type":"object"}},"#
                + #""systemPrompt":{"type":"string"},"maxTokens":{"type":"integer","minimum":1},"#
                + #""temperature":{"type":"number"},"stopSequences":{"type":"array","#
                + #""items":{"type":"string"}},"modelPreferences":{"type":"object"}"# + members
                + #"},"required":["messages","maxTokens"]},"annotations":{"openWorldHint":true}}"#
        )
    }

    /// What a server that asks an agent for its folders is judged as.
    package static let roots = made(
        #"{"name":"roots/list","description":"asks the agent which folders it works in","#
            + #""inputSchema":{"type":"object","properties":{}},"#
            + #""annotations":{"readOnlyHint":true}}"#
    )

    private static func made(_ text: String) -> ToolDefinition? {
        guard let node = try? JSONDocument(parsing: Array(text.utf8)).root,
            let name = node["name"]?.string.flatMap({ try? ToolName($0) }),
            let schema = node["inputSchema"]
        else { return nil }
        return ToolDefinition(name: name, node: node, inputSchema: schema)
    }

    private static func name(_ spelling: String) throws(Problem) -> ToolName {
        do throws(InvalidName) {
            return try ToolName(spelling)
        } catch {
            throw .name(error.description)
        }
    }

    private static func checkSize(_ node: JSONNode) throws(Problem) {
        guard node.source.count <= Limits.definitionByteCount else {
            throw .tooLarge(byteCount: node.source.count)
        }
    }
}
