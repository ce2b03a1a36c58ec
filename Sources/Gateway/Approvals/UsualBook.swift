package import Approval
import Audit
import Base
import JSON
import Policy

/// What calls of each tool were like, for the cards of later ones; kept in the state.
///
/// A help for people and no evidence: what cannot be kept is forgotten with the process.
package final class UsualBook: Sendable {
    private struct Key: Hashable {
        let tenant: TenantID
        let tool: ToolReference

        var state: StateKey { StateKey(tenant, .usual, tool.description) }
    }

    private let tools = Lock([Key: Usual]())
    private let store: any RecordStore

    init(store: any RecordStore) { self.store = store }

    package func restore() async {
        var found: [Key: Usual] = [:]
        for entry in (try? await store.allEntries(.usual)) ?? [] {
            guard found.count < Limits.usualToolCount,
                let tool = Self.tool(entry.key.name),
                let document = try? JSONDocument(parsing: entry.value),
                let usual = try? Usual(json: document.root)
            else { continue }
            found[Key(tenant: entry.key.tenant, tool: tool)] = usual
        }
        tools.withLock { [found] in $0 = found }
    }

    private static func tool(_ text: String) -> ToolReference? {
        let parts = text.split(separator: ".", maxSplits: 1).map(String.init)
        guard parts.count == 2, let server = try? ServerName(parts[0]),
            let tool = try? ToolName(parts[1])
        else { return nil }
        return ToolReference(server: server, tool: tool)
    }

    package func usual(_ binding: Binding) -> Usual? {
        tools.withLock { $0[Key(tenant: binding.tenant, tool: binding.tool)] }
    }

    /// Remembers a call that is being sent.
    ///
    /// Calls of T0 that nobody was asked about are not looked
    /// at: their path is the busy one, and hardly a card is ever shown of such a tool.
    func note(_ judged: JudgedCall, isApproved: Bool) {
        guard isApproved || judged.verdict.tier > .read else { return }
        let key = Key(tenant: judged.principal.tenant, tool: judged.tool.reference)
        let traits = CallTraits(judged.call.arguments)
        let news: [UInt8]? = tools.withLock { tools in
            guard tools[key] != nil || tools.count < Limits.usualToolCount else { return nil }
            guard tools[key, default: Usual()].note(traits) else { return nil }
            return tools[key]?.value.serialised()
        }
        guard let news else { return }
        var transaction = Transaction()
        transaction.changes = [.put(key.state, value: news, expecting: .anything)]
        store.note(transaction)
    }
}
