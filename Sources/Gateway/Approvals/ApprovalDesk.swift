package import Approval
package import Audit
package import Base
package import Crypto
import JSON
import Policy
package import System

/// Where calls wait for people: the thin actor around `ApprovalBook`.
///
/// A decision of the book is one synchronous step; then its effects are carried out in order:
/// evidence and state in one transaction, and only then the answers.
package actor ApprovalDesk: Questions {
    let loop: EventLoop
    let store: any RecordStore
    let clock: any Clock
    let random: any RandomSource
    private let rows: QuestionRows
    let environment: EnvironmentName

    var book: ApprovalBook
    var figures = AnswerFigures()
    var unkeptFigures: Set<AnswerFigures.Subject> = []
    var glasses = BreakGlassBook(
        at: Moment(instant: Instant(nanoseconds: 0), timestamp: Timestamp(milliseconds: 0))
    )
    private var waiters: [WaiterID: Pending<ApprovalAnswer>] = [:]
    private var nextWaiter: UInt64 = 1
    private var timer: TimerToken?
    private var watchers: [UInt64: @Sendable (ApprovalNotice) -> Void] = [:]
    private var nextWatcher: UInt64 = 1
    var holds = HoldMemory()

    package nonisolated var unownedExecutor: UnownedSerialExecutor {
        unsafe loop.asUnownedSerialExecutor()
    }

    package init(
        loop: EventLoop,
        store: any RecordStore,
        clock: any Clock,
        random: any RandomSource,
        sealing: SealingKey,
        environment: EnvironmentName,
        settings: ApprovalSettings
    ) {
        self.loop = loop
        self.store = store
        self.clock = clock
        self.random = random
        rows = QuestionRows(sealing: sealing, random: random)
        self.environment = environment
        book = ApprovalBook(settings: settings)
    }

    var reviewTime: Duration { book.settings.review }

    var moment: Moment { Moment(instant: loop.now, timestamp: clock.timestamp) }

    /// Takes up the questions, grants and emergencies an earlier process left.
    ///
    /// A question whose arguments cannot be opened any more is left out, and with it its yes. Gives
    /// back the rows that do not count because they cannot be read.
    ///
    /// - Parameter isTimeLost: the wall clock was set back meanwhile: whatever has an end is over.
    package func restore(
        from store: any RecordStore,
        isTimeLost: Bool = false
    ) async throws(StoreError) -> [StateKey] {
        let kept = try await rows.kept(in: store)
        var unread = kept.unread
        var grants: [Grant] = []
        for entry in try await store.allEntries(.grants) {
            if let grant = entry.read(Grant.init(json:)) {
                grants.append(grant)
            } else {
                unread.append(entry.key)
            }
        }
        book = ApprovalBook(
            settings: book.settings,
            approvers: approvers,
            restoring: kept.questions,
            grants: grants,
            at: moment,
            isTimeLost: isTimeLost
        )
        unread += try await restoreEmergencies(from: store, isTimeLost: isTimeLost)
        try await restoreLearned(from: store)
        await tick()
        return unread
    }

    private var approvers: [Approver] = []

    // MARK: For the door

    package func ask(
        _ judged: JudgedCall,
        people: Int,
        channel: any ReplyChannel,
        cancellation: CallCancellation
    ) async -> QuestionOutcome {
        let waiter = WaiterID(nextWaiter)
        nextWaiter &+= 1
        let pending = Pending<ApprovalAnswer>(on: loop)
        waiters[waiter] = pending
        defer { waiters[waiter] = nil }
        let client = HoldMemory.Client(judged.principal.tenant, judged.principal.token)
        let hold =
            book.settings.adapts
            ? holds.hold(of: client, atMost: book.settings.hold) : book.settings.hold
        let began = loop.now
        let ask = Ask(
            binding: judged.binding,
            owner: PersonName(unchecked: judged.principal.owner.rawValue),
            people: people,
            tier: judged.verdict.tier,
            reasons: judged.verdict.reasons.map { "\($0.name): \($0.fact)" },
            causes: judged.verdict.reasons.map(\.name),
            callForm: judged.call.arguments.bytes,
            answers: judged.call.given?.shown ?? [],
            run: judged.principal.run,
            hold: hold
        )
        let isDurable = await carryOut(
            book.handle(.asked(ask, by: waiter, fresh: TicketID(random: random)), at: moment),
            call: judged
        )
        guard isDurable else {
            _ = await carryOut(book.handle(.cancelled(waiter), at: moment), call: judged)
            return .refused(
                Refusal(
                    code: .evidenceUnavailable,
                    rule: "audit",
                    agentText: "refused: the question cannot be recorded now; try again later"
                )
            )
        }
        let key = cancellation.onCancel { [weak self] in
            guard let self else { return }
            // Ends by itself: the book's answer resumes the waiting call.
            self.loop.spawn { await self.callOff(waiter, cancellation.reason) }
        }
        defer { cancellation.remove(key) }
        let answer = await wait(for: pending, judged, channel: channel)
        learn(client, hold, began, answer, cancellation.reason)
        switch answer {
        case .approved(let ticket): return .approved(ticket, waiter, editedForm(ticket))
        case .ticket(let ticket, _, let text): return .ticket(ticket, text)
        case .judgeAgain: return .judgeAgain
        case .refused(let refusal): return .refused(refusal)
        case nil: return .refused(Self.calledOff)
        }
    }

    private static let unrecorded = Refusal(
        code: .evidenceUnavailable,
        rule: "audit",
        agentText: "refused: the answer cannot be recorded now; try again later"
    )

    private static let calledOff = Refusal(
        code: .approvalDenied,
        rule: "approval",
        agentText: "the call was called off while it waited; nothing was sent"
    )

    private func callOff(_ waiter: WaiterID, _ reason: CallCancellation.Reason?) async {
        let event: ApprovalEvent =
            reason == .disconnected ? .detached(waiter) : .cancelled(waiter)
        _ = await carryOut(book.handle(event, at: moment), call: nil)
        waiters[waiter]?.fail(CancellationError())
    }

    /// Compares what was shown with what is so now, and hands over the spend for the transaction
    /// of the intent.
    package func dispatch(
        _ ticket: TicketID,
        current: Binding,
        by waiter: WaiterID,
        call judged: JudgedCall
    ) async -> Result<SpentApproval, Refusal> {
        let effects = book.handle(.dispatched(ticket, current: current, by: waiter), at: moment)
        for case .spend(let question, _) in effects {
            // The same step may have ended holds of others; the spend itself is recorded with the
            // intent, in the transaction the door writes.
            let others = effects.filter { effect in
                switch effect {
                case .spend: false
                case .record(let record): record.ticket != ticket
                case .persist, .forget, .answer, .reply, .notify, .wake, .recordGrant,
                    .persistGrant, .forgetGrant:
                    true
                }
            }
            _ = await carryOut(others, call: nil)
            return .success(
                SpentApproval(
                    source: .question(ticket),
                    changes: QuestionRows.spending(question)
                )
            )
        }
        _ = await carryOut(effects, call: judged)
        for case .answer(_, .refused(let refusal)) in effects { return .failure(refusal) }
        return .failure(Self.calledOff)
    }

    package func notSpent(_ approval: SpentApproval) async {
        switch approval.source {
        case .question(let ticket):
            _ = await carryOut(book.handle(.spendFailed(ticket), at: moment), call: nil)
        case .grant(let id): book.giveBack(id)
        }
    }

    package func ended(_ approval: SpentApproval, isKnown: Bool) async {
        guard case .question(let ticket) = approval.source else { return }
        let event = ApprovalEvent.ended(ticket, isKnown: isKnown)
        _ = await carryOut(book.handle(event, at: moment), call: nil)
    }

    package func revoke(tenant: TenantID?, owner: PrincipalName?) async {
        _ = await carryOut(book.handle(.revoked(tenant, owner), at: moment), call: nil)
    }

    package func revoke(tenant: TenantID, credential: String) async {
        let event = ApprovalEvent.credentialRevoked(tenant, credential)
        _ = await carryOut(book.handle(event, at: moment), call: nil)
        keep(holds.forget(HoldMemory.Client(tenant, credential)))
    }

    /// Ends the questions about what is gone, such as a server that was replaced.
    func withdraw(_ isMeant: (Binding) -> Bool) async {
        for question in book.unsettled where isMeant(question.binding) {
            let event = ApprovalEvent.rejudged(question.ticket, .refused(Self.replaced))
            _ = await carryOut(book.handle(event, at: moment), call: nil)
        }
    }

    private static let replaced = Refusal(
        code: .changed,
        rule: "policy",
        agentText: "refused: the server was set up anew while the call waited; list the tools and "
            + "call again"
    )

    package func rejudge(_ judge: @Sendable (Question) async -> Rejudgement?) async {
        for question in book.open() {
            guard let judgement = await judge(question) else { continue }
            let event = ApprovalEvent.rejudged(question.ticket, judgement)
            _ = await carryOut(book.handle(event, at: moment), call: nil)
        }
    }

    // MARK: For people

    package func waiting(seenBy tenants: Set<TenantID>? = nil) -> [Question] {
        book.waiting(seenBy: tenants)
    }

    /// Those, and the ones that have their yes and whose call has not gone out.
    package func open() -> [Question] { book.open() }

    package func question(_ ticket: TicketID) -> Question? { book.question(ticket) }

    package func vote(_ ballot: Ballot) async -> VoteReply {
        let effects = book.handle(.voted(ballot), at: moment)
        guard await carryOut(effects, call: nil) else {
            // A vote nobody can prove does not count.
            _ = await carryOut(book.handle(.unrecorded(ballot.ticket), at: moment), call: nil)
            return .notRecorded
        }
        for case .reply(let reply) in effects { return reply }
        return .unknownTicket
    }

    package func changeApprovers(_ approvers: [Approver]) async {
        self.approvers = approvers
        _ = await carryOut(book.handle(.approversChanged(approvers), at: moment), call: nil)
    }

    package func reset() async {
        _ = await carryOut(book.handle(.approversReset, at: moment), call: nil)
    }

    /// Lets every held call go with its ticket, and holds none from now on.
    package func endHolds() async {
        book.settings.hold = .zero
        _ = await carryOut(book.handle(.holdsEnded, at: moment), call: nil)
    }

    package func change(_ settings: ApprovalSettings) { book.settings = settings }

    /// Tells `notify` of every change until `stopWatching`.
    package func watch(_ notify: @escaping @Sendable (ApprovalNotice) -> Void) -> UInt64 {
        defer { nextWatcher &+= 1 }
        watchers[nextWatcher] = notify
        return nextWatcher
    }

    package func stopWatching(_ key: UInt64) { watchers[key] = nil }

    // MARK: Effects

    /// Carries effects out: evidence and state first, answers after.
    ///
    /// False when the store refused, in which case whoever waits is refused.
    func carryOut(
        _ effects: [ApprovalEffect],
        call judged: JudgedCall?,
        with extra: Transaction = Transaction()
    ) async -> Bool {
        var transaction = extra
        var answers: [(WaiterID, ApprovalAnswer)] = []
        var notices: [ApprovalNotice] = []
        var isKept = true
        for effect in effects {
            switch effect {
            case .record(let record):
                transaction.records.append(self.record(record, judged))
                // It has its yes: whoever looks at what waits need not look any more.
                if case .approved = record.step { notices.append(.closed(record.ticket)) }
            case .persist(let question):
                guard let changes = rows.keeping(question) else {
                    isKept = false
                    continue
                }
                transaction.changes += changes
            case .forget(let tenant, let ticket):
                transaction.changes += QuestionRows.forgetting(ticket, of: tenant)
            case .recordGrant(let record):
                transaction.records.append(
                    ApprovalEvidence.record(record, at: clock.timestamp, environment: environment)
                )
            case .persistGrant(let grant): transaction.changes.append(Self.keeping(grant))
            case .forgetGrant(let grant): transaction.changes.append(Self.forgetting(grant))
            case .answer(let waiter, let answer): answers.append((waiter, answer))
            case .notify(let notice): notices.append(notice)
            case .wake(let instant): wake(at: instant)
            case .spend, .reply: break
            }
        }
        if isKept, !transaction.records.isEmpty || !transaction.changes.isEmpty {
            isKept = (try? await store.commit(transaction)) != nil
        }
        guard isKept else {
            // Whoever waits hears no rather than nothing: the book has let them go.
            for (waiter, _) in answers { waiters[waiter]?.fulfil(.refused(Self.unrecorded)) }
            // What is over in the book is over for whoever shows it, too.
            for case .notify(.closed(let ticket)) in effects { tell(.closed(ticket)) }
            return false
        }
        count(effects)
        for (waiter, answer) in answers { waiters[waiter]?.fulfil(answer) }
        for notice in notices { tell(notice) }
        return true
    }

    func tell(_ notice: ApprovalNotice) {
        for watcher in watchers.values { watcher(notice) }
    }

    private func wake(at instant: Instant) {
        timer?.cancel()
        timer = loop.schedule(at: instant) { [weak self] in
            guard let self else { return }
            // One step of the book; nobody waits for it, and it ends with its transaction.
            _ = self.assumeIsolated { desk in desk.loop.spawn { await desk.tick() } }
        }
    }

    private func tick() async {
        _ = await carryOut(book.handle(.ticked, at: moment), call: nil)
    }

    private func record(_ record: ApprovalRecord, _ judged: JudgedCall?) -> AuditRecord {
        ApprovalEvidence.record(
            record,
            call: judged?.id,
            at: clock.timestamp,
            environment: environment
        )
    }
}
