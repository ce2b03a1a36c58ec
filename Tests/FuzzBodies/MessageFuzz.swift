import Base
import HTTP
import JSON
import MCP

/// A message of an agent or an upstream, in every revision.
///
/// What was taken can be written and read again; a refusal can be answered; a result or a
/// definition lowered for a revision is JSON, and lowered twice is the same.
enum MessageFuzz {
    private static let info = Implementation(name: "fuzz", version: "1").text

    static func check(_ bytes: [UInt8]) {
        header(bytes)
        guard let document = try? JSONDocument(parsing: bytes) else { return }
        let root = document.root
        do throws(MalformedMessage) {
            let message = try Message(root)
            written(message)
            era(message)
            switch message {
            case .request(let request): mirror(request)
            case .response(let response):
                guard case .result(let result) = response.outcome else { break }
                shape(result)
                for tool in result["tools"]?.elements.map({ $0 }) ?? [] { definition(tool) }
            case .notification: break
            }
        } catch {
            refusal(error)
        }
        definition(root)
        shape(root)
    }

    private static func parsed(_ bytes: [UInt8]) -> JSONNode? {
        try? JSONDocument(parsing: bytes, limits: .result).root
    }

    // MARK: messages

    private static func written(_ message: Message) {
        switch message {
        case .request(let request):
            let text = Envelope.request(request.id, request.method, params: copy(request.params))
            guard let node = parsed(text), case .request(let again)? = try? Message(node) else {
                return expect(false, "a request written is a request")
            }
            expect(
                again.id == request.id && again.method.utf8.elementsEqual(request.method.utf8)
                    && again.params?.value == request.params?.value,
                "a request written is itself"
            )
        case .notification(let notification):
            let text = Envelope.notification(
                notification.method,
                params: copy(notification.params)
            )
            guard let node = parsed(text), case .notification(let again)? = try? Message(node)
            else { return expect(false, "a notification written is a notification") }
            expect(
                again.method.utf8.elementsEqual(notification.method.utf8)
                    && again.params?.value == notification.params?.value,
                "a notification written is itself"
            )
        case .response(let response):
            guard case .result(let result) = response.outcome else { return }
            let text = Envelope.result(response.id, Array(result.source))
            guard let node = parsed(text), case .response(let again)? = try? Message(node),
                case .result(let value) = again.outcome
            else { return expect(false, "a response written is a response") }
            expect(
                again.id == response.id && value.value == result.value,
                "a response written is itself"
            )
        }
    }

    private static func copy(_ params: JSONNode?) -> ((inout JSONWriter) -> Void)? {
        guard let params else { return nil }
        return { writer in
            for (key, value) in params.members {
                writer.key(key)
                writer.node(value)
            }
        }
    }

    private static func refusal(_ refused: MalformedMessage) {
        expect(isOneLine(refused.error.message), "a refusal is one line")
        for revision in Revision.allCases {
            let text = Envelope.error(refused.id, refused.error, for: revision)
            guard let node = parsed(text) else {
                return expect(false, "a refusal is JSON")
            }
            guard refused.id != nil else { continue }
            guard case .response(let response)? = try? Message(node),
                case .error(let code, _, _) = response.outcome
            else { return expect(false, "a refusal is a response") }
            expect(
                response.id == refused.id && code == Int64(refused.error.code.rawValue),
                "a refusal answers the message it refuses"
            )
        }
    }

    private static func params(of message: Message) -> JSONNode? {
        switch message {
        case .request(let request): request.params
        case .notification(let notification): notification.params
        case .response: nil
        }
    }

    private static func era(_ message: Message) {
        let meta = RequestMeta(of: params(of: message))
        let versions = Revision.allCases.map(\.rawValue) + ["1.0", meta.protocolVersion]
        for version in versions + [nil] {
            for hasSession in [true, false] {
                let signals = Negotiation.Signals(
                    version: version.map { NamedRevision($0) },
                    hasSession: hasSession
                )
                do throws(ProtocolError) {
                    let era = try Negotiation.era(of: message, meta: meta, signals)
                    guard case .modern = era else { continue }
                    expect(
                        version.flatMap { Revision(rawValue: $0) }?.isModern == true
                            && (meta.protocolVersion.map { $0 == version } ?? true),
                        "a modern message says so in its header, and there alone or twice alike"
                    )
                } catch {
                    expect(isOneLine(error.message), "a refusal is one line")
                    if let data = error.data { expect(parsed(data) != nil, "its data is JSON") }
                }
            }
        }
        let requested = meta.protocolVersion ?? ""
        expect(
            Revision.servedToAgents.contains(Negotiation.answer(toInitializeWith: requested)),
            "what is answered is served"
        )
    }

