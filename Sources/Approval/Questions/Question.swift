package import Base
package import Policy

/// One call that waits for people, and what became of it.
package struct Question: Sendable, Equatable {
    /// A yes; a no is not kept because it ends the question.
    package struct Vote: Sendable, Equatable {
        package let person: PersonName
        package let at: Timestamp

        package init(person: PersonName, at: Timestamp) {
            self.person = person
            self.at = at
        }
    }

    /// Where the question stands; only `waiting` and `approved` are open.
    package enum State: Sendable, Equatable {
        case waiting
        case approved
        /// The yes was used; the call is on its way.
        case spent
        case settled
        /// The yes was used and nobody knows what came of it; it is never open again.
        case unknown
        /// `reason` is the person's own words for the agent.
        case denied(by: PersonName, reason: String?)
        case expired
        case withdrawn(Withdrawal)
        case changed([BoundPart])
    }

    package enum Withdrawal: String, Sendable, CaseIterable {
        /// The agent cancelled its call.
        case cancelled
        /// The principal or the gateway was shut off.
        case revoked
        /// All approvers were reset.
        case approversReset = "approvers-reset"
        /// Judged anew, no person is needed, or none can help.
        case judgedAnew = "judged-anew"
    }

    package let ticket: TicketID
    package internal(set) var binding: Binding
    /// Who answers for the agent.
    package let owner: PersonName
    /// How many distinct people must say yes.
    package internal(set) var people: Int
    package internal(set) var tier: RiskTier
    /// Why it is asked, one line each.
    package internal(set) var reasons: [String]
    /// The names of what the reasons rest on.
    package internal(set) var causes: [String]
    /// The whole call form; empty once the question is closed.
    package internal(set) var callForm: [UInt8]
    /// What the server is told beside the arguments, in call form; empty for nothing, and once the
    /// question is closed.
    package internal(set) var answers: [UInt8] = []
    /// The run of the credential that asked.
    package let run: String
    package let asked: Timestamp
    package let expires: Timestamp
    /// Counts up when what is shown changes; a vote names the revision it was shown.
    package internal(set) var revision: Int
    package internal(set) var votes: [Vote]
    package internal(set) var state: State
    /// Set when a person put another call in the place of the one that was asked about.
    package internal(set) var edit: Edit?

    package struct Edit: Sendable, Equatable {
        /// Digest of the call form the agent sent.
        package let original: Digest
        package let by: PersonName
    }

    /// Once it is closed nobody needs the words of the call.
    mutating func forgetWords() {
        callForm = []
        answers = []
    }

    package var isOpen: Bool { state == .waiting || state == .approved }

    /// Takes a yes or no of an approver that may answer; late votes revive nothing.
    mutating func receive(_ ballot: Ballot, at now: Timestamp) -> VoteReply {
        guard state == .waiting else { return .closed(state) }
        guard ballot.revision == revision else { return .stale(revision: revision) }
        guard ballot.isYes else {
            state = .denied(by: ballot.person, reason: ballot.reason)
            return .denied
        }
        guard !votes.contains(where: { $0.person == ballot.person }) else { return .alreadyVoted }
        votes.append(Vote(person: ballot.person, at: now))
        let needed = ballot.isAlone && tier == .execute ? 1 : people
        guard votes.count >= needed else { return .counted(missing: needed - votes.count) }
        state = .approved
        return .approved
    }
}

/// What one approver says to one question.
package struct Ballot: Sendable, Equatable {
    /// A longer reason is cut.
    package static let reasonByteCount = 500

    package let ticket: TicketID
    package let person: PersonName
    package let isYes: Bool
    /// The revision of the question that was shown.
    package let revision: Int
    /// What a person who says no tells the agent; nil where they said nothing.
    package let reason: String?
    /// A standing yes to calls of this shape, beside the yes to this one.
    package let grant: GrantProposal?
    /// Whether this yes stands for those of two people, in an emergency at T3.
    package private(set) var isAlone = false

    /// The same ballot of somebody who broke the glass.
    package var alone: Ballot {
        var ballot = self
        ballot.isAlone = true
        return ballot
    }

    package init(
        ticket: TicketID,
        person: PersonName,
        isYes: Bool,
        revision: Int,
        reason: String? = nil,
        grant: GrantProposal? = nil
    ) {
        self.grant = grant
        self.ticket = ticket
        self.person = person
        self.isYes = isYes
        self.revision = revision
        self.reason = reason.map { printable($0, limit: Self.reasonByteCount) }
    }
}

/// What an approver hears about a vote.
package enum VoteReply: Sendable, Equatable {
    /// A yes was counted; so many more people are needed.
    case counted(missing: Int)
    case approved
    case denied
    case alreadyVoted
    /// The question changed since it was shown; look again.
    case stale(revision: Int)
    case closed(Question.State)
    /// The owner of the agent does not approve its calls.
    case ownRequest
    /// No such question, or none this person may see.
    case unknownTicket
    /// The vote could not be written down, so that it does not count.
    case notRecorded
    /// The yes was not counted, because what was asked for beside it cannot be granted.
    case notGrantable(String)
}

/// Someone who may answer questions.
package struct Approver: Hashable, Sendable {
    package let person: PersonName
    /// The tenants whose questions they see; nil means all.
    package let tenants: Set<TenantID>?

    package init(person: PersonName, tenants: Set<TenantID>? = nil) {
        self.person = person
        self.tenants = tenants
    }

    package func sees(_ tenant: TenantID) -> Bool { tenants?.contains(tenant) ?? true }
}
