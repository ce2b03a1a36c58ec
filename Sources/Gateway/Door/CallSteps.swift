import Audit
package import Base
package import JSON
package import MCP
package import Policy

// Each step of a call's path takes what the step before it produced, so that none can be skipped:
// AuthenticatedMessage → ToolCall → ResolvedCall → JudgedCall → AuthorizedCall → UpstreamResult
// → ScreenedResult (in `Screening`).

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
    /// Of what its server is told beside the arguments; nil for nothing.
    package let answers: Digest?
    /// Which state of the gateway's rules it was judged under.
    package let generation: UInt64
    /// Whose records it makes.
    let parties: RecordParties

    init(
        id: String,
        resolved: ResolvedCall,
        parties: RecordParties,
        verdict: Verdict,
        digest: Digest,
        answers: Digest? = nil,
        generation: UInt64
    ) {
        self.id = id
        self.resolved = resolved
        self.parties = parties
        self.verdict = verdict
        self.digest = digest
        self.answers = answers
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
        case .success(.result(let node)), .success(.input(let node)): node.source
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
    /// The server wants to know something first; for an agent that brings it with the next request.
    case input(InputRequest)
}
