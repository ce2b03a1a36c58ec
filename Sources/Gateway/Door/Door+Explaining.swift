import Audit
package import Base
package import JSON
import MCP
package import Policy
import System

/// What the door would say to a call now.
package struct CallPreview: Sendable {
    package let explanation: Explanation
    package let facts: Facts
    /// Whether the credential sees the tool at all; to one that does not, it is an unknown tool.
    package let isSeen: Bool
    /// What stops the call whatever a person would say.
    package let refusal: Refusal?
    package let pin: Digest
}

extension Door {
    /// Judges a call as `pass` would, by the same functions; counts, asks, records and sends nothing.
    ///
    /// Nil where the tool is not offered.
    package func preview(
        _ reference: ToolReference,
        _ arguments: CallForm,
        by principal: Principal
    ) -> CallPreview? {
        guard let server = catalogue.tenants[principal.tenant]?[reference.server],
            let tool = server.tools[reference.tool]
        else { return nil }
        let digest = hashing.sha256(arguments.bytes)
        // A copy: what is asked about is not counted.
        var counts = limits
        let facts = Facts(
            taint: unknown.reasons(
                principal,
                reference,
                arguments,
                digest: digest,
                isRead: tool.policy.tier == .read
            ),
            limits: counts.admit(
                arguments,
                digest: digest,
                of: principal.subject,
                under: tool.policy,
                at: loop.now
            )
        )
        let explanation = tool.policy.explain(arguments, facts)
        let judged = JudgedCall(
            id: "preview",
            resolved: ResolvedCall(
                call: ToolCall(
                    by: principal,
                    endpoint: .server(reference.server),
                    tool: reference.tool,
                    arguments: arguments,
                    at: loop.now
                ),
                tool: tool,
                server: server
            ),
            verdict: explanation.verdict,
            digest: digest,
            generation: generation
        )
        return CallPreview(
            explanation: explanation,
            facts: facts,
            isSeen: principal.sees(tool),
            refusal: refusal(of: judged),
            pin: tool.pin
        )
    }
}
