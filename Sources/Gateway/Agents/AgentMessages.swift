package import Base
import JSON
package import MCP

/// Where an agent connected: one server with its own tool names, or all with `server__tool`.
package enum Endpoint: Sendable, Hashable {
    case all
    case server(ServerName)
}

/// A message whose sender is known and whose revision was decided.
package final class AuthenticatedMessage: Sendable {
    package let principal: Principal
    package let endpoint: Endpoint
    package let revision: Revision
    package let message: Message
    package let meta: RequestMeta
    /// The legacy session it belongs to.
    package let session: Sessions.Session?
    /// Keeps the `Mcp-Param-*` headers at hand for the tool whose schema names them; nil where no
    /// headers travel (standard input).
    package let parameterHeader: (@Sendable (String) -> String?)?

    package init(
        principal: Principal,
        endpoint: Endpoint,
        revision: Revision,
        message: Message,
        meta: RequestMeta,
        session: Sessions.Session?,
        parameterHeader: (@Sendable (String) -> String?)?
    ) {
        self.principal = principal
        self.endpoint = endpoint
        self.revision = revision
        self.message = message
        self.meta = meta
        self.session = session
        self.parameterHeader = parameterHeader
    }
}

/// What goes back for one message.
package struct AgentReply: Sendable {
    /// The HTTP status; a line-based agent has no use for it.
    package let status: Int
    /// The JSON-RPC response; nil for a notification, which has none.
    package let body: [UInt8]?
    /// The session an `initialize` began.
    package let newSession: SessionID?

    package init(status: Int, body: [UInt8]?, newSession: SessionID? = nil) {
        self.status = status
        self.body = body
        self.newSession = newSession
    }

    static let accepted = AgentReply(status: 202, body: nil)
}

/// The way back to the agent while its request runs.
package protocol ReplyChannel: Sendable {
    /// Sends a notification that belongs to the request.
    func notify(_ message: [UInt8]) async
    /// Says that the request is still being worked on, where the transport has a way to.
    func keepAlive() async
    /// Whether a server's question can go to the agent on it while the request runs.
    var carriesQuestions: Bool { get }
}

extension ReplyChannel {
    package var carriesQuestions: Bool { true }
}
