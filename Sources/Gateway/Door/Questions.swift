package import Approval
package import Audit
package import Base
import Policy

/// A yes that is being spent: where it comes from, and the state changes that spend it.
///
/// The changes go into the transaction of the intent, so that a yes is never spent twice and never
/// without a record (docs/architecture.md, rule 4).
package struct SpentApproval: Sendable {
    package enum Source: Sendable {
        case question(TicketID)
        case grant(GrantID)
    }

    package let source: Source
    package let records: [AuditRecord]
    package let changes: [StateChange]

    package init(source: Source, records: [AuditRecord] = [], changes: [StateChange]) {
        self.source = source
        self.records = records
        self.changes = changes
    }

    /// As the record of the intent names it.
    var name: String {
        switch source {
        case .question(let ticket): ticket.rawValue
        case .grant(let id): id.rawValue
        }
    }
}

/// How a question ended for the call that asked it.
package enum QuestionOutcome: Sendable {
    /// People said yes; what they saw is still to be compared with what is so now.
    ///
    /// Where a person changed the call, another one than it runs.
    case approved(TicketID, WaiterID, EditedForm?)
    /// The hold is over: the agent gets this text and may come back.
    case ticket(TicketID, String)
    /// Rules changed while the call waited.
    case judgeAgain
    case refused(Refusal)
}

/// Where the door asks people; `ApprovalDesk` conforms.
package protocol Questions: Sendable {
    /// Asks, holds the call as long as the hold lasts, and then leaves a ticket.
    func ask(
        _ judged: JudgedCall,
        people: Int,
        channel: any ReplyChannel,
        cancellation: CallCancellation
    ) async -> QuestionOutcome

    /// A standing yes that covers the call, with one use of it counted; nil where there is none.
    func granted(_ judged: JudgedCall, people: Int) async -> SpentApproval?

    /// Ends the standing yeses that `reason` speaks of.
    func endGrants(_ reason: @Sendable (Grant) async -> String?) async

    /// Spends a yes, if everything it covers is as it was shown.
    func dispatch(
        _ ticket: TicketID,
        current: Binding,
        by waiter: WaiterID,
        call: JudgedCall
    ) async -> Result<SpentApproval, Refusal>

    /// The intent was refused: the yes is not spent.
    func notSpent(_ approval: SpentApproval) async

    /// The call the yes was spent on ended.
    func ended(_ approval: SpentApproval, isKnown: Bool) async

    /// Ends every question of a tenant and owner; nil means all.
    func revoke(tenant: TenantID?, owner: PrincipalName?) async

    /// Ends every question that credential asked.
    func revoke(tenant: TenantID, credential: String) async

    /// Judges every open question anew; nil leaves one as it is.
    func rejudge(_ judge: @Sendable (Question) async -> Rejudgement?) async
}
