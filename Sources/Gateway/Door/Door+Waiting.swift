import Approval
import Base
import JSON
import MCP
import System

/// What an agent is told when its call was held as long as it may be, and nobody has answered.
extension Door {
    /// Where people answer, as the console's address with its last slash; nil without a console.
    package func show(approvalPage: String?) { self.approvalPage = approvalPage }

    /// The way back that this agent knows: another leg of the same call, a page to open, or a text.
    ///
    /// None of them is an answer of a person: the call that comes back is judged from the start and
    /// finds its question by its call form.
    func comeBack(_ judged: JudgedCall, _ ticket: TicketID, _ text: String) -> CallAnswer {
        let call = judged.call
        let page = call.modes.contains(.url) ? page(of: ticket, judged) : nil
        if call.revision.isModern, let leg = nextLeg(of: call) {
            // Once is enough to show a page; from then on the call only waits.
            let question =
                leg == 1
                ? page.map { [InputQuestion(key: Self.pageKey, kind: .elicitation, params: $0)] }
                : nil
            return .input(
                InputRequest(
                    questions: question ?? [],
                    upstreamState: nil,
                    spelling: call.spelling,
                    digest: judged.digest,
                    leg: leg
                )
            )
        }
        if call.revision == .r2025_11_25, let page {
            var writer = JSONWriter()
            writer.beginObject()
            writer.key("elicitations")
            writer.beginArray()
            writer.raw(page)
            writer.endArray()
            writer.endObject()
            return .protocolError(
                ProtocolError(.urlElicitationRequired, text, status: 200, data: writer.bytes)
            )
        }
        return .refused(
            Refusal(code: .approvalRequired, rule: "approval", agentText: text),
            verdict: judged.id
        )
    }

    private static let pageKey = "approval"

    /// Nil where the agent has waited often enough, its person declined the page, or a leg would be
    /// so short that its client gave up after a few: those wait a quarter of a second between legs
    /// and count ten.
    private func nextLeg(of call: ToolCall) -> Int? {
        guard call.kind != .completion, loop.now.duration(since: call.arrived) >= Limits.shortestLeg
        else { return nil }
        guard let answers = call.answers else { return 1 }
        guard let leg = answers.leg, leg < Limits.heldLegCount,
            let given = try? JSONDocument(parsing: answers.responses).root,
            given.member(Self.pageKey)?["action"]?.isString("accept") ?? true
        else { return nil }
        return leg + 1
    }

    /// Parameters of `elicitation/create` that lead a person to the question (2025-11-25,
    /// client/elicitation, URL mode).
    ///
    /// The page asks for an approver's login.
    private func page(of ticket: TicketID, _ judged: JudgedCall) -> [UInt8]? {
        guard let approvalPage else { return nil }
        var writer = JSONWriter()
        writer.beginObject()
        writer.key("mode")
        writer.string("url")
        writer.key("message")
        writer.string(
            "A person must approve this call of `\(judged.tool.reference)`. The page asks for an "
                + "approver's login; opening it approves nothing."
        )
        writer.key("url")
        writer.string(approvalPage + "#/approvals/" + ticket.rawValue)
        writer.key("elicitationId")
        writer.string(ticket.rawValue)
        writer.endObject()
        return writer.bytes
    }
}
