import Audit
import Base
import JSON
import MCP
import Policy
import Screening
import System

/// Calls the other way round: what a server asks of the agent behind a call.
///
/// They pass the same steps as a call, under `SERVER.sampling/createMessage` and `SERVER.roots/list`:
/// judged, limited, approved where the rules say so, recorded before they are sent; and what comes
/// back is screened before the server has it.
extension Door {
    /// Why a server has no answer, in words it may read.
    struct Unanswered: Error { let text: String }

    /// Asks the agent behind `judged`, with parameters that were checked already.
    func ask(
        _ kind: InputKind,
        _ params: [UInt8],
        during judged: JudgedCall,
        _ channel: any ReplyChannel,
        _ cancellation: CallCancellation
    ) async -> Result<[UInt8], Unanswered> {
        let server = judged.resolved.server
        if kind == .roots, !server.settings.asks.roots.isEmpty {
            return .success(StandingAnswers.result(server.settings.asks.roots))
        }
        guard let tool = server.question(kind), let form = try? CallForm(text: params) else {
            return .failure(Unanswered(text: "refused: nobody accepted that it asks this"))
        }
        let call = ToolCall(asking: tool.reference, form, during: judged.call, at: loop.now)
        let answer = await decide(
            ResolvedCall(call: call, tool: tool, server: server),
            id: newCallID(),
            channel: channel,
            cancellation: cancellation
        )
        // A lockdown or a new rule since then holds for what the server is told, too.
        if let refusal = changed(since: judged) {
            return .failure(Unanswered(text: refusal.agentText))
        }
        switch answer {
        case .result(let node, _): return .success(Array(node.source))
        case .refused(let refusal, _): return .failure(Unanswered(text: refusal.agentText))
        case .protocolError(let error): return .failure(Unanswered(text: error.message))
        case .input: return .failure(Unanswered(text: "refused: it cannot be asked now"))
        }
    }

    /// Sends the question on the way the call came, and waits.
    func askAgent(_ judged: JudgedCall) async -> UpstreamResult {
        let began = clock.instant
        let kind: InputKind = judged.tool.kind == .roots ? .roots : .sampling
        let form = judged.call.arguments
        let params =
            kind == .roots
            ? form.bytes
            : SamplingQuestion.told(form.document.root, by: judged.tool.reference.server)
        let answer = await judged.call.asking?.ask(kind, params)
        let tools = SamplingTools.names(in: form.document.root)
        let checked = answer.flatMap { try? RequestStates.checked($0, to: kind, tools: tools) }
        let node = checked.flatMap { try? JSONDocument(parsing: $0).root }
        return UpstreamResult(
            answer: node.map { .success(.result($0)) }
                ?? .failure(UpstreamFailure(.cancelled, "the agent did not answer")),
            duration: clock.instant.duration(since: began)
        )
    }

    /// What the agent answered, without what looks like a secret, on the record before the server
    /// has it.
    func giveBack(
        _ judged: JudgedCall,
        _ result: UpstreamResult,
        _ node: JSONNode
    ) async -> CallAnswer {
        let screened = screener.screen(value: node)
        guard screened.report.withheld.isEmpty,
            let given = try? JSONDocument(parsing: screened.bytes).root
        else {
            return await withhold(
                judged,
                result,
                .withheld,
                .withheld,
                "it could not be looked through"
            )
        }
        // As of what is answered to other questions: nothing denied is named to the server.
        guard let form = try? CallForm(given),
            judged.tool.policy.denied.firstMatch(in: form.bytes) == nil
        else {
            return await withhold(judged, result, .withheld, .withheld, "it names a denied path")
        }
        let isRecorded = await settleInOrder(
            judged,
            OutcomeDetail(
                status: .ok,
                duration: result.duration,
                redacted: screened.report.redactions.keys.sorted(),
                result: excerpt(of: given.source)
            ),
            received: result.bytes,
            given: given.source
        )
        guard isRecorded else {
            return .refused(
                Refusal(
                    code: .evidenceUnavailable,
                    rule: "audit",
                    agentText:
                        "refused: the answer cannot be recorded, and nothing is told unrecorded"
                ),
                verdict: judged.id
            )
        }
        return .result(given, verdict: judged.id)
    }
}
