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
        let caller: KnownCaller
        if let known = known(exchange) {
            caller = known
        } else if let met = await meet(exchange) {
            caller = met
            exchange.keep(met)
        } else {
            return
        }
        switch exchange.head.method {
        case .post: await post(exchange, caller)
        case .delete: await delete(exchange, caller.principal, caller.endpoint)
        case .get: await stream(exchange, caller.principal, caller.endpoint)
        default:
            await answer(
                exchange,
                .methodNotAllowed,
                error: "no such method here; use POST",
                allow: "GET, POST, DELETE"
            )
        }
    }

    // MARK: Who calls

    /// Who calls, where the connection brought the same head last and what let it in still holds.
    private func known(_ exchange: Exchange) -> KnownCaller? {
        guard let caller = exchange.reading as? KnownCaller,
            authenticator.vouches(for: caller.principal, certificate: exchange.certificate),
            (door as any EndpointServing).generation == caller.generation
        else { return nil }
        return caller
    }

    /// Who calls, by all that the head says; nil where it was answered with a refusal.
    private func meet(_ exchange: Exchange) async -> KnownCaller? {
        let head = exchange.head
        if let peers {
            // Without TLS of our own only the proxy that ends it may speak to us.
            guard case .ip(let ip, _) = exchange.peer, peers.contains(ip.description) else {
                await answer(exchange, .forbidden, error: "this listener serves its TLS proxy only")
                return nil
            }
        }
        if let refusal = hosts.refusal(of: head) {
            await answer(exchange, refusal.status, error: refusal.message)
            return nil
        }
        guard let endpoint = Self.endpoint(of: head.path) else {
            await answer(exchange, .notFound, error: "no such path; agents use /mcp or /mcp/SERVER")
            return nil
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
            return nil
        case .success(let found): principal = found
        }
        let rules = door as any EndpointServing
        guard rules.reaches(endpoint, principal) else {
            await answer(
                exchange,
                .notFound,
                error: "no such server for this credential; /mcp has all it may use"
            )
            return nil
        }
        return KnownCaller(principal, endpoint, generation: rules.generation)
    }

    // MARK: Verbs

    private func post(_ exchange: Exchange, _ caller: KnownCaller) async {
        let head = exchange.head
        if !caller.takesCalls {
            if let problem = Self.mediaProblem(of: head) {
                await answer(exchange, problem.status, error: problem.message)
                return
            }
            caller.takesCalls = true
        }
        let document: JSONDocument
        do throws(JSONError) {
            document = try JSONDocument(parsing: exchange.body, limits: limits)
        } catch {
            await answer(exchange, nil, ProtocolError(.parse, "not strict JSON: \(error)"))
            return
        }
        if document.root.kind == .array,
            await batch(exchange, document.root, caller.principal, caller.endpoint)
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
        let meta = RequestMeta(of: message.params)
        let inbound: AuthenticatedMessage
        do throws(ProtocolError) {
            let (revision, session) = try route(head, message, meta, caller)
            inbound = AuthenticatedMessage(
                principal: caller.principal,
                endpoint: caller.endpoint,
                revision: revision,
                message: message,
                meta: meta,
                session: session,
                parameterHeader: revision.isModern ? Self.parameterHeader(head) : nil
            )
        } catch {
            await answer(exchange, message.request?.id, error)
            return
        }
        await pass(exchange, inbound)
    }

    /// The revision of the message, and its session where the revision has sessions.
    private func route(
        _ head: RequestHead,
        _ message: Message,
        _ meta: RequestMeta,
        _ caller: KnownCaller
    ) throws(ProtocolError) -> (Revision, Sessions.Session?) {
        try Self.refuseRepeated(head, meta)
        let sessionHeader = head[.mcpSessionID]
        let signals = Negotiation.Signals(
            version: head[.mcpProtocolVersion].map { NamedRevision(utf8: $0.span) },
            hasSession: sessionHeader != nil
        )
        switch try Negotiation.era(of: message, meta: meta, signals) {
        case .opening: return (.newestLegacy, nil)
        case .modern:
            try HeaderMirror.check(message) { name in Self.mirrorHeader(name, head) }
            return (.newest, nil)
        case .session(let version):
            guard let session = sessionHeader.flatMap({ session($0, caller) }) else {
                throw ProtocolError(
                    .invalidRequest,
                    "no such session; send `initialize` again",
                    status: 404
                )
            }
            if version != nil, version != session.revision,
                let problem = Self.versionProblem(of: head, in: session.revision)
            {
                throw problem
            }
            return (session.revision, session)
        }
    }

    /// The live session that the caller's header names.
    private func session(
        _ id: ArraySlice<UInt8>,
        _ caller: KnownCaller
    ) -> Sessions.Session? {
        if let known = caller.session, known.isUsed(at: service.loop.now) { return known }
        caller.session = session(id, caller.principal, caller.endpoint)
        return caller.session
    }

    /// The live session that a header names.
    func session(
        _ id: ArraySlice<UInt8>,
        _ principal: Principal,
        _ endpoint: Endpoint
    ) -> Sessions.Session? {
        (service as any SessionKeeping).session(spelled: id, principal, endpoint)
    }

    /// Inlined: with it the room of `post` is one that an event stream's steps fit into later, and
    /// need not be fetched anew for.
    @inline(__always)
    private func pass(_ exchange: Exchange, _ inbound: AuthenticatedMessage) async {
        let cancellation = CallCancellation()
        let request = inbound.message.request?.id
        let channel = HTTPReplyChannel(
            exchange,
            of: inbound.session.map {
                HTTPReplyChannel.Session($0, service: service, request: request)
            }
        )
        if inbound.revision.isModern {
            // Closing the stream cancels (2026-07-28); in legacy revisions a drop is no cancel.
            await exchange.onClose { cancellation.cancel(.disconnected) }
        }
        let reply: AgentReply
        let scope = inbound.session.map { ObjectIdentifier($0) } ?? ObjectIdentifier(inbound)
        let calls = service as any CallTaking
        if let call = calls.begin(
            inbound,
            scope: scope,
            channel: channel,
            cancellation: cancellation
        ) {
            let answer = await service.door.pass(
                inbound,
                call.request,
                of: call.kind,
                with: call.extras,
                channel: channel,
                cancellation: cancellation
            )
            reply = calls.end(call, inbound, answer)
        } else {
            reply = await service.handleClosely(
                inbound,
                scope: scope,
                channel: channel,
                cancellation: cancellation
            )
        }
        await channel.finish(reply)
    }

    private func delete(
        _ exchange: Exchange,
        _ principal: Principal,
        _ endpoint: Endpoint
    ) async {
        guard let id = exchange.head[.mcpSessionID], !exchange.head.isRepeated(.mcpSessionID)
        else {
            await answer(
                exchange,
                .methodNotAllowed,
                error: "no session to end; name it in Mcp-Session-Id, once",
                allow: "POST"
            )
            return
        }
        guard let session = session(id, principal, endpoint) else {
            await answer(exchange, .notFound, error: "no such session; it is over already")
            return
        }
        if let problem = Self.versionProblem(of: exchange.head, in: session.revision) {
            await answer(exchange, nil, problem)
            return
        }
        _ = await service.close(session.id, principal)
        await exchange.respond(.noContent)
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

// Handlers run on the loop, where the door and the service are; asked by these, neither needs a
// switch of tasks.

private protocol EndpointServing: Sendable {
    var generation: UInt64 { get }
    func reaches(_ endpoint: Endpoint, _ principal: Principal) -> Bool
}

extension Door: @preconcurrency EndpointServing {}

private protocol SessionKeeping: Sendable {
    func session(
        spelled id: ArraySlice<UInt8>,
        _ principal: Principal,
        _ endpoint: Endpoint
    ) -> Sessions.Session?
}

extension AgentService: @preconcurrency SessionKeeping {}

/// A call goes from the endpoint to the door: on its way through the service it waits for nothing.
private protocol CallTaking: Sendable {
    func begin(
        _ inbound: AuthenticatedMessage,
        scope: ObjectIdentifier,
        channel: any ReplyChannel,
        cancellation: CallCancellation
    ) -> AgentService.BegunCall?
    func end(
        _ call: AgentService.BegunCall,
        _ inbound: AuthenticatedMessage,
        _ answer: CallAnswer
    ) -> AgentReply
}

extension AgentService: @preconcurrency CallTaking {}

extension Message {
    var request: Request? { if case .request(let request) = self { request } else { nil } }

    var params: JSONNode? {
        switch self {
        case .request(let request): request.params
        case .notification(let notification): notification.params
        case .response: nil
        }
    }
}
