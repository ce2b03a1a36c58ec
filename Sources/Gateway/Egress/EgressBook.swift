package import Audit
package import Base
import Egress
package import System

/// What people said and were asked about where servers connect to.
///
/// The configuration's own rules are not in here: this holds what came beside them.
package actor EgressBook {
    package struct Key: Hashable, Sendable {
        let tenant: TenantID
        let server: ServerName
    }

    /// What came of asking.
    enum Answer: Sendable {
        case granted(EgressGrant)
        case refused
        case unanswered
    }

    private struct Place: Hashable {
        let key: Key
        let target: EgressTarget
    }

    package static let questionLimit = 256
    package static let waiterLimit = 64
    /// Of both, what one server and what one tenant has at most: what a server uses up is missing for
    /// its own questions first.
    static let questionShare = (server: 64, tenant: 128)
    static let waiterShare = (server: 16, tenant: 32)
    package static let grantLimit = 1024

    private let loop: EventLoop
    private let store: any RecordStore
    private let clock: any Clock
    private let environment: EnvironmentName
    /// INVARIANT: once loaded it changes only in `turns`, together with the store: whoever waits for a
    /// commit that takes one away or gives one finds, in its turn, what became of it.
    private var grants: [EgressGrant] = []
    private let turns: TakingTurns
    /// The oldest is forgotten for a new one.
    private var questions: [Place: EgressQuestion] = [:]
    private var waiters: [Place: [Pending<Bool>]] = [:]

    package nonisolated var unownedExecutor: UnownedSerialExecutor {
        unsafe loop.asUnownedSerialExecutor()
    }

    package init(
        loop: EventLoop,
        store: any RecordStore,
        clock: any Clock,
        environment: EnvironmentName
    ) {
        self.loop = loop
        turns = TakingTurns(on: loop)
        self.store = store
        self.clock = clock
        self.environment = environment
    }

    private var moment: Moment { Moment(instant: loop.now, timestamp: clock.timestamp) }

    /// - Parameter isTimeLost: the wall clock was set back meanwhile: what was for a time is over.
    package func load(isTimeLost: Bool) async throws(StoreError) {
        let now = moment
        grants = try await store.allEntries(.egress).compactMap { EgressGrant($0, at: now) }
        guard isTimeLost else { return }
        let over = grants.filter { if case .until = $0.length { true } else { false } }
        grants.removeAll { over.contains($0) }
        guard !over.isEmpty else { return }
        // For good: a clock that is set right again brings none of them back.
        var transaction = Transaction()
        transaction.records = over.map { record(of: $0, change: "ended", by: "clock") }
        transaction.changes = over.map { .delete($0.key, expecting: .anything) }
        _ = try await store.commit(transaction)
    }

    package var allGrants: [EgressGrant] {
        grants.filter { [moment] in $0.holds(at: moment) }
            .sorted { ($0.tenant, $0.server, "\($0.rule)") < ($1.tenant, $1.server, "\($1.rule)") }
    }

    package var allQuestions: [EgressQuestion] {
        questions.map { place, question in
            var question = question
            question.waitingCount = waiters[place]?.count ?? 0
            return question
        }
        .sorted { $0.last > $1.last }
    }

    var waitingCount: Int { waiters.values.reduce(0) { $0 + $1.count } }

    // MARK: For connections

    /// The grant for a target no written rule names; notes the question where there is none.
    func permission(
        for target: EgressTarget,
        of key: Key,
        code: String,
        waitingUntil deadline: Instant?
    ) async throws(StoreError) -> Answer {
        if let grant = try await spend(target, key) { return .granted(grant) }
        let place = Place(key: key, target: target)
        ask(place, code: code)
        guard let deadline, mayWait(key) else { return .unanswered }
        let waiter = Pending<Bool>(on: loop)
        waiters[place, default: []].append(waiter)
        let said = try? await waiter.value(until: deadline)
        waiters[place]?.removeAll { $0 === waiter }
        if waiters[place]?.isEmpty == true { waiters[place] = nil }
        guard let said else { return .unanswered }
        guard said, let grant = try await spend(target, key) else { return .refused }
        return .granted(grant)
    }

    /// The rules people said yes to, which a look-up is told; spends none.
    func rules(of key: Key) -> [EgressRule] {
        let now = moment
        return grants.filter { grant in
            grant.tenant == key.tenant && grant.server == key.server && grant.holds(at: now)
        }
        .map(\.rule)
    }

    /// Shows a question that nothing waits for.
    func ask(_ target: EgressTarget, of key: Key, code: String) {
        ask(Place(key: key, target: target), code: code)
    }

    private func mayWait(_ key: Key) -> Bool {
        let all = waiters.map { (key: $0.key.key, count: $0.value.count) }
        func count(_ isMeant: (Key) -> Bool) -> Int {
            all.filter { isMeant($0.key) }.reduce(0) { $0 + $1.count }
        }
        return waitingCount < Self.waiterLimit && count { $0 == key } < Self.waiterShare.server
            && count { $0.tenant == key.tenant } < Self.waiterShare.tenant
    }

    /// Finds a grant that holds, and takes it away for good when it was for once.
    ///
    /// One that could not be taken away is as it was, and whoever it was for is refused.
    private func spend(
        _ target: EgressTarget,
        _ key: Key
    ) async throws(StoreError) -> EgressGrant? {
        let found = grant(for: target, of: key)
        guard found?.length == .once else { return found }
        return try await turns.take { () async throws(StoreError) -> EgressGrant? in
            // Looked for again: another connection may have spent it, or a person taken it back.
            let found = self.grant(for: target, of: key)
            guard let grant = found, grant.length == .once else { return found }
            let record = record(of: grant, change: "spent", by: grant.by)
            let change = StateChange.delete(grant.key, expecting: .anything)
            _ = try await store.commit(Transaction(records: [record], changes: [change]))
            grants.removeAll { $0.key == grant.key }
            return grant
        }
    }

    /// A grant that holds for that target; one for once only where no other does.
    private func grant(for target: EgressTarget, of key: Key) -> EgressGrant? {
        let now = moment
        let found = grants.filter { grant in
            grant.tenant == key.tenant && grant.server == key.server && grant.holds(at: now)
                && (try? EgressPolicy(rules: [grant.rule]).allow(target)) != nil
        }
        return found.first { $0.length != .once } ?? found.first
    }

    private func ask(_ place: Place, code: String) {
        if questions[place] != nil {
            questions[place]?.count += 1
            questions[place]?.last = clock.timestamp
            return
        }
        let key = place.key
        guard makeRoom(Self.questionShare.server, { $0 == key }),
            makeRoom(Self.questionShare.tenant, { $0.tenant == key.tenant }),
            makeRoom(Self.questionLimit, { _ in true })
        else { return }
        questions[place] = EgressQuestion(
            tenant: place.key.tenant,
            server: place.key.server,
            target: place.target,
            code: code,
            last: clock.timestamp
        )
    }

    /// Forgets the oldest question of those meant, where there are `limit` and nobody waits for it.
    private func makeRoom(_ limit: Int, _ isMeant: (Key) -> Bool) -> Bool {
        let own = questions.filter { isMeant($0.key.key) }
        guard own.count >= limit else { return true }
        let idle = own.filter { waiters[$0.key] == nil }
        guard let oldest = idle.min(by: { $0.value.last < $1.value.last }) else { return false }
        questions[oldest.key] = nil
        return true
    }

    // MARK: For people

    /// Takes a yes over, once it is durable; connections that wait for it go on.
    ///
    /// False, and nothing is done, where there are too many. Those whose time is over make room.
    func allow(_ grant: EgressGrant) async throws(StoreError) -> Bool {
        try await turns.take { () async throws(StoreError) in
            let now = moment
            let gone = grants.filter { $0.key == grant.key || !$0.holds(at: now) }.map(\.key)
            guard grants.count - gone.count < Self.grantLimit else { return false }
            let record = record(of: grant, change: "allowed", by: grant.by)
            var changes = [StateChange.put(grant.key, value: grant.value, expecting: .anything)]
            changes += gone.filter { $0 != grant.key }.map { .delete($0, expecting: .anything) }
            _ = try await store.commit(Transaction(records: [record], changes: changes))
            grants.removeAll { gone.contains($0.key) }
            grants.append(grant)
            settle(grant, as: true)
            return true
        }
    }

    /// Ends grants for a rule, and tells connections that wait for it that the answer is no.
    func refuse(
        _ rule: EgressRule,
        of key: Key,
        by name: String
    ) async throws(StoreError) -> Int {
        let grant = EgressGrant(
            tenant: key.tenant,
            server: key.server,
            rule: rule,
            length: .once,
            by: name,
            since: clock.timestamp
        )
        return try await turns.take { () async throws(StoreError) -> Int in
            let known = grants.filter { $0.key == grant.key }
            let record = record(of: known.first ?? grant, change: "denied", by: name)
            var changes: [StateChange] = []
            if !known.isEmpty { changes.append(.delete(grant.key, expecting: .anything)) }
            _ = try await store.commit(Transaction(records: [record], changes: changes))
            grants.removeAll { $0.key == grant.key }
            return known.count + settle(grant, as: false)
        }
    }

    @discardableResult
    private func settle(_ grant: EgressGrant, as said: Bool) -> Int {
        let policy = EgressPolicy(rules: [grant.rule])
        let places = questions.keys.filter { place in
            place.key == Key(tenant: grant.tenant, server: grant.server)
                && (try? policy.allow(place.target)) != nil
        }
        var count = 0
        for place in places {
            questions[place] = nil
            for waiter in waiters[place] ?? [] {
                waiter.fulfil(said)
                count += 1
            }
        }
        return count
    }

    private func record(of grant: EgressGrant, change: StaticString, by name: String) -> AuditRecord
    {
        AuditRecord(
            .egress,
            at: clock.timestamp,
            tenant: grant.tenant,
            environment: environment,
            server: grant.server,
            detail: .fields([
                RecordField("by", name),
                RecordField("change", "\(change)"),
                RecordField("length", grant.lengthText),
                RecordField("rule", grant.rule.description),
            ])
        )
    }
}
