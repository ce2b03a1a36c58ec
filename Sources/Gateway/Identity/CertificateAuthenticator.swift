package import Base
package import Crypto
package import HTTP
package import System

/// A client certificate where the request has no `Authorization`; otherwise what comes after.
///
/// The handshake has proved that the certificate leads to an authority the operator named, and that
/// the client has its key. Who that is stands in the token record that names the certificate, and
/// so does the tenant: nothing in the certificate says more than its name.
package struct CertificateAuthenticator: Authenticator {
    private let tokens: TokenBook
    private let environment: EnvironmentName
    private let clock: any Clock
    private let next: any Authenticator

    package init(
        tokens: TokenBook,
        environment: EnvironmentName,
        clock: any Clock,
        otherwise next: any Authenticator
    ) {
        self.tokens = tokens
        self.environment = environment
        self.clock = clock
        self.next = next
    }

    package func authenticate(
        _ head: RequestHead,
        peer: SocketAddress,
        certificate: Certificate?
    ) -> Result<Principal, AuthenticationRefusal> {
        guard let certificate, head[.authorization] == nil else {
            return next.authenticate(head, peer: peer, certificate: certificate)
        }
        // A connection may outlive the certificate it began with.
        guard clock.timestamp < certificate.notAfter else {
            return .failure(
                Self.refusal("the client certificate has expired; connect anew", .expired)
            )
        }
        do throws(TokenBook.Refused) {
            let principal = try tokens.principal(for: certificate, from: peer)
            guard principal.environment == environment else {
                return .failure(Self.unknown(.environment))
            }
            return .success(principal)
        } catch {
            return .failure(Self.unknown(RefusedCredentials.Reason(error)))
        }
    }

    /// A certificate may come to its end on an open connection.
    package func vouches(for principal: Principal, certificate: Certificate?) -> Bool {
        certificate == nil && next.vouches(for: principal, certificate: nil)
    }

    /// One answer, whatever is wrong.
    private static func unknown(_ reason: RefusedCredentials.Reason) -> AuthenticationRefusal {
        refusal("the client certificate is no credential here", reason)
    }

    private static func refusal(
        _ message: String,
        _ reason: RefusedCredentials.Reason
    ) -> AuthenticationRefusal {
        AuthenticationRefusal(
            status: .unauthorized,
            message: message,
            challenge: "Bearer",
            reason: reason
        )
    }
}
