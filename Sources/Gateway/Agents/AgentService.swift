package import Base
import JSON
package import MCP
import Screening
package import System

/// Speaks MCP with agents, whatever carries the messages: answers what the gateway answers itself,
/// and takes calls to the door.
package actor AgentService {
    private let door: Door
    private let loop: EventLoop
    private let identity: [UInt8]
    private let cursors: any CursorSealing
    private var sessions: Sessions
    /// What runs now, so that `notifications/cancelled` finds it.
    private var running: [RunningKey: Running] = [:]

    private struct Running {
        let cancellation: CallCancellation
        let channel: any ReplyChannel
        /// When its agent was last told that it still runs; at first, when it began.
        var quietSince: Instant
    }

    private struct RunningKey: Hashable {
        let principal: PrincipalKey
        let scope: Scope
        let id: RequestID

        /// Ids of one scope differ; which agent counts alike is for `==`.
        func hash(into hasher: inout Hasher) {
            hasher.combine(scope)
            hasher.combine(id)
        }
    }

    /// Where the ids of requests live: two agents may count from 1 with the same credential.
    private enum Scope: Hashable {
        /// A legacy session or a line-based connection.
        case named(String)
        /// One request of modern HTTP, which nothing but its own connection cancels.
        case exchange(UInt64)
    }

    private var exchanges: UInt64 = 0

    package nonisolated var unownedExecutor: UnownedSerialExecutor {
        unsafe loop.asUnownedSerialExecutor()
    }

    package init(
        door: Door,
        loop: EventLoop,
        identity: Implementation,
        cursors: any CursorSealing,
        random: any RandomSource
    ) {
        self.door = door
        self.loop = loop
        self.identity = identity.text
        self.cursors = cursors
        sessions = Sessions(random: random)
    }

    // MARK: Sessions

    package var sessionCount: Int { sessions.count }

    /// The revision of a live session of that credential at that endpoint.
    package func revision(
        of session: SessionID,
        _ principal: Principal,
        _ endpoint: Endpoint
    ) -> Revision? {
        sessions.find(session, principal.key, endpoint, at: loop.now)?.revision
    }

    package func close(_ session: SessionID, _ principal: Principal) -> Bool {
        for (key, call) in running
        where key.scope == .named(session.text) && key.principal == principal.key {
            call.cancellation.cancel(.cancelled)
        }
        return sessions.close(session, principal.key)
    }

    package func closeIdleSessions() {
        sessions.closeIdle(longerThan: Limits.sessionIdle, at: loop.now)
    }

    package func closeSessions(of principal: PrincipalKey) {
        sessions.closeAll(of: principal)
        for (key, call) in running where key.principal == principal {
            call.cancellation.cancel(.stopped)
        }
    }

    /// Says of each call that runs long that it still runs, so that nothing on the way takes its
    /// connection for dead (2026-07-28, basic/transports/streamable-http).
    package func keepQuietCallsAlive() {
        let now = loop.now
        for (key, call) in running
        where now.duration(since: call.quietSince) >= Limits.keepAliveInterval {
            running[key]?.quietSince = now
            // Ends at once, or with the connection when its peer takes nothing.
            loop.spawn { await call.channel.keepAlive() }
        }
    }

    // MARK: Messages

    /// Handles one message; `scope` names the connection or session its ids live in, nil where the
    /// request stands alone.
    package func handle(
        _ inbound: AuthenticatedMessage,
        scope name: String?,
        channel: any ReplyChannel,
        cancellation: CallCancellation
    ) async -> AgentReply {
        let scope = scope(name)
        switch inbound.message {
        case .response:
            // We ask agents nothing, so that nothing they answer is ours.
            return inbound.revision.isModern
                ? reply(
                    nil,
                    ProtocolError(.invalidRequest, "a response is not taken here"),
                    inbound
                )
                : .accepted
        case .notification(let notification):
            take(notification, inbound, scope: scope)
            return .accepted
        case .request(let request):
            return await answer(
                request,
                inbound,
                scope: scope,
                channel: channel,
                cancellation: cancellation
            )
        }
    }

    private func scope(_ name: String?) -> Scope {
        if let name { return .named(name) }
        exchanges &+= 1
        return .exchange(exchanges)
    }

    private func take(
        _ notification: Message.Notification,
        _ inbound: AuthenticatedMessage,
        scope: Scope
    ) {
        switch notification.method {
        case "notifications/initialized":
            if let session = inbound.session { sessions.markInitialized(session) }
        case "notifications/cancelled":
            guard let id = notification.params?["requestId"].flatMap({ RequestID($0) }) else {
                return
            }
            let key = RunningKey(principal: inbound.principal.key, scope: scope, id: id)
            running[key]?.cancellation.cancel(.cancelled)
        default:
            break  // Unknown notifications have no answer (JSON-RPC 2.0, section 4.1).
        }
    }

    private func answer(
        _ request: Message.Request,
        _ inbound: AuthenticatedMessage,
        scope: Scope,
        channel: any ReplyChannel,
        cancellation: CallCancellation
    ) async -> AgentReply {
        let isModern = inbound.revision.isModern
        switch request.method {
        case "initialize" where !isModern:
            return await initialize(request, inbound)
        case "ping" where !isModern:
            return result(request.id, Opening.empty(for: inbound.revision))
        case "server/discover" where isModern:
            let instructions = await door.instructions(for: inbound.principal, at: inbound.endpoint)
            return result(
                request.id,
                Opening.discoverResult(serverInfo: identity, instructions: instructions)
            )
        case "tools/list":
            return await list(request, inbound)
        case "tools/call":
            let key = RunningKey(
                principal: inbound.principal.key,
                scope: scope,
                id: request.id
            )
            guard running[key] == nil else {
                return reply(
                    request.id,
                    ProtocolError(.invalidRequest, "this id is in use by a running request"),
                    inbound
                )
            }
            running[key] = Running(
                cancellation: cancellation,
                channel: channel,
                quietSince: loop.now
            )
            defer { running[key] = nil }
            return await call(request, inbound, channel: channel, cancellation: cancellation)
        default:
            return reply(
                request.id,
                ProtocolError(
                    .methodNotFound,
                    "unknown method `\(printable(request.method))`",
                    status: isModern ? 404 : 200
                ),
                inbound
            )
        }
    }

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
        do throws(Sessions.Refused) {
            let session = try sessions.open(
                inbound.principal.key,
                inbound.endpoint,
                revision,
                at: loop.now
            )
            let body = Opening.initializeResult(
                revision: revision,
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
                    "this credential has too many sessions; end one with DELETE",
                    status: 503
                ),
                inbound
            )
        }
    }

    // MARK: Tools

    private func list(
        _ request: Message.Request,
        _ inbound: AuthenticatedMessage
    ) async -> AgentReply {
        let view = await door.visibleTools(for: inbound.principal, at: inbound.endpoint)
        var start = 0
        if let cursor = request.params?["cursor"] {
            guard let text = cursor.string,
                let position = cursors.open(text, for: inbound.principal.key, inbound.endpoint),
                position.version == view.version, position.offset <= view.tools.count
            else {
                return reply(
                    request.id,
                    ProtocolError(
                        .invalidParams,
                        "the cursor is unknown; list from the start",
                        status: 200
                    ),
                    inbound
                )
            }
            start = position.offset
        }
        let end = min(view.tools.count, start + Limits.listPageItemCount)
        let page = view.tools[start..<end].map { tool in
            DefinitionLowering.text(
                of: tool.definition,
                named: tool.name,
                for: inbound.revision
            )
        }
        let next =
            end < view.tools.count
            ? cursors.seal(
                CursorPosition(version: view.version, offset: end),
                for: inbound.principal.key,
                inbound.endpoint
            ) : nil
        return result(
            request.id,
            Opening.toolsPage(
                page,
                nextCursor: next,
                revision: inbound.revision,
                serverInfo: identity,
                absent: view.absent
            )
        )
    }

    private func call(
        _ request: Message.Request,
        _ inbound: AuthenticatedMessage,
        channel: any ReplyChannel,
        cancellation: CallCancellation
    ) async -> AgentReply {
        let answer = await door.pass(inbound, request, channel: channel, cancellation: cancellation)
        switch answer {
        case .result(let screened, let verdict):
            // A large result is written once, where it is sent from.
            let body = Envelope.result(request.id, ofAbout: screened.source.count + 256) { writer in
                ResultShape.writeToolResult(
                    screened,
                    for: inbound.revision,
                    serverInfo: identity,
                    verdict: verdict,
                    text: { Screener.text(of: $0, in: screened) },
                    to: &writer
                )
            }
            return AgentReply(status: 200, body: body)
        case .refused(let refusal, let verdict):
            return result(
                request.id,
                ResultShape.refusal(
                    text: refusal.agentText,
                    for: inbound.revision,
                    serverInfo: identity,
                    verdict: verdict
                )
            )
        case .protocolError(let error):
            return reply(request.id, error, inbound)
        }
    }

    // MARK: Writing

    private func result(_ id: RequestID, _ body: [UInt8]) -> AgentReply {
        AgentReply(status: 200, body: Envelope.result(id, body))
    }

    private func reply(
        _ id: RequestID?,
        _ error: ProtocolError,
        _ inbound: AuthenticatedMessage
    ) -> AgentReply {
        AgentReply(
            status: error.status,
            body: Envelope.error(id, error, for: inbound.revision)
        )
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
        for principal: PrincipalKey,
        _ endpoint: Endpoint
    ) -> String
    func open(
        _ cursor: String,
        for principal: PrincipalKey,
        _ endpoint: Endpoint
    ) -> CursorPosition?
}
