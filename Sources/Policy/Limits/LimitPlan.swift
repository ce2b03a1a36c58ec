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
    /// The lines that count running calls.
    let concurrent: [Int]

    init(_ subject: LimitSubject, _ policy: ToolPolicy, tables: Int) {
        self.subject = subject
        self.policy = policy.digest
        self.tables = tables
        lines = policy.limits.map { Line(limit: $0) }
        concurrent = lines.indices.filter { policy.limits[$0].concurrent != nil }
    }

    /// The same with counts that were found elsewhere than it said.
    init(_ old: LimitPlan, _ lines: [Line]) {
        subject = old.subject
        policy = old.policy
        tables = old.tables
        concurrent = old.concurrent
        self.lines = lines
    }
}

struct LimitKey: Equatable, Sendable {
    let limit: UInt64
    /// Nil when the whole tenant is counted together.
    let subject: LimitSubject?
    let target: UInt64
    let call: UInt64

    /// All of it in one word; keys that differ in it are different.
    var spread: UInt64 {
        limit ^ target ^ call ^ UInt64(bitPattern: Int64(subject?.hash ?? 0))
    }
}

extension ToolLimit {
    func key(_ subject: LimitSubject, call: UInt64 = 0) -> LimitKey {
        LimitKey(
            limit: id,
            subject: isPerTenant ? nil : subject,
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
