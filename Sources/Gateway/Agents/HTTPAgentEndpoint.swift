import Base
package import Crypto
package import HTTP
import JSON
import MCP
package import System

/// Serves MCP to agents over HTTP: `/mcp` for all servers, `/mcp/SERVER` for one.
///
/// What HTTP says is checked here in the order of the specification's tables; what the message
/// says is the agent service's (2026-07-28, basic/transports/streamable-http).
package struct HTTPAgentEndpoint: HTTPHandler {
    let service: AgentService
    private let door: Door
    private let authenticator: any Authenticator
    private let refused: RefusedCredentials
    private let hosts: AllowedHosts
    /// Who may connect at all, as addresses; nil for anyone the listener reaches.
    private let peers: Set<String>?
    private let limits: JSONLimits

    package init(
        service: AgentService,
        door: Door,
        authenticator: any Authenticator,
        refused: RefusedCredentials,
        hosts: AllowedHosts,
        peers: Set<String>? = nil
    ) {
        self.service = service
        self.door = door
        self.authenticator = authenticator
        self.refused = refused
        self.hosts = hosts
        self.peers = peers
        limits = .message
    }

    /// A stranger's body is not waited for: without a credential nobody makes the gateway hold one.
    package func awaitsBody(
        of head: RequestHead,
        from peer: SocketAddress,
        _ certificate: Certificate?
    ) -> Bool {
        guard hosts.refusal(of: head) == nil, Self.endpoint(of: head.path) != nil else {
            return false
        }
        switch authenticator.authenticate(head, peer: peer, certificate: certificate) {
        case .success: return true
        case .failure: return false
        }
    }

    package func handle(_ exchange: Exchange) async {
        let head = exchange.head
        if let peers {
            // Without TLS of our own only the proxy that ends it may speak to us.
            guard case .ip(let ip, _) = exchange.peer, peers.contains(ip.description) else {
                await answer(exchange, .forbidden, error: "this listener serves its TLS proxy only")
                return
            }
        }
        if let refusal = hosts.refusal(of: head) {
            await answer(exchange, refusal.status, error: refusal.message)
            return
        }
        guard let endpoint = Self.endpoint(of: head.path) else {
            await answer(exchange, .notFound, error: "no such path; agents use /mcp or /mcp/SERVER")
            return
        }
        let principal: Principal
        let found = authenticator.authenticate(
            head,
            peer: exchange.peer,
            certificate: exchange.certificate
        )
        switch found {
        case .failure(let refusal):
            await refuse(exchange, refusal)
            return
        case .success(let found): principal = found
        }
        guard await door.reaches(endpoint, principal) else {
            await answer(
                exchange,
                .notFound,
                error: "no such server for this credential; /mcp has all it may use"
            )
            return
        }
        switch head.method {
        case .post: await post(exchange, principal, endpoint)
        case .delete: await delete(exchange, principal, endpoint)
        case .get: await stream(exchange, principal, endpoint)
        default:
            await answer(
                exchange,
                .methodNotAllowed,
                error: "no such method here; use POST",
                allow: "GET, POST, DELETE"
            )
        }
    }

    // MARK: Verbs

    private func post(
        _ exchange: Exchange,
        _ principal: Principal,
        _ endpoint: Endpoint
    ) async {
        let head = exchange.head
        if let problem = Self.mediaProblem(of: head) {
            await answer(exchange, problem.status, error: problem.message)
            return
        }
        let document: JSONDocument
        do throws(JSONError) {
            document = try JSONDocument(parsing: exchange.body, limits: limits)
        } catch {
            await answer(exchange, nil, ProtocolError(.parse, "not strict JSON: \(error)"))
            return
        }
        if document.root.kind == .array,
            await batch(exchange, document.root, principal, endpoint)
        {
            return
        }
        let message: Message
        do throws(MalformedMessage) {
            message = try Message(document.root)
        } catch {
            await answer(exchange, error.id, error.error)
            return
        }
        let id: RequestID? = if case .request(let request) = message { request.id } else { nil }
        let meta = RequestMeta(of: message.params)
        do throws(ProtocolError) {
            let (revision, session) = try await route(exchange, message, meta, principal, endpoint)
            let inbound = AuthenticatedMessage(
                principal: principal,
                endpoint: endpoint,
                revision: revision,
                message: message,
                meta: meta,
                session: session,
                parameterHeader: revision.isModern ? Self.parameterHeader(head) : nil
            )
            await pass(exchange, inbound)
        } catch {
            await answer(exchange, id, error)
        }
    }

    /// The revision of the message, and its session where the revision has sessions.
    private func route(
        _ exchange: Exchange,
        _ message: Message,
        _ meta: RequestMeta,
        _ principal: Principal,
        _ endpoint: Endpoint
    ) async throws(ProtocolError) -> (Revision, SessionID?) {
        let head = exchange.head
        try Self.refuseRepeated(head, meta)
        let signals = Negotiation.Signals(
            versionHeader: Self.text(head[.mcpProtocolVersion]),
            sessionHeader: Self.text(head[.mcpSessionID])
        )
        switch try Negotiation.era(of: message, meta: meta, signals) {
        case .opening: return (.newestLegacy, nil)
        case .modern:
            try HeaderMirror.check(message) { name in Self.mirrorHeader(name, head) }
            return (.newest, nil)
        case .session(let text, _):
            let id = SessionID(text: text)
            guard let revision = await service.revision(of: id, principal, endpoint) else {
                throw ProtocolError(
                    .invalidRequest,
                    "no such session; send `initialize` again",
                    status: 404
                )
            }
            if let problem = Self.versionProblem(of: head, in: revision) { throw problem }
            return (revision, id)
        }
    }

    private func pass(_ exchange: Exchange, _ inbound: AuthenticatedMessage) async {
        let cancellation = CallCancellation()
        let request: RequestID? =
            if case .request(let request) = inbound.message { request.id } else { nil }
        let channel = HTTPReplyChannel(
            exchange,
            of: inbound.session.map {
                HTTPReplyChannel.Session(
                    id: $0,
                    owner: inbound.principal.key,
                    revision: inbound.revision,
                    service: service,
                    request: request
                )
            }
        )
        if inbound.revision.isModern {
            // Closing the stream cancels (2026-07-28); in legacy revisions a drop is no cancel.
            await exchange.onClose { cancellation.cancel(.disconnected) }
        }
        let reply = await service.handle(
            inbound,
            scope: inbound.session?.text,
            channel: channel,
            cancellation: cancellation
        )
        await channel.finish(reply)
    }

    private func delete(
        _ exchange: Exchange,
        _ principal: Principal,
        _ endpoint: Endpoint
    ) async {
        guard let text = Self.text(exchange.head[.mcpSessionID]),
            !exchange.head.isRepeated(.mcpSessionID)
        else {
            await answer(
                exchange,
                .methodNotAllowed,
                error: "no session to end; name it in Mcp-Session-Id, once",
                allow: "POST"
            )
            return
        }
        let id = SessionID(text: text)
        guard let revision = await service.revision(of: id, principal, endpoint) else {
            await answer(exchange, .notFound, error: "no such session; it is over already")
            return
        }
        if let problem = Self.versionProblem(of: exchange.head, in: revision) {
            await answer(exchange, nil, problem)
            return
        }
        _ = await service.close(id, principal)
        await exchange.respond(.noContent)
    }

    // MARK: Reading the head

    private static let pathPrefix = Array("/mcp".utf8)

    static func endpoint(of path: ArraySlice<UInt8>) -> Endpoint? {
        guard path.starts(with: pathPrefix) else { return nil }
        let rest = path.dropFirst(pathPrefix.count)
        guard let first = rest.first else { return .all }
        guard first == 0x2f else { return nil }
        let name = String(decoding: rest.dropFirst(), as: UTF8.self)
        return (try? ServerName(name)).map { .server($0) }
    }

    static func text(_ value: ArraySlice<UInt8>?) -> String? {
        value.map { String(decoding: $0, as: UTF8.self) }
    }

    private static func mirrorHeader(_ name: StaticString, _ head: RequestHead) -> String? {
        text(head[FieldName(stringLiteral: name)])
    }

    private static func parameterHeader(
        _ head: RequestHead
    ) -> (@Sendable (String) -> String?) {
        { name in
            for (key, value) in head.fields
            where key.lazy.map({ $0 | 0x20 }).elementsEqual(name.utf8.lazy.map { $0 | 0x20 }) {
                return text(value)
            }
            return nil
        }
    }

    private static let deciding: [(FieldName, String)] = [
        (.mcpProtocolVersion, "MCP-Protocol-Version"), (.mcpSessionID, "Mcp-Session-Id"),
        (.mcpMethod, "Mcp-Method"), (.mcpName, "Mcp-Name"),
    ]

    /// A header that decides something must not be there twice; older revisions have no code of
    /// their own for it.
    private static func refuseRepeated(
        _ head: RequestHead,
        _ meta: RequestMeta
    ) throws(ProtocolError) {
        guard head.fields.hasRepeatedName else { return }
        for (name, spelling) in deciding where head.isRepeated(name) {
            throw ProtocolError(
                meta.claimsModern ? .headerMismatch : .invalidRequest,
                "the header \(spelling) is repeated; send it once"
            )
        }
        var seen: Set<[UInt8]> = []
        for (name, _) in head.fields where isParameter(name) {
            guard seen.insert(name.map { $0 | 0x20 }).inserted else {
                throw ProtocolError(
                    .headerMismatch,
                    "an Mcp-Param header is repeated; send each once"
                )
            }
        }
    }

    private static func isParameter(_ name: ArraySlice<UInt8>) -> Bool {
        let prefix = "mcp-param-".utf8
        return name.prefix(prefix.count).lazy.map { $0 | 0x20 }.elementsEqual(prefix)
    }

    private static func mediaProblem(
        of head: RequestHead
    ) -> (status: HTTPStatus, message: String)? {
        guard let type = head[.contentType], MediaTypes.isJSON(type) else {
            return (.unsupportedMediaType, "Content-Type must be application/json")
        }
        guard acceptsBoth(head) else {
            return (
                .notAcceptable,
                "Accept must name application/json and text/event-stream"
            )
        }
        return nil
    }

    /// A list may come in several fields of one name (RFC 9110, 5.3).
    private static func acceptsBoth(_ head: RequestHead) -> Bool {
        guard let accept = head[.accept] else { return false }
        if MediaTypes.acceptsJSONAndEvents(accept) { return true }
        guard head.isRepeated(.accept) else { return false }
        return MediaTypes.acceptsJSONAndEvents(head.fields.joined(.accept)[...])
    }

    // MARK: Answering

    func answer(
        _ exchange: Exchange,
        _ id: RequestID?,
        _ error: ProtocolError
    ) async {
        await exchange.respond(
            HTTPStatus(code: error.status),
            HTTPReplyChannel.json,
            body: Self.body(of: error, id, to: exchange)
        )
    }

    /// Written as the revision has it that the request's header names.
    private static func body(
        of error: ProtocolError,
        _ id: RequestID?,
        to exchange: Exchange
    ) -> [UInt8] {
        let named = text(exchange.head[.mcpProtocolVersion]).flatMap { Revision(rawValue: $0) }
        return Envelope.error(id, error, for: named ?? .newest)
    }

    /// A refusal by HTTP itself, with a JSON-RPC body for clients that read nothing else.
    func answer(
        _ exchange: Exchange,
        _ status: HTTPStatus,
        error: String,
        allow: FieldValue? = nil
    ) async {
        var fields = HTTPReplyChannel.json
        if let allow { fields.add(.allow, allow) }
        let body = Self.body(of: ProtocolError(.invalidRequest, error), nil, to: exchange)
        await exchange.respond(status, fields, body: body)
    }

    private func refuse(_ exchange: Exchange, _ refusal: AuthenticationRefusal) async {
        await refused.note(refusal.reason, from: exchange.peer)
        var fields = HTTPReplyChannel.json
        if let challenge = refusal.challenge { fields.add(.wwwAuthenticate, challenge) }
        let body = Self.body(of: ProtocolError(.invalidRequest, refusal.message), nil, to: exchange)
        await exchange.respond(refusal.status, fields, body: body)
    }
}

extension Message {
    var params: JSONNode? {
        switch self {
        case .request(let request): request.params
        case .notification(let notification): notification.params
        case .response: nil
        }
    }
}
