package import Base
package import JSON

/// Whose call is counted; made once for a principal, because its hash is kept.
///
/// A class because one reference is cheaper to hold and to compare than two names.
package final class LimitSubject: Hashable, Sendable {
    package let tenant: TenantID
    package let principal: PrincipalName
    /// Of both, under this process's seed.
    package let hash: Int

    package init(tenant: TenantID, principal: PrincipalName) {
        self.tenant = tenant
        self.principal = principal
        var hasher = Hasher()
        hasher.combine(tenant)
        hasher.combine(principal)
        hash = hasher.finalize()
    }

    package func hash(into hasher: inout Hasher) { hasher.combine(hash) }

    package static func == (left: LimitSubject, right: LimitSubject) -> Bool {
        left === right
            || (left.hash == right.hash && left.principal == right.principal
                && left.tenant == right.tenant)
    }
}

/// A running call that concurrency limits count, until it is given back.
package struct LimitLease: Sendable {
    fileprivate let tables: Int
    /// Nearly always one at most, and that without a list.
    fileprivate private(set) var first: LimitTables.Running.Place?
    fileprivate private(set) var others: [LimitTables.Running.Place] = []

    fileprivate init(tables: Int) { self.tables = tables }

    fileprivate mutating func take(_ place: LimitTables.Running.Place) {
        if first == nil { first = place } else { others.append(place) }
    }
}

/// All counts of all limits; a value, time comes in.
///
/// Each tenant has its own tables, so that no tenant can push another's counts out. Windows of
/// rates are forgotten only when nothing in them counts any more; a full table of live ones refuses
/// new callers (`bookFull`). Windows of identical calls are forgotten oldest first: a caller who
/// pushes one out has made thousands of different calls since, and the rates count those.
package struct LimitBook: Sendable {
    /// Entries per tenant; about 250 bytes each.
    package static let windowCount = 16_384
    package static let identicalCount = 4096
    /// Two subjects and tools that fall on one plan take turns in it.
    private static let planCount = 4096

    private var tables: [LimitTables] = []
    private var tenants: [TenantID: Int] = [:]
    /// Where the counts of a subject's calls of one tool lie; allocated with the first limit.
    private var plans: [LimitPlan?] = []

    package init() {}

    /// Counts the call if every limit admits it; a call that is not admitted is not counted.
    ///
    /// `digest` is the digest of the call form. Concurrency is looked at too, so that a call over
    /// it is refused early; `begin` decides it.
    package mutating func admit(
        _ call: CallForm,
        digest: Digest,
        of subject: LimitSubject,
        under policy: ToolPolicy,
        at now: Instant
    ) -> LimitAnswer {
        guard !policy.limits.isEmpty else { return .within }
        let (plan, slot) = plan(of: subject, under: policy)
        var moved: [LimitPlan.Line]?
        let answer = tables[plan.tables].admit(
            CountedCall(
                arguments: call.document.root,
                digest: digest.prefix64,
                time: now
            ),
            plan,
            &moved
        )
        if let moved { plans[slot] = LimitPlan(plan, moved) }
        return answer
    }

    /// Takes a place among the running calls, or says which limit has none left.
    package mutating func begin(
        _ call: CallForm,
        of subject: LimitSubject,
        under policy: ToolPolicy
    ) -> Result<LimitLease, LimitExcessError> {
        guard !policy.limits.isEmpty else { return .success(LimitLease(tables: 0)) }
        let (plan, slot) = plan(of: subject, under: policy)
        var lease = LimitLease(tables: plan.tables)
        var moved: [LimitPlan.Line]?
        for index in plan.concurrent {
            let line = plan.lines[index]
            let limit = line.limit
            guard let most = limit.concurrent, limit.applies(to: call.document.root)
            else { continue }
            let (place, isMoved) = tables[plan.tables].runningPlace(line, subject)
            if isMoved {
                if moved == nil { moved = plan.lines }
                moved?[index].running = place
            }
            guard tables[plan.tables].take(place, of: most) else {
                end(lease)
                return .failure(LimitExcessError(excess: limit.concurrentExcess(most)))
            }
            lease.take(place)
        }
        if let moved { plans[slot] = LimitPlan(plan, moved) }
        return .success(lease)
    }

    /// Gives the place back; exactly once for each lease.
    package mutating func end(_ lease: LimitLease) {
        if let first = lease.first { tables[lease.tables].giveBack(first) }
        for place in lease.others { tables[lease.tables].giveBack(place) }
    }

    /// How many calls of that subject run under the limit.
    func running(_ limit: ToolLimit, _ subject: LimitSubject) -> Int {
        guard let tenant = tenants[subject.tenant] else { return 0 }
        return tables[tenant].running(limit.key(subject))
    }

    private mutating func plan(
        of subject: LimitSubject,
        under policy: ToolPolicy
    ) -> (LimitPlan, slot: Int) {
        if plans.isEmpty { plans = Array(repeating: nil, count: Self.planCount) }
        let hash = UInt(bitPattern: subject.hash) ^ UInt(policy.digest.prefix64)
        let slot = Int(hash % UInt(Self.planCount))
        // The digest covers the tool, its limits and their order.
        if let plan = plans[slot], plan.policy == policy.digest, plan.subject == subject {
            return (plan, slot)
        }
        let plan = LimitPlan(subject, policy, tables: tables(of: subject.tenant))
        plans[slot] = plan
        return (plan, slot)
    }

    private mutating func tables(of tenant: TenantID) -> Int {
        if let known = tenants[tenant] { return known }
        tables.append(LimitTables())
        tenants[tenant] = tables.count - 1
        return tables.count - 1
    }
}

/// A concurrency limit that is full.
package struct LimitExcessError: Error, Sendable, Equatable {
    package let excess: LimitExcess
}
