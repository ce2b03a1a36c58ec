package import Base
package import JSON

/// Whose call is counted; made once for a principal, because its hash is kept.
package struct LimitSubject: Hashable, Sendable {
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
}

/// A running call that concurrency limits count, until it is given back.
package struct LimitLease: Sendable {
    fileprivate let tenant: TenantID
    fileprivate let keys: [LimitKey]
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

    fileprivate struct Tables: Sendable {
        var rates = RecencyTable<LimitKey, RateWindow>(capacity: LimitBook.windowCount)
        var identical = RecencyTable<LimitKey, RateWindow>(capacity: LimitBook.identicalCount)
        var running: [LimitKey: Int] = [:]

        /// Whether there was a place; it is taken then.
        mutating func take(_ key: LimitKey, of most: Int) -> Bool {
            guard running[key] ?? 0 < most else { return false }
            running[key, default: 0] += 1
            return true
        }

        mutating func giveBack(_ key: LimitKey) {
            guard let count = running[key] else { return }
            running[key] = count > 1 ? count - 1 : nil
        }
    }

    private var tenants: [TenantID: Tables] = [:]

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
        let arguments = call.document.root
        return tenants[subject.tenant, default: Tables()].admit(
            policy.limits,
            arguments,
            digest.prefix64,
            subject,
            now
        )
    }

    /// Takes a place among the running calls, or says which limit has none left.
    package mutating func begin(
        _ call: CallForm,
        of subject: LimitSubject,
        under policy: ToolPolicy
    ) -> Result<LimitLease, LimitExcessError> {
        var keys: [LimitKey] = []
        let arguments = call.document.root
        for limit in policy.limits {
            guard let most = limit.statement.concurrent, limit.applies(to: arguments) else {
                continue
            }
            let key = limit.key(subject)
            guard tenants[subject.tenant, default: Tables()].take(key, of: most) else {
                end(LimitLease(tenant: subject.tenant, keys: keys))
                return .failure(LimitExcessError(excess: limit.concurrentExcess(most)))
            }
            keys.append(key)
        }
        return .success(LimitLease(tenant: subject.tenant, keys: keys))
    }

    /// Gives the place back; exactly once for each lease.
    package mutating func end(_ lease: LimitLease) {
        for key in lease.keys { tenants[lease.tenant]?.giveBack(key) }
    }

    /// How many calls of that subject run under the limit.
    func running(_ limit: ToolLimit, _ subject: LimitSubject) -> Int {
        tenants[subject.tenant]?.running[limit.key(subject)] ?? 0
    }
}

/// A concurrency limit that is full.
package struct LimitExcessError: Error, Sendable, Equatable {
    package let excess: LimitExcess
}

extension ToolLimit {
    fileprivate func key(_ subject: LimitSubject, call: UInt64 = 0) -> LimitKey {
        LimitKey(
            limit: id,
            principal: isPerTenant ? nil : subject.principal,
            principalHash: isPerTenant ? 0 : subject.hash,
            target: call == 0 ? target : tool,
            call: call
        )
    }

    fileprivate func concurrentExcess(_ most: Int) -> LimitExcess {
        LimitExcess(
            kind: .concurrent,
            limit: "\(most) at once per \(statement.per.rawValue)",
            retryAfter: nil
        )
    }
}

extension LimitBook.Tables {
    fileprivate enum Window {
        case rate(Int, Rate)
        case identical(Int, Rate)
    }

    /// Two passes: all limits are asked before any counts.
    fileprivate mutating func admit(
        _ limits: [ToolLimit],
        _ arguments: JSONNode,
        _ call: UInt64,
        _ subject: LimitSubject,
        _ now: Instant
    ) -> LimitAnswer {
        var windows: [Window] = []
        windows.reserveCapacity(limits.count)
        for limit in limits where limit.applies(to: arguments) {
            if let excess = look(at: limit, call, subject, now, &windows) {
                return .exceeded(excess)
            }
        }
        for window in windows {
            switch window {
            case .rate(let place, let rate): rates[place].count(rate, at: now)
            case .identical(let place, let rate): identical[place].count(rate, at: now)
            }
        }
        return .within
    }

    private mutating func look(
        at limit: ToolLimit,
        _ call: UInt64,
        _ subject: LimitSubject,
        _ now: Instant,
        _ windows: inout [Window]
    ) -> LimitExcess? {
        let key = limit.key(subject)
        if let most = limit.statement.concurrent, running[key] ?? 0 >= most {
            return limit.concurrentExcess(most)
        }
        if let rate = limit.statement.calls {
            guard
                let place = rates.place(
                    of: key,
                    initially: RateWindow(),
                    mayForget: { $0.quiet <= now }
                )
            else {
                return LimitExcess(
                    kind: .bookFull,
                    limit: limit.text(rate, "calls"),
                    retryAfter: rate.period.duration
                )
            }
            if let wait = rates[place].waiting(rate, at: now) {
                return LimitExcess(
                    kind: .calls,
                    limit: limit.text(rate, "calls"),
                    retryAfter: wait
                )
            }
            windows.append(.rate(place, rate))
        }
        if let rate = limit.statement.identical {
            let place = identical.place(
                of: limit.key(subject, call: call | 1),
                initially: RateWindow(),
                mayForget: { _ in true }
            )
            guard let place else { return nil }
            if let wait = identical[place].waiting(rate, at: now) {
                return LimitExcess(
                    kind: .identical,
                    limit: limit.text(rate, "identical calls"),
                    retryAfter: wait
                )
            }
            windows.append(.identical(place, rate))
        }
        return nil
    }
}
