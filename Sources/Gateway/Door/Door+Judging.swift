import Approval
import Audit
import Base
import JSON
import JSONSchema
import MCP
import Policy
import Screening
import System

/// Resolving, gathering, judging: what a call is, and what the rules say of it.
extension Door {
    /// The published tool of that name, if this principal sees it; an invisible tool answers
    /// exactly like a missing one.
    func resolve(_ call: ToolCall) -> Result<ResolvedCall, ProtocolError> {
        guard let (server, tool) = found(call), tool.kind == call.kind else {
            return .failure(unknownOffer(call))
        }
        if let problem = unseenSubject(of: call, server) { return .failure(problem) }
        if let header = call.parameterHeader {
            do throws(ProtocolError) {
                let arguments = call.arguments.document.root
                for parameter in tool.published.mirrored {
                    try HeaderMirror.check(parameter, arguments: arguments, header: header)
                }
            } catch {
                return .failure(error)
            }
        }
        return .success(ResolvedCall(call: call, tool: tool, server: server))
    }

    /// What the catalogue has under the name, where this principal sees it.
    private func found(_ call: ToolCall) -> (ServerEntry, ToolEntry)? {
        if let known = found.tool(of: call) { return known }
        guard
            let (server, tool) = catalogue.find(
                call.spelling,
                at: call.endpoint,
                tenant: call.principal.tenant
            ), call.principal.sees(tool)
        else { return nil }
        found.keep(server, tool, for: call)
        return (server, tool)
    }

    /// What an agent hears of what is not there, or not for it.
    private func unknownOffer(_ call: ToolCall) -> ProtocolError {
        switch call.kind {
        case .tool, .prompt, .template, .sampling, .roots:
            ProtocolError(
                .invalidParams,
                "unknown \(call.kind.noun) `\(printable(call.asked))`",
                status: 200
            )
        case .reading, .resource: CallReading.unknownResource(call.asked, call.revision)
        case .completion:
            ProtocolError(.invalidParams, "no completions are offered for this", status: 200)
        }
    }

    /// What is completed must be offered too, and seen by this principal.
    private func unseenSubject(of call: ToolCall, _ server: ServerEntry) -> ProtocolError? {
        guard let subject = call.subject else { return nil }
        let name = call.endpoint == .all ? Catalogue.split(subject)?.1 : subject
        let isSeen = name.flatMap { try? ToolName($0) }.map { name in
            if let prompt = server.tools[name] { return call.principal.sees(prompt) }
            // Whoever may read may know of the templates; reading by one is judged by itself.
            return server.listed.contains { $0.definition.name == name }
                && server.reading.map { call.principal.sees($0) } ?? false
        }
        guard isSeen != true else { return nil }
        return ProtocolError(
            .invalidParams,
            "nothing to complete is called `\(printable(call.asked, limit: 200))`",
            status: 200
        )
    }

    /// Gathers the facts and judges; counts the call against its limits.
    func judge(_ resolved: ResolvedCall, id: String) -> JudgedCall {
        let call = resolved.call
        let policy = resolved.tool.policy
        let digest = hashing.sha256(call.arguments.bytes)
        let facts = Facts(
            taint: unknown.isEmpty
                ? []
                : unknown.reasons(
                    call.principal,
                    resolved.tool.reference,
                    call.arguments,
                    digest: digest,
                    isRead: policy.tier == .read
                ),
            // The call under way was counted.
            limits: call.isAnswer
                ? .within
                : limits.admit(
                    call.arguments,
                    digest: digest,
                    of: call.principal.subject,
                    under: policy,
                    at: loop.now
                )
        )
        let verdict = policy.judge(call.arguments, facts, answers: call.given?.responses)
        return JudgedCall(
            id: id,
            resolved: resolved,
            parties: parties.of(call.principal, resolved.tool),
            verdict: verdict,
            digest: digest,
            answers: call.given?.digest(hashing),
            generation: generation
        )
    }

    /// What stops the call whatever a person would say.
    func refusal(of judged: JudgedCall) -> Refusal? {
        let principal = judged.principal
        if let lockdown = lockdowns.first(where: { $0.covers(principal, judged.tool.reference) }) {
            return lockdown.refusal
        }
        // A connection may live longer than the credential it began with.
        guard tokens.isLive(principal) else { return Self.revoked }
        if let refusal = invalid(judged.resolved) { return refusal }
        if judged.verdict.tier > principal.highestTier {
            return Refusal(
                code: .tier,
                rule: "token",
                agentText: "refused: this credential reaches tier \(principal.highestTier), "
                    + "the call is \(judged.verdict.tier); ask its owner for another credential"
            )
        }
        if case .refuse(let refusal) = judged.verdict.outcome { return refusal }
        return nil
    }

    func invalid(_ resolved: ResolvedCall) -> Refusal? {
        invalid(resolved.call.arguments, for: resolved.tool)
    }

    func invalid(_ form: CallForm, for tool: ToolEntry) -> Refusal? {
        do throws(SchemaFailure) {
            try tool.input.validate(form.document.root)
            return nil
        } catch {
            return Refusal(
                code: .invalidArguments,
                rule: "inputSchema",
                agentText: "the arguments do not fit the tool's schema: \(error)"
            )
        }
    }

    /// Records a no and gives it back.
    func refuse(_ judged: JudgedCall, _ refusal: Refusal) -> CallAnswer {
        tally.refused(refusal.code)
        judged.tally.judged(.refused, judged.verdict.tier)
        countOwnTime(judged, upstream: .zero)
        // A refusal stands whether or not it could be recorded: closed is the safe side.
        store.note(evidence.judgement(.judged, judged, refusal: refusal))
        return .refused(refusal, verdict: judged.id)
    }
}
