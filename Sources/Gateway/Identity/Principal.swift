package import Base
package import Policy
import Synchronization

/// Who calls, from the credential alone (docs/architecture.md, rule 7).
package final class Principal: Sendable {
    /// The owner the token was issued to.
    package let owner: PrincipalName
    /// Which of the owner's tokens; public, and never the secret.
    package let token: String
    package let tenant: TenantID
    package let environment: EnvironmentName
    /// The run this credential is: minted with the token, never by what an agent sends.
    package let run: String
    /// The servers it may reach; nil for all of its tenant.
    package let servers: Set<ServerName>?
    /// Tools it may see, as `server.tool` globs; nil for all.
    package let tools: [ToolPattern]?
    /// The highest tier it may ask for.
    package let highestTier: RiskTier
    /// What limits count the calls of this principal by.
    package let subject: LimitSubject
    /// What sessions, cursors and tickets are bound to.
    package let key: PrincipalKey
    /// Of the token in the book; nil for who has none there.
    let standing: CredentialStanding?

    /// Stands for the token of whoever calls without one, where the operator opened the loopback;
    /// no issued token is spelled like this.
    package static let openToken = "open"

    package convenience init(
        owner: PrincipalName,
        token: String,
        tenant: TenantID,
        environment: EnvironmentName,
        run: String,
        servers: Set<ServerName>? = nil,
        tools: [ToolPattern]? = nil,
        highestTier: RiskTier = .execute
    ) {
        self.init(
            owner: owner,
            token: token,
            tenant: tenant,
            environment: environment,
            run: run,
            servers: servers,
            tools: tools,
            highestTier: highestTier,
            standing: nil
        )
    }

    init(
        owner: PrincipalName,
        token: String,
        tenant: TenantID,
        environment: EnvironmentName,
        run: String,
        servers: Set<ServerName>?,
        tools: [ToolPattern]?,
        highestTier: RiskTier,
        standing: CredentialStanding?
    ) {
        self.owner = owner
        self.token = token
        self.tenant = tenant
        self.environment = environment
        self.run = run
        self.servers = servers
        self.tools = tools
        self.highestTier = highestTier
        self.standing = standing
        subject = LimitSubject(tenant: tenant, principal: owner)
        key = PrincipalKey(tenant: tenant, token: token)
    }
}

/// The credential something belongs to.
package struct PrincipalKey: Sendable, Hashable {
    package let tenant: TenantID
    package let token: String

    package init(tenant: TenantID, token: String) {
        self.tenant = tenant
        self.token = token
    }

    /// Token ids are random: the tenant adds nothing but time.
    package func hash(into hasher: inout Hasher) { hasher.combine(token) }
}

/// Whether a credential counts still, told without a look into the book of tokens.
final class CredentialStanding: Sendable {
    private let isInBook = Atomic<Bool>(true)
    private let end: Deadline?

    init(until end: Deadline?) { self.end = end }

    /// It was revoked, or another took its place: only the book knows now.
    func leaveBook() { isInBook.store(false, ordering: .releasing) }

    /// False as well where the book must be asked.
    func isLive(by clock: any Clock) -> Bool {
        guard isInBook.load(ordering: .acquiring) else { return false }
        return end.map { !$0.isOver(at: Moment(clock)) } ?? true
    }
}
