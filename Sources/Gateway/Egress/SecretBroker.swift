import Base
import Crypto
import Egress
import Sandbox
import Screening
import System

/// What one server uses without holding it: placeholders inside, values on the way out; and the
/// authority in whose name TLS is ended for it.
final class SecretBroker: Sendable {
    typealias Use = Configuration.Server.SecretUse

    /// One start of the process: its own placeholders, and its own authority.
    final class Start: Sendable {
        let placeholders: [String: SecretPlaceholder]
        let authority: CertificateAuthority
        /// Finds placeholders where they have no business, in every spelling.
        let canaries: SecretMask
        private let leaves = Lock<[String: TLSContext]>([:])
        private let mask = Lock<(version: UInt64, mask: SecretMask)?>(nil)

        init(
            placeholders: [String: SecretPlaceholder],
            authority: CertificateAuthority,
            clock: any Clock
        ) {
            self.placeholders = placeholders
            self.authority = authority
            canaries = SecretMask(
                placeholders.compactMap { name, placeholder in
                    KnownSecret(name: name, value: placeholder.bytes).map { ($0, []) }
                },
                clock: clock
            )
        }

        /// What the gateway shows as this host; kept for the next connection.
        func context(for host: String, at now: Timestamp) throws -> TLSContext {
            if let known = leaves.withLock({ $0[host] }) { return known }
            let (chain, key) = try authority.issue(
                for: host,
                from: now.advanced(by: .seconds(-3600)),
                to: now.advanced(by: SecretBroker.life)
            )
            let made = try TLSContext(
                serving: [TLSIdentity(name: host, chain: chain, key: key)]
            )
            leaves.withLock { leaves in
                // A rule for all names below one lets a server ask for any number of them.
                if leaves.count >= Limits.shownCertificateCount { leaves.removeAll() }
                leaves[host] = made
            }
            return made
        }

        /// How many hosts are shown with a certificate that is kept.
        var keptCount: Int { leaves.withLock { $0.count } }

        /// Puts the placeholders back in the place of the values, also of earlier ones.
        func mask(_ shelf: SecretShelf, clock: any Clock) -> SecretMask {
            let version = shelf.version
            if let known = mask.withLock({ $0 }), known.version == version { return known.mask }
            let made = SecretMask(
                shelf.values(of: Set(placeholders.keys)).compactMap { name, value in
                    KnownSecret(name: name, value: value)
                        .map { ($0, placeholders[name]?.bytes ?? []) }
                },
                clock: clock
            )
            mask.withLock { $0 = (version, made) }
            return made
        }
    }

    /// Far beyond what a process lives; its authority ends with it.
    static let life: Duration = .seconds(365 * 86_400)

    let uses: [Use]
    /// Names whose TLS is ended for the requests inside.
    private let inspected: [String]
    let shelf: SecretShelf
    private let server: String
    private let variables: [String: String]
    private let clock: any Clock
    private let random: any RandomSource
    private let current = Lock<Start?>(nil)

    /// - Parameter variables: the names of the environment and the secrets they stand for.
    init(
        _ server: String,
        _ uses: [Use],
        inspected: [String],
        variables: [String: String],
        shelf: SecretShelf,
        clock: any Clock,
        random: any RandomSource
    ) {
        self.server = server
        self.uses = uses
        self.inspected = inspected
        self.variables = variables
        self.shelf = shelf
        self.clock = clock
        self.random = random
    }

    var start: Start? { current.withLock { $0 } }

    /// The uses for one place.
    func uses(at target: EgressTarget) -> [Use] {
        uses.filter { $0.binding.rule == (try? EgressRule(target.description)) }
    }

    /// Makes what a new process is given, and puts it into its profile; blocks for a moment.
    func begin(_ profile: inout CageProfile) throws {
        var placeholders: [String: SecretPlaceholder] = [:]
        for name in Set(uses.map(\.binding.secret)) {
            guard let value = shelf[name] else {
                throw CageError.textNotUsable(
                    what: "secret `\(printable(name))`",
                    reason: "has no value yet; store one with `gatehouse secrets set`"
                )
            }
            guard KnownSecret(name: name, value: value) != nil else {
                throw CageError.textNotUsable(
                    what: "secret `\(printable(name))`",
                    reason: "is too short to be taken out of answers; "
                        + "use one of at least \(KnownSecret.leastByteCount) bytes"
                )
            }
            placeholders[name] = SecretPlaceholder(like: value, random: random)
        }
        let now = clock.timestamp
        let authority = try CertificateAuthority(
            "gatehouse \(server)",
            for: Set(
                inspected
                    + uses.compactMap { use in
                        if case .name(let name) = use.binding.rule.subject { name } else { nil }
                    }
            ).sorted(),
            from: now.advanced(by: .seconds(-3600)),
            to: now.advanced(by: Self.life)
        )
        for (variable, secret) in variables {
            profile.environment[variable] =
                placeholders[secret].map { String(decoding: $0.bytes, as: UTF8.self) } ?? ""
        }
        profile.environment.merge(CageProfile.authorityVariables) { $1 }
        profile.authorities = authority.certificate + Self.machineAuthorities()
        let start = Start(placeholders: placeholders, authority: authority, clock: clock)
        current.withLock { $0 = start }
    }

    /// What the machine trusts, for hosts that are not looked into.
    private static func machineAuthorities() -> [UInt8] {
        (try? Files.read("/etc/ssl/certs/ca-certificates.crt", limit: 4 << 20)) ?? []
    }
}
