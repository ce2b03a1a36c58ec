import Audit
import Base
import Egress
import HTTP
import System

/// The way of the gateway's own requests, to servers and vaults: what the operator wrote is the rule,
/// that host and that port alone, and each connection is decided on like one of a cage.
struct OwnRoute: Route {
    private let rule: EgressRule
    private let target: EgressTarget
    private let decision: EgressDecision
    /// Told of each connection that is not made.
    private let refused: @Sendable (EgressRefusal) -> Void

    /// - Parameter blocks: the addresses the name may have; nil: any that is public.
    init(
        to origin: HTTPOrigin,
        blocks: [AddressRange]?,
        _ decision: EgressDecision,
        refused: @escaping @Sendable (EgressRefusal) -> Void
    ) throws(EgressRule.Problem) {
        let host: WebHost =
            origin.address.map { .address($0) } ?? .name(origin.host)
        target = EgressTarget(host: host, port: origin.port)
        rule = try EgressRule(target.description, blocks: blocks ?? Self.loopback(host))
        self.decision = decision
        self.refused = refused
    }

    /// What `localhost` and the names below it mean, whatever a resolver says (RFC 6761 section 6.3).
    private static func loopback(_ host: WebHost) -> [AddressRange]? {
        guard case .name(let name) = host, let name = DomainName(name)?.text,
            name == "localhost" || name.hasSuffix(".localhost")
        else { return nil }
        return ["127.0.0.0/8", "::1"].compactMap { AddressRange($0) }
    }

    private func pinned() async throws(EgressRefusal) -> PinnedTarget {
        try await decision.pinned(try EgressPolicy(rules: [rule]).allow(target))
    }

    func addresses() async throws(HTTPClientError) -> [IPAddress] {
        do throws(EgressRefusal) {
            return try await pinned().addresses
        } catch {
            refused(error)
            throw Self.error(error)
        }
    }

    func check(peer: SocketAddress, local: SocketAddress) throws(HTTPClientError) {
        do throws(EgressRefusal) {
            // The addresses were decided on a moment ago, and nothing else was connected to.
            guard case .ip(let address, _) = peer else {
                throw EgressRefusal.unreachable(target, reason: "it ended at once")
            }
            let allowed = try EgressPolicy(rules: [rule]).allow(target)
            try decision.check(peer: peer, local: local, try allowed.pin([address]))
        } catch {
            refused(error)
            throw Self.error(error)
        }
    }

    private static func error(_ refusal: EgressRefusal) -> HTTPClientError {
        if case .notResolved(let target, let reason) = refusal {
            let error = ResolveError(name: target.host.description, reason: reason)
            return HTTPClientError(.resolution(error), requestSent: false)
        }
        return HTTPClientError(.addressRefused(text(of: refusal)), requestSent: false)
    }

    /// For the operator, who wrote the address.
    static func text(of refusal: EgressRefusal) -> String {
        switch refusal {
        case .addressNotPublic(_, let address, let reach)
        where reach != .unspecified && reach != .multicast:
            "\(refusal.auditText); if that is meant, write `addresses: [\(address)]` beside its url"
        case .gatewayItself: "it leads back to this gateway"
        default: refusal.auditText
        }
    }
}

extension EgressParts {
    /// For requests to what the operator wrote; each that is refused is recorded, one in
    /// `Limits.egressQuiet` of each route.
    ///
    /// - Parameters:
    ///   - tenant: whose request it is.
    ///   - server: nil where it is not for a server.
    func ownRoute(
        to origin: HTTPOrigin,
        blocks: [AddressRange]?,
        for tenant: TenantID,
        _ server: ServerName?,
        on loop: EventLoop
    ) throws(EgressRule.Problem) -> OwnRoute {
        let (store, clock, environment) = (store, clock, environment)
        let quiet = Lock(QuietTime())
        return try OwnRoute(to: origin, blocks: blocks, decision) { refusal in
            // A name that nobody can look up now is not refused, and said where it is asked for.
            if case .notResolved = refusal { return }
            guard quiet.withLock({ $0.admits(at: loop.now) }) else { return }
            store.note(
                AuditRecord(
                    .egress,
                    at: clock.timestamp,
                    tenant: tenant,
                    environment: environment,
                    server: server,
                    detail: .fields([
                        RecordField("change", "refused"),
                        RecordField("reason", printable(refusal.auditText, limit: 600)),
                        RecordField("refusal", refusal.code),
                        RecordField("target", printable(origin.description, limit: 300)),
                        RecordField("way", EgressWay.own.rawValue),
                    ])
                )
            )
        }
    }
}
