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

/// Why a tool is not offered now, and what an agent hears that calls it.
package struct Unoffered: Sendable {
    package let answer: String
    package let text: String
}

extension Door {
    /// Nil where the tool is offered, or there is no such server.
    package func whyUnoffered(_ reference: ToolReference, by principal: Principal) -> Unoffered? {
        guard let server = catalogue.tenants[principal.tenant]?[reference.server],
            server.tools[reference.tool] == nil
        else { return nil }
        // To a credential that does not reach it, it is unknown whatever it turns out to be.
        if let silence = server.silence, principal.sees(reference) {
            let text =
                "the server `\(server.name)` \(silence.reason): nothing is known yet of what it "
            switch silence {
            case .starting:
                return Unoffered(answer: "wait", text: text + "offers, and calls wait for it")
            case .unreached:
                return Unoffered(answer: "refuse", text: text + "offers, and calls are refused")
            }
        }
        let reason = server.hidden[reference.tool].map { "it is hidden: \($0)" }
        return Unoffered(
            answer: "unknown tool",
            text: reason ?? "the server `\(server.name)` does not list it"
        )
    }

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
            parties: parties.of(principal, tool),
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
