import Approval
package import Audit
package import Base
import JSON
package import MCP
import Policy
package import System
import JSONSchema
package import Screening

/// The one function every call goes through (docs/architecture.md, rule 1), and the state it needs.
///
/// `pass` resolves, validates, gathers, judges, asks, acts and forwards; each step takes what the
/// step before it made. Everything that may have changed while a call waited is read again before
/// it is sent.
package actor Door {
    let loop: EventLoop
    let pool: BlockingPool
    let memory: MemoryReturn
    let store: any RecordStore
    let clock: any Clock
    let hashing: any Hashing
    let random: any RandomSource
    var evidence: Evidence
    /// Replaced whole when the known secrets change.
    var screener: Screener
    let tokens: TokenBook
    let environment: EnvironmentName
    /// How much of a screened result its record keeps.
    let resultByteCount: Int

    var catalogue = Catalogue.empty { didSet { found = FoundTools() } }
    var found = FoundTools()
    /// Counts every change of rules, pins, tokens and lockdowns: a call judged under another
    /// number is judged anew before it is sent.
    var generation: UInt64 = 0
    var limits = LimitBook()
    var listRates = ListRates()
    var refusedLists = RefusedLists()
    var lockdowns: [Lockdown] = []
    /// How many were set in this process.
    var lockdownCount: UInt64 = 0
    let lockdownTurns: TakingTurns
    var unknown: UnknownCalls
    var parties: KnownParties
    var running = UnderWay<RunningCall>()
    /// Calls whose server has not said yet what it offers.
    var early = EarlyCalls()
    var questions: (any Questions)?
    var approvalPage: String?
    let tally: GateTally
    package nonisolated let usual: UsualBook

    struct RunningCall {
        let judged: JudgedCall
        let cancellation: CallCancellation

        var principal: Principal { judged.principal }
        var tool: ToolReference { judged.tool.reference }
    }

    package nonisolated var unownedExecutor: UnownedSerialExecutor {
        unsafe loop.asUnownedSerialExecutor()
    }

    package init(_ parts: Parts) {
        loop = parts.loop
        lockdownTurns = TakingTurns(on: parts.loop)
        pool = parts.pool
        memory = MemoryReturn(
            loop: parts.loop,
            pool: parts.pool,
            quiet: Limits.memoryQuietTime
        )
        store = parts.store
        usual = UsualBook(store: parts.store)
        clock = parts.clock
        hashing = parts.hashing
        unknown = UnknownCalls(hashing: parts.hashing)
        random = parts.random
        screener = parts.screener
        tokens = parts.tokens
        tally = parts.tally
        environment = parts.environment
        parties = KnownParties(environment: parts.environment)
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
        /// For what takes longer than a loop may be held.
        package let pool: BlockingPool
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
            pool: BlockingPool,
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
            self.pool = pool
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
        of kind: OfferKind = .tool,
        with extras: CallExtras = CallExtras(),
        channel: any ReplyChannel,
        cancellation: CallCancellation
    ) async -> CallAnswer {
        let id = newCallID()
        let call: ToolCall
        do throws(ToolCall.Unreadable) {
            call = try ToolCall(inbound, request, of: kind, with: extras, at: loop.now)
        } catch {
            switch error {
            case .envelope(let problem): return .protocolError(problem)
            case .arguments(let refusal):
                let name = request.params?["name"]?.string ?? ""
                let arguments = request.params?["arguments"]?.source ?? []
                noteUnresolved(inbound.principal, name, arguments, id: id, refusal)
                return .refused(refusal, verdict: id)
            }
        }
        if let problem = mismatch(of: call) { return .protocolError(problem) }
        let resolved: ResolvedCall
        switch resolve(call) {
        case .success(let found): resolved = found
        case .failure:
            switch await find(call, cancellation) {
            case .failure(let reason):
                let arguments = call.arguments.bytes[...]
                noteUnresolved(call.principal, call.spelling, arguments, id: id, reason.refusal)
                return reason.answer(verdict: id)
            case .success(let found): resolved = found
            }
        }
        return await decideHere(resolved, id: id, channel: channel, cancellation: cancellation)
    }

    /// What was asked stands in the log also where there was nothing to judge.
    private func noteUnresolved(
        _ principal: Principal,
        _ spelling: String,
        _ arguments: ArraySlice<UInt8>,
        id: String,
        _ refusal: Refusal
    ) {
        tally.refused(refusal.code)
        let noted = Refusal(
            code: refusal.code,
            rule: refusal.rule,
            agentText: refusal.agentText,
            auditText: "call of `\(printable(spelling))`: \(refusal.auditText)"
        )
        store.note(evidence.unresolved(principal, arguments, id: id, noted))
    }

    /// Judges; asks, acts or refuses as the verdict says.
    func decide(
        _ resolved: ResolvedCall,
        id: String,
        channel: any ReplyChannel,
        cancellation: CallCancellation
    ) async -> CallAnswer {
        await decideHere(resolved, id: id, channel: channel, cancellation: cancellation)
    }

    /// Inlined, as `act` is: each of them would cost every call two switches of tasks.
    @inline(__always)
    private func decideHere(
        _ resolved: ResolvedCall,
        id: String,
        channel: any ReplyChannel,
        cancellation: CallCancellation
    ) async -> CallAnswer {
        let judged = judge(resolved, id: id)
        tally.spoke(judged.verdict, judged.principal.tenant)
        if let refusal = refusal(of: judged) { return refuse(judged, refusal) }
        if case .ask = judged.verdict.outcome {
            return await decideAsking(judged, channel: channel, cancellation: cancellation)
        }
        return await act(judged, nil, channel: channel, cancellation: cancellation)
    }

    /// Asks as the verdict says; judges again when the rules changed meanwhile.
    private func decideAsking(
        _ first: JudgedCall,
        channel: any ReplyChannel,
        cancellation: CallCancellation
    ) async -> CallAnswer {
        let id = first.id
        var judged = first
        for round in 0..<3 {
            if round > 0 {
                switch await find(judged.call, cancellation) {
                case .failure(let reason): return reason.answer(verdict: id)
                case .success(let found): judged = judge(found, id: id)
                }
                if let refusal = refusal(of: judged) { return refuse(judged, refusal) }
            }
            guard case .ask(let people) = judged.verdict.outcome else {
                return await actApart(judged, nil, channel: channel, cancellation: cancellation)
            }
            if let approval = await questions?.granted(judged, people: people) {
                return await actApart(
                    judged,
                    approval,
                    channel: channel,
                    cancellation: cancellation
                )
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
            case .ticket(let ticket, let text):
                judged.tally.judged(.waiting, judged.verdict.tier)
                return comeBack(judged, ticket, text)
            case .approved(let ticket, let waiter, let edited):
                var meant = judged
                if let edited {
                    switch judgeEdited(judged, edited) {
                    case .failure(.refused(let other, let refusal)):
                        return told(refuse(other, refusal), edited)
                    case .failure(.protocolError(let problem)): return .protocolError(problem)
                    case .success(let other): meant = other
                    }
                }
                // First what may take long: with the spend begins what nobody can take back.
                if let refusal = await absence(of: meant, cancellation) {
                    let answer = refuse(meant, refusal)
                    return edited.map { told(answer, $0) } ?? answer
                }
                switch await spend(ticket, meant, waiter) {
                case .failure(let refusal): return refuse(meant, refusal)
                case .success(let approval):
                    let answer = await actApart(
                        meant,
                        approval,
                        channel: channel,
                        cancellation: cancellation
                    )
                    return edited.map { told(answer, $0) } ?? answer
                }
            }
        }
        return .refused(Self.unsettled, verdict: id)
    }

    /// `act` where its two switches do not show.
    private func actApart(
        _ judged: JudgedCall,
        _ approval: SpentApproval?,
        channel: any ReplyChannel,
        cancellation: CallCancellation
    ) async -> CallAnswer {
        await act(judged, approval, channel: channel, cancellation: cancellation)
    }

    static let unsettled = Refusal(
        code: .changed,
        rule: "policy",
        agentText: "refused: the rules keep changing; try again later"
    )

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

    /// From the turn the call arrived in to now; the time of a person is nobody's latency.
    func countOwnTime(_ judged: JudgedCall, upstream: Duration) {
        if case .ask = judged.verdict.outcome { return }
        tally.answered(in: clock.instant.duration(since: judged.call.arrived) - upstream)
    }

    func newCallID() -> String { Hex.encode(random.word()) }
}
