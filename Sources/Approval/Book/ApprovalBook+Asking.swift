import Base
import Policy

extension ApprovalBook {
    /// A call asks: a known one goes on where it was, a new one becomes a question.
    mutating func asked(_ ask: Ask, _ waiter: WaiterID, _ fresh: TicketID, _ now: Moment) {
        if let ticket = tickets[CallKey(ask.binding)], let entry = entries[ticket] {
            guard resume(ticket, entry.question, ask, waiter, now) == false else { return }
        }
        if let refusal = reasonNotToAsk(ask, fresh) {
            effects.append(.answer(waiter, .refused(refusal)))
            return
        }
        let deadline = Deadline(after: settings.expiry, from: now)
        let question = Question(
            ticket: fresh,
            binding: ask.binding,
            owner: ask.owner,
            people: max(1, min(ask.people, 2)),
            tier: ask.tier,
            reasons: ask.reasons,
            causes: ask.causes,
            callForm: ask.callForm,
            answers: ask.answers,
            run: ask.run,
            asked: now.timestamp,
            expires: deadline.timestamp,
            revision: 1,
            votes: [],
            state: .waiting
        )
        entries[fresh] = Entry(question: question, waiter: nil, deadline: deadline)
        tickets[CallKey(ask.binding)] = fresh
        record(.asked, question)
        effects.append(.persist(question))
        hold(fresh, waiter, ask.hold, now)
        effects.append(.notify(.waiting(fresh, missing: question.people)))
    }

    /// True when the call that came again was dealt with.
    private mutating func resume(
        _ ticket: TicketID,
        _ question: Question,
        _ ask: Ask,
        _ waiter: WaiterID,
        _ now: Moment
    ) -> Bool {
        var asked = ask.binding
        let isEdited = question.edit != nil
        // What a person made of the call is judged on its own, by the door.
        if isEdited { asked.callForm = question.binding.callForm }
        let parts = question.binding.differences(from: asked)
        switch question.state {
        case .waiting where isEdited && !parts.isEmpty:
            close(ticket, .changed(parts), .changed(parts), .judgeAgain)
            drop(ticket)
            return false
        case .waiting:
            if !parts.isEmpty
                || (!isEdited && (question.people != ask.people || question.tier != ask.tier))
            {
                renew(ticket, asked, ask.people, ask.tier, (ask.reasons, ask.causes))
            }
            hold(ticket, waiter, ask.hold, now)
            return true
        case .approved:
            guard parts.isEmpty, isEdited || question.people >= ask.people else {
                close(ticket, .changed(parts), .changed(parts), .judgeAgain)
                drop(ticket)
                return false
            }
            replaceWaiter(of: ticket, by: waiter)
            effects.append(.answer(waiter, .approved(ticket)))
            return true
        case .denied:
            effects.append(.answer(waiter, .refused(Self.denied(question))))
            return true
        case .spent, .unknown:
            effects.append(.answer(waiter, .refused(Self.unknown(question))))
            return true
        case .settled, .expired, .withdrawn, .changed:
            drop(ticket)
            return false
        }
    }

    /// Why this call is not put to anybody; nil when it is.
    private func reasonNotToAsk(_ ask: Ask, _ fresh: TicketID) -> Refusal? {
        guard entries[fresh] == nil else { return Self.busy("this gateway") }
        let length = ask.callForm.count + ask.answers.count
        guard length <= settings.reviewableByteCount else {
            return Self.notReviewable(length, limit: settings.reviewableByteCount)
        }
        let seeing = Set(approvers.filter { $0.sees(ask.binding.tenant) }.map(\.person))
        guard !seeing.isEmpty else { return Self.nobody }
        let able = seeing.filter { mayAnswer($0, ask.owner, ask.tier) }
        guard able.count >= ask.people else {
            return Self.tooFew(people: ask.people, able: able.count)
        }
        var ofPrincipal = 0
        var ofTenant = 0
        for entry in entries.values where entry.question.isOpen {
            guard entry.question.binding.tenant == ask.binding.tenant else { continue }
            ofTenant += 1
            if entry.question.binding.principal == ask.binding.principal { ofPrincipal += 1 }
        }
        if ofPrincipal >= settings.waitingPerPrincipal { return Self.busy("this agent") }
        if ofTenant >= settings.waitingPerTenant { return Self.busy("this tenant") }
        return nil
    }

    /// The newest call is the one that waits; an older one gets its ticket.
    private mutating func hold(
        _ ticket: TicketID,
        _ waiter: WaiterID,
        _ wanted: Duration,
        _ now: Moment
    ) {
        replaceWaiter(of: ticket, by: waiter)
        entries[ticket]?.waiter = Waiter(
            id: waiter,
            holdEnds: now.instant.advanced(by: max(.zero, min(wanted, settings.hold)))
        )
        held[waiter] = ticket
    }

    private mutating func replaceWaiter(of ticket: TicketID, by waiter: WaiterID) {
        guard entries[ticket]?.waiter?.id != waiter else { return }
        letGo(ticket)
    }

    /// What is shown changed: votes were for something else.
    mutating func renew(
        _ ticket: TicketID,
        _ binding: Binding,
        _ people: Int,
        _ tier: RiskTier,
        _ spoke: (reasons: [String], causes: [String])
    ) {
        guard var question = entries[ticket]?.question else { return }
        question.binding = binding
        question.people = max(1, min(people, 2))
        question.tier = tier
        question.reasons = spoke.reasons
        question.causes = spoke.causes
        question.votes = []
        question.state = .waiting
        question.revision += 1
        entries[ticket]?.question = question
        record(.judgedAnew, question)
        effects.append(.persist(question))
        effects.append(.notify(.waiting(ticket, missing: question.people)))
    }
}
