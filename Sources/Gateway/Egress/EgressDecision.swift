import Base
import Egress
import HTTP
import System

/// The one decision about a connection, whoever makes it: a program in a cage that asks a proxy, one
/// that was captured, and the gateway itself.
///
/// `EgressPolicy.allow`, `AllowedTarget.pin` and `PinnedTarget.check` are its steps, of which each
/// makes what the next one asks for; here are the look-up and the kernel's answer between them.
struct EgressDecision: Sendable {
    let resolver: any Resolver
    let ownPorts: OwnPorts

    /// From a target that a rule names to the addresses it is connected by.
    func pinned(_ allowed: AllowedTarget) async throws(EgressRefusal) -> PinnedTarget {
        guard let name = allowed.nameToResolve else { return try allowed.pin([]) }
        let found: [IPAddress]
        do throws(ResolveError) {
            found = try await resolver.resolve(name)
        } catch {
            throw .notResolved(allowed.target, reason: error.reason)
        }
        return try allowed.pin(found)
    }

    /// Whether a connection that was made leads where it was decided, and not to this gateway.
    func check(
        peer: SocketAddress,
        local: SocketAddress,
        _ pinned: PinnedTarget
    ) throws(EgressRefusal) {
        guard case .ip(let peer, _) = peer, case .ip(let local, _) = local else {
            throw .unreachable(pinned.target, reason: "it ended at once")
        }
        try pinned.check(peer: peer, local: local, own: ownPorts.all)
    }
}

/// The way of a cage's connection whose TLS ends here: by the addresses that were decided on.
struct PinnedRoute: Route {
    let pinned: PinnedTarget
    let decision: EgressDecision

    func addresses() async throws(HTTPClientError) -> [IPAddress] {
        pinned.addresses
    }

    func check(peer: SocketAddress, local: SocketAddress) throws(HTTPClientError) {
        do throws(EgressRefusal) {
            try decision.check(peer: peer, local: local, pinned)
        } catch { throw HTTPClientError(.addressRefused(error.agentText), requestSent: false) }
    }
}

/// The ports this gateway listens on, known when it does.
final class OwnPorts: Sendable {
    private let ports = Lock<Set<UInt16>>([])

    func add(_ address: SocketAddress?) {
        guard let port = address?.port else { return }
        ports.withLock { _ = $0.insert(port) }
    }

    var all: Set<UInt16> { ports.withLock { $0 } }
}
