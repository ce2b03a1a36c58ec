import Approval
import Audit
import Base
import JSON
import Policy
import Storage

/// Calls that were sent and never answered: whether they were done is not known, so that the same
/// call asks a person before it is sent again (docs/architecture.md, rule 4).
///
/// Two ways lead here. A call this process sent and got no answer to is known by the digest of its
/// call form. An intent that an earlier process left without outcome is known by its commitment
/// only, and is compared with the record's salt; where that was deleted, every call of the tool by
/// that owner counts as the same.
struct UnknownCalls {
    private struct Key: Hashable {
        let tenant: TenantID
        let owner: PrincipalName
        let tool: ToolReference
    }

    /// An intent of an earlier process.
    private struct Left {
        let leaf: UInt64
        let commitment: Digest?
        let salt: Salt?
    }

    private var calls: [Key: Set<Digest>] = [:]
    private var left: [Key: [Left]] = [:]
    private var count = 0
    private let hashing: any Hashing

    /// Nothing is unknown, which is nearly always so.
    var isEmpty: Bool { count == 0 }

    init(hashing: any Hashing) { self.hashing = hashing }

    // MARK: What becomes unknown

    /// Notes a call that was sent and not answered; what the store is to keep of it.
    mutating func note(_ judged: JudgedCall) -> StateChange {
        // Full: what cannot be noted is made good by asking for every call that is no read.
        if count < Limits.unknownCallCount,
            calls[key(judged), default: []].insert(judged.digest).inserted
        {
            count += 1
        }
        let name = "\(judged.principal.owner)/\(judged.tool.reference)/\(judged.digest)"
        return .put(
            StateKey(judged.principal.tenant, .unknownCalls, name),
            value: Array(name.utf8),
            expecting: .anything
        )
    }

    /// What the store keeps of an intent it closes at a start, in the transaction that closes it.
    static func changes(closing intent: RecoveredIntent) -> [StateChange] {
        guard let (key, _) = keyed(intent) else { return [] }
        let name = Self.name(key, leaf: intent.leaf)
        return [
            .put(
                StateKey(key.tenant, .unknownCalls, name),
                value: Array(name.utf8),
                expecting: .anything
            )
        ]
    }

    /// Takes up an intent without outcome; twice is once.
    mutating func note(_ intent: RecoveredIntent) {
        guard let (key, commitment) = Self.keyed(intent),
            !left[key, default: []].contains(where: { $0.leaf == intent.leaf })
        else { return }
        guard count < Limits.unknownCallCount else { return }
        count += 1
        left[key, default: []].append(
            Left(leaf: intent.leaf, commitment: commitment, salt: intent.salt)
        )
    }

    /// Whose intent it is; nil for a read, which may be repeated.
    private static func keyed(_ intent: RecoveredIntent) -> (Key, commitment: Digest?)? {
        let head = intent.head
        guard head.detail?["tier"]?.string != RiskTier.read.description,
            let tenant = try? TenantID(head.tenant),
            let owner = head.principal.flatMap({ try? PrincipalName($0) }),
            let tool = ToolReference("\(head.server ?? "").\(head.tool ?? "")")
        else { return nil }
        let commitment = head.detail?["commitment"]?.string.flatMap { Hex.decode($0) }
            .flatMap { Digest(bytes: $0) }
        return (Key(tenant: tenant, owner: owner, tool: tool), commitment)
    }

    private static func name(_ key: Key, leaf: UInt64) -> String {
        "\(key.owner)/\(key.tool)/intent:\(leaf)"
    }

    // MARK: Reading back

    /// Where the intent stands that a row is about; nil when the row names a digest.
    static func leaf(of entry: StateEntry) -> UInt64? {
        let text = String(decoding: entry.value, as: UTF8.self)
        guard let mark = text.lastIndex(of: "/") else { return nil }
        let last = text[text.index(after: mark)...]
        return last.hasPrefix("intent:") ? UInt64(last.dropFirst(7)) : nil
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
        let key = Key(tenant: entry.key.tenant, owner: owner, tool: tool)
        if calls[key, default: []].insert(form).inserted { count += 1 }
    }

    /// The first intent that is compared with calls to come.
    var firstIntent: UInt64? { left.values.flatMap { $0.map(\.leaf) }.min() }

    // MARK: What becomes known

    /// The call was answered: what is not unknown any more, for the store.
    mutating func settle(_ judged: JudgedCall) -> [StateChange] {
        guard count > 0 else { return [] }
        let key = key(judged)
        var changes: [StateChange] = []
        if calls[key]?.remove(judged.digest) != nil {
            count -= 1
            if calls[key]?.isEmpty == true { calls[key] = nil }
            let name = "\(key.owner)/\(key.tool)/\(judged.digest)"
            changes.append(
                .delete(StateKey(key.tenant, .unknownCalls, name), expecting: .anything)
            )
        }
        guard let entries = left[key] else { return changes }
        let form = judged.call.arguments.bytes
        var rest: [Left] = []
        for entry in entries {
            guard isSame(form, entry) else {
                rest.append(entry)
                continue
            }
            count -= 1
            let name = Self.name(key, leaf: entry.leaf)
            changes.append(
                .delete(StateKey(key.tenant, .unknownCalls, name), expecting: .anything)
            )
        }
        left[key] = rest.isEmpty ? nil : rest
        return changes
    }

    private func isSame(_ form: [UInt8], _ entry: Left) -> Bool {
        guard let salt = entry.salt, let commitment = entry.commitment else { return true }
        return salt.commitment(to: form, hashing) == commitment
    }

    // MARK: Judging

    func reasons(
        _ principal: Principal,
        _ tool: ToolReference,
        _ form: CallForm,
        digest: Digest,
        isRead: Bool
    ) -> [TaintReason] {
        reasons(
            Key(tenant: principal.tenant, owner: principal.owner, tool: tool),
            form,
            digest,
            isRead
        )
    }

    /// The same for a question that waits.
    func reasons(_ binding: Binding, _ form: CallForm, isRead: Bool) -> [TaintReason] {
        let key = Key(tenant: binding.tenant, owner: binding.principal, tool: binding.tool)
        return reasons(key, form, binding.callForm, isRead)
    }

    private func reasons(
        _ key: Key,
        _ form: CallForm,
        _ digest: Digest,
        _ isRead: Bool
    ) -> [TaintReason] {
        guard count > 0 else { return [] }
        let isFull = count >= Limits.unknownCallCount
        guard
            (isFull && !isRead) || calls[key]?.contains(digest) == true
                || left[key]?.contains(where: { isSame(form.bytes, $0) }) == true
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
            tool: judged.tool.reference
        )
    }
}
