import Audit
import Base
import MCP
import Policy
import System

/// How often each credential asked for lists.
struct ListRates {
    private static let rate = Rate(count: Limits.listsPerMinute, period: .minute)
    private var windows: [PrincipalKey: RateWindow] = [:]

    /// Counts one more, or says how long until one is admitted.
    mutating func waiting(_ key: PrincipalKey, at now: Instant) -> Duration? {
        if windows[key] == nil, windows.count >= Limits.sessionsPerPrincipal {
            // Credentials come and go; what is quiet counts nothing any more.
            windows = windows.filter { now < $0.value.quiet }
        }
        var window = windows[key] ?? RateWindow()
        let wait = window.waiting(Self.rate, at: now)
        if wait == nil { window.count(Self.rate, at: now) }
        windows[key] = window
        return wait
    }
}

/// Lists: counted for each credential, and on the record like everything an agent asks.
extension Door {
    /// What this principal sees of that kind, or why it is not told now.
    func list(
        _ kind: OfferKind,
        for principal: Principal,
        at endpoint: Endpoint
    ) -> Result<OfferView, RefusedList> {
        guard let wait = listRates.waiting(principal.key, at: loop.now) else {
            return .success(offers(kind, for: principal, at: endpoint))
        }
        let most = Limits.listsPerMinute
        let seconds = max(1, wait.components.seconds)
        let refusal = Refusal(
            code: .rateLimited,
            rule: "limit \(most)/min of lists",
            agentText:
                "refused by the limit of \(most) lists a minute for each credential; "
                + "try again in \(seconds) s, and keep what was listed",
            auditText: "`\(kind.listing?.method ?? "")`: more than \(most) a minute"
        )
        if let verdict = refusedLists.verdict(counting: principal.key) {
            tally.refused(refusal.code)
            return .failure(RefusedList(refusal: refusal, verdict: verdict))
        }
        let refused = refuse(principal, refusal)
        if refusedLists.begin(principal, refusal, verdict: refused.verdict) {
            loop.schedule(after: RefusedLists.window) { [weak self] in
                self?.assumeIsolated { $0.recordRefusedLists() }
            }
        }
        return .failure(refused)
    }

    /// Records what was only counted.
    package func recordRefusedLists() {
        for repeated in refusedLists.close() {
            let together = Refusal(
                code: repeated.refusal.code,
                rule: repeated.refusal.rule,
                agentText: repeated.refusal.agentText,
                auditText: "lists: \(repeated.count) more refused within a minute"
            )
            store.note(
                evidence.unresolved(repeated.principal, [], id: repeated.verdict, together)
            )
        }
    }

    /// Puts on the record what is shown next; a list that cannot be recorded is not shown.
    func noteListed(
        _ kind: OfferKind,
        _ shown: Range<Int>,
        by principal: Principal,
        at endpoint: Endpoint
    ) async -> RefusedList? {
        let server: ServerName? = if case .server(let name) = endpoint { name } else { nil }
        let record = AuditRecord(
            .listed,
            at: clock.timestamp,
            tenant: principal.tenant,
            environment: environment,
            principal: principal.owner,
            run: principal.run,
            server: server,
            detail: .fields([
                RecordField("first", .integer(Int64(shown.lowerBound))),
                RecordField("method", kind.listing?.method ?? ""),
                RecordField("shown", .integer(Int64(shown.count))),
            ])
        )
        do throws(StoreError) {
            _ = try await store.commit(record)
            return nil
        } catch {
            return refuse(principal, Self.refusal(for: error))
        }
    }

    private func refuse(_ principal: Principal, _ refusal: Refusal) -> RefusedList {
        let id = newCallID()
        tally.refused(refusal.code)
        // A refusal stands whether or not it could be recorded: closed is the safe side.
        store.note(evidence.unresolved(principal, [], id: id, refusal))
        return RefusedList(refusal: refusal, verdict: id)
    }
}

/// A list that is not shown.
struct RefusedList: Error {
    let refusal: Refusal
    let verdict: String
}
