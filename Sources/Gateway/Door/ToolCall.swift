package import Base
package import JSON
package import MCP

/// What an agent can do during a call, and what it said before it.
package struct CallExtras: Sendable {
    var logLevel: LogLevel?
    var modes = InputModes()
    var asking: (any InputAsking)?
    var answers: InputAnswers?

    package init() {}
}

/// A request that is judged, its parameters read and in call form (docs/architecture.md, rule 2).
///
/// Mostly a `tools/call`; a prompt, a resource and a completion are judged like one, under names
/// no tool has (`OfferKind`).
package final class ToolCall: Sendable {
    package let principal: Principal
    package let endpoint: Endpoint
    package let revision: Revision
    package let kind: OfferKind
    /// The name by which the catalogue finds it.
    package let spelling: String
    /// What the agent called it.
    package let asked: String
    package let arguments: CallForm
    /// What an agent must see besides: the prompt or template it wants completed.
    package let subject: String?
    /// When the loop took it up.
    package let arrived: Instant
    package let progressToken: ProgressToken?
    let trace: TraceContext?
    /// From which level on the agent hears what the call logs; nil for nothing.
    package let logLevel: LogLevel?
    package let parameterHeader: (@Sendable (String) -> String?)?
    /// How the person behind the agent can be asked, and by whom; nil where answers come with
    /// another request.
    let modes: InputModes
    let asking: (any InputAsking)?
    /// What it continues.
    let answers: InputAnswers?
    /// What its server is told beside the arguments.
    let given: GivenAnswers?
    /// Whether the call is under way and only these answers are still to be judged.
    let isAnswer: Bool

    enum Unreadable: Error {
        /// The envelope is broken: a protocol error.
        case envelope(ProtocolError)
        /// The arguments are: the model may repair them.
        case arguments(Refusal)
    }

    init(
        _ inbound: AuthenticatedMessage,
        _ request: Message.Request,
        of kind: OfferKind,
        with extras: CallExtras = CallExtras(),
        at now: Instant
    ) throws(Unreadable) {
        let meta = inbound.meta
        principal = inbound.principal
        endpoint = inbound.endpoint
        revision = inbound.revision
        self.kind = kind
        arrived = now
        progressToken = meta.progressToken
        trace = meta.trace
        logLevel = extras.logLevel
        modes = extras.modes
        asking = extras.asking
        answers = extras.answers
        isAnswer = false
        parameterHeader = inbound.parameterHeader
        let reading = CallReading(params: request.params, endpoint: inbound.endpoint)
        let parts: CallReading.Parts
        do throws(ProtocolError) {
            parts = try reading.parts(of: kind, inbound.revision)
        } catch {
            throw .envelope(error)
        }
        spelling = parts.spelling
        asked = parts.asked
        subject = parts.subject
        do throws(CallFormError) {
            arguments = try parts.form()
            given = try extras.answers?.given()
        } catch {
            throw .arguments(
                Refusal(
                    code: .unreadableArguments,
                    rule: "call form",
                    agentText: "the arguments cannot be taken: \(error)"
                )
            )
        }
    }

    /// The same call with other arguments, which no header of the agent's describes.
    init(_ original: ToolCall, with arguments: CallForm) {
        principal = original.principal
        endpoint = original.endpoint
        revision = original.revision
        kind = original.kind
        spelling = original.spelling
        asked = original.asked
        subject = original.subject
        self.arguments = arguments
        arrived = original.arrived
        progressToken = original.progressToken
        trace = original.trace
        logLevel = original.logLevel
        modes = original.modes
        asking = original.asking
        // What answers a server is not edited.
        answers = nil
        given = nil
        isAnswer = false
        parameterHeader = nil
    }

    /// What is answered to the server of a call that is under way: the same call with that.
    init(_ original: ToolCall, answering given: GivenAnswers, at now: Instant) {
        principal = original.principal
        endpoint = original.endpoint
        revision = original.revision
        kind = original.kind
        spelling = original.spelling
        asked = original.asked
        subject = original.subject
        arguments = original.arguments
        arrived = now
        progressToken = nil
        trace = nil
        logLevel = nil
        modes = []
        asking = nil
        answers = nil
        self.given = given
        isAnswer = true
        parameterHeader = nil
    }

    /// What a server asks of the agent behind `call`: a call the other way round.
    init(
        asking tool: ToolReference,
        _ arguments: CallForm,
        during call: ToolCall,
        at now: Instant
    ) {
        principal = call.principal
        endpoint = .server(tool.server)
        revision = .newestLegacy
        kind = OfferKind(of: tool.tool)
        spelling = tool.tool.rawValue
        asked = tool.tool.rawValue
        subject = nil
        self.arguments = arguments
        arrived = now
        progressToken = nil
        trace = nil
        logLevel = nil
        parameterHeader = nil
        // It answers, and is asked nothing more meanwhile.
        modes = []
        asking = call.asking
        answers = nil
        given = nil
        isAnswer = false
    }

    /// A call nobody sent, to ask what would become of it.
    init(
        by principal: Principal,
        endpoint: Endpoint,
        tool: ToolName,
        arguments: CallForm,
        at now: Instant
    ) {
        self.principal = principal
        self.endpoint = endpoint
        revision = .newest
        kind = OfferKind(of: tool)
        spelling = tool.rawValue
        asked = tool.rawValue
        subject = nil
        self.arguments = arguments
        arrived = now
        progressToken = nil
        trace = nil
        logLevel = nil
        modes = []
        asking = nil
        answers = nil
        given = nil
        isAnswer = false
        parameterHeader = nil
    }
}
