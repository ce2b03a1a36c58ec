package import Approval
import Audit
import Base
import JSON
import Policy

/// Emergencies at the desk: each change is recorded, or it did not happen.
extension ApprovalDesk {
    package struct Emergency: Sendable {
        package let glass: BreakGlass
        package let isOpen: Bool
    }

    package func emergencies() -> [Emergency] {
        let now = moment
        return glasses.all.map { Emergency(glass: $0, isOpen: glasses.isOpen($0.id, at: now)) }
    }

    /// The unreviewed emergency that keeps that person from deciding.
    package func lock(on person: PersonName) -> BreakGlassID? {
        glasses.lock(on: person, at: moment)
    }

    func openBreakGlass(
        by person: PersonName,
        for tenant: TenantID,
        because reason: String,
        lasting life: Duration,
        token: Digest
    ) async -> Result<BreakGlass, BreakGlassProblem> {
        let glass: BreakGlass
        do throws(BreakGlassProblem) {
            glass = try glasses.open(
                BreakGlassID(random: random),
                by: person,
                for: tenant,
                because: reason,
                lasting: life,
                reviewWithin: reviewTime,
                token: token,
                at: moment
            )
        } catch {
            return .failure(error)
        }
        let record = record(
            glass,
            "opened",
            by: person.rawValue,
            [
                RecordField("ends", glass.ends.description),
                RecordField("reason", glass.reason),
                RecordField("reviewBy", glass.due.description),
            ]
        )
        guard await keep(record, Self.keeping(glass)) else {
            glasses.forget(glass.id)
            return .failure(.notRecorded)
        }
        tell(.emergency(glass.id))
        return .success(glass)
    }

    func closeBreakGlass(_ id: BreakGlassID, by name: String) async -> Bool {
        guard let glass = glasses.close(id, at: moment) else { return false }
        // Over at once, whether or not that can be recorded: closed is the safe side.
        _ = await keep(record(glass, "closed", by: name, []), Self.keeping(glass))
        tell(.emergency(id))
        return true
    }

    func reviewBreakGlass(
        _ id: BreakGlassID,
        by person: PersonName,
        saying comment: String
    ) async -> Result<Void, BreakGlassProblem> {
        let entry: BreakGlassBook.Entry
        do throws(BreakGlassProblem) {
            entry = try glasses.review(id, by: person)
        } catch {
            return .failure(error)
        }
        let glass = entry.glass
        let record = record(
            glass,
            "reviewed",
            by: person.rawValue,
            [
                RecordField("comment", printable(comment, limit: BreakGlass.reasonByteCount)),
                RecordField("of", glass.person.rawValue),
            ]
        )
        guard await keep(record, .delete(Self.key(glass), expecting: .anything)) else {
            glasses.putBack(entry)
            return .failure(.notRecorded)
        }
        tell(.emergency(id))
        return .success(())
    }

    /// One person's yes at T3 in the place of two, with its own record in the same transaction.
    func vote(
        _ ballot: Ballot,
        breaking token: Digest
    ) async -> Result<VoteReply, BreakGlassProblem> {
        guard let question = book.question(ballot.ticket) else { return .success(.unknownTicket) }
        guard question.tier == .execute, question.people > 1, ballot.isYes else {
            return .failure(.notNeeded)
        }
        let glass: BreakGlass
        do throws(BreakGlassProblem) {
            glass = try glasses.find(
                token: token,
                of: ballot.person,
                in: question.binding.tenant,
                at: moment
            )
        } catch {
            return .failure(error)
        }
        let effects = book.handle(.voted(ballot.alone), at: moment)
        guard effects.contains(.reply(.approved)) else {
            _ = await carryOut(effects, call: nil)
            for case .reply(let reply) in effects { return .success(reply) }
            return .success(.unknownTicket)
        }
        let tool = question.binding.tool.description
        let used = glasses.note(ballot.ticket, of: tool, in: glass.id, at: moment) ?? glass
        let record = record(
            used,
            "used",
            by: ballot.person.rawValue,
            [
                RecordField("approval", ballot.ticket.rawValue),
                RecordField("callForm", question.binding.callForm.description),
                RecordField("tool", tool),
            ]
        )
        var extra = Transaction(record)
        extra.changes = [Self.keeping(used)]
        guard await carryOut(effects, call: nil, with: extra) else {
            _ = await carryOut(book.handle(.unrecorded(ballot.ticket), at: moment), call: nil)
            glasses.takeBack(glass)
            return .success(.notRecorded)
        }
        tell(.emergency(glass.id))
        return .success(.approved)
    }

    /// What everybody who looks at the gateway should know.
    var emergencyNotes: [String] { emergencyNotes(seenBy: nil) }

    /// Of those tenants alone; nil means all.
    func emergencyNotes(seenBy tenants: Set<TenantID>?) -> [String] {
        emergencies().filter { tenants?.contains($0.glass.tenant) ?? true }.map { emergency in
            let glass = emergency.glass
            return emergency.isOpen
                ? "break-glass: \(glass.person) answers alone at T3 until \(glass.ends.description)"
                : "break-glass: \(glass.id) waits for another person's review until \(glass.due.description)"
        }
    }

    /// Gives back the rows that cannot be read.
    func restoreEmergencies(
        from store: any RecordStore,
        isTimeLost: Bool
    ) async throws(StoreError) -> [StateKey] {
        var found: [BreakGlass] = []
        var unread: [StateKey] = []
        for entry in try await store.allEntries(.breakGlass) {
            if let glass = entry.read(BreakGlass.init(json:)) {
                found.append(glass)
            } else {
                unread.append(entry.key)
            }
        }
        glasses = BreakGlassBook(restoring: found, at: moment, isTimeLost: isTimeLost)
        // Over for good: a clock that is set right again opens none of them.
        for glass in isTimeLost ? glasses.all : [] {
            _ = await keep(record(glass, "closed", by: "clock", []), Self.keeping(glass))
        }
        return unread
    }

    private func keep(_ record: AuditRecord, _ change: StateChange) async -> Bool {
        var transaction = Transaction(record)
        transaction.changes = [change]
        return (try? await store.commit(transaction)) != nil
    }

    private static func key(_ glass: BreakGlass) -> StateKey {
        StateKey(glass.tenant, .breakGlass, glass.id.rawValue)
    }

    private static func keeping(_ glass: BreakGlass) -> StateChange {
        .put(key(glass), value: glass.value.serialised(), expecting: .anything)
    }

    private func record(
        _ glass: BreakGlass,
        _ change: String,
        by name: String,
        _ more: [RecordField]
    ) -> AuditRecord {
        AuditRecord(
            .breakGlass,
            at: clock.timestamp,
            tenant: glass.tenant,
            environment: environment,
            detail: .fields(
                [
                    RecordField("breakGlass", glass.id.rawValue),
                    RecordField("by", name),
                    RecordField("change", change),
                ] + more
            )
        )
    }
}
