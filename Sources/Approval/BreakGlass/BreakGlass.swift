package import Base
package import JSON
import Policy

/// The name of one emergency; no secret.
package struct BreakGlassID: RandomName {
    package static let prefix = "glass-"
    package static let byteCount = 8
    package let rawValue: String
    package init(unchecked: String) { rawValue = unchecked }
}

/// One person's leave to answer alone, for a while, what two people must answer at T3.
///
/// It is opened with a reason, seen by everybody at once, and stays a debt of whoever opened it
/// until another person has looked at what was done with it.
package struct BreakGlass: Sendable, Equatable {
    package static let longest = Duration.seconds(3600)
    package static let reasonByteCount = 500

    package struct Use: Sendable, Equatable {
        package let ticket: TicketID
        package let tool: String
        package let at: Timestamp
    }

    package let id: BreakGlassID
    package let person: PersonName
    package let tenant: TenantID
    package let reason: String
    package let opened: Timestamp
    package internal(set) var ends: Timestamp
    /// When the role of whoever opened it is locked unless it was reviewed.
    package let due: Timestamp
    /// SHA-256 of the token, which is shown once.
    package let token: Digest
    package internal(set) var uses: [Use]
}

/// Why a break-glass token does not count; for its holder.
package enum BreakGlassProblem: Error, Equatable, Sendable, CustomStringConvertible {
    case unknown
    case over
    case notNeeded
    case openAlready(BreakGlassID)
    case tooMany
    case locked(BreakGlassID)
    case ownReview
    case notRecorded

    package var description: String {
        switch self {
        case .unknown: "this break-glass token is not yours, or not for this tenant"
        case .over: "this break-glass is over; open another one"
        case .notNeeded: "break-glass is for calls at T3 that need two people; answer without it"
        case .openAlready(let id): "your break-glass \(id) is open already"
        case .tooMany: "too many of your break-glasses wait for review; have them reviewed first"
        case .locked(let id):
            "your break-glass \(id) was not reviewed in time, so that you decide nothing until another person has reviewed it"
        case .notRecorded: "it could not be recorded, so nothing changed; try again later"
        case .ownReview: "another person reviews a break-glass than who opened it"
        }
    }
}

