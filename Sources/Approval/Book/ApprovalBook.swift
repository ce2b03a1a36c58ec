package import Base
import Policy

/// All questions of a gateway; a value: events and time come in, effects go out.
///
/// INVARIANT: a question is open, or it never will be again. A yes is spent at most once: `spend`
/// leaves the book only together with the state `spent`.
package struct ApprovalBook: Sendable {
    /// The same call of the same principal.
    struct CallKey: Hashable, Sendable {
        let tenant: TenantID
        let principal: PrincipalName
        let credential: String
        let tool: ToolReference
        let callForm: Digest
        let answers: Digest?

        /// The key of a question is what its agent sent, whatever a person made of it.
        init(_ question: Question) { self.init(question.binding, question.edit?.original) }

        init(_ binding: Binding, _ original: Digest? = nil) {
            tenant = binding.tenant
            principal = binding.principal
            credential = binding.credential
            tool = binding.tool
            callForm = original ?? binding.callForm
            answers = binding.answers
        }
    }

    struct Waiter: Sendable {
        let id: WaiterID
        let holdEnds: Instant
    }

    struct Entry: Sendable {
        var question: Question
        var waiter: Waiter?
        let deadline: Deadline
        /// What ended it while its yes was being spent: it counts if the spend comes to nothing.
        var withdrawal: Question.Withdrawal?
    }

    package var settings: ApprovalSettings
    var entries: [TicketID: Entry] = [:]
    var tickets: [CallKey: TicketID] = [:]
    var held: [WaiterID: TicketID] = [:]
    var approvers: [Approver]
    var grants: [GrantID: GrantEntry] = [:]
    var effects: [ApprovalEffect] = []
    private var nextWake: Instant?

    /// Takes up questions as the store kept them; what was on its way is unknown now.
    ///
    /// - Parameter isTimeLost: nobody knows how long the gateway was away, because the wall clock
    ///   was set back meanwhile: whatever has an end is over.
    package init(
        settings: ApprovalSettings = ApprovalSettings(),
        approvers: [Approver] = [],
        restoring questions: [Question] = [],
        grants kept: [Grant] = [],
        at now: Moment = Moment(
            instant: Instant(nanoseconds: 0),
            timestamp: Timestamp(milliseconds: 0)
        ),
        isTimeLost: Bool = false
    ) {
        self.settings = settings
        self.approvers = approvers
        for var question in questions {
            if question.state == .spent { question.state = .unknown }
            guard question.isOpen || question.state.isRemembered else { continue }
            entries[question.ticket] = Entry(
                question: question,
                waiter: nil,
                deadline: Deadline(
                    kept: question.expires,
                    atMost: isTimeLost ? .zero : settings.expiry,
                    from: now
                )
            )
            tickets[CallKey(question)] = question.ticket
        }
        for grant in kept where grant.left > 0 {
            grants[grant.id] = GrantEntry(
                grant: grant,
                deadline: Deadline(
                    kept: grant.expires,
                    atMost: isTimeLost ? .zero : Grant.longest,
                    from: now
                )
            )
        }
    }

    /// One synchronous step; the effects are to be carried out in order.
    package mutating func handle(_ event: ApprovalEvent, at now: Moment) -> [ApprovalEffect] {
        effects = []
        passTime(now)
        switch event {
        case .asked(let ask, let waiter, let fresh): asked(ask, waiter, fresh, now)
        case .voted(let ballot): voted(ballot, now)
        case .edited(let call): edit(call, now)
        case .grantRevoked(let id, let by): endGrants(.revoked(by: by)) { $0.id == id }
        case .grantsEnded(let reasons):
            for (id, reason) in reasons.sorted(by: { $0.key < $1.key }) {
                endGrants(.ended(reason)) { $0.id == id }
            }
        case .detached(let waiter): detach(waiter)
        case .cancelled(let waiter): cancel(waiter)
        case .dispatched(let ticket, let current, let waiter): dispatch(ticket, current, waiter)
        case .spendFailed(let ticket): spendFailed(ticket)
        case .unrecorded(let ticket): unrecorded(ticket)
        case .ended(let ticket, let isKnown): ended(ticket, isKnown)
        case .rejudged(let ticket, let judgement): rejudged(ticket, judgement)
        case .approversChanged(let approvers): change(approvers)
        case .approversReset:
            closeOpen(.approversReset) { _ in true }
            endGrants(.ended("all approvers were reset")) { _ in true }
        case .revoked(let tenant, let principal):
            shutOff { binding in
                (tenant.map { $0 == binding.tenant } ?? true)
                    && (principal.map { $0 == binding.principal } ?? true)
            }
        case .credentialRevoked(let tenant, let credential):
            shutOff { $0.tenant == tenant && $0.credential == credential }
        case .holdsEnded: for ticket in entries.keys.sorted() { letGo(ticket) }
        case .ticked: nextWake = nil  // A timer that came early must be set again.
        }
        wakeIfNeeded()
        defer { effects = [] }
        return effects
    }

    // MARK: Looking

    /// A question an approver of those tenants may see; nil means all tenants.
    package func question(_ ticket: TicketID, seenBy tenants: Set<TenantID>? = nil) -> Question? {
        guard let question = entries[ticket]?.question,
            tenants?.contains(question.binding.tenant) ?? true
        else { return nil }
        return question
    }

    /// The questions that need people, the oldest first.
    package func waiting(seenBy tenants: Set<TenantID>? = nil) -> [Question] {
        open(seenBy: tenants).filter { $0.state == .waiting }
    }

    /// Those, and the ones that have their yes and whose call has not gone out.
    package func open(seenBy tenants: Set<TenantID>? = nil) -> [Question] {
        entries.values.map(\.question)
            .filter { $0.isOpen && (tenants?.contains($0.binding.tenant) ?? true) }
            .sorted { ($0.asked, $0.ticket) < ($1.asked, $1.ticket) }
    }

    /// Every question that is open, or was until its yes was spent on a call that has not ended.
    package var unsettled: [Question] {
        entries.values.map(\.question).filter { $0.isOpen || $0.state == .spent }
            .sorted { ($0.asked, $0.ticket) < ($1.asked, $1.ticket) }
    }

    /// When each question, and each standing yes, that is not over began.
    package var begun: [Timestamp] {
        unsettled.map(\.asked) + grants.values.map(\.grant.given)
    }

    /// What an agent may know of a ticket: nil for an unknown one and for another principal's.
    package func state(
        of ticket: TicketID,
        for principal: PrincipalName,
        of tenant: TenantID
    ) -> Question.State? {
        guard let question = entries[ticket]?.question, question.binding.principal == principal,
            question.binding.tenant == tenant
        else { return nil }
        return question.state
    }

    // MARK: Time

    /// Ends holds and questions whose time has come, before anything else is looked at.
    mutating func passTime(_ now: Moment) {
        expireGrants(now)
        let due = entries.filter { entry in
            entry.value.deadline.isOver(at: now)
                || (entry.value.waiter.map { $0.holdEnds <= now.instant } ?? false)
        }
        for (ticket, entry) in due.sorted(by: { $0.key < $1.key }) {
            if entry.deadline.isOver(at: now) {
                expire(ticket)
            } else if let waiter = entry.waiter, waiter.holdEnds <= now.instant {
                letGo(ticket)
            }
        }
    }

    private mutating func expire(_ ticket: TicketID) {
        guard let entry = entries[ticket] else { return }
        switch entry.question.state {
        case .waiting, .approved:
            close(ticket, .expired, .expired, .refused(Self.expired(entry.question)))
            drop(ticket)
        case .spent: break  // Its end is still to be heard of.
        case .denied, .unknown, .settled, .expired, .withdrawn, .changed: drop(ticket)
        }
    }

    private mutating func wakeIfNeeded() {
        var wake: Instant?
        for entry in entries.values where entry.question.state != .spent {
            let end = entry.deadline.instant
            let next = min(entry.waiter?.holdEnds ?? end, end)
            wake = min(wake ?? next, next)
        }
        for entry in grants.values {
            wake = min(wake ?? entry.deadline.instant, entry.deadline.instant)
        }
        if let wake, wake != nextWake { effects.append(.wake(at: wake)) }
        nextWake = wake
    }

    // MARK: Steps that several events share

    mutating func record(_ step: ApprovalRecord.Step, _ question: Question) {
        effects.append(
            .record(
                ApprovalRecord(
                    step: step,
                    ticket: question.ticket,
                    binding: question.binding,
                    people: question.people
                )
            )
        )
    }

    /// Lets the held call go with that answer; the question stays.
    mutating func release(_ ticket: TicketID, _ answer: (Question) -> ApprovalAnswer) {
        guard let entry = entries[ticket], let waiter = entry.waiter else { return }
        effects.append(.answer(waiter.id, answer(entry.question)))
        held[waiter.id] = nil
        entries[ticket]?.waiter = nil
    }

    /// Gives the held call its ticket; the question waits on.
    mutating func letGo(_ ticket: TicketID) {
        release(ticket) { question in
            .ticket(question.ticket, expires: question.expires, text: Self.text(of: question))
        }
    }

    /// Ends a question: evidence first, then the store, then the held call.
    mutating func close(
        _ ticket: TicketID,
        _ state: Question.State,
        _ step: ApprovalRecord.Step,
        _ answer: ApprovalAnswer
    ) {
        guard var entry = entries[ticket] else { return }
        entry.question.state = state
        entry.question.forgetWords()
        entries[ticket] = entry
        record(step, entry.question)
        effects.append(.persist(entry.question))
        release(ticket) { _ in answer }
        effects.append(.notify(.closed(ticket)))
    }

    /// Forgets a closed question, here and in the store.
    mutating func drop(_ ticket: TicketID) {
        guard let entry = entries.removeValue(forKey: ticket) else { return }
        let key = CallKey(entry.question)
        if tickets[key] == ticket { tickets[key] = nil }
        if let waiter = entry.waiter { held[waiter.id] = nil }
        effects.append(.forget(entry.question.binding.tenant, ticket))
    }

    /// Whether the person may answer, apart from what they see.
    func mayAnswer(_ person: PersonName, _ owner: PersonName, _ tier: RiskTier) -> Bool {
        person != owner || (settings.allowsSelfApproval && tier < .execute)
    }
}

extension Question.State {
    /// Whether a closed question still speaks about the same call until it expires.
    var isRemembered: Bool {
        switch self {
        case .denied, .unknown: true
        case .waiting, .approved, .spent, .settled, .expired, .withdrawn, .changed: false
        }
    }
}
