package import Base
package import JSON
package import MCP
package import Policy

// Each step of a call's path takes what the step before it produced, so that none can be skipped:
// AuthenticatedMessage → ToolCall → ResolvedCall → JudgedCall → AuthorizedCall → UpstreamResult
// → ScreenedResult (in `Screening`).

/// A `tools/call` whose parameters were read, with its arguments in call form (design law 2).
package final class ToolCall: Sendable {
    package let principal: Principal
    package let endpoint: Endpoint
    package let revision: Revision
    /// The name as the agent spelled it.
    package let spelling: String
    package let arguments: CallForm
    /// When the loop took it up.
    package let arrived: Instant
    package let progressToken: ProgressToken?
    package let parameterHeader: (@Sendable (String) -> String?)?

    enum Unreadable: Error {
        /// The envelope is broken: a protocol error.
        case envelope(ProtocolError)
        /// The arguments are: the model may repair them.
        case arguments(Refusal)
    }

    init(
        _ inbound: AuthenticatedMessage,
        _ request: Message.Request,
        at now: Instant
    ) throws(Unreadable) {
        guard let name = request.params?["name"]?.string else {
            throw .envelope(
                ProtocolError(.invalidParams, "`params.name` must be a string", status: 200)
            )
        }
        let meta = inbound.meta
        principal = inbound.principal
        endpoint = inbound.endpoint
        revision = inbound.revision
        spelling = name
        arrived = now
        progressToken = meta.progressToken
        parameterHeader = inbound.parameterHeader
        let node = request.params?["arguments"]
        guard node == nil || node?.kind == .object else {
            throw .envelope(
                ProtocolError(.invalidParams, "`params.arguments` must be an object", status: 200)
            )
        }
        do throws(CallFormError) {
            arguments = try Self.form(of: node)
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
        spelling = original.spelling
        self.arguments = arguments
        arrived = original.arrived
        progressToken = original.progressToken
        parameterHeader = nil
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
        spelling = tool.rawValue
        self.arguments = arguments
        arrived = now
        progressToken = nil
        parameterHeader = nil
    }
}

extension ToolCall {
    /// The call form; a call without arguments has that of an empty object.
    private static func form(of node: JSONNode?) throws(CallFormError) -> CallForm {
        if let node { return try CallForm(node) }
        let document: JSONDocument
        do throws(JSONError) {
            document = try JSONDocument(parsing: Array("{}".utf8))
        } catch {
            throw .unreadable(error)
        }
        return try CallForm(document.root)
    }
}

/// A call whose tool is published, seen by this principal, and whose arguments its schema allows.
package final class ResolvedCall: Sendable {
    package let call: ToolCall
    package let tool: ToolEntry
    package let server: ServerEntry

    init(call: ToolCall, tool: ToolEntry, server: ServerEntry) {
        self.call = call
        self.tool = tool
        self.server = server
    }
}

/// A call with its verdict, and everything the verdict rests on.
package final class JudgedCall: Sendable {
    /// Our own id of the call, the same in every record of it and in the agent's refusal.
    package let id: String
    package let resolved: ResolvedCall
    package let verdict: Verdict
    /// SHA-256 of the call form.
    package let digest: Digest
    /// Which state of the gateway's rules it was judged under.
    package let generation: UInt64

    init(
        id: String,
        resolved: ResolvedCall,
        verdict: Verdict,
        digest: Digest,
        generation: UInt64
    ) {
        self.id = id
        self.resolved = resolved
        self.verdict = verdict
        self.digest = digest
        self.generation = generation
    }

    var call: ToolCall { resolved.call }
    var tool: ToolEntry { resolved.tool }
    var principal: Principal { resolved.call.principal }
    var tally: ServerTally { resolved.server.tally }
}

/// What came from the upstream, before anybody but the screener sees it.
package struct UpstreamResult: Sendable {
    package let answer: Result<UpstreamAnswer, UpstreamFailure>
    package let duration: Duration

    /// What came: the result as the server wrote it, or an error's message; empty for no answer.
    var bytes: ArraySlice<UInt8> {
        switch answer {
        case .success(.result(let node)): node.source
        case .success(.error(_, let message, _)): Array(message.utf8)[...]
        case .failure: []
        }
    }
}

/// What the door answers.
package enum CallAnswer: Sendable {
    /// A screened result, and the verdict's id.
    case result(JSONNode, verdict: String?)
    case refused(Refusal, verdict: String)
    case protocolError(ProtocolError)
}