/// All emergencies that are open or not reviewed.
package struct BreakGlassBook: Sendable {
    /// How many one person may leave unreviewed.
    package static let unreviewedCount = 3

    /// One emergency with its ends on both clocks.
    package struct Entry: Sendable {
        package fileprivate(set) var glass: BreakGlass
        fileprivate var end: Deadline
        /// Of the review.
        fileprivate let due: Deadline
    }

    private var entries: [BreakGlassID: Entry] = [:]

    /// - Parameter isTimeLost: nobody knows how long the gateway was away, because the wall clock
    ///   was set back meanwhile: each is over, and its review due.
    package init(restoring kept: [BreakGlass] = [], at now: Moment, isTimeLost: Bool = false) {
        for var glass in kept {
            if isTimeLost { glass.ends = min(glass.ends, now.timestamp) }
            let review = glass.due.duration(since: glass.opened)
            entries[glass.id] = Entry(
                glass: glass,
                end: Deadline(
                    kept: glass.ends,
                    atMost: isTimeLost ? .zero : BreakGlass.longest,
                    from: now
                ),
                due: Deadline(kept: glass.due, atMost: isTimeLost ? .zero : review, from: now)
            )
        }
    }

    package var all: [BreakGlass] {
        entries.values.map(\.glass).sorted { ($0.opened, $0.id) < ($1.opened, $1.id) }
    }

    package func isOpen(_ id: BreakGlassID, at now: Moment) -> Bool {
        entries[id].map { !$0.end.isOver(at: now) } ?? false
    }

    /// The unpaid debt that locks that person; nil while they may decide.
    package func lock(on person: PersonName, at now: Moment) -> BreakGlassID? {
        all.first { glass in
            glass.person == person && entries[glass.id]?.due.isOver(at: now) == true
        }?.id
    }

    // MARK: Changes; the caller makes each durable or takes it back

    package mutating func open(
        _ id: BreakGlassID,
        by person: PersonName,
        for tenant: TenantID,
        because reason: String,
        lasting life: Duration,
        reviewWithin: Duration,
        token: Digest,
        at now: Moment
    ) throws(BreakGlassProblem) -> BreakGlass {
        let own = all.filter { $0.person == person }
        if let locked = lock(on: person, at: now) { throw .locked(locked) }
        if let open = own.first(where: { isOpen($0.id, at: now) }) { throw .openAlready(open.id) }
        guard own.count < Self.unreviewedCount else { throw .tooMany }
        let end = Deadline(after: life, from: now)
        let due = Deadline(after: reviewWithin, from: now)
        let glass = BreakGlass(
            id: id,
            person: person,
            tenant: tenant,
            reason: printable(reason, limit: BreakGlass.reasonByteCount),
            opened: now.timestamp,
            ends: end.timestamp,
            due: due.timestamp,
            token: token,
            uses: []
        )
        entries[id] = Entry(glass: glass, end: end, due: due)
        return glass
    }

    /// The emergency that token opens for that person and tenant.
    package func find(
        token: Digest,
        of person: PersonName,
        in tenant: TenantID,
        at now: Moment
    ) throws(BreakGlassProblem) -> BreakGlass {
        guard
            let glass = all.first(where: {
                $0.token == token && $0.person == person && $0.tenant == tenant
            })
        else { throw .unknown }
        guard isOpen(glass.id, at: now) else { throw .over }
        return glass
    }

    package mutating func note(
        _ ticket: TicketID,
        of tool: String,
        in id: BreakGlassID,
        at now: Moment
    ) -> BreakGlass? {
        let use = BreakGlass.Use(ticket: ticket, tool: tool, at: now.timestamp)
        entries[id]?.glass.uses.append(use)
        return entries[id]?.glass
    }

    /// Ends it before its time; it stays a debt.
    package mutating func close(_ id: BreakGlassID, at now: Moment) -> BreakGlass? {
        guard isOpen(id, at: now) else { return nil }
        let end = Deadline(after: .zero, from: now)
        entries[id]?.end = end
        entries[id]?.glass.ends = end.timestamp
        return entries[id]?.glass
    }

    /// Another person looked at what was done; the debt is paid and the emergency over.
    package mutating func review(
        _ id: BreakGlassID,
        by person: PersonName
    ) throws(BreakGlassProblem) -> Entry {
        guard let entry = entries[id] else { throw .unknown }
        guard entry.glass.person != person else { throw .ownReview }
        entries[id] = nil
        return entry
    }

    // MARK: Taking a change back that could not be recorded; no end moves by it

    /// It was not opened.
    package mutating func forget(_ id: BreakGlassID) { entries[id] = nil }

    /// It was not reviewed.
    package mutating func putBack(_ entry: Entry) { entries[entry.glass.id] = entry }

    /// It was not used: `glass` is as it was before.
    package mutating func takeBack(_ glass: BreakGlass) { entries[glass.id]?.glass = glass }
}

extension BreakGlass {
    package var value: JSONValue {
        [
            "break_glass": 1,
            "due": .init(due.milliseconds),
            "ends": .init(ends.milliseconds),
            "id": .init(id.rawValue),
            "opened": .init(opened.milliseconds),
            "person": .init(person.rawValue),
            "reason": .init(reason),
            "tenant": .init(tenant.rawValue),
            "token": .init(token.description),
            "uses": .array(
                uses.map { use in
                    [
                        "at": .init(use.at.milliseconds), "ticket": .init(use.ticket.rawValue),
                        "tool": .init(use.tool),
                    ]
                }
            ),
        ]
    }

    package init(json node: JSONNode) throws(KeptFormError) {
        let form = try KeptForm(node, of: "break_glass")
        var uses: [Use] = []
        for part in form.parts("uses") {
            uses.append(
                Use(
                    ticket: try part.text("ticket", as: TicketID.init),
                    tool: try part.text("tool"),
                    at: try part.time("at")
                )
            )
        }
        self.init(
            id: try form.text("id", as: BreakGlassID.init),
            person: try form.name("person"),
            tenant: try form.name("tenant"),
            reason: try form.text("reason"),
            opened: try form.time("opened"),
            ends: try form.time("ends"),
            due: try form.time("due"),
            token: try form.digest("token"),
            uses: uses
        )
    }
}
