import Base

/// Where the counts lie that a subject's calls of one tool touch, found once and then only checked.
final class LimitPlan: Sendable {
    /// One limit of the tool; a place is of no use once its table gave it to another key.
    struct Line: Sendable {
        let limit: ToolLimit
        var rate = LimitTables.Rates.Place.nowhere
        var running = LimitTables.Running.Place.nowhere
    }

    let subject: LimitSubject
    let policy: Digest
    /// The place of the tenant's tables in the book.
    let tables: Int
    /// In the order of the policy's limits.
    let lines: [Line]

    init(_ subject: LimitSubject, _ policy: ToolPolicy, tables: Int) {
        self.subject = subject
        self.policy = policy.digest
        self.tables = tables
        lines = policy.limits.map { Line(limit: $0) }
    }

    /// The same with counts that were found elsewhere than it said.
    init(_ old: LimitPlan, _ lines: [Line]) {
        subject = old.subject
        policy = old.policy
        tables = old.tables
        self.lines = lines
    }
}

struct LimitKey: Hashable, Sendable {
    let limit: UInt64
    /// Nil when the whole tenant is counted together.
    let principal: PrincipalName?
    let principalHash: Int
    let target: UInt64
    let call: UInt64

    func hash(into hasher: inout Hasher) {
        hasher.combine(limit ^ target ^ call ^ UInt64(bitPattern: Int64(principalHash)))
    }
}

extension ToolLimit {
    func key(_ subject: LimitSubject, call: UInt64 = 0) -> LimitKey {
        LimitKey(
            limit: id,
            principal: isPerTenant ? nil : subject.principal,
            principalHash: isPerTenant ? 0 : subject.hash,
            target: call == 0 ? target : tool,
            call: call
        )
    }

    func concurrentExcess(_ most: Int) -> LimitExcess {
        LimitExcess(
            kind: .concurrent,
            limit: "\(most) at once per \(statement.per.rawValue)",
            retryAfter: nil
        )
    }
}
