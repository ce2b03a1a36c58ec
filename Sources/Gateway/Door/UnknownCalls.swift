import Audit
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
        // Full: what cannot be noted is made good by asking for every call that is no read.
        guard calls.count < Limits.unknownCallCount else { return }
        calls[key(judged)] = ()
    }

    /// As the store keeps it, so that a restart does not forget.
    func change(_ judged: JudgedCall, isKnown: Bool) -> StateChange {
        let name = "\(judged.principal.owner)/\(judged.tool.reference)/\(judged.digest)"
        let key = StateKey(judged.principal.tenant, .unknownCalls, String(name.prefix(512)))
        return isKnown
            ? .delete(key, expecting: .anything)
            : .put(key, value: Array(name.utf8), expecting: .anything)
    }

    mutating func restore(_ entry: StateEntry) {
        let parts = String(decoding: entry.value, as: UTF8.self)
            .split(separator: "/", maxSplits: 1)
        guard parts.count == 2, let slash = parts[1].lastIndex(of: "/"),
            let owner = try? PrincipalName(String(parts[0])),
            let tool = ToolReference(String(parts[1][..<slash])),
            let form = Hex.decode(parts[1][parts[1].index(after: slash)...])
                .flatMap({ Digest(bytes: $0) })
        else { return }
        calls[Key(tenant: entry.key.tenant, owner: owner, tool: tool, form: form)] = ()
    }

    func contains(_ judged: JudgedCall) -> Bool { !calls.isEmpty && calls[key(judged)] != nil }

    /// The call was answered at last.
    mutating func settle(_ judged: JudgedCall) {
        guard !calls.isEmpty else { return }
        calls[key(judged)] = nil
    }

    func reasons(
        _ principal: Principal,
        _ tool: ToolReference,
        _ form: Digest,
        isRead: Bool
    ) -> [TaintReason] {
        guard !calls.isEmpty else { return [] }
        let key = Key(tenant: principal.tenant, owner: principal.owner, tool: tool, form: form)
        let isFull = calls.count >= Limits.unknownCallCount
        guard calls[key] != nil || (isFull && !isRead) else { return [] }
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
