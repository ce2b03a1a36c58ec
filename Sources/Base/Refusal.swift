/// A no: what the agent may read and what the record keeps, in one value so that they cannot drift.
///
/// The agent's text says the rule, what would be allowed and how to ask, and nothing of others.
/// The record's text may name positions and tiers.
package struct Refusal: Error, Equatable, Sendable {
    /// A stable word for programs, such as `invalid_arguments`; see `docs/limits.md` for the list.
    package let code: Code
    /// The rule, limit or fact that said no, by its own name.
    package let rule: String
    /// For the model: short, one line, without secrets and without what others do.
    package let agentText: String
    /// For the record: everything the agent's text says and what only the operator may know.
    package let auditText: String

    package init(code: Code, rule: String, agentText: String, auditText: String? = nil) {
        self.code = code
        self.rule = rule
        self.agentText = agentText
        self.auditText = auditText ?? agentText
    }

    /// The closed set of reasons a call is refused for.
    package enum Code: String, Sendable, CaseIterable {
        case invalidArguments = "invalid_arguments"
        case unreadableArguments = "unreadable_arguments"
        /// There is no such tool for who asked, or a header says another call than the body.
        case unknownTool = "unknown_tool"
        case outOfScope = "out_of_scope"
        case rule = "rule"
        case tier = "tier"
        case deniedPath = "denied_path"
        case rateLimited = "rate_limited"
        case repeatedCall = "repeated_call"
        case tooManyAtOnce = "too_many_at_once"
        case approvalRequired = "approval_required"
        case approvalDenied = "approval_denied"
        case approvalExpired = "approval_expired"
        case approvalUnavailable = "approval_unavailable"
        case notReviewable = "not_reviewable"
        case changed = "changed_since_judged"
        case lockdown = "lockdown"
        case revoked = "revoked"
        case evidenceUnavailable = "evidence_unavailable"
        case serverUnavailable = "server_unavailable"
        case unknownOutcome = "unknown_outcome"
        case withheld = "result_withheld"
        case upstreamFault = "upstream_fault"
        case overloaded = "overloaded"
    }
}
