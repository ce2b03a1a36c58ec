package import Base
package import JSON
import Policy

/// The name of one emergency; no secret.
package struct BreakGlassID: Hashable, Sendable, Comparable, CustomStringConvertible {
    package let rawValue: String

    package init(random: any RandomSource) {
        rawValue = Self.prefix + Hex.encode(random.bytes(count: 8).prefix(8))
    }

    package init?(_ spelling: String) {
        let digits = spelling.utf8.dropFirst(Self.prefix.utf8.count)
        guard spelling.utf8.starts(with: Self.prefix.utf8), digits.count == 16,
            digits.allSatisfy({ $0 &- 0x30 < 10 || $0 &- 0x61 < 6 })
        else { return nil }
        rawValue = spelling
    }

    private static let prefix = "glass-"

    package var description: String { rawValue }

    package static func < (left: Self, right: Self) -> Bool {
        left.rawValue.utf8.lexicographicallyPrecedes(right.rawValue.utf8)
    }
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

    private struct Entry: Sendable {
        var glass: BreakGlass
        /// The end on the clock that never jumps.
        let deadline: Instant
    }

    private var entries: [BreakGlassID: Entry] = [:]

    package init(restoring kept: [BreakGlass] = [], at now: Moment) {
        for glass in kept {
            let (left, overflow) = glass.ends.milliseconds.subtractingReportingOverflow(
                now.timestamp.milliseconds
            )
            let life = min(.milliseconds(overflow ? 0 : left), BreakGlass.longest)
            entries[glass.id] = Entry(glass: glass, deadline: now.instant.advanced(by: life))
        }
    }

    package var all: [BreakGlass] {
        entries.values.map(\.glass).sorted { ($0.opened, $0.id) < ($1.opened, $1.id) }
    }

    package func isOpen(_ id: BreakGlassID, at now: Moment) -> Bool {
        guard let entry = entries[id] else { return false }
        return entry.glass.ends > now.timestamp && entry.deadline > now.instant
    }

    /// The unpaid debt that locks that person; nil while they may decide.
    package func lock(on person: PersonName, at now: Moment) -> BreakGlassID? {
        all.first { $0.person == person && $0.due <= now.timestamp }?.id
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
        let glass = BreakGlass(
            id: id,
            person: person,
            tenant: tenant,
            reason: printable(reason, limit: BreakGlass.reasonByteCount),
            opened: now.timestamp,
            ends: now.timestamp.advanced(by: life),
            due: now.timestamp.advanced(by: reviewWithin),
            token: token,
            uses: []
        )
        entries[id] = Entry(glass: glass, deadline: now.instant.advanced(by: life))
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
        entries[id]?.glass.ends = now.timestamp
        return entries[id]?.glass
    }

    /// Another person looked at what was done; the debt is paid and the emergency over.
    package mutating func review(
        _ id: BreakGlassID,
        by person: PersonName
    ) throws(BreakGlassProblem) -> BreakGlass {
        guard let glass = entries[id]?.glass else { throw .unknown }
        guard glass.person != person else { throw .ownReview }
        entries[id] = nil
        return glass
    }

    /// Puts back what a change that could not be recorded took.
    package mutating func restore(_ glass: BreakGlass?, _ id: BreakGlassID, at now: Moment) {
        entries[id] = nil
        if let glass { self = Self(restoring: all + [glass], at: now) }
    }
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
