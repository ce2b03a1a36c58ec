import Base
import Policy

extension ApprovalBook {
    mutating func voted(_ ballot: Ballot, _ now: Moment) {
        guard let approver = approvers.first(where: { $0.person == ballot.person }),
            var question = entries[ballot.ticket]?.question,
            approver.sees(question.binding.tenant)
        else {
            effects.append(.reply(.unknownTicket))
            return
        }
        // A no of the owner is welcome: it takes nothing from anybody.
        guard !ballot.isYes || mayAnswer(ballot.person, question.owner, question.tier) else {
            effects.append(.reply(.ownRequest))
            return
        }
        if let proposal = ballot.grant, let reason = reasonNotToGrant(proposal, question) {
            effects.append(.reply(.notGrantable(reason)))
            return
        }
        let reply = question.receive(ballot, at: now.timestamp)
        switch reply {
        case .counted(let missing):
            entries[ballot.ticket]?.question = question
            record(.yes(by: ballot.person), question)
            effects.append(.persist(question))
            effects.append(.reply(reply))
            effects.append(.notify(.waiting(ballot.ticket, missing: missing)))
        case .approved:
            entries[ballot.ticket]?.question = question
            record(.yes(by: ballot.person), question)
            record(.approved(by: question.votes.map(\.person)), question)
            effects.append(.persist(question))
            if let proposal = ballot.grant {
                give(proposal, with: question, by: ballot.person, now)
            }
            effects.append(.reply(reply))
            release(ballot.ticket) { .approved($0.ticket) }
        case .denied:
            close(
                ballot.ticket,
                question.state,
                .denied(by: ballot.person, reason: ballot.reason),
                .refused(Self.denied(question))
            )
            effects.append(.reply(reply))
        case .alreadyVoted, .stale, .closed, .ownRequest, .unknownTicket, .notRecorded,
            .notGrantable:
            effects.append(.reply(reply))
        }
    }

    mutating func detach(_ waiter: WaiterID) {
        guard let ticket = held.removeValue(forKey: waiter) else { return }
        entries[ticket]?.waiter = nil
    }

    mutating func cancel(_ waiter: WaiterID) {
        guard let ticket = held.removeValue(forKey: waiter) else { return }
        entries[ticket]?.waiter = nil
        guard entries[ticket]?.question.isOpen == true else { return }
        close(ticket, .withdrawn(.cancelled), .withdrawn(.cancelled), .judgeAgain)
        drop(ticket)
    }

    /// Compares everything bound with what was read just now; only then the yes is spent.
    mutating func dispatch(_ ticket: TicketID, _ current: Binding, _ waiter: WaiterID) {
        guard var question = entries[ticket]?.question,
            question.binding.principal == current.principal,
            question.binding.tenant == current.tenant,
            question.binding.credential == current.credential
        else {
            // Another principal hears what an unknown ticket would say.
            effects.append(.answer(waiter, .refused(Self.gone)))
            return
        }
        guard question.state == .approved else {
            effects.append(.answer(waiter, .refused(Self.notOpen(question))))
            return
        }
        let parts = question.binding.differences(from: current)
        guard parts.isEmpty else {
            close(ticket, .changed(parts), .changed(parts), .judgeAgain)
            drop(ticket)
            effects.append(.answer(waiter, .refused(Self.changed(parts))))
            return
        }
        question.state = .spent
        entries[ticket]?.question = question
        record(.spent, question)
        // The arguments go from the store in the transaction that spends the yes.
        question.forgetWords()
        effects.append(.spend(question, waiter))
    }

    /// The yes is open again only because the transaction that spent it is known not to exist, and
    /// no more than it would be had it never been spent.
    mutating func spendFailed(_ ticket: TicketID) {
        guard var question = entries[ticket]?.question, question.state == .spent else { return }
        question.state = .approved
        entries[ticket]?.question = question
        record(.spendFailed, question)
        if let withdrawal = entries[ticket]?.withdrawal {
            withdraw(ticket, withdrawal)
        } else {
            dropVoidVotes(of: ticket)
        }
    }

