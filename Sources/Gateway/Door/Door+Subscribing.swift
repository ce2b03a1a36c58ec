import Audit
import Base
import JSON
import MCP
import Policy
import System

/// Subscriptions to a resource: let in like a read of it, and told of while that may be read.
extension Door {
    /// Why nobody is subscribed.
    enum Unsubscribed: Error {
        case unknown
        case refused(Refusal, verdict: String)
    }

    /// Judges a subscription like a read of the same resource, under the same rules, rates and
    /// stops, and puts it on the record before anything is asked of the server.
    func subscribe(
        _ uri: String,
        for principal: Principal,
        at endpoint: Endpoint
    ) async -> Result<ResourceKey, Unsubscribed> {
        guard let key = subscribable(uri, for: principal, at: endpoint),
            let server = catalogue.tenants[key.tenant]?[key.server], let reading = server.reading,
            let form = try? CallForm.reading(key.uri)
        else { return .failure(.unknown) }
        let call = ToolCall(
            by: principal,
            endpoint: .server(key.server),
            tool: reading.reference.tool,
            arguments: form,
            at: loop.now
        )
        let judged = judge(ResolvedCall(call: call, tool: reading, server: server), id: newCallID())
        tally.spoke(judged.verdict, principal.tenant)
        if let refusal = refusal(of: judged) { return failure(judged, refusal) }
        // What a person would have to look at is read, not listened to.
        guard case .allow = judged.verdict.outcome else { return failure(judged, Self.unasked) }
        do throws(StoreError) {
            _ = try await store.commit(Transaction(evidence.judgement(.intent, judged)))
        } catch {
            return failure(judged, Self.refusal(for: error))
        }
        if loop.isBehind { await loop.catchUp() }
        let refusal = changed(since: judged)
        settle(
            judged,
            OutcomeDetail(
                status: refusal == nil ? .ok : .notSent,
                duration: .zero,
                result: refusal == nil ? "subscribed: its changes are told" : nil,
                error: refusal?.rule
            )
        )
        if let refusal { return .failure(.refused(refusal, verdict: judged.id)) }
        judged.tally.judged(.allowed, judged.verdict.tier)
        return .success(key)
    }

    private func failure(
        _ judged: JudgedCall,
        _ refusal: Refusal
    ) -> Result<ResourceKey, Unsubscribed> {
        _ = refuse(judged, refusal)
        return .failure(.refused(refusal, verdict: judged.id))
    }

    private static let unasked = Refusal(
        code: .approvalRequired,
        rule: "subscription",
        agentText: "refused: a person would have to approve this; read the resource instead"
    )

    /// Whether a change of that resource may still be told.
    func mayHear(_ uri: String, _ principal: Principal, at endpoint: Endpoint) -> Bool {
        guard let key = subscribable(uri, for: principal, at: endpoint),
            let reading = catalogue.tenants[key.tenant]?[key.server]?.reading
        else { return false }
        return !lockdowns.contains { $0.covers(principal, reading.reference) }
    }
}
