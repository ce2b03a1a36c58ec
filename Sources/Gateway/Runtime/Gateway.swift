import Approval
import Audit
package import Base
import Crypto
import HTTP
import JSON
import MCP
import Patterns
import Policy
import Sandbox
import Screening
import Storage
package import System

/// One running gateway: everything wired together, started and ended in order.
///
/// Nothing here decides anything about a call; that is the door's. Here parts are made, given to
/// each other, and replaced whole when the configuration changes.
package actor Gateway {
    package nonisolated let loop: EventLoop
    package nonisolated let state: StateFolder
    let folder: String
    let parts: Parts
    /// The key that signs the configuration; nil where whoever can write it decides.
    let trust: TrustAnchor?
    let store: SQLiteStore
    let door: Door
    let desk: ApprovalDesk
    let service: AgentService
    let refusedCredentials: RefusedCredentials
    let fleet: ServerFleet
    let egress: EgressBook
    let ownPorts: OwnPorts
    let waysOut: EgressParts
    let shelf: SecretShelf
    let vault: SecretVault
    let tokens: TokenBook
    /// Tokens that were revoked and still stand on the disk: a restart brings them back.
    var unwrittenEnds: [TokenRecord] = []
    let approvers: ApproverBook
    let budget: BufferBudget
    let sealing: SealingKey
    let tally: GateTally
    var current: PolicySet
    /// The last one accepted under `trust`: nothing older is taken.
    var lastSignature: ConfigurationSignature?
    var pending: PendingConfiguration?
    /// Whether it serves nobody because nothing accepted can be gone by.
    var isUnderNothing: Bool
    var server: HTTPServer?
    var sockets: SocketAgents?
    var control: ControlServer?
    /// The control listener, for probes and metrics.
    var probes: HTTPServer?
    var controlAddress: SocketAddress?
    /// What the agents' listener speaks TLS with; nil for plain HTTP.
    var tls: ListenerTLS?
    var people: ConsoleServer?
    var figures = FigureBook()
    /// What people type to reach it.
    var consoleAddress: String?
    /// Why the configuration on the disk was not taken; nil when it was, or waits.
    var reloadFailure: String?
    var reloads = OnceMore()
    var isServing = false
    var isStopping = false
    var version: UInt64 = 0
    var descriptions: [ServerKey: ServerDescription] = [:]
    var absences: [ServerKey: String] = [:]
    /// Servers whose circuit is open.
    var failing: Set<ServerKey> = []
    var programs: [ServerKey: ProgramStanding] = [:]
    var entries: [ServerKey: ServerEntry] = [:]
    var knownSecrets: KnownSecrets
    /// Changes of the configuration and the lock.
    let changes: TakingTurns
    /// Changes of who may do what: people and tokens.
    let access: TakingTurns
    let rebuilds: TakingTurns
    /// One after another: judging a program, accepting one, and having others in the place of servers.
    let programTurns: TakingTurns
    var clients: [(Configuration.Server, MCPClient)] = []
    /// When each server is asked again by itself.
    var nextLook: [ServerKey: NextLook] = [:]
    /// How often servers were asked what they offer, and of each the last time that was answered.
    var lookCount: UInt64 = 0
    var latestLook: [ServerKey: UInt64] = [:]
    package internal(set) var address: SocketAddress?
    let started: Timestamp
    /// The same on the clock that never jumps.
    let startedAt: Instant
    /// Why the oldest records stay although they may go.
    var retentionFailure: String?
    /// Whether a step of removing them is under way, and when the next one is.
    var isRemoving = false
    var retentionTimer: TimerToken?
    let starting: StartingConfiguration
    let refresh: RefreshRequests
    let notices: ServerNotices
    /// The configuration's, or what the command line says instead.
    let listenAddress: String?

    struct ServerKey: Hashable {
        let tenant: TenantID
        let server: ServerName
    }

    /// What comes from outside: the process's surroundings, named in one place.
    package struct Parts: Sendable {
        package let pool: BlockingPool
        package let clock: any Clock
        /// For names hosted servers, and the gateway itself, connect to.
        package let resolver: any Resolver
        package let random: any RandomSource
        package let user: UInt32
        package let version: String
        package let environment: @Sendable (String) -> String?
        package let log: @Sendable (String) -> Void

        package init(
            pool: BlockingPool,
            clock: any Clock,
            resolver: any Resolver,
            random: any RandomSource,
            user: UInt32,
            version: String,
            environment: @escaping @Sendable (String) -> String?,
            log: @escaping @Sendable (String) -> Void
        ) {
            self.pool = pool
            self.clock = clock
            self.resolver = resolver
            self.random = random
            self.user = user
            self.version = version
            self.environment = environment
            self.log = log
        }
    }

    package nonisolated var unownedExecutor: UnownedSerialExecutor {
        unsafe loop.asUnownedSerialExecutor()
    }

    /// Opens the state and makes the parts; nothing listens yet.
    ///
    /// Called before the loop runs; it blocks on the store's first look at the log.
    package static func open(
        _ found: PolicySet,
        folder: String,
        state: StateFolder,
        loop: EventLoop,
        parts: Parts,
        trust: TrustAnchor? = nil,
        listen: String? = nil
    ) throws -> Gateway {
        let ground = try GatewayGround(
            found,
            trust: trust,
            folder: folder,
            state: state,
            loop: loop,
            parts: parts
        )
        return Gateway(ground, try GatewayWiring(ground), listen: listen)
    }

    private init(
        _ ground: GatewayGround,
        _ wiring: GatewayWiring,
        listen: String?
    ) {
        loop = ground.loop
        state = ground.state
        folder = ground.folder
        parts = ground.parts
        store = ground.store
        sealing = ground.sealing
        starting = ground.starting
        pending = ground.starting.pending
        isUnderNothing = ground.starting.isNothing
        current = ground.starting.set
        lastSignature = ground.starting.lastSignature
        listenAddress = listen ?? ground.starting.set.configuration.listen.mcp
        trust = ground.trust
        changes = TakingTurns(on: ground.loop)
        access = TakingTurns(on: ground.loop)
        rebuilds = TakingTurns(on: ground.loop)
        programTurns = TakingTurns(on: ground.loop)
        started = ground.parts.clock.timestamp
        startedAt = ground.loop.now
        tokens = wiring.tokens
        approvers = wiring.approvers
        budget = wiring.budget
        vault = wiring.vault
        knownSecrets = wiring.knownSecrets
        tally = wiring.tally
        door = wiring.door
        refusedCredentials = wiring.refusedCredentials
        desk = wiring.desk
        service = wiring.service
        egress = wiring.egress
        shelf = wiring.shelf
        ownPorts = wiring.ownPorts
        waysOut = wiring.waysOut
        notices = wiring.notices
        refresh = wiring.refresh
        fleet = wiring.fleet
    }

    /// What no cage may show: the state, the configuration, what was accepted, files of secrets.
    func protectedPaths(_ configuration: Configuration) -> [String] {
        configuration.protectedPaths(folder: folder, state: state.path)
    }

    static func settings(_ configuration: Configuration) -> ApprovalSettings {
        ApprovalSettings(
            hold: configuration.approvals.hold,
            adapts: configuration.approvals.adapts,
            expiry: configuration.approvals.expiry,
            allowsSelfApproval: configuration.approvals.allowsSelf,
            review: configuration.approvals.review
        )
    }

    static func screener(_ secrets: [KnownSecret], _ parts: Parts) throws -> Screener {
        Screener(
            secrets: secrets,
            rules: try RuleBook(RedactionRule.builtIn, engine: RegexEngine()),
            clock: parts.clock,
            random: parts.random
        )
    }

    // MARK: Ending

    /// Ends in order: no new requests, running ones answered, servers stopped, the log signed.
    ///
    /// Nobody can decide any more, so calls that wait for a person get their tickets at once. What
    /// runs longer than `Limits.drainTimeout` is cut off as if its agent had left.
    package func shutDown() async {
        isServing = false
        isStopping = true
        let deadline = loop.now.advanced(by: Limits.drainTimeout)
        await control?.close()
        await people?.shutDown()
        await service.endFeeds()
        await sockets?.drain()
        await desk.endHolds()
        await server?.shutDown(within: Limits.drainTimeout)
        await sockets?.close(after: deadline)
        await probes?.shutDown(within: .seconds(1))
        await fleet.stopAll()
        await refusedCredentials.closeWindow()
        await door.recordRefusedLists()
        storePlots()
        await desk.keepFigures()
        try? await record(started: false)
        await store.close()
    }
}