    /// The store still has the question as it was before the votes.
    mutating func unrecorded(_ ticket: TicketID) {
        for entry in grants.values where entry.grant.ticket == ticket && entry.grant.used == 0 {
            grants[entry.grant.id] = nil
        }
        if let question = entries[ticket]?.question, question.isOpen, question.edit != nil {
            // What the store has is the call as its agent sent it: that one is asked about anew.
            release(ticket) { _ in .refused(Self.notRecorded) }
            if tickets[CallKey(question)] == ticket { tickets[CallKey(question)] = nil }
            entries[ticket] = nil
            effects.append(.notify(.closed(ticket)))
            return
        }
        guard var question = entries[ticket]?.question, question.isOpen,
            !question.votes.isEmpty
        else { return }
        question.votes = []
        question.state = .waiting
        question.revision += 1
        entries[ticket]?.question = question
        release(ticket) { _ in .refused(Self.notRecorded) }
        effects.append(.notify(.waiting(ticket, missing: question.people)))
    }

    mutating func ended(_ ticket: TicketID, _ isKnown: Bool) {
        guard var question = entries[ticket]?.question, question.state == .spent else { return }
        guard !isKnown else {
            drop(ticket)
            return
        }
        question.state = .unknown
        question.forgetWords()
        entries[ticket]?.question = question
        record(.unknown, question)
        effects.append(.persist(question))
    }

    mutating func rejudged(_ ticket: TicketID, _ judgement: Rejudgement) {
        guard let question = entries[ticket]?.question else { return }
        if case .refused = judgement, question.state == .spent {
            entries[ticket]?.withdrawal = .judgedAnew
        }
        guard question.isOpen else { return }
        switch judgement {
        case .ask(let people, let tier, let reasons, let causes, let policy, let pin):
            var binding = question.binding
            binding.policy = policy
            binding.pin = pin
            let isSame =
                binding == question.binding && people == question.people && tier == question.tier
            guard !isSame else { return }
            renew(ticket, binding, people, tier, (reasons, causes))
        case .allowed:
            close(ticket, .withdrawn(.judgedAnew), .withdrawn(.judgedAnew), .judgeAgain)
            drop(ticket)
        case .refused(let refusal):
            close(ticket, .withdrawn(.judgedAnew), .withdrawn(.judgedAnew), .refused(refusal))
            drop(ticket)
        }
    }

    mutating func change(_ approvers: [Approver]) {
        self.approvers = approvers
        endGrantsWithoutGiver()
        for ticket in entries.keys.sorted() { dropVoidVotes(of: ticket) }
    }

    /// A yes of somebody who is no approver any more does not count.
    private mutating func dropVoidVotes(of ticket: TicketID) {
        guard var question = entries[ticket]?.question, question.isOpen else { return }
        let void = question.votes.filter { vote in
            !approvers.contains { $0.person == vote.person && $0.sees(question.binding.tenant) }
        }
        guard !void.isEmpty else { return }
        question.votes.removeAll { void.contains($0) }
        if question.votes.count < question.people { question.state = .waiting }
        entries[ticket]?.question = question
        for vote in void { record(.voteVoid(of: vote.person), question) }
        effects.append(.persist(question))
        effects.append(.notify(.waiting(ticket, missing: question.people - question.votes.count)))
    }

    /// Ends what a principal or a credential has open and granted.
    mutating func shutOff(_ isMeant: (Binding) -> Bool) {
        closeOpen(.revoked, isMeant)
        endGrants(.ended("access was revoked")) { isMeant($0.binding) }
    }

    mutating func closeOpen(
        _ withdrawal: Question.Withdrawal,
        _ isMeant: (Binding) -> Bool
    ) {
        for (ticket, entry) in entries.sorted(by: { $0.key < $1.key })
        where isMeant(entry.question.binding) {
            if entry.question.state == .spent { entries[ticket]?.withdrawal = withdrawal }
            if entry.question.isOpen { withdraw(ticket, withdrawal) }
        }
    }

    private mutating func withdraw(_ ticket: TicketID, _ withdrawal: Question.Withdrawal) {
        close(
            ticket,
            .withdrawn(withdrawal),
            .withdrawn(withdrawal),
            .refused(Self.withdrawn(withdrawal))
        )
        drop(ticket)
    }
}
