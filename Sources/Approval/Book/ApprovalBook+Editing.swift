package import Base
package import Policy

/// A call as a person changed it, judged anew.
package struct EditedCall: Sendable {
    package let ticket: TicketID
    package let person: PersonName
    /// The revision of the question that was shown.
    package let revision: Int
    package let callForm: [UInt8]
    package let digest: Digest
    package let people: Int
    package let tier: RiskTier
    package let reasons: [String]
    package let causes: [String]
    package let pin: Digest
    package let policy: Digest

    package init(
        ticket: TicketID,
        person: PersonName,
        revision: Int,
        callForm: [UInt8],
        digest: Digest,
        people: Int,
        tier: RiskTier,
        reasons: [String],
        causes: [String],
        pin: Digest,
        policy: Digest
    ) {
        self.ticket = ticket
        self.person = person
        self.revision = revision
        self.callForm = callForm
        self.digest = digest
        self.people = people
        self.tier = tier
        self.reasons = reasons
        self.causes = causes
        self.pin = pin
        self.policy = policy
    }
}

extension ApprovalBook {
    /// Puts another call in the place of the one that was asked about, with the editor's yes.
    ///
    /// Votes for the former one do not count; where two people are needed, another one looks at
    /// what the editor made of it.
    mutating func edit(_ edited: EditedCall, _ now: Moment) {
        guard let approver = approvers.first(where: { $0.person == edited.person }),
            var question = entries[edited.ticket]?.question,
            approver.sees(question.binding.tenant)
        else { return effects.append(.reply(.unknownTicket)) }
        guard mayAnswer(edited.person, question.owner, max(question.tier, edited.tier)) else {
            return effects.append(.reply(.ownRequest))
        }
        guard question.state == .waiting else {
            return effects.append(.reply(.closed(question.state)))
        }
        guard question.revision == edited.revision else {
            return effects.append(.reply(.stale(revision: question.revision)))
        }
        let original = question.edit?.original ?? question.binding.callForm
        question.edit = Question.Edit(original: original, by: edited.person)
        question.binding.callForm = edited.digest
        question.binding.pin = edited.pin
        question.binding.policy = edited.policy
        question.callForm = edited.callForm
        question.people = max(1, min(edited.people, 2))
        question.tier = edited.tier
        question.reasons = edited.reasons
        question.causes = edited.causes
        question.revision += 1
        question.votes = [Question.Vote(person: edited.person, at: now.timestamp)]
        let missing = question.people - question.votes.count
        question.state = missing > 0 ? .waiting : .approved
        entries[edited.ticket]?.question = question
        record(.edited(by: edited.person, from: original), question)
        if missing == 0 { record(.approved(by: [edited.person]), question) }
        effects.append(.persist(question))
        effects.append(.reply(missing > 0 ? .counted(missing: missing) : .approved))
        if missing > 0 {
            effects.append(.notify(.waiting(edited.ticket, missing: missing)))
        } else {
            release(edited.ticket) { .approved($0.ticket) }
        }
    }
}
