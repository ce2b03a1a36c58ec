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
        let head = exchange.head
        guard let text = Self.text(head[.mcpSessionID]), !head.isRepeated(.mcpSessionID) else {
            await answer(
                exchange,
                .methodNotAllowed,
                error: "no session to stream for; use POST",
                allow: "POST"
            )
            return
        }
        guard let accept = head[.accept], MediaTypes.acceptsEvents(accept) else {
            await answer(exchange, .notAcceptable, error: "Accept must name text/event-stream")
            return
        }
        let session = SessionID(text: text)
        guard let revision = await service.revision(of: session, principal, endpoint) else {
            await answer(exchange, .notFound, error: "no such session")
            return
        }
        if let version = Self.text(head[.mcpProtocolVersion]), version != revision.rawValue {
            await answer(
                exchange,
                .badRequest,
                error: "MCP-Protocol-Version differs from the session's \(revision.rawValue)"
            )
            return
        }
        let channel = HTTPReplyChannel(exchange)
        // A client waits for the head before it goes on.
        await channel.keepAlive()
        let cancellation = CallCancellation()
        await exchange.onClose { cancellation.cancel(.disconnected) }
        await service.stream(
            of: session,
            principal,
            endpoint,
            revision,
            channel: channel,
            cancellation: cancellation
        )
        await channel.end()
    }
}
