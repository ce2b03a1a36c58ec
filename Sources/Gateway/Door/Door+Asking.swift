import Approval
import Audit
import Base
import JSON
import JSONSchema
import MCP
import Policy
import Screening
import System

/// Where a person decides.
extension Door {
    func ask(
        _ judged: JudgedCall,
        people: Int,
        channel: any ReplyChannel,
        cancellation: CallCancellation
    ) async -> QuestionOutcome {
        guard let questions else {
            return .refused(
                Refusal(
                    code: .approvalUnavailable,
                    rule: judged.verdict.reasons.first?.name ?? "tier",
                    agentText: "refused: a person would have to approve this call, "
                        + "and nobody can be asked"
                )
            )
        }
        return await questions.ask(
            judged,
            people: people,
            channel: channel,
            cancellation: cancellation
        )
    }

    /// Why a call that was approved cannot be sent now; its yes is left as it is, open to whatever ends
    /// one that waits.
    func absence(of judged: JudgedCall, _ cancellation: CallCancellation) async -> Refusal? {
        guard !judged.tool.kind.isAskedByServer else { return nil }
        let server = judged.tool.reference.server
        do throws(UpstreamFailure) {
            try await judged.resolved.server.client.wake()
        } catch {
            return Refusal(
                code: .serverUnavailable,
                rule: "server \(server)",
                agentText: "the server `\(server)` "
                    + (error.advice ?? "cannot take the call now; try again later")
                    + "; the approval of this call was not used",
                auditText: screener.screen(text: error.description).text
            )
        }
        return cancellation.isCancelled ? Self.calledOff : nil
    }

    private static let calledOff = Refusal(
        code: .serverUnavailable,
        rule: "approval",
        agentText: "the call was called off before its approval was used; nothing was sent"
    )

    /// Reads again everything the yes covers, and spends it if nothing changed.
    func spend(
        _ ticket: TicketID,
        _ judged: JudgedCall,
        _ waiter: WaiterID
    ) async -> Result<SpentApproval, Refusal> {
        if let refusal = changed(since: judged) { return .failure(refusal) }
        guard let questions else { return .failure(Self.unsettled) }
        var current = judged.binding
        if case .success(let found) = resolve(judged.call) {
            current.pin = found.tool.pin
            current.policy = found.tool.policy.digest
        }
        return await questions.dispatch(ticket, current: current, by: waiter, call: judged)
    }

    /// Judges the open questions under the rules as they are now.
    package func rejudgeQuestions() async {
        await questions?.rejudge { question in await self.rejudgement(of: question) }
        await questions?.endGrants { grant in await self.whyEnded(grant) }
    }

    /// What the grant was bound to and is no more; nil while it stands, or nobody knows yet.
    func whyEnded(_ grant: Grant) -> String? {
        let binding = grant.binding
        if lockdowns.contains(where: { $0.covers(binding) }) { return "lockdown" }
        let server = catalogue.tenants[binding.tenant]?[binding.tool.server]
        if server?.silence != nil { return nil }
        guard let tool = server?.tools[binding.tool.tool] else { return "the tool is not offered" }
        if tool.pin != binding.pin { return "the definition changed" }
        return tool.policy.digest == binding.policy ? nil : "the policy changed"
    }

    /// Nil leaves the question as it is: its server has not answered yet, so that nothing is known
    /// of its tools; all that is bound is read again before the call is sent.
    func rejudgement(of question: Question) -> Rejudgement? {
        let binding = question.binding
        if let lockdown = lockdowns.first(where: { $0.covers(binding) }) {
            return .refused(lockdown.refusal)
        }
        let server = catalogue.tenants[binding.tenant]?[binding.tool.server]
        if server?.silence != nil { return nil }
        guard let tool = server?.tools[binding.tool.tool],
            let document = try? JSONDocument(parsing: question.callForm),
            let form = try? CallForm(document.root)
        else { return .refused(Self.notOffered) }
        let taint = unknown.reasons(
            binding,
            form,
            isRead: tool.policy.tier == .read
        )
        var answers: CallForm?
        if binding.answers != nil {
            guard let form = try? CallForm(text: question.answers) else {
                return .refused(Self.notOffered)
            }
            answers = form
        }
        let verdict = tool.policy.judge(form, Facts(taint: taint), answers: answers)
        switch verdict.outcome {
        case .allow: return .allowed
        case .refuse(let refusal): return .refused(refusal)
        case .ask(let people):
            return .ask(
                people: people,
                tier: verdict.tier,
                reasons: verdict.reasons.map { "\($0.name): \($0.fact)" },
                causes: verdict.reasons.map(\.name),
                policy: tool.policy.digest,
                pin: tool.pin
            )
        }
    }
}
