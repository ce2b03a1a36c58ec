package import Base
package import Egress
import JSON
package import Policy
package import Sandbox

/// A configuration as it was checked: every name known, every value in range, no reference open.
package struct Configuration: Sendable {
    package let file: String
    package let environment: EnvironmentName
    package let listen: Listen
    /// Nil where people have no console.
    package let console: Console?
    package let servers: [ServerName: Server]
    package let secrets: [String: SecretSource]
    package let tenants: [TenantID: Tenant]
    /// Of the tenant `main`.
    package let hosting: Hosting
    package let approvals: Approvals
    package let audit: Audit
    /// The text the policy parts (`tools`, `rules`, `limits`, `deny_paths`) stand in.
    package let source: SourceText

    /// Where the gateway is reached.
    package struct Listen: Sendable, Equatable {
        /// `ADDRESS:PORT`; nil listens on nothing but the state folder's sockets.
        package let mcp: String?
        /// Loopback without credentials, as one principal; never true on another address.
        package let isOpen: Bool
        /// Addresses and ranges that may connect; nil for all.
        package let allowFrom: [String]?
        /// How many connections of agents may be open at once.
        package let connections: Int
        /// Host names besides the listener's own address that a request may carry.
        package let hosts: [String]
        /// Origins a browser may send; none by default.
        package let origins: [String]
        /// Addresses of a peer that ends TLS for us.
        package let terminatedBy: [String]
        /// What the gateway speaks TLS with itself; nil for plain HTTP.
        package let tls: TLS?
        /// Whether agents may speak HTTP/2: by agreement in the TLS handshake, and without TLS at
        /// a loopback address to clients that begin with it.
        package let http2: Bool
        /// `ADDRESS:PORT` for probes and metrics; nil for none.
        package let control: String?
        /// Who besides this machine may ask there: addresses and ranges.
        package let controlFrom: [String]
    }

    /// TLS at the agents' listener.
    package struct TLS: Sendable, Equatable {
        /// A chain of certificates and its key, both files in PEM form.
        package struct Identity: Sendable, Equatable {
            package let certificate: String
            package let key: String
        }

        /// Whose certificates clients may show.
        package struct Clients: Sendable, Equatable {
            package let authorities: String
            /// Whether a client without one is refused in the handshake.
            package let isRequired: Bool
        }

        /// The first is for clients that ask for no name, or one nobody here has.
        package let identities: [Identity]
        /// Nil where clients are not asked for certificates.
        package let clients: Clients?
    }

    package struct Server: Sendable, Equatable {
        package let name: ServerName
        package let tenant: TenantID
        package let kind: Kind
        /// Where relative path arguments start, as the server sees it.
        package let root: String?
        package let callTimeout: Duration
        package let startTimeout: Duration
        package let idleTimeout: Duration?
        /// The one revision the operator allows, where pinned.
        package let revision: String?
        /// What the server may ask of the agent behind a call; nothing where nothing is written.
        package let asks: ServerAsks

        package enum Kind: Sendable, Equatable {
            case stdio(Stdio)
            case http(HTTP)
        }

        package struct Stdio: Sendable, Equatable {
            package let command: [String]
            package let environment: [String: Value]
            package let workingFolder: String?
            package let cage: Cage
            /// Nil where it is never asked whether it still answers.
            package let health: HealthSettings?
            /// Where the secrets it does not hold may be used.
            package let uses: [SecretUse]
        }

        /// A secret's place, and whose certificates count there.
        package struct SecretUse: Sendable, Equatable {
            package let binding: SecretBinding
            package let certificateAuthority: String?
        }

        package struct HTTP: Sendable, Equatable {
            package let url: String
            /// The name of the secret that goes out as a bearer token.
            package let credential: String?
            package let certificateAuthority: String?
            /// Those the name may have; nil: any that is public.
            package let addresses: [AddressRange]?
            /// Whether HTTP/2 is offered, where TLS is spoken.
            package let http2: Bool
        }

        /// A value in a server's environment.
        package enum Value: Sendable, Equatable {
            case plain(String)
            /// A placeholder stands for it; the gateway swaps it on the way out.
            case secret(String)
            /// The value itself: written by hand, shown in every listing.
            case exposed(String)
        }
    }

    /// What a server gets inside its cage; closed where nothing is said.
    package struct Cage: Sendable, Equatable {
        package let isNone: Bool
        package let read: [Folder]
        package let write: [Folder]
        package let network: Network
        /// Files and folders shown read-only at their own path, beside what the program needs.
        package let code: [String]
        /// What of its folders is not there for it, beside its tenant's `deny_paths`.
        package let hide: [DenyPath]
        /// Nil where nothing is written.
        package let minimum: [String]?
        package var limits = CageLimits()
        package var seccomp: CageProfile.Seccomp = .standard

        package struct Folder: Sendable, Equatable {
            package let inside: String
            package let outside: String
        }

        package enum Network: Sendable, Equatable {
            case none
            case host
            /// A way out to what is named, through the gateway.
            case egress(Egress)

            /// For listings and records.
            package var word: String {
                switch self {
                case .none: "none"
                case .host: "host"
                case .egress: "allowlist"
                }
            }
        }

        package var egress: Egress? {
            if case .egress(let egress) = network { egress } else { nil }
        }

        package static let closed = Cage(
            isNone: false,
            read: [],
            write: [],
            network: .none,
            code: [],
            hide: [],
            minimum: nil
        )
    }

    /// Where a hosted server may connect to.
    package struct Egress: Sendable, Equatable {
        package let rules: [EgressRule]
        /// Whether a connection to a place no rule names waits for a person.
        package let asks: Bool
        package let budget: EgressBudget.Limits
        /// By place, the file of authorities that hosts whose TLS is ended here are held against, where
        /// it is not the machine's.
        package let authorities: [String: String]

        /// Names whose TLS is ended for the requests inside.
        var inspectedNames: [String] {
            rules.filter { $0.requests != nil }.compactMap { rule in
                switch rule.subject {
                case .name(let name), .child(of: let name): name
                case .address: nil
                }
            }
        }
    }

    package enum SecretSource: Sendable, Equatable {
        case environment(String)
        case file(String)
        /// A plain value in a `mcpServers` file, which has no other place for it.
        case literal(String)
        /// In the embedded store, by `gatehouse secrets set`.
        case stored
        /// What a program prints.
        case command([String])
        case vault(VaultSource)

        /// For listings.
        package var word: String {
            switch self {
            case .environment: "env"
            case .file: "file"
            case .literal: "client file"
            case .stored: "stored"
            case .command: "command"
            case .vault: "vault"
            }
        }
    }

    /// A place in the KV engine, version 2, of HashiCorp Vault or OpenBao.
    package struct VaultSource: Sendable, Equatable {
        package enum Token: Sendable, Equatable {
            case environment(String)
            case file(String)
        }

        package let url: String
        package let mount: String
        package let path: String
        package let key: String
        package let token: Token
        package let namespace: String?
        package let certificateAuthority: String?
        /// Those the name may have; nil: any that is public.
        package let addresses: [AddressRange]?
    }

    /// One tenant: its own servers and credentials, and rules beside the inherited ones.
    package struct Tenant: Sendable {
        package let id: TenantID
        package let servers: [ServerName: Server]
        package let hosting: Hosting
    }

    package struct Approvals: Sendable, Equatable {
        package let hold: Duration
        /// Whether a client that gave up earlier is held for less.
        package let adapts: Bool
        package let expiry: Duration
        package let allowsSelf: Bool
        /// How long a break-glass may wait for another person's review.
        package let review: Duration

        static let defaultReview = Duration.seconds(86_400)
    }

    package struct Audit: Sendable, Equatable {
        /// Every signed checkpoint is appended to each of them.
        package let checkpointFiles: [String]
        package let resultByteCount: Int
        package let dailyByteCount: Int
        /// Nil keeps every record for good.
        package let retention: Retention?
    }

    /// When the oldest records of the log go: those older than `age`, and what is over `byteCount`.
    package struct Retention: Sendable, Equatable {
        package let age: Duration?
        package let byteCount: UInt64?
        /// By size nothing goes that is younger, however much an agent lets be recorded.
        package let byteAge: Duration

        static let defaultByteAge = Duration.seconds(7 * 86_400)
    }

    init(_ parts: Parts) {
        file = parts.source.file
        environment = parts.environment
        listen = parts.listen
        console = parts.console
        servers = parts.servers
        secrets = parts.secrets
        tenants = parts.tenants
        hosting = parts.hosting
        approvals = parts.approvals
        audit = parts.audit
        source = parts.source
    }

    /// What the readers found.
    struct Parts {
        let source: SourceText
        let environment: EnvironmentName
        let listen: Listen
        let console: Console?
        let servers: [ServerName: Server]
        let secrets: [String: SecretSource]
        let tenants: [TenantID: Tenant]
        let hosting: Hosting
        let approvals: Approvals
        let audit: Audit
    }

    /// Every server of every tenant.
    package var allServers: [Server] {
        servers.values.sorted { $0.name < $1.name }
            + tenants.values.sorted { $0.id < $1.id }
            .flatMap { tenant in tenant.servers.values.sorted { $0.name < $1.name } }
    }
}
