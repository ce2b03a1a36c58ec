package import Base
package import Crypto
package import HTTP
package import System

/// Why a request was not let in.
package struct AuthenticationRefusal: Error, Sendable {
    package let status: HTTPStatus
    package let message: String
    package let challenge: FieldValue?
    /// For the record alone.
    package let reason: RefusedCredentials.Reason
}

/// From a connection and a request's head to who calls; the seam for other kinds of credential.
package protocol Authenticator: Sendable {
    /// - Parameter certificate: what the client has proved to be in its TLS handshake.
    func authenticate(
        _ head: RequestHead,
        peer: SocketAddress,
        certificate: Certificate?
    ) -> Result<Principal, AuthenticationRefusal>

    /// Whether `authenticate` would name that principal again for the head it named it for, on the same
    /// connection, told without a look at the credential; false where it has to look.
    func vouches(for principal: Principal, certificate: Certificate?) -> Bool
}

extension Authenticator {
    package func vouches(for principal: Principal, certificate: Certificate?) -> Bool { false }
}

/// `Authorization: Bearer …` (RFC 6750), or, where the operator opened the loopback, nothing.
package struct BearerAuthenticator: Authenticator {
    private let tokens: TokenBook
    private let environment: EnvironmentName
    /// Who calls without a credential, where that is allowed.
    private let open: Principal?

    package init(tokens: TokenBook, environment: EnvironmentName, open: Principal?) {
        self.tokens = tokens
        self.environment = environment
        self.open = open
    }

    package func authenticate(
        _ head: RequestHead,
        peer: SocketAddress,
        certificate: Certificate? = nil
    ) -> Result<Principal, AuthenticationRefusal> {
        guard let header = head[.authorization] else {
            if let open, peer.isLoopback { return .success(open) }
            return .failure(Self.missing)
        }
        guard !head.isRepeated(.authorization) else { return .failure(Self.malformed) }
        guard Self.namesScheme(header.span) else { return .failure(Self.malformed) }
        do throws(TokenBook.Refused) {
            let principal = try tokens.principal(
                for: Array(header.dropFirst(Self.scheme.count)),
                from: peer
            )
            guard principal.environment == environment else {
                return .failure(Self.invalid(.environment))
            }
            return .success(principal)
        } catch {
            return .failure(Self.invalid(RefusedCredentials.Reason(error)))
        }
    }

    /// Revoked, rotated or at its end, a token is looked for anew; all else it was let in by is its
    /// record's, which never changes.
    package func vouches(for principal: Principal, certificate: Certificate?) -> Bool {
        tokens.holds(principal)
    }

    private static let scheme = Array("bearer ".utf8)

    /// Whether a credential begins with the scheme, whatever its case, and goes on.
    private static func namesScheme(_ header: Span<UInt8>) -> Bool {
        guard header.count > scheme.count else { return false }
        for place in scheme.indices where header[place] | 0x20 != scheme[place] | 0x20 {
            return false
        }
        return true
    }

    private static let missing = AuthenticationRefusal(
        status: .unauthorized,
        message: "a credential is needed: Authorization: Bearer …",
        challenge: "Bearer",
        reason: .missing
    )
    private static let malformed = AuthenticationRefusal(
        status: .badRequest,
        message: "one Authorization header with the scheme Bearer is expected; send it once",
        challenge: "Bearer error=\"invalid_request\"",
        reason: .malformed
    )

    /// One answer for unknown, expired and from elsewhere: a guesser learns nothing.
    private static func invalid(_ reason: RefusedCredentials.Reason) -> AuthenticationRefusal {
        AuthenticationRefusal(
            status: .unauthorized,
            message: "the credential is not valid here; ask the operator for one",
            challenge: "Bearer error=\"invalid_token\"",
            reason: reason
        )
    }
}

/// The names and origins a request may carry: the defence against DNS rebinding.
package struct AllowedHosts: Sendable {
    private let hosts: Set<String>
    private let port: UInt16?
    private let isLoopback: Bool
    private let origins: Set<String>
    /// The spellings that clients send, byte for byte; others are taken apart.
    private let usual: [[UInt8]]

    /// - Parameter names: what the operator wrote, beside the listener's own address; with or
    ///   without a port, compared without regard to case.
    package init(names: [String], listener: SocketAddress, origins: [String]) {
        port = listener.port.flatMap { $0 == 0 ? nil : $0 }
        isLoopback = listener.isLoopback
        var all = names.map { $0.lowercased() }
        if case .ip(let ip, _) = listener, !ip.isUnspecified {
            all.append(ip.isVersion6 ? "[\(ip)]" : "\(ip)")
        }
        hosts = Set(all)
        self.origins = Set(origins.map { $0.lowercased() })
        let named = hosts.union(isLoopback ? Self.loopbackNames : [])
        usual = port.map { port in named.map { Array("\($0):\(port)".utf8) } } ?? []
    }

    package func refusal(of head: RequestHead) -> (status: HTTPStatus, message: String)? {
        if let origin = head[.origin] {
            let text = String(decoding: origin, as: UTF8.self).lowercased()
            guard !head.isRepeated(.origin), origins.contains(text) else {
                return (.forbidden, "this Origin is not allowed; the operator names those that are")
            }
        }
        return refusal(ofHost: head)
    }

    /// The same for the Host alone.
    package func refusal(ofHost head: RequestHead) -> (status: HTTPStatus, message: String)? {
        guard let host = head[.host],
            usual.contains(where: { $0.elementsEqual(host) })
                || serves(String(decoding: host, as: UTF8.self).lowercased())
        else {
            return (
                .misdirectedRequest,
                "this Host is not served here; use an address that the operator named"
            )
        }
        return nil
    }

    private func serves(_ host: String) -> Bool {
        if hosts.contains(host) { return true }
        guard let colon = host.lastIndex(of: ":"), !host.hasSuffix("]") else {
            return isLoopback && Self.loopbackNames.contains(host)
        }
        let name = String(host[..<colon])
        guard let number = UInt16(host[host.index(after: colon)...]), port == nil || port == number
        else { return false }
        return hosts.contains(name) || (isLoopback && Self.loopbackNames.contains(name))
    }

    private static let loopbackNames: Set<String> = ["localhost", "127.0.0.1", "[::1]"]
}
