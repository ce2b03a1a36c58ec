import Base
import HTTP
import System

extension Gateway {
    /// From what an agent shows to who it is: its token, else its certificate where the listener
    /// asks for one, else nobody, or `local` where the loopback is open.
    func authenticator() -> any Authenticator {
        let configuration = current.configuration
        let bearer = BearerAuthenticator(
            tokens: tokens,
            environment: configuration.environment,
            open: configuration.listen.isOpen ? openPrincipal : nil
        )
        guard configuration.listen.tls?.clients != nil else { return bearer }
        return CertificateAuthenticator(
            tokens: tokens,
            environment: configuration.environment,
            clock: parts.clock,
            otherwise: bearer
        )
    }

    private var openPrincipal: Principal {
        Principal(
            owner: PrincipalName(unchecked: "local"),
            token: Principal.openToken,
            tenant: .main,
            environment: current.configuration.environment,
            run: "open"
        )
    }
}

extension Configuration.Listen {
    /// Who may connect; everybody comes from a proxy's address where one ends TLS.
    var admission: PeerAdmission {
        PeerAdmission(
            sources: allowFrom.map { $0.compactMap { AddressRange($0) } },
            trusted: terminatedBy.compactMap { AddressRange($0) }
        )
    }
}
