import Approval
package import Audit
package import Base
import JSON
package import MCP
import Policy
package import System
import JSONSchema
package import Screening

/// The one function every call goes through (design law 1), and the state it needs.
///
/// `pass` resolves, validates, gathers, judges, asks, acts and forwards; each step takes what the
/// step before it made. Everything that may have changed while a call waited is read again before
/// it is sent.
package actor Door {
    let loop: EventLoop
    let store: any RecordStore
    let clock: any Clock
    let hashing: any Hashing
    let random: any RandomSource
    private(set) var evidence: Evidence
    /// Replaced whole when the known secrets change.
    private(set) var screener: Screener
    let tokens: TokenBook
    let environment: EnvironmentName
    /// How much of a screened result its record keeps.
    let resultByteCount: Int

    var catalogue = Catalogue.empty
    /// Counts every change of rules, pins, tokens and lockdowns: a call judged under another
    /// number is judged anew before it is sent.
    var generation: UInt64 = 0
    var limits = LimitBook()
    var lockdowns: [Lockdown] = []
    var unknown: UnknownCalls
    var running: [String: RunningCall] = [:]
    var questions: (any Questions)?
    let tally: GateTally

    struct RunningCall {
        let principal: Principal
        let tool: ToolReference
        let cancellation: CallCancellation
        let started: Instant
    }

    package nonisolated var unownedExecutor: UnownedSerialExecutor {
        unsafe loop.asUnownedSerialExecutor()
    }

    package init(_ parts: Parts) {
        loop = parts.loop
        store = parts.store
        clock = parts.clock
        hashing = parts.hashing
        unknown = UnknownCalls(hashing: parts.hashing)
        random = parts.random
        screener = parts.screener
        tokens = parts.tokens
        tally = parts.tally
        environment = parts.environment
        resultByteCount = parts.resultByteCount
        evidence = Evidence(
            environment: parts.environment,
            clock: parts.clock,
            hashing: parts.hashing,
            random: parts.random,
            screener: parts.screener
        )
    }

    /// What a door is made of.
    package struct Parts: Sendable {
        package let loop: EventLoop
        package let store: any RecordStore
        package let clock: any Clock
        package let hashing: any Hashing
        package let random: any RandomSource
        package let screener: Screener
        package let tokens: TokenBook
        package let tally: GateTally
        package let environment: EnvironmentName
        package let resultByteCount: Int

        package init(
            loop: EventLoop,
            store: any RecordStore,
            clock: any Clock,
            hashing: any Hashing,
            random: any RandomSource,
            screener: Screener,
            tokens: TokenBook,
            tally: GateTally,
            environment: EnvironmentName,
            resultByteCount: Int
        ) {
            self.loop = loop
            self.store = store
            self.clock = clock
            self.hashing = hashing
            self.random = random
            self.screener = screener
            self.tokens = tokens
            self.tally = tally
            self.environment = environment
            self.resultByteCount = resultByteCount
        }
    }

    /// Takes one call from its envelope to its screened result, or to its refusal.
    package func pass(
        _ inbound: AuthenticatedMessage,
        _ request: Message.Request,
        channel: any ReplyChannel,
        cancellation: CallCancellation
    ) async -> CallAnswer {
        let id = newCallID()
        let call: ToolCall
        do throws(ToolCall.Unreadable) {
            call = try ToolCall(inbound, request, at: loop.now)
        } catch {
            switch error {
            case .envelope(let problem): return .protocolError(problem)
            case .arguments(let refusal):
                tally.refused(refusal.code)
                return .refused(refusal, verdict: id)
            }
        }
        let resolved: ResolvedCall
        switch resolve(call) {
        case .failure(let problem): return .protocolError(problem)
        case .success(let found): resolved = found
        }
        return await decide(resolved, id: id, channel: channel, cancellation: cancellation)
    }

    /// Judges and, where the verdict says so, asks; starts again when the rules changed meanwhile.
    private func decide(
        _ resolved: ResolvedCall,
        id: String,
        channel: any ReplyChannel,
        cancellation: CallCancellation
    ) async -> CallAnswer {
        var resolved = resolved
        for round in 0..<3 {
            if round > 0 {
                switch resolve(resolved.call) {
                case .failure(let problem): return .protocolError(problem)
                case .success(let found): resolved = found
                }
            }
            let judged = judge(resolved, id: id)
            if let refusal = refusal(of: judged) { return refuse(judged, refusal) }
            guard case .ask(let people) = judged.verdict.outcome else {
                return await act(judged, nil, channel: channel, cancellation: cancellation)
            }
            let outcome = await ask(
                judged,
                people: people,
                channel: channel,
                cancellation: cancellation
            )
            switch outcome {
            case .judgeAgain: continue
            case .refused(let refusal): return refuse(judged, refusal)
            case .ticket(let text):
                judged.tally.judged(.waiting, judged.verdict.tier)
                return .refused(Self.waiting(text), verdict: judged.id)
            case .approved(let ticket, let waiter):
                switch await spend(ticket, judged, waiter) {
                case .failure(let refusal): return refuse(judged, refusal)
                case .success(let approval):
                    return await act(
                        judged,
                        approval,
                        channel: channel,
                        cancellation: cancellation
                    )
                }
            }
        }
        return .refused(Self.unsettled, verdict: id)
    }

    private static let unsettled = Refusal(
        code: .changed,
        rule: "policy",
        agentText: "refused: the rules keep changing; try again later"
    )

    private static func waiting(_ text: String) -> Refusal {
        Refusal(code: .approvalRequired, rule: "approval", agentText: text)
    }

    // MARK: Resolve

    /// The published tool of that name, if this principal sees it; an invisible tool answers
    /// exactly like a missing one.
    private func resolve(_ call: ToolCall) -> Result<ResolvedCall, ProtocolError> {
        let principal = call.principal
        guard
            let (server, tool) = catalogue.find(
                call.spelling,
                at: call.endpoint,
                tenant: principal.tenant
            ),
            principal.sees(tool)
        else {
            return .failure(
                ProtocolError(
                    .invalidParams,
                    "unknown tool `\(printable(call.spelling))`",
                    status: 200
                )
            )
        }
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

    // MARK: Gather and judge

    /// Gathers the facts and judges; counts the call against its limits.
    private func judge(_ resolved: ResolvedCall, id: String) -> JudgedCall {
        let call = resolved.call
        let policy = resolved.tool.policy
        let digest = hashing.sha256(call.arguments.bytes)
        let facts = Facts(
            taint: unknown.reasons(
                call.principal,
                resolved.tool.reference,
                call.arguments,
                digest: digest,
                isRead: policy.tier == .read
            ),
            limits: limits.admit(
                call.arguments,
                digest: digest,
                of: call.principal.subject,
                under: policy,
                at: loop.now
            )
        )
        let verdict = policy.judge(call.arguments, facts)
        return JudgedCall(
            id: id,
            resolved: resolved,
            verdict: verdict,
            digest: digest,
            generation: generation
        )
    }

    /// What stops the call whatever a person would say.
    private func refusal(of judged: JudgedCall) -> Refusal? {
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

    private func invalid(_ resolved: ResolvedCall) -> Refusal? {
        do throws(SchemaFailure) {
            try resolved.tool.input.validate(resolved.call.arguments.document.root)
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
        try? store.post(evidence.judgement(.judged, judged, refusal: refusal))
        return .refused(refusal, verdict: judged.id)
    }

    // MARK: Ask

    private func ask(
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

    /// Reads again everything the yes covers, and spends it if nothing changed.
    private func spend(
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

    /// Takes over a screener that knows the secrets as they are now.
    package func replace(_ screener: Screener) {
        self.screener = screener
        evidence = Evidence(
            environment: environment,
            clock: clock,
            hashing: hashing,
            random: random,
            screener: screener
        )
    }

    /// Makes the desk where people answer known to the door.
    package func attach(_ questions: any Questions) { self.questions = questions }

    /// Judges the open questions under the rules as they are now.
    package func rejudgeQuestions() async {
        await questions?.rejudge { question in await self.rejudgement(of: question) }
    }

    /// Nil leaves the question as it is: its server has not answered yet, so that nothing is known
    /// of its tools; all that is bound is read again before the call is sent.
    private func rejudgement(of question: Question) -> Rejudgement? {
        let binding = question.binding
        let gone = Refusal(
            code: .changed,
            rule: "policy",
            agentText: "refused: the tool is not offered any more; list the tools"
        )
        if let lockdown = lockdowns.first(where: { $0.covers(binding) }) {
            return .refused(lockdown.refusal)
        }
        let server = catalogue.tenants[binding.tenant]?[binding.tool.server]
        if let server, server.absence != nil, server.tools.isEmpty { return nil }
        guard let tool = server?.tools[binding.tool.tool],
            let document = try? JSONDocument(parsing: question.callForm),
            let form = try? CallForm(document.root)
        else { return .refused(gone) }
        let taint = unknown.reasons(
            binding,
            form,
            isRead: tool.policy.tier == .read
        )
        let verdict = tool.policy.judge(form, Facts(taint: taint))
        switch verdict.outcome {
        case .allow: return .allowed
        case .refuse(let refusal): return .refused(refusal)
        case .ask(let people):
            return .ask(
                people: people,
                tier: verdict.tier,
                reasons: verdict.reasons.map { "\($0.name): \($0.fact)" },
                policy: tool.policy.digest,
                pin: tool.pin
            )
        }
    }

    // MARK: Act

    /// Records the intent, re-reads what the verdict rests on, sends, screens, settles.
    private func act(
        _ judged: JudgedCall,
        _ approval: SpentApproval?,
        channel: any ReplyChannel,
        cancellation: CallCancellation
    ) async -> CallAnswer {
        let lease: LimitLease
        switch limits.begin(
            judged.call.arguments,
            of: judged.principal.subject,
            under: judged.tool.policy
        ) {
        case .failure(let full):
            if let approval { await questions?.notSpent(approval) }
            return refuse(judged, Self.refusal(for: full.excess))
        case .success(let taken): lease = taken
        }
        defer { limits.end(lease) }
        running[judged.id] = RunningCall(
            principal: judged.principal,
            tool: judged.tool.reference,
            cancellation: cancellation,
            started: loop.now
        )
        defer { running[judged.id] = nil }

        var intent = Transaction(
            evidence.judgement(.intent, judged, approval: approval?.ticket.rawValue)
        )
        if let approval { intent.changes += approval.changes }
        do throws(StoreError) {
            _ = try await store.commit(intent)
        } catch {
            if let approval { await questions?.notSpent(approval) }
            return refuse(judged, Self.refusal(for: error))
        }
        if let refusal = changed(since: judged) {
            tally.refused(refusal.code)
            judged.tally.judged(.refused, judged.verdict.tier)
            settle(judged, OutcomeDetail(status: .notSent, duration: .zero, error: refusal.rule))
            if let approval { await questions?.ended(approval, isKnown: true) }
            return .refused(refusal, verdict: judged.id)
        }
        judged.tally.judged(approval == nil ? .allowed : .approved, judged.verdict.tier)
        let (answer, isKnown) = await dispatch(
            AuthorizedCall(judged),
            channel: channel,
            cancellation: cancellation
        )
        if let approval { await questions?.ended(approval, isKnown: isKnown) }
        return answer
    }

    /// Whether what the verdict rests on still holds, read again after every wait.
    private func changed(since judged: JudgedCall) -> Refusal? {
        if let lockdown = lockdowns.first(where: {
            $0.covers(judged.principal, judged.tool.reference)
        }) {
            return lockdown.refusal
        }
        // Expiry changes no generation, so that this is asked in any case.
        guard tokens.isLive(judged.principal) else { return Self.revoked }
        guard judged.generation != generation else { return nil }
        guard
            let (_, tool) = catalogue.find(
                judged.call.spelling,
                at: judged.call.endpoint,
                tenant: judged.principal.tenant
            ), tool.pin == judged.tool.pin, tool.policy.digest == judged.tool.policy.digest
        else {
            return Refusal(
                code: .changed,
                rule: "policy",
                agentText: "refused: the tool or its policy changed while the call waited; "
                    + "list the tools and call again"
            )
        }
        return nil
    }

    private static let revoked = Refusal(
        code: .revoked,
        rule: "token",
        agentText: "refused: this credential was revoked or has expired"
    )

    static func refusal(for error: StoreError) -> Refusal {
        if case .conflict = error {
            return Refusal(
                code: .changed,
                rule: "approval",
                agentText: "refused: the approval was used or withdrawn; call again to ask anew",
                auditText: "\(error)"
            )
        }
        return Refusal(
            code: .evidenceUnavailable,
            rule: "audit",
            agentText: "refused: the call cannot be recorded now, and nothing runs unrecorded; "
                + "try again later",
            auditText: "\(error)"
        )
    }

    // MARK: Forward

    /// Sends the call, once: the type of `authorized` sees to it.
    private func dispatch(
        _ authorized: consuming AuthorizedCall,
        channel: any ReplyChannel,
        cancellation: CallCancellation
    ) async -> (CallAnswer, isKnown: Bool) {
        let judged = authorized.judged
        let result = await forward(authorized, channel: channel, cancellation: cancellation)
        let answer = await finish(judged, result)
        countOwnTime(judged, upstream: result.duration)
        if case .failure(let failure) = result.answer { return (answer, failure.kind == .notSent) }
        return (answer, true)
    }

    private func forward(
        _ authorized: consuming AuthorizedCall,
        channel: any ReplyChannel,
        cancellation: CallCancellation
    ) async -> UpstreamResult {
        let judged = authorized.judged
        let tool = judged.tool
        let form = judged.call.arguments
        let began = clock.instant
        var headers: [(name: String, value: String)] = []
        for parameter in tool.upstream.mirrored {
            guard
                let value = parameter.value(in: form.document.root).flatMap({
                    parameter.text(of: $0)
                })
            else { continue }
            headers.append(("Mcp-Param-" + parameter.header, HeaderMirror.encode(value)))
        }
        let progress = Progress(judged.call, channel: channel, screener: screener, loop: loop)
        do throws(UpstreamFailure) {
            let answer = try await judged.resolved.server.client.callTool(
                tool.upstream.name,
                arguments: tool.upstreamArguments(form),
                mirrored: headers,
                wantsProgress: judged.call.progressToken != nil,
                timeout: judged.resolved.server.settings.callTimeout,
                cancellation: cancellation,
                notifications: progress.sink
            )
            await progress.finish()
            return UpstreamResult(
                answer: .success(answer),
                duration: clock.instant.duration(since: began)
            )
        } catch {
            await progress.finish()
            return UpstreamResult(
                answer: .failure(error),
                duration: clock.instant.duration(since: began)
            )
        }
    }

    private static func refusal(for excess: LimitExcess) -> Refusal {
        Refusal(
            code: excess.code,
            rule: "limit \(excess.limit)",
            agentText: "refused by limit \(excess.limit); wait for a running call to end"
        )
    }

    /// From the turn the call arrived in to now; the time of a person is nobody's latency.
    private func countOwnTime(_ judged: JudgedCall, upstream: Duration) {
        if case .ask = judged.verdict.outcome { return }
        tally.answered(in: clock.instant.duration(since: judged.call.arrived) - upstream)
    }

    private func newCallID() -> String { Hex.encode(random.bytes(count: 8)) }
}

/// A call that was judged, approved where asked, recorded, and found unchanged.
///
/// It may be sent, once: only the door makes one, and sending consumes it.
package struct AuthorizedCall: ~Copyable, Sendable {
    package let judged: JudgedCall

    fileprivate init(_ judged: JudgedCall) { self.judged = judged }
}
