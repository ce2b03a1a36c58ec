import Base
import HTTP
import JSON
import MCP
import System

/// The stream a handshake session may keep open beside its requests.
extension HTTPAgentEndpoint {
    /// Tells of changes until the agent leaves (2025-11-25, basic/transports, "Listening for
    /// Messages from the Server"); without a live session there is none.
    func stream(
        _ exchange: Exchange,
        _ principal: Principal,
        _ endpoint: Endpoint
    ) async {
        guard let session = await sessionToStream(exchange, principal, endpoint) else { return }
        let channel = HTTPReplyChannel(
            exchange,
            of: HTTPReplyChannel.Session(
                session,
                service: service,
                isStandalone: true
            )
        )
        guard let isResumed = await isResumed(exchange, session, channel) else { return }
        // A client waits for the head before it goes on.
        await channel.keepAlive()
        let cancellation = CallCancellation()
        await exchange.onClose { cancellation.cancel(.disconnected) }
        await service.stream(
            of: session.id,
            principal,
            endpoint,
            session.revision,
            isResumed: isResumed,
            channel: channel,
            cancellation: cancellation
        )
        await channel.end()
    }

    // What waits with the stream, perhaps for days, is kept small: these steps are functions of their
    // own, whose room is given back.

    /// The session to stream for; nil where the request was answered with a refusal.
    private func sessionToStream(
        _ exchange: Exchange,
        _ principal: Principal,
        _ endpoint: Endpoint
    ) async -> Sessions.Session? {
        let head = exchange.head
        guard let id = head[.mcpSessionID], !head.isRepeated(.mcpSessionID) else {
            await answer(
                exchange,
                .methodNotAllowed,
                error: "no session to stream for; use POST, or name one in Mcp-Session-Id, once",
                allow: "POST"
            )
            return nil
        }
        guard MediaTypes.acceptsEvents(head.fields.joined(.accept)[...]) else {
            await answer(exchange, .notAcceptable, error: "Accept must name text/event-stream")
            return nil
        }
        guard let session = session(id, principal, endpoint) else {
            await answer(exchange, .notFound, error: "no such session; send `initialize` again")
            return nil
        }
        if let problem = Self.versionProblem(of: head, in: session.revision) {
            await answer(exchange, nil, problem)
            return nil
        }
        return session
    }

    /// Whether an earlier stream of the session goes on with this one, told what it missed; nil where
    /// the request was answered otherwise.
    private func isResumed(
        _ exchange: Exchange,
        _ session: Sessions.Session,
        _ channel: HTTPReplyChannel
    ) async -> Bool? {
        let head = exchange.head
        guard let last = Self.text(head[.lastEventID]) else { return false }
        guard !head.isRepeated(.lastEventID),
            let (before, sequence) = await service.kept(last, of: session.id),
            let missed = before.missed(after: sequence)
        else {
            await answerUnkept(exchange)
            return nil
        }
        guard before.isStandalone else {
            await resume(exchange, before, after: sequence)
            return nil
        }
        // What one of these streams missed is told on the next.
        for event in missed { await channel.notify(event.data) }
        await service.forget(before)
        return true
    }

    /// What is wrong with the version a request of that session names, whatever its verb; an older
    /// client names none (2025-11-25, basic/transports, "Protocol Version Header").
    static func versionProblem(of head: RequestHead, in revision: Revision) -> ProtocolError? {
        guard let text = text(head[.mcpProtocolVersion]) else { return nil }
        guard !head.isRepeated(.mcpProtocolVersion) else {
            return ProtocolError(
                .invalidRequest,
                "the header MCP-Protocol-Version is repeated; send it once"
            )
        }
        guard let named = Revision(rawValue: text) else {
            return Negotiation.unsupported(requested: text)
        }
        guard named == revision else {
            return ProtocolError(
                .invalidRequest,
                "MCP-Protocol-Version differs from the session's; send \(revision.rawValue)"
            )
        }
        return nil
    }

    /// The stream of a request, gone on with where its agent lost it.
    private func resume(
        _ exchange: Exchange,
        _ channel: HTTPReplyChannel,
        after sequence: UInt64
    ) async {
        let released = Pending<Void>(on: service.loop)
        let release = Release(released)
        await exchange.onClose { release() }
        guard await channel.resume(on: exchange, after: sequence, released: { release() }) else {
            return await answerUnkept(exchange)
        }
        try? await released.value()
    }

    /// Settles what waits for the end of an exchange.
    ///
    /// INVARIANT loop-thread: called on the exchange's loop, which is what makes `@unchecked Sendable` true.
    private final class Release: @unchecked Sendable {
        private let pending: Pending<Void>
        init(_ pending: Pending<Void>) { self.pending = pending }
        func callAsFunction() { pending.fulfil(()) }
    }

    private func answerUnkept(_ exchange: Exchange) async {
        await answer(
            exchange,
            .badRequest,
            error: "what came after this event is not kept; send the request again"
        )
    }
}
