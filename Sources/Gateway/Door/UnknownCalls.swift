import Base
import Policy

/// Calls that were sent and never answered: whether they were done is not known, so that the same
/// call asks a person before it is sent again (design law 4).
struct UnknownCalls {
    private struct Key: Hashable {
        let tenant: TenantID
        let owner: PrincipalName
        let tool: ToolReference
        let form: Digest
    }

    private var calls: [Key: Void] = [:]

    mutating func note(_ judged: JudgedCall) {
        // Full: the oldest are not known apart, so that none is dropped; the caller's limits and
        // the disk bound how fast this can grow, and a restart reads it back from the log.
        guard calls.count < Limits.unknownCallCount else { return }
        calls[key(judged)] = ()
    }

    mutating func restore(
        tenant: TenantID,
        owner: PrincipalName,
        tool: ToolReference,
        form: Digest
    ) {
        calls[Key(tenant: tenant, owner: owner, tool: tool, form: form)] = ()
    }

    /// The call was answered at last.
    mutating func settle(_ judged: JudgedCall) {
        guard !calls.isEmpty else { return }
        calls[key(judged)] = nil
    }

    func reasons(_ principal: Principal, _ tool: ToolReference, _ form: Digest) -> [TaintReason] {
        guard !calls.isEmpty,
            calls[
                Key(tenant: principal.tenant, owner: principal.owner, tool: tool, form: form)
            ] != nil
        else { return [] }
        return [
            TaintReason(
                name: "unknown outcome",
                decision: .ask,
                fact: "the same call was sent before and its outcome is not known",
                remedy: "look whether it was done; a person decides whether it is sent again"
            )
        ]
    }

    private func key(_ judged: JudgedCall) -> Key {
        Key(
            tenant: judged.principal.tenant,
            owner: judged.principal.owner,
            tool: judged.tool.reference,
            form: judged.digest
        )
    }
}
