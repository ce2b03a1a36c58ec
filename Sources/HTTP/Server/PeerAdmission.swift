package import Base
import System

/// Who may connect to a listener, and how many connections one address may have.
///
/// Looked at before the first byte, TLS included: whoever is turned away costs an accept.
package struct PeerAdmission: Sendable {
    /// Addresses that may connect; nil for all that reach the listener.
    package var sources: [AddressRange]?
    /// Connections of one peer address (of one /64 of IPv6); loopback and `trusted` are exempt.
    package var connectionsPerAddress: Int
    /// Addresses many peers stand behind: a proxy of ours.
    package var trusted: [AddressRange]

    package init(
        sources: [AddressRange]? = nil,
        connectionsPerAddress: Int = Limits.connectionsPerAddress,
        trusted: [AddressRange] = []
    ) {
        self.sources = sources
        self.connectionsPerAddress = connectionsPerAddress
        self.trusted = trusted
    }

    /// Why a connection was not taken.
    package enum Refusal: Sendable, CaseIterable { case address, tooMany }

    func admits(_ peer: SocketAddress) -> Bool {
        guard let sources else { return true }
        guard case .ip(let address, _) = peer else { return false }
        return sources.contains { $0.contains(address.unmapped) }
    }

    /// What the connections of that peer are counted under; nil when they are not.
    func countingKey(of peer: SocketAddress) -> IPAddress? {
        guard case .ip(let address, _) = peer, !address.isLoopback,
            !trusted.contains(where: { $0.contains(address.unmapped) })
        else { return nil }
        // Whoever has one address of IPv6 has all of its /64.
        if case .v6(let high, _) = address.unmapped { return .v6(high: high, low: 0) }
        return address
    }
}
