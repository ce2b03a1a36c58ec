import Audit
import Base
import Policy

/// What the gate has done since the process started: plain counts, for metrics and `status`.
///
/// Counting is a few additions on the way of a call; names and labels are put to the numbers only
/// when somebody asks. Labels come from the configuration (tenants, servers) and from closed sets,
/// never from what an agent or a server sends, so that nobody can make their number grow.
///
/// INVARIANT loop-thread: used on the gateway's loop only; this is what makes `@unchecked Sendable`
/// true.
package final class GateTally: @unchecked Sendable {
    struct Place: Hashable, Comparable {
        let tenant: TenantID
        let server: ServerName

        static func < (left: Place, right: Place) -> Bool {
            (left.tenant, left.server) < (right.tenant, right.server)
        }
    }

    private(set) var servers: [Place: ServerTally] = [:]
    private(set) var refusals: [Refusal.Code: UInt64] = [:]
    /// From a call's arrival to its answer, without the upstream; calls that asked a person are
    /// left out.
    private(set) var ownTime = DurationHistogram()
    /// How late a timer fires that is set once a second.
    var loopLag = DurationHistogram()

    package init() {}

    /// The counts of one server; made when they are first asked for.
    func server(_ tenant: TenantID, _ server: ServerName) -> ServerTally {
        let place = Place(tenant: tenant, server: server)
        if let known = servers[place] { return known }
        let made = ServerTally()
        servers[place] = made
        return made
    }

    /// How many calls each rule of a tenant spoke about, since the start.
    private(set) var ruleHits: [TenantID: [String: UInt64]] = [:]

    /// Counts the rules that asked, refused or let through; most calls know none.
    func spoke(_ verdict: Verdict, _ tenant: TenantID) {
        for reason in verdict.reasons {
            if case .rule(let name) = reason.source {
                ruleHits[tenant, default: [:]][name, default: 0] &+= 1
            }
        }
        for name in verdict.lifted where name.hasPrefix("rule ") {
            ruleHits[tenant, default: [:]][String(name.dropFirst(5)), default: 0] &+= 1
        }
    }

    /// Forgets servers that the configuration names no more.
    func keep(only places: Set<Place>) {
        servers = servers.filter { places.contains($0.key) }
    }

    /// Calls of every server and tier that ended so, of those tenants alone or of all.
    func count(_ verdict: ServerTally.Verdict, of tenants: Set<TenantID>? = nil) -> UInt64 {
        servers.reduce(0) { sum, entry in
            guard tenants?.contains(entry.key.tenant) ?? true else { return sum }
            return RiskTier.allCases.reduce(sum) { $0 &+ entry.value.count(verdict, $1) }
        }
    }

    func refused(_ code: Refusal.Code) { refusals[code, default: 0] &+= 1 }

    func answered(in own: Duration) { ownTime.count(own) }
}

/// The counts of one server; see `GateTally`.
package final class ServerTally: @unchecked Sendable {
    /// How the gate ended a call, as far as it was its to end.
    enum Verdict: Int, CaseIterable {
        case allowed, approved, waiting, refused

        var label: StaticString {
            switch self {
            case .allowed: "allowed"
            case .approved: "approved"
            case .waiting: "waiting"
            case .refused: "refused"
            }
        }
    }

    private var verdicts = [UInt64](
        repeating: 0,
        count: RiskTier.allCases.count * Verdict.allCases.count
    )
    private var outcomes = [UInt64](repeating: 0, count: OutcomeDetail.Status.allCases.count)
    private(set) var upstreamTime = DurationHistogram()
    let egress = EgressTally()
    /// Of a hosted server's process.
    var starts: UInt64 = 0
    var crashes: UInt64 = 0
    /// Processes that were ended because they stopped, or did not answer a probe.
    var unresponsive: UInt64 = 0
    /// Starts for which its tenant had no room.
    var postponed: UInt64 = 0

    func judged(_ verdict: Verdict, _ tier: RiskTier) {
        verdicts[Self.place(verdict, tier)] &+= 1
    }

    func settled(_ status: OutcomeDetail.Status, in duration: Duration) {
        outcomes[status.place] &+= 1
        if status != .notSent { upstreamTime.count(duration) }
    }

    func count(_ verdict: Verdict, _ tier: RiskTier) -> UInt64 {
        verdicts[Self.place(verdict, tier)]
    }

    func count(_ status: OutcomeDetail.Status) -> UInt64 { outcomes[status.place] }

    private static func place(_ verdict: Verdict, _ tier: RiskTier) -> Int {
        tier.rawValue * Verdict.allCases.count + verdict.rawValue
    }
}

extension OutcomeDetail.Status {
    fileprivate var place: Int {
        switch self {
        case .ok: 0
        case .toolError: 1
        case .fault: 2
        case .notSent: 3
        case .timeout: 4
        case .cancelled: 5
        case .withheld: 6
        case .lost: 7
        }
    }
}

extension ServerTally {
    func noteUnresponsive() { unresponsive &+= 1 }

    /// Counts what the supervision of the server's process reports.
    func note(_ report: Supervision.Report) {
        switch report {
        case .started: starts &+= 1
        case .crashed, .circuitOpened, .leftAsleep, .refused: crashes &+= 1
        case .ready, .fellAsleep, .left, .ended: break
        }
    }
}
