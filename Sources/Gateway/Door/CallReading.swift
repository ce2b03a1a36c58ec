import Base
import JSON
import MCP

/// Reads the parameters of a request into what is judged.
struct CallReading {
    let params: JSONNode?
    let endpoint: Endpoint

    struct Parts {
        let spelling: String
        let asked: String
        var subject: String?
        let arguments: Arguments

        func form() throws(CallFormError) -> CallForm {
            switch arguments {
            case .node(let node): try CallForm(node)
            case .text(let text): try CallForm(text: text)
            case .uri(let uri): try CallForm.reading(uri)
            }
        }
    }

    /// What the call form is made of.
    enum Arguments {
        case node(JSONNode)
        case text([UInt8])
        case uri(String)
    }

    func parts(of kind: OfferKind, _ revision: Revision) throws(ProtocolError) -> Parts {
        switch kind {
        case .tool:
            let name = try name()
            return Parts(spelling: name, asked: name, arguments: try arguments())
        case .prompt:
            let name = try name()
            return Parts(
                spelling: spelling(of: name, OfferKind.promptPrefix),
                asked: name,
                arguments: try arguments()
            )
        case .reading, .resource, .template:
            guard let uri = params?["uri"]?.string else {
                throw Self.invalid("`params.uri` must be a string")
            }
            let (server, own) = try owner(ofURI: uri, revision)
            return Parts(
                spelling: server + OfferKind.readingName,
                asked: uri,
                arguments: .uri(own)
            )
        case .completion: return try completion(revision)
        case .sampling, .roots: throw Self.invalid("only servers ask this")
        }
    }

    private static func invalid(_ text: String) -> ProtocolError {
        ProtocolError(.invalidParams, text, status: 200)
    }

    private func name() throws(ProtocolError) -> String {
        guard let name = params?["name"]?.string else {
            throw Self.invalid("`params.name` must be a string")
        }
        return name
    }

    /// A call without arguments has those of an empty object.
    private func arguments() throws(ProtocolError) -> Arguments {
        guard let node = params?["arguments"] else { return .text([0x7b, 0x7d]) }
        guard case .object = node.kind else {
            throw Self.invalid("`params.arguments` must be an object")
        }
        return .node(node)
    }

    /// The catalogue's spelling of what an agent calls `name`.
    private func spelling(of name: String, _ prefix: String) -> String {
        guard endpoint == .all, let (server, own) = Catalogue.split(name) else {
            return prefix + name
        }
        return "\(server)__\(prefix)\(own)"
    }

    /// Whose URI it is, as the catalogue's prefix, and what its server calls it.
    private func owner(
        ofURI uri: String,
        _ revision: Revision
    ) throws(ProtocolError) -> (prefix: String, uri: String) {
        guard endpoint == .all else { return ("", uri) }
        guard let (server, own) = Naming.split(uri: uri) else {
            throw Self.unknownResource(uri, revision)
        }
        return ("\(server)__", own)
    }

    static func unknownResource(_ uri: String, _ revision: Revision) -> ProtocolError {
        ProtocolError(
            revision.isModern ? .invalidParams : .resourceNotFound,
            "unknown resource `\(printable(uri, limit: 200))`",
            status: 200
        )
    }

    // MARK: Completion

    private func completion(_ revision: Revision) throws(ProtocolError) -> Parts {
        guard let ref = params?["ref"], ref.kind == .object,
            let argument = params?["argument"], argument.kind == .object
        else { throw Self.invalid("`params.ref` and `params.argument` must be objects") }
        let isPrompt = ref["type"]?.isString("ref/prompt") == true
        let key: StaticString = isPrompt ? "name" : "uri"
        guard isPrompt || ref["type"]?.isString("ref/resource") == true,
            let asked = ref[key]?.string
        else { throw Self.invalid("`params.ref` must name a prompt or a resource") }
        let (prefix, own): (String, String)
        if isPrompt {
            (prefix, own) =
                endpoint == .all
                ? Catalogue.split(asked).map { ("\($0)__", $1) } ?? ("", asked) : ("", asked)
        } else {
            (prefix, own) = try owner(ofURI: asked, revision)
        }
        let context = params?["context"]
        var writer = JSONWriter()
        writer.beginObject()
        writer.key("ref")
        writer.beginObject()
        for (name, value) in ref.members {
            writer.key(name)
            if name.text == (isPrompt ? "name" : "uri") {
                writer.string(own)
            } else {
                writer.node(value)
            }
        }
        writer.endObject()
        writer.key("argument")
        writer.node(argument)
        if let context, !context.isNull {
            writer.key("context")
            writer.node(context)
        }
        writer.endObject()
        let subject = prefix + (isPrompt ? OfferKind.promptPrefix : OfferKind.templatePrefix) + own
        return Parts(
            spelling: prefix + OfferKind.completionName,
            asked: asked,
            subject: subject,
            arguments: .text(writer.bytes)
        )
    }
}

extension CallForm {
    /// The form of reading one resource.
    static func reading(_ uri: String) throws(CallFormError) -> CallForm {
        var writer = JSONWriter()
        writer.beginObject()
        writer.key("uri")
        writer.string(uri)
        writer.endObject()
        return try CallForm(text: writer.bytes)
    }

    init(text: [UInt8]) throws(CallFormError) {
        let document: JSONDocument
        do throws(JSONError) {
            document = try JSONDocument(parsing: text)
        } catch {
            throw .unreadable(error)
        }
        try self.init(document.root)
    }
}
