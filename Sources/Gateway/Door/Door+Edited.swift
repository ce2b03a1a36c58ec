package import Approval
package import Base
package import JSON
import MCP
package import Policy
import Screening

/// A call as a person changed it and others approved it.
package struct EditedForm: Sendable {
    package let callForm: CallForm
    /// How many people said yes to it, and at which tier it was shown.
    package let people: Int
    package let tier: RiskTier
}

/// What the rules say of arguments a person wrote.
package struct EditJudgement: Sendable {
    package let digest: Digest
    package let people: Int
    package let tier: RiskTier
    package let reasons: [String]
    package let causes: [String]
    package let pin: Digest
    package let policy: Digest
}

extension Door {
    /// Judges what a person would put in the place of a waiting call; it has its own question or
    /// its refusal like any other call.
    package func judge(
        _ form: CallForm,
        insteadOf question: Question
    ) -> Result<EditJudgement, Refusal> {
        let binding = question.binding
        if let lockdown = lockdowns.first(where: { $0.covers(binding) }) {
            return .failure(lockdown.refusal)
        }
        guard binding.answers == nil else { return .failure(Self.notEdited) }
        guard
            let tool = catalogue.tenants[binding.tenant]?[binding.tool.server]?
                .tools[binding.tool.tool]
        else { return .failure(Self.notOffered) }
        if let refusal = invalid(form, for: tool) { return .failure(refusal) }
        let taint = unknown.reasons(binding, form, isRead: tool.policy.tier == .read)
        let verdict = tool.policy.judge(form, Facts(taint: taint))
        let people: Int
        switch verdict.outcome {
        case .refuse(let refusal): return .failure(refusal)
        case .ask(let count): people = count
        // Nobody would have been asked: the editor's own yes is enough.
        case .allow: people = 1
        }
        return .success(
            EditJudgement(
                digest: hashing.sha256(form.bytes),
                people: people,
                tier: verdict.tier,
                reasons: verdict.reasons.map { "\($0.name): \($0.fact)" },
                causes: verdict.reasons.map(\.name),
                pin: tool.pin,
                policy: tool.policy.digest
            )
        )
    }

    private static let notEdited = Refusal(
        code: .approvalDenied,
        rule: "approval",
        agentText:
            "a call that answers its server cannot be edited: the answers belong to the call "
            + "they were given for; say no, and the agent may begin anew"
    )

    static let notOffered = Refusal(
        code: .changed,
        rule: "policy",
        agentText: "refused: the tool is not offered any more; list the tools"
    )

    /// The edited call with a name of its own, judged from the start.
    ///
    /// Fails when the rules ask for more than the people who approved it were asked for.
    func judgeEdited(_ original: JudgedCall, _ edited: EditedForm) -> Result<JudgedCall, CallEnd> {
        let call = ToolCall(original.call, with: edited.callForm)
        let resolved: ResolvedCall
        switch resolve(call) {
        case .failure(let problem): return .failure(.protocolError(problem))
        case .success(let found): resolved = found
        }
        let judged = judge(resolved, id: newCallID())
        if let refusal = refusal(of: judged) { return .failure(.refused(judged, refusal)) }
        var needed = 0
        if case .ask(let people) = judged.verdict.outcome { needed = people }
        guard needed <= edited.people, judged.verdict.tier <= edited.tier else {
            return .failure(.refused(judged, Self.unsettled))
        }
        return .success(judged)
    }

    enum CallEnd: Error {
        case refused(JudgedCall, Refusal)
        case protocolError(ProtocolError)
    }

    /// Says to the agent, before anything else, that another call ran than the one it sent.
    func told(_ answer: CallAnswer, _ edited: EditedForm) -> CallAnswer {
        let form = String(decoding: edited.callForm.bytes, as: UTF8.self)
        let shown = screener.screen(text: form, limitInBytes: Limits.editedNoteByteCount).text
        let note =
            "a person changed the arguments of this call; this is the answer to the call with: "
            + shown
        switch answer {
        case .result(let node, let verdict):
            guard let noted = Self.result(node, beginningWith: note) else {
                return .refused(
                    Refusal(
                        code: .withheld,
                        rule: "approval",
                        agentText: note + " (the call was done; its result cannot be given)"
                    ),
                    verdict: verdict ?? ""
                )
            }
            return .result(noted, verdict: verdict)
        case .refused(let refusal, let verdict):
            return .refused(
                Refusal(
                    code: refusal.code,
                    rule: refusal.rule,
                    agentText: note + "\n" + refusal.agentText,
                    auditText: refusal.auditText
                ),
                verdict: verdict
            )
        // What a server asks first has no place for a note; its result will have one.
        case .protocolError, .input: return answer
        }
    }

    private static func result(_ node: JSONNode, beginningWith note: String) -> JSONNode? {
        var writer = JSONWriter(reservingCapacity: node.source.count + note.utf8.count + 64)
        writer.beginObject()
        for (key, value) in node.members.nodes where !key.isString("content") {
            writer.key(key)
            writer.node(value)
        }
        writer.key("content")
        writer.beginArray()
        writer.beginObject()
        writer.key("type")
        writer.string("text")
        writer.key("text")
        writer.string(note)
        writer.endObject()
        for block in node["content"]?.elements.map({ $0 }) ?? [] { writer.node(block) }
        writer.endArray()
        writer.endObject()
        return (try? JSONDocument(parsing: writer.bytes, limits: .screened))?.root
    }
}
