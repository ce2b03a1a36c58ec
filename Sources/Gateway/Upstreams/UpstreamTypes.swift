package import Base
import HTTP
package import JSON
package import MCP

/// Why an upstream gave no answer, and whether the request may have reached it.
package struct UpstreamFailure: Error, Equatable, Sendable, CustomStringConvertible {
    package enum Kind: Sendable, Equatable {
        /// Nothing was sent: the call was certainly not done.
        case notSent
        /// The connection or the process ended after sending: whether it was done is not known.
        case lost
        case timedOut
        case cancelled
        /// What came is no answer of the protocol.
        case invalidAnswer
    }

    package let kind: Kind
    package let description: String
    /// Nothing was written because the process or session it was for was gone by then: the next one may
    /// be sent it.
    let isOvertaken: Bool
    /// Our own words for an agent, after the server's name; nothing of what the server said.
    package let advice: String?

    package init(
        _ kind: Kind,
        _ description: String,
        advice: String? = nil,
        isOvertaken: Bool = false
    ) {
        self.kind = kind
        self.isOvertaken = isOvertaken
        self.description = description
        self.advice = advice
    }
}

/// What an upstream answered.
package enum UpstreamAnswer: Sendable {
    case result(JSONNode)
    case error(code: Int64, message: String, data: JSONNode? = nil)
    /// It wants to know something first (2026-07-28, basic/patterns/mrtr).
    case input(JSONNode)

    init(_ outcome: Message.Response.Outcome) {
        switch outcome {
        case .result(let node): self = .result(node)
        case .error(let code, let message, let data):
            self = .error(code: code, message: message, data: data)
        }
    }
}

/// What a server says of itself that a model reads.
package struct ServerDescription: Sendable, Equatable {
    package let revision: Revision
    package let instructions: String?
    /// Tools, and what else is offered: prompts, resources, templates (`OfferKind`).
    package let tools: [ToolDefinition]
    /// Tools that cannot be taken, with the reason, for the operator.
    package let unusable: [UnusableTool]

    /// What it says it does beside answering.
    let abilities: Abilities

    struct Abilities: Sendable, Equatable {
        /// Tells when a resource changes.
        var subscribes = false
        /// Writes log messages.
        var logs = false
    }

    init(
        revision: Revision,
        instructions: String?,
        tools: [ToolDefinition],
        unusable: [UnusableTool],
        abilities: Abilities = Abilities()
    ) {
        self.revision = revision
        self.instructions = instructions
        self.tools = tools
        self.unusable = unusable
        self.abilities = abilities
    }

    package struct UnusableTool: Sendable, Equatable {
        package let name: String
        package let reason: String
    }

    /// Whether a server says the same: the definitions' bytes are what counts.
    package static func == (left: ServerDescription, right: ServerDescription) -> Bool {
        left.revision == right.revision && left.abilities == right.abilities
            && left.instructions == right.instructions
            && left.unusable == right.unusable && left.tools.count == right.tools.count
            && zip(left.tools, right.tools).allSatisfy { $0.node.source == $1.node.source }
    }

    /// Whether everything that calls are judged by is the same; resources come and go like data.
    func promises(what other: ServerDescription) -> Bool { judged == other.judged }

    private var judged: ServerDescription {
        ServerDescription(
            revision: revision,
            instructions: instructions,
            tools: tools.filter { $0.kind.isJudged },
            unusable: unusable
        )
    }
}

/// One process or session, and what is spoken with it: what is agreed with it holds for no other.
package struct Opened: Equatable, Sendable {
    package let generation: UInt64
    package let revision: Revision
}

/// One request on its way to an upstream.
package struct UpstreamRequest: Sendable {
    package let id: Int64
    package let method: String
    package let body: [UInt8]
    /// The value of `Mcp-Name`, for the modern revision over HTTP.
    package let name: String?
    /// `Mcp-Param-*` headers, already encoded.
    package let parameters: [(name: String, value: String)]
    package let deadline: Instant
    package let revision: Revision
    /// The process or session it is meant for, and no other; nil for whichever is there.
    package var generation: UInt64?
    /// Who answers what the server asks while it works on this; nobody where nil.
    package var questions: QuestionSink?
    /// Whether it only asks if anybody is there: that is no use of the server, and keeps it awake no
    /// longer.
    package var isProbe = false

    /// Whether it introduces us: `initialize` must not be cancelled, and a probe that nobody
    /// answered is better followed by nothing (2025-11-25, basic/utilities/cancellation).
    package var isOpening: Bool { method == "initialize" || method == "server/discover" }
}

/// What a server says that belongs to no request of an agent.
package enum UpstreamNotice: Sendable {
    /// It offers something else now.
    case listChanged
    case updated(uri: String)
    /// It took up our listening request of that id.
    case acknowledged(Int64)
    /// It ended that listening request in order.
    case listeningEnded(Int64)
    /// It answered that listening request with an error.
    case listeningRefused(Int64, code: Int64)

    init?(_ notification: Message.Notification) {
        switch notification.method {
        case "notifications/tools/list_changed", "notifications/prompts/list_changed",
            "notifications/resources/list_changed":
            self = .listChanged
        case "notifications/resources/updated":
            guard let uri = notification.params?["uri"]?.string, uri.utf8.count <= 4096 else {
                return nil
            }
            self = .updated(uri: uri)
        case "notifications/subscriptions/acknowledged":
            let id = notification.params?["_meta"]?["io.modelcontextprotocol/subscriptionId"]
            guard case .integer(let number)? = id.flatMap({ RequestID($0) }) else { return nil }
            self = .acknowledged(number)
        default: return nil
        }
    }
}