    // MARK: headers

    private static func header(_ bytes: [UInt8]) {
        let value = text(bytes.prefix(512))
        let encoded = HeaderMirror.encode(value)
        expect(
            HeaderMirror.decode(encoded).map { $0.utf8.elementsEqual(value.utf8) } == true,
            "a header value decodes to what was encoded"
        )
        expect(FieldValue(encoded) != nil, "an encoded value fits a header")
        if let decoded = HeaderMirror.decode(value) {
            expect(
                HeaderMirror.decode(HeaderMirror.encode(decoded)) == decoded,
                "a decoded value can be encoded"
            )
        }
    }

    private static func mirror(_ request: Message.Request) {
        var headers = ["mcp-method": request.method]
        if let member = HeaderMirror.namingMember(of: request.method) {
            headers["mcp-name"] = request.params?[member]?.string.map { HeaderMirror.encode($0) }
        }
        func check(_ headers: [String: String]) -> Bool {
            (try? HeaderMirror.check(request, header: { headers["\($0)"] })) != nil
        }
        let isNamed = HeaderMirror.namingMember(of: request.method) == nil
        expect(
            check(headers) == (isNamed || headers["mcp-name"] != nil),
            "headers made from the body agree with it"
        )
        expect(!check(["mcp-method": request.method + "x"]), "another method does not")
        if !isNamed {
            headers["mcp-name"] = "x" + (headers["mcp-name"] ?? "")
            expect(!check(headers), "another name does not")
        }
    }

    // MARK: shapes

    private static func definition(_ node: JSONNode) {
        let tool: ToolDefinition
        do throws(ToolDefinition.Problem) {
            tool = try ToolDefinition(node)
        } catch {
            return expect(isOneLine(error.description), "a problem is one line")
        }
        for revision in Revision.allCases {
            for name in [tool.name.rawValue, "server__" + tool.name.rawValue] {
                let lowered = DefinitionLowering.text(of: tool, named: name, for: revision)
                guard let node = parsed(lowered) else {
                    return expect(false, "a lowered definition is JSON")
                }
                expect(node["name"]?.string == name, "it has the name it is given")
                expect(
                    node["inputSchema"]?.source == tool.inputSchema.source,
                    "its schema is the server's, byte for byte"
                )
                guard let again = try? ToolDefinition(node) else { continue }
                expect(
                    DefinitionLowering.text(of: again, named: name, for: revision) == lowered,
                    "lowered twice is lowered once"
                )
            }
        }
        for parameter in tool.mirrored {
            expect(FieldToken("mcp-param-" + parameter.header) != nil, "a mark names a header")
        }
    }

    private static func shape(_ result: JSONNode) {
        guard result.kind == .object else { return }
        for revision in Revision.allCases {
            func shaped(_ node: JSONNode) -> [UInt8] {
                var writer = JSONWriter()
                ResultShape.writeToolResult(
                    node,
                    for: revision,
                    serverInfo: info,
                    verdict: "v1",
                    to: &writer
                )
                return writer.bytes
            }
            guard let node = parsed(shaped(result)) else {
                return expect(false, "a shaped result is JSON")
            }
            expect(
                node["resultType"]?.isString("complete") == (revision.isModern ? true : nil),
                "a modern result says that it is complete"
            )
            let given = result["content"]?.elements.map { Array($0.source) } ?? []
            let shown = node["content"]?.elements.map { Array($0.source) } ?? []
            // A value that the revision cannot carry is said as text, where nothing else says it.
            let isSpoken = !revision.isModern && result["structuredContent"]?.isNull == false
            expect(
                node["content"]?.source == result["content"]?.source
                    || isSpoken && shown.dropLast().elementsEqual(given),
                "the content is the server's, byte for byte"
            )
            expect(parsed(shaped(node))?.value == node.value, "shaped twice is shaped once")
        }
    }
}
