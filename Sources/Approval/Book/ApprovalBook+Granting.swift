package import Base
import JSON
import Policy

/// Standing yeses: given with a vote, used by calls that would be asked about, ended by whatever
/// they were bound to.
extension ApprovalBook {
    struct GrantEntry: Sendable {
        var grant: Grant
        let deadline: Deadline
    }

    /// The live grants an approver of those tenants may see; nil means all tenants.
    package func liveGrants(seenBy tenants: Set<TenantID>? = nil) -> [Grant] {
        grants.values.map(\.grant)
            .filter { $0.left > 0 && (tenants?.contains($0.binding.tenant) ?? true) }
            .sorted { ($0.given, $0.id) < ($1.given, $1.id) }
    }

    // MARK: Giving

    /// Why no grant can be given with a yes to that question; nil when one can.
    package func reasonNotToGrant(_ proposal: GrantProposal, _ question: Question) -> String? {
        guard question.tier < .execute else {
            return "a call at \(question.tier) is never granted beforehand; answer each"
        }
        guard question.people == 1 else {
            return "a call that needs two people is never granted beforehand; answer each"
        }
        guard question.binding.answers == nil else {
            return "what is answered to a server is never granted beforehand; answer each"
        }
        guard (1...Grant.mostUses).contains(proposal.uses) else {
            return "a grant has 1 to \(Grant.mostUses) uses"
        }
        guard proposal.lasts >= .seconds(1), proposal.lasts <= Grant.longest else {
            return "a grant lasts from 1 s to 8 h"
        }
        guard proposal.shape.shown.bytes == question.callForm else {
            return "the question changed; look again"
        }
        let live = liveGrants(seenBy: [question.binding.tenant])
        let ofPrincipal = live.count { $0.binding.principal == question.binding.principal }
        guard ofPrincipal < settings.grantsPerPrincipal, live.count < settings.grantsPerTenant
        else { return "there are too many grants already; revoke one first" }
        return nil
    }

    mutating func give(
        _ proposal: GrantProposal,
        with question: Question,
        by person: PersonName,
        _ now: Moment
    ) {
        let deadline = Deadline(after: proposal.lasts, from: now)
        let grant = Grant(
            id: proposal.id,
            binding: question.binding,
            run: question.run,
            tier: question.tier,
            causes: question.causes,
            shape: proposal.shape,
            by: person,
            ticket: question.ticket,
            given: now.timestamp,
            expires: deadline.timestamp,
            uses: proposal.uses,
            used: 0
        )
        grants[grant.id] = GrantEntry(grant: grant, deadline: deadline)
        effects.append(.recordGrant(GrantRecord(step: .given, grant: grant)))
        effects.append(.persistGrant(grant))
        effects.append(.notify(.grantsChanged))
    }

    // MARK: Using

    /// Counts one use of the grant that covers the call and ends first; nil when none does.
    ///
    /// The caller writes the counted grant in the transaction of the intent, or gives it back.
    package mutating func take(
        for use: GrantUse,
        at now: Moment
    ) -> (grant: Grant?, effects: [ApprovalEffect]) {
        effects = []
        passTime(now)
        defer { effects = [] }
        // What needs two people, executes or answers a server is asked about each time.
        guard use.people == 1, use.tier < .execute, use.binding.answers == nil else {
            return (nil, effects)
        }
        // A yes to this very call is spent first.
        if let ticket = tickets[CallKey(use.binding)],
            entries[ticket]?.question.state == .approved
        {
            return (nil, effects)
        }
        let covering = grants.values.map(\.grant).filter { $0.left > 0 && $0.covers(use) }
        guard var grant = covering.min(by: { ($0.expires, $0.id) < ($1.expires, $1.id) }) else {
            return (nil, effects)
        }
        grant.used += 1
        grants[grant.id]?.grant = grant
        return (grant, effects)
    }

    /// The transaction that used it is known not to have happened.
    package mutating func giveBack(_ id: GrantID) {
        guard let used = grants[id]?.grant.used, used > 0 else { return }
        grants[id]?.grant.used = used - 1
    }

    // MARK: Ending

    mutating func endGrants(
        _ step: GrantRecord.Step,
        _ isMeant: (Grant) -> Bool
    ) {
        let meant = grants.values.map(\.grant).filter(isMeant).sorted { $0.id < $1.id }
        guard !meant.isEmpty else { return }
        for grant in meant {
            grants[grant.id] = nil
            // One that is used up has said so with its last use.
            guard grant.left > 0 else { continue }
            effects.append(.recordGrant(GrantRecord(step: step, grant: grant)))
            effects.append(.forgetGrant(grant))
        }
        effects.append(.notify(.grantsChanged))
    }

    mutating func expireGrants(_ now: Moment) {
        guard !grants.isEmpty else { return }
        let due = Set(grants.values.filter { $0.deadline.isOver(at: now) }.map(\.grant.id))
        if !due.isEmpty { endGrants(.expired) { due.contains($0.id) } }
    }

    /// A grant stands as long as who gave it may decide about its tenant.
    mutating func endGrantsWithoutGiver() {
        let approvers = approvers
        endGrants(.ended("who gave it is no approver any more")) { grant in
            !approvers.contains { $0.person == grant.by && $0.sees(grant.binding.tenant) }
        }
    }
}