/// Answers a server's own request that belongs to one of ours, with a whole response.
package typealias QuestionSink = @Sendable (_ asked: Message.Request) async -> [UInt8]

/// Where notifications that belong to a request go while it runs.
package typealias NotificationSink = @Sendable (_ method: String, _ params: JSONNode?) -> Void

/// How requests reach one server: its standard input, or HTTP.
///
/// Every conforming type is an actor on the gateway's loop.
package protocol UpstreamTransport: Sendable {
    /// Whether the transport is HTTP, whose modern requests carry mirror headers.
    var isHTTP: Bool { get }

    /// Sends a request and waits for its response.
    ///
    /// `cancellation` ends it early: with a `notifications/cancelled` of that request, or by
    /// closing its stream, as the revision asks. Asked on the loop.
    nonisolated(nonsending) func send(
        _ request: UpstreamRequest,
        cancellation: CallCancellation,
        notifications: @escaping NotificationSink
    ) async throws(UpstreamFailure) -> UpstreamAnswer

    /// Sends a notification to that process or session, and to no later one; what becomes of it is
    /// not known.
    func notify(_ message: [UInt8], to opened: Opened) async

    /// Brings the server up if it sleeps; returns a number that changes with each new process or
    /// session, so that the client knows when to introduce itself again.
    func ready() async throws(UpstreamFailure) -> UInt64

    var currentGeneration: UInt64 { get async }

    /// What `ready` would return where it has nothing to bring up, and nil where it may have; asked
    /// on the loop.
    var generationAtHand: UInt64? { get }

    /// Introduces us to each new process before anything else is sent to it; says why when it
    /// does not answer as the protocol asks.
    func onStart(_ greet: @escaping @Sendable () async -> UpstreamFailure?) async

    /// Where goes what the server says of itself; called once.
    func onNotice(_ body: @escaping @Sendable (UpstreamNotice) -> Void) async

    /// Hears what that process or session says unasked, until the next of these or a new session: by
    /// the listening request of 2026-07-28, or on the stream a handshake session may have; nothing
    /// where the transport has a way for it in any case, or another process or session is there.
    func listen(_ request: UpstreamRequest?, to opened: Opened) async

    /// Ends the connection or the process, in order.
    func close() async
}

/// One call's way to be called off: by its agent, by a lockdown, or by a shutdown.
///
/// `cancel` runs what was registered, once.
///
/// INVARIANT loop-thread: lives on the gateway's loop, which is what makes `@unchecked Sendable` true.
package final class CallCancellation: @unchecked Sendable {
    package enum Reason: Sendable {
        /// The agent asked for it.
        case cancelled
        /// The agent's connection closed; in 2026-07-28 that is how a call is cancelled.
        case disconnected
        /// A lockdown, a revocation or a shutdown.
        case stopped
    }

    /// Why it was called off, if it was.
    package private(set) var reason: Reason?
    private typealias Handler = (key: Int, body: @Sendable () -> Void)

    private var nextKey = 0
    /// One or two at a time: the upstream's, and the desk's.
    ///
    /// The last stands apart, because a row for it alone would be an allocation of every call.
    private var last: Handler?
    private var earlier: [Handler] = []
    /// What ends its request over HTTP, while there is one: a handler of its own would be a closure
    /// on the heap for every call.
    private var request: Cancellation?

    package init() {}

    package var isCancelled: Bool { reason != nil }

    /// Runs `body` when the call is called off, at once if it was already; the key takes it back.
    @discardableResult
    package func onCancel(_ body: @escaping @Sendable () -> Void) -> Int {
        guard reason == nil else {
            body()
            return 0
        }
        nextKey += 1
        if let last { earlier.append(last) }
        last = (nextKey, body)
        return nextKey
    }

    package func remove(_ key: Int) {
        if last?.key == key {
            last = earlier.popLast()
        } else {
            earlier.removeAll { $0.key == key }
        }
    }

    /// `stop` is cancelled with the call, at once if that was called off already, until `ended`.
    func begin(_ stop: Cancellation) {
        if reason == nil, request == nil {
            request = stop
        } else {
            // A second one beside the first; its handler goes with the call.
            onCancel { stop.cancel() }
        }
    }

    func ended(_ stop: Cancellation) {
        if request === stop { request = nil }
    }

    package func cancel(_ reason: Reason) {
        guard self.reason == nil else { return }
        self.reason = reason
        let waiting = earlier + (last.map { [$0] } ?? [])
        let request = request
        earlier = []
        last = nil
        self.request = nil
        for handler in waiting { handler.body() }
        request?.cancel()
    }
}
