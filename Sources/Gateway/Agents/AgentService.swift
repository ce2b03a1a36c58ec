package import Base
import JSON
package import MCP
import Screening
package import System

/// Speaks MCP with agents, whatever carries the messages: answers what the gateway answers itself,
/// and takes calls to the door.
package actor AgentService {
    let door: Door
    let loop: EventLoop
    let identity: [UInt8]
    let cursors: any CursorSealing
    let clock: any Clock
    let random: any RandomSource
    var sessions: Sessions
    var feeds = Feeds()
    var isStopping = false
    /// Streams of sessions, for agents that lost one.
    var streams = ResumableStreams<HTTPReplyChannel>()
    /// Who waits for the end of a listening request.
    var waits: [UInt64: Pending<ListenEnd>] = [:]
    /// Calls of 2026-07-28 whose server waits for an answer.
    var parked: [String: ParkedCall] = [:]
    /// What agents of handshake revisions were asked.
    var asked: [AskedKey: Pending<JSONNode?>] = [:]
    var nextWait: UInt64 = 0
    /// How many listen to each resource.
    var watched: [ResourceKey: Int] = [:]
    private var running = RunningRequests()

    package nonisolated var unownedExecutor: UnownedSerialExecutor {
        unsafe loop.asUnownedSerialExecutor()
    }

    package init(
        door: Door,
        loop: EventLoop,
        identity: Implementation,
        cursors: any CursorSealing,
        clock: any Clock,
        random: any RandomSource
    ) {
        self.door = door
        self.loop = loop
        self.identity = identity.text
        self.cursors = cursors
        self.clock = clock
        self.random = random
        sessions = Sessions(random: random)
    }

    // MARK: Sessions

    package var sessionCount: Int { sessions.count }

    /// The live session of that credential at that endpoint; being looked for keeps it.
    package func session(
        _ id: SessionID,
        _ principal: Principal,
        _ endpoint: Endpoint
    ) -> Sessions.Session? {
        sessions.find(id, principal.key, endpoint, at: loop.now)
    }

    /// The same by the bytes of a header.
    func session(
        spelled id: ArraySlice<UInt8>,
        _ principal: Principal,
        _ endpoint: Endpoint
    ) -> Sessions.Session? {
        sessions.find(spelled: id.span, principal.key, endpoint, at: loop.now)
    }

    package func close(_ session: SessionID, _ principal: Principal) async -> Bool {
        for call in running.all {
            // What a line-based connection runs goes on beyond its session.
            guard let own = call.inbound.session, call.key.scope == ObjectIdentifier(own),
                own.id == session, own.principal == principal.key
            else { continue }
            call.cancellation.cancel(.cancelled)
        }
        let isClosed = sessions.close(session, principal.key)
        await forgetEndedSessions()
        return isClosed
    }

    package func closeIdleSessions() async {
        sessions.closeIdle(longerThan: Limits.sessionIdle, at: loop.now)
        await forgetEndedSessions()
    }

    package func closeSessions(of principal: PrincipalKey) {
        sessions.closeAll(of: principal)
        for feed in feeds.all.values where feed.principal.key == principal { feed.end() }
        for call in running.all where call.inbound.principal.key == principal {
            call.cancellation.cancel(.stopped)
        }
    }

    /// Says of each call that runs long that it still runs, so that nothing on the way takes its
    /// connection for dead (2026-07-28, basic/transports/streamable-http).
    package func keepQuietCallsAlive() {
        keepFeedsAlive()
        for channel in running.tellOfQuiet(for: Limits.keepAliveInterval, at: loop.now) {
            // Ends at once, or with the connection when its peer takes nothing.
            loop.spawn { await channel.keepAlive() }
        }
    }

    // MARK: Messages

    /// Handles one message; `scope` is the connection or session its ids live in, nil where the
    /// request stands alone.
    package func handle(
        _ inbound: AuthenticatedMessage,
        scope: ObjectIdentifier?,
        channel: any ReplyChannel,
        cancellation: CallCancellation
    ) async -> AgentReply {
        let scope = scope ?? ObjectIdentifier(inbound)
        if let call = begin(inbound, scope: scope, channel: channel, cancellation: cancellation) {
            let answer = await door.pass(
                inbound,
                call.request,
                of: call.kind,
                with: call.extras,
                channel: channel,
                cancellation: cancellation
            )
            return end(call, inbound, answer)
        }
        return await handleClosely(
            inbound,
            scope: scope,
            channel: channel,
            cancellation: cancellation
        )
    }

    /// Handles what `begin` does not take up.
    func handleClosely(
        _ inbound: AuthenticatedMessage,
        scope: ObjectIdentifier,
        channel: any ReplyChannel,
        cancellation: CallCancellation
    ) async -> AgentReply {
        switch inbound.message {
        case .response(let response):
            take(response, inbound, scope: scope)
            return inbound.revision.isModern
                ? reply(
                    nil,
                    ProtocolError(
                        .invalidRequest,
                        "a response is not taken here; answers come with the request sent again"
                    ),
                    inbound
                )
                : .accepted
        case .notification(let notification):
            take(notification, inbound, scope: scope)
            return .accepted
        case .request(let request):
            guard let kind = OfferKind(judgedBy: request.method) else {
                return await answer(request, inbound, scope, channel, cancellation)
            }
            let key = RunningRequests.Key(scope: scope, id: request.id)
            guard let began = running.begin(key, inbound, channel, cancellation, at: loop.now)
            else {
                return reply(request.id, Self.idInUse, inbound)
            }
            defer { running.end(began) }
            return await call(
                kind,
                request,
                inbound,
                scope: scope,
                channel: channel,
                cancellation: cancellation
            )
        }
    }

    /// A request that goes to the door as it is; `end` follows with the door's answer.
    struct BegunCall {
        fileprivate let running: RunningRequests.Running
        let request: Message.Request
        let kind: OfferKind
        let extras: CallExtras
    }

    /// Takes up what goes to the door as it is, as nearly every message does; nil, with nothing done,
    /// for what `handleClosely` is for.
    func begin(
        _ inbound: AuthenticatedMessage,
        scope: ObjectIdentifier,
        channel: any ReplyChannel,
        cancellation: CallCancellation
    ) -> BegunCall? {
        guard case .request(let request) = inbound.message,
            let kind = OfferKind(judgedBy: request.method),
            !inbound.revision.isModern || isPlain(request, inbound),
            let extras = try? extras(of: request, inbound, scope, channel, cancellation)
        else { return nil }
        let key = RunningRequests.Key(scope: scope, id: request.id)
        return running.begin(key, inbound, channel, cancellation, at: loop.now).map {
            BegunCall(running: $0, request: request, kind: kind, extras: extras)
        }
    }

    /// Whether a request of 2026-07-28 continues nothing and cannot be asked anything.
    private func isPlain(_ request: Message.Request, _ inbound: AuthenticatedMessage) -> Bool {
        request.params?["requestState"] == nil
            && InputModes(declaredBy: inbound.meta.clientCapabilities, in: inbound.revision).isEmpty
    }

    /// The reply to a request that went to the door.
    func end(
        _ call: BegunCall,
        _ inbound: AuthenticatedMessage,
        _ answer: CallAnswer
    ) -> AgentReply {
        running.end(call.running)
        return reply(to: call.request, call.kind, inbound, answer)
    }

    private func take(
        _ notification: Message.Notification,
        _ inbound: AuthenticatedMessage,
        scope: ObjectIdentifier
    ) {
        switch notification.method {
        case "notifications/initialized":
            if let session = inbound.session { sessions.markInitialized(session.id) }
        case "notifications/cancelled":
            guard let id = notification.params?["requestId"].flatMap({ RequestID($0) }) else {
                return
            }
            let key = RunningRequests.Key(scope: scope, id: id)
            running.cancellation(of: key)?.cancel(.cancelled)
        default:
            break  // Unknown notifications have no answer (JSON-RPC 2.0, section 4.1).
        }
    }

    private func answer(
        _ request: Message.Request,
        _ inbound: AuthenticatedMessage,
        _ scope: ObjectIdentifier,
        _ channel: any ReplyChannel,
        _ cancellation: CallCancellation
    ) async -> AgentReply {
        let isModern = inbound.revision.isModern
        switch request.method {
        case "initialize" where !isModern:
            return await initialize(request, inbound)
        case "ping" where !isModern:
            return result(request.id, Opening.empty(for: inbound.revision))
        case "resources/subscribe" where !isModern:
            return await subscribe(request, inbound, isOn: true)
        case "resources/unsubscribe" where !isModern:
            return await subscribe(request, inbound, isOn: false)
        case "logging/setLevel" where !isModern:
            return await setLevel(request, inbound)
        case "server/discover" where isModern:
            let instructions = await door.instructions(for: inbound.principal, at: inbound.endpoint)
            return result(
                request.id,
                Opening.discoverResult(
                    capabilities: await door.capabilities(
                        for: inbound.principal,
                        at: inbound.endpoint
                    ),
                    serverInfo: identity,
                    instructions: instructions
                )
            )
        default: break
        }
        if isModern, request.method == "subscriptions/listen" {
            let key = RunningRequests.Key(scope: scope, id: request.id)
            guard let began = running.begin(key, inbound, channel, cancellation, at: loop.now)
            else {
                return reply(request.id, Self.idInUse, inbound)
            }
            defer { running.end(began) }
            return await listen(request, inbound, channel: channel, cancellation: cancellation)
        }
        if let kind = OfferKind(listedBy: request.method) {
            return await list(kind, request, inbound)
        }
        return reply(
            request.id,
            ProtocolError(
                .methodNotFound,
                "unknown method `\(printable(request.method))` in \(inbound.revision.rawValue); "
                    + "the capabilities name what is served",
                status: isModern ? 404 : 200
            ),
            inbound
        )
    }

    private static let idInUse = ProtocolError(
        .invalidRequest,
        "this id is in use by a running request; take another"
    )

    private func initialize(
        _ request: Message.Request,
        _ inbound: AuthenticatedMessage
    ) async -> AgentReply {
        guard let requested = request.params?["protocolVersion"]?.string else {
            return reply(
                request.id,
                ProtocolError(.invalidParams, "`initialize` needs `protocolVersion`"),
                inbound
            )
        }
        let revision = Negotiation.answer(toInitializeWith: requested)
        let instructions = await door.instructions(for: inbound.principal, at: inbound.endpoint)
        let capabilities = await door.capabilities(for: inbound.principal, at: inbound.endpoint)
        do throws(Sessions.Refused) {
            let session = try sessions.open(
                inbound.principal.key,
                inbound.endpoint,
                revision,
                modes: InputModes(declaredBy: request.params?["capabilities"], in: revision),
                at: loop.now
            )
            let body = Opening.initializeResult(
                revision: revision,
                capabilities: capabilities,
                serverInfo: identity,
                instructions: instructions
            )
            return AgentReply(
                status: 200,
                body: Envelope.result(request.id, body),
                newSession: session
            )
        } catch {
            return reply(
                request.id,
                ProtocolError(
                    .internalError,
                    error == .full
                        ? "too many sessions are open; try again later"
                        : "this credential has too many sessions; end one with DELETE",
                    status: 503
                ),
                inbound
            )
        }
    }
}

/// Where a page of a list begins.
package struct CursorPosition: Sendable, Equatable {
    package let version: UInt64
    package let offset: Int

    package init(version: UInt64, offset: Int) {
        self.version = version
        self.offset = offset
    }
}

/// Makes cursors that say nothing and cannot be made by anyone else.
package protocol CursorSealing: Sendable {
    func seal(
        _ position: CursorPosition,
        _ list: OfferKind,
        for principal: PrincipalKey,
        _ endpoint: Endpoint
    ) -> String
    func open(
        _ cursor: String,
        _ list: OfferKind,
        for principal: PrincipalKey,
        _ endpoint: Endpoint
    ) -> CursorPosition?

    /// The same for what continues a request.
    func seal(_ state: [UInt8], for principal: PrincipalKey, _ endpoint: Endpoint) -> String
    func open(state: String, for principal: PrincipalKey, _ endpoint: Endpoint) -> [UInt8]?
}
