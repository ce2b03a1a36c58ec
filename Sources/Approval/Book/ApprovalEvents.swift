package import Base
package import Policy

/// A held call, by a number the gateway gives it.
package struct WaiterID: Hashable, Sendable {
    package let rawValue: UInt64
    package init(_ rawValue: UInt64) { self.rawValue = rawValue }
}

/// A judged call that needs people.
package struct Ask: Sendable {
    package let binding: Binding
    package let owner: PersonName
    package let people: Int
    package let tier: RiskTier
    package let reasons: [String]
    /// The names of what the reasons rest on.
    package let causes: [String]
    package let callForm: [UInt8]
    /// What the server is told beside the arguments, in call form; empty for nothing.
    package let answers: [UInt8]
    /// The run of the credential that asks.
    package let run: String
    /// How long this client waits, where that is less than the settings say.
    package let hold: Duration

    package init(
        binding: Binding,
        owner: PersonName,
        people: Int,
        tier: RiskTier,
        reasons: [String],
        causes: [String],
        callForm: [UInt8],
        answers: [UInt8] = [],
        run: String,
        hold: Duration
    ) {
        self.hold = hold
        self.binding = binding
        self.owner = owner
        self.causes = causes
        self.run = run
        self.people = people
        self.tier = tier
        self.reasons = reasons
        self.callForm = callForm
        self.answers = answers
    }
}

/// What the judge says of a waiting call under a new policy.
package enum Rejudgement: Sendable {
    case ask(
        people: Int,
        tier: RiskTier,
        reasons: [String],
        causes: [String],
        policy: Digest,
        pin: Digest
    )
    case allowed
    case refused(Refusal)
}

/// What can happen to questions.
package enum ApprovalEvent: Sendable {
    /// A call asks, or the same call comes again; `fresh` names the question if it is a new one.
    case asked(Ask, by: WaiterID, fresh: TicketID)
    case voted(Ballot)
    /// A person put another call in the place of the one that was asked about.
    case edited(EditedCall)
    /// The held connection is gone; the question stays.
    case detached(WaiterID)
    /// The agent cancelled the held call.
    case cancelled(WaiterID)
    /// The held or resumed call is about to be sent; `current` was read just now.
    case dispatched(TicketID, current: Binding, by: WaiterID)
    /// The transaction of intent and spend is known not to have happened; nothing was sent.
    case spendFailed(TicketID)
    /// The last step could not be recorded: an open question forgets its votes, which nobody could
    /// prove, and whoever answers must look again. What was closed stays closed.
    case unrecorded(TicketID)
    /// The call that spent the yes ended; unknown when nobody can say how.
    case ended(TicketID, isKnown: Bool)
    case rejudged(TicketID, Rejudgement)
    case approversChanged([Approver])
    /// `approvers reset`: every question and unspent yes ends.
    case approversReset
    /// Lockdown or revocation; nil means all.
    case revoked(TenantID?, PrincipalName?)
    /// One credential was taken away: its questions end, those of the owner's others go on.
    case credentialRevoked(TenantID, String)
    /// Somebody took these grants back.
    case grantRevoked(GrantID, by: String)
    /// What these grants were bound to is gone or different, as the texts say.
    case grantsEnded([GrantID: String])
    /// The gateway is about to stop: held calls get their tickets now.
    case holdsEnded
    /// Time passed.
    case ticked
}

/// What the gateway does, in this order.
package enum ApprovalEffect: Sendable, Equatable {
    /// Write evidence.
    case record(ApprovalRecord)
    /// Keep the question so that it survives a restart.
    case persist(Question)
    /// Remove the question from the store.
    case forget(TenantID, TicketID)
    /// Write the question as spent and the call's intent in one transaction, then send.
    case spend(Question, WaiterID)
    /// Write evidence of a grant.
    case recordGrant(GrantRecord)
    /// Keep the grant so that it survives a restart.
    case persistGrant(Grant)
    case forgetGrant(Grant)
    case answer(WaiterID, ApprovalAnswer)
    case reply(VoteReply)
    /// Somebody should look.
    case notify(ApprovalNotice)
    /// Send `ticked` at that moment; it replaces an earlier wish.
    case wake(at: Instant)
}

/// What the held call hears.
package enum ApprovalAnswer: Sendable, Equatable {
    /// People said yes: read everything bound again and send `dispatched`.
    case approved(TicketID)
    /// The hold is over; the agent gets this text and may come back.
    case ticket(TicketID, expires: Timestamp, text: String)
    /// Nobody needs to be asked any more, or the policy changed: judge the call from the start.
    case judgeAgain
    case refused(Refusal)
}

/// Evidence of one step of a question.
package struct ApprovalRecord: Sendable, Equatable {
    package enum Step: Sendable, Equatable {
        case asked
        case yes(by: PersonName)
        case approved(by: [PersonName])
        case denied(by: PersonName, reason: String?)
        case expired
        case withdrawn(Question.Withdrawal)
        case changed([BoundPart])
        case judgedAnew
        /// A person put another call in the place of the one with that digest, and says yes to it.
        case edited(by: PersonName, from: Digest)
        /// A person who said yes is no approver any more.
        case voteVoid(of: PersonName)
        case spent
        case spendFailed
        case unknown
    }

    package let step: Step
    package let ticket: TicketID
    package let binding: Binding
    package let people: Int

    package init(step: Step, ticket: TicketID, binding: Binding, people: Int) {
        self.step = step
        self.ticket = ticket
        self.binding = binding
        self.people = people
    }
}

package enum ApprovalNotice: Sendable, Equatable {
    /// A new or changed question waits for so many more people.
    case waiting(TicketID, missing: Int)
    case closed(TicketID)
    case grantsChanged
    /// An emergency was opened, used, closed or reviewed: everybody should look.
    case emergency(BreakGlassID)
}

/// The settings of all questions.
package struct ApprovalSettings: Sendable, Equatable {
    /// How long a call is held before its agent gets a ticket.
    package var hold: Duration
    /// Whether a client that gave up earlier is held for less.
    package var adapts: Bool
    /// How long a question lives.
    package var expiry: Duration
    /// Whether the owner of an agent may approve its calls; never at T3.
    package var allowsSelfApproval: Bool
    package var waitingPerPrincipal: Int
    package var waitingPerTenant: Int
    package var reviewableByteCount: Int
    package var grantsPerPrincipal: Int
    package var grantsPerTenant: Int
    /// How long an emergency may wait for another person's review.
    package var review: Duration

    package init(
        hold: Duration = .seconds(50),
        adapts: Bool = true,
        expiry: Duration = .seconds(600),
        allowsSelfApproval: Bool = false,
        waitingPerPrincipal: Int = 10,
        waitingPerTenant: Int = 200,
        reviewableByteCount: Int = Limits.reviewableByteCount,
        grantsPerPrincipal: Int = Limits.grantsPerPrincipal,
        grantsPerTenant: Int = Limits.grantsPerTenant,
        review: Duration = .seconds(86_400)
    ) {
        self.review = review
        self.grantsPerPrincipal = grantsPerPrincipal
        self.grantsPerTenant = grantsPerTenant
        self.hold = hold
        self.adapts = adapts
        self.expiry = expiry
        self.allowsSelfApproval = allowsSelfApproval
        self.waitingPerPrincipal = waitingPerPrincipal
        self.waitingPerTenant = waitingPerTenant
        self.reviewableByteCount = reviewableByteCount
    }
}
