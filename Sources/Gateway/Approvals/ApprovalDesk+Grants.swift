package import Approval
import Audit
import Base
import JSON
import Policy

/// Standing yeses and edited calls at the desk.
extension ApprovalDesk {
    package func granted(_ judged: JudgedCall, people: Int) async -> SpentApproval? {
        let (found, effects) = book.take(
            for: GrantUse(
                binding: judged.binding,
                run: judged.principal.run,
                tier: judged.verdict.tier,
                causes: judged.verdict.reasons.map(\.name),
                people: people,
                callForm: judged.call.arguments
            ),
            at: moment
        )
        if !effects.isEmpty { _ = await carryOut(effects, call: nil) }
        guard let grant = found else { return nil }
        let isUsedUp = grant.left == 0
        return SpentApproval(
            source: .grant(grant.id),
            // Counted in the transaction of the intent: a use without a record is none.
            records: isUsedUp
                ? [
                    ApprovalEvidence.record(
                        GrantRecord(step: .usedUp, grant: grant),
                        at: clock.timestamp,
                        environment: environment
                    )
                ] : [],
            changes: [isUsedUp ? Self.forgetting(grant) : Self.keeping(grant)]
        )
    }

    /// Ends the grants that `reason` speaks of.
    package func endGrants(_ reason: @Sendable (Grant) async -> String?) async {
        var ended: [GrantID: String] = [:]
        for grant in book.liveGrants() {
            if let reason = await reason(grant) { ended[grant.id] = reason }
        }
        guard !ended.isEmpty else { return }
        _ = await carryOut(book.handle(.grantsEnded(ended), at: moment), call: nil)
    }

    package func liveGrants() -> [Grant] { book.liveGrants() }

    /// Why no grant of that form can be given with a yes to that question.
    package func reasonNotToGrant(_ proposal: GrantProposal, _ question: Question) -> String? {
        book.reasonNotToGrant(proposal, question)
    }

    /// False when there is no such grant, nil when its end could not be recorded; it has ended in
    /// either case.
    package func revoke(_ id: GrantID, by name: String) async -> Bool? {
        guard book.liveGrants().contains(where: { $0.id == id }) else { return false }
        let effects = book.handle(.grantRevoked(id, by: name), at: moment)
        return await carryOut(effects, call: nil) ? true : nil
    }

    package func edit(_ call: EditedCall) async -> VoteReply {
        let effects = book.handle(.edited(call), at: moment)
        guard await carryOut(effects, call: nil) else {
            _ = await carryOut(book.handle(.unrecorded(call.ticket), at: moment), call: nil)
            return .notRecorded
        }
        for case .reply(let reply) in effects { return reply }
        return .unknownTicket
    }

    /// What an approved question stands for where a person changed the call.
    func editedForm(_ ticket: TicketID) -> EditedForm? {
        guard let question = book.question(ticket), question.edit != nil,
            let document = try? JSONDocument(parsing: question.callForm),
            let form = try? CallForm(document.root)
        else { return nil }
        return EditedForm(callForm: form, people: question.people, tier: question.tier)
    }

    static func keeping(_ grant: Grant) -> StateChange {
        .put(key(grant), value: grant.value.serialised(), expecting: .anything)
    }

    static func forgetting(_ grant: Grant) -> StateChange {
        .delete(key(grant), expecting: .anything)
    }

    private static func key(_ grant: Grant) -> StateKey {
        StateKey(grant.binding.tenant, .grants, grant.id.rawValue)
    }
}

extension ApprovalEvidence {
    static func record(
        _ record: GrantRecord,
        at time: Timestamp,
        environment: EnvironmentName
    ) -> AuditRecord {
        let grant = record.grant
        var fields = [
            RecordField("approval", grant.ticket.rawValue),
            RecordField("grant", grant.id.rawValue),
            RecordField("used", .integer(Int64(grant.used))),
        ]
        switch record.step {
        case .given:
            fields += [
                RecordField("by", grant.by.rawValue),
                RecordField("change", "given"),
                RecordField("covers", grant.sentence),
                RecordField("pin", grant.binding.pin.description),
                RecordField("policy", grant.binding.policy.description),
                RecordField("tier", grant.tier.description),
                RecordField("uses", .integer(Int64(grant.uses))),
            ]
        case .revoked(let by):
            fields += [RecordField("by", by), RecordField("change", "revoked")]
        case .expired: fields.append(RecordField("change", "expired"))
        case .usedUp: fields.append(RecordField("change", "used up"))
        case .ended(let reason):
            fields += [RecordField("change", "ended"), RecordField("reason", reason)]
        }
        return AuditRecord(
            .grant,
            at: time,
            tenant: grant.binding.tenant,
            environment: environment,
            principal: grant.binding.principal,
            run: grant.run,
            server: grant.binding.tool.server,
            tool: grant.binding.tool.tool,
            detail: .fields(fields)
        )
    }
}
