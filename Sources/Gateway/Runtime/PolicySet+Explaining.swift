package import Base
package import JSON
package import Policy

/// Everything there is to say about a call under a policy, for people and programs.
///
/// Nothing is judged here: the explanation comes from the judge, and from the door where one runs.
package struct PolicyAnswer: Sendable {
    package let explanation: Explanation
    /// What the running gateway adds; nil where only files were read.
    package let preview: CallPreview?
    /// Why a running gateway does not offer the tool.
    package let unoffered: Unoffered?
    package let principal: Principal?
    private let placement: CheckedPolicy.Placement
    private let raised: TierRaise?
    private let policy: ToolPolicy
    private let bystanders: [String]
    private let deniedPaths: [String]

    /// Nil when the tenant has no such server.
    package init?(
        _ set: PolicySet,
        _ tool: ToolReference,
        tenant: TenantID,
        arguments: CallForm,
        offered: ToolPolicy? = nil,
        preview: CallPreview? = nil,
        unoffered: Unoffered? = nil,
        principal: Principal? = nil
    ) {
        guard let policy = offered ?? set.policy.policy(for: tool, tenant: tenant) else {
            return nil
        }
        self.policy = policy
        self.preview = preview
        self.unoffered = unoffered
        self.principal = principal
        explanation = preview?.explanation ?? policy.explain(arguments)
        placement = set.policy.placement(of: tool, tenant: tenant)
        raised = policy.raised
        bystanders = set.policy.bystanders(of: tool, tenant: tenant)
        deniedPaths = policy.denied.patterns.map(\.text)
    }

    /// `allow`, `ask`, `ask-two`, `refuse`; `unknown tool` for a credential that does not see it, or
    /// where it is not offered; `wait` where its server has not said yet what it offers.
    package var answer: String {
        if let unoffered { return unoffered.answer }
        if let preview, !preview.isSeen { return "unknown tool" }
        if preview?.refusal != nil { return Decision.refuse.description }
        return explanation.verdict.decision.description
    }

    /// What the agent would read, where it is refused.
    private var agentText: String? {
        if let unoffered { return unoffered.text }
        if let preview, !preview.isSeen {
            return explanation.isVisible
                ? "this credential does not see the tool: it answers like one that is not there"
                : "every call of this tool is refused, so that nobody sees it"
        }
        return preview?.refusal?.agentText
    }

    package var value: JSONValue {
        guard case .object(var object) = explanation.value else { return explanation.value }
        object["answer"] = .init(answer)
        object["text"] = agentText.map { .init($0) } ?? .null
        object["refused_by"] = preview?.refusal.map { .init($0.rule) } ?? .null
        object["stated"] = placement.value
        object["raised"] = raised.map { .init($0.fact) } ?? .null
        object["open"] = .init(policy.isOpen)
        object["result"] = .init(policy.result.rawValue)
        object["undo"] = .init(policy.undo.rawValue)
        object["deny_paths"] = .array(deniedPaths.map { .init($0) })
        object["others"] = .array(bystanders.map { .init($0) })
        object["taint"] = .array((preview?.facts.taint ?? []).map { .init($0.fact) })
        object["live"] = .init(preview != nil || unoffered != nil)
        if let preview { object["pin"] = .init(preview.pin.description) }
        if let principal, principal.token != Principal.openToken {
            object["credential"] = [
                "id": .init(principal.token),
                "owner": .init(principal.owner.rawValue),
                "tier": .init(principal.highestTier.description),
            ]
        }
        object["lines"] = .array(lines.map { .init($0) })
        return .object(object)
    }

    /// For a terminal.
    package var lines: [String] {
        var lines = explanation.lines
        lines.insert("  tier \(explanation.tier): \(placement.text)", at: min(1, lines.count))
        if let raised {
            lines.insert("  raised to \(raised.tier): \(raised.fact)", at: min(2, lines.count))
        }
        for name in bystanders { lines.append("  \(name): does not name this tool") }
        lines.append("  denied paths looked for: \(deniedPaths.joined(separator: " "))")
        for taint in preview?.facts.taint ?? [] { lines.append("  taint: \(taint.fact)") }
        if let refusal = preview?.refusal, explanation.verdict.decision != .refuse {
            lines.append("  refused by \(refusal.rule), whatever the policy says")
        }
        if unoffered != nil {
            lines.append("what is above would hold for it: it is not offered now")
        } else if preview == nil {
            lines.append("read from files: without the tool's schema, limits so far and lockdowns")
        }
        if let principal, principal.token != Principal.openToken {
            lines.append(
                "credential \(principal.token) of \(principal.owner), up to \(principal.highestTier)"
            )
        }
        lines.append("answer: \(answer)" + (agentText.map { " (\($0))" } ?? ""))
        return lines
    }
}
