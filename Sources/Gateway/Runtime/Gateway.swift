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
    let store: SQLiteStore
    let door: Door
    let desk: ApprovalDesk
    let service: AgentService
    let refusedCredentials: RefusedCredentials
    let fleet: ServerFleet
    let egress: EgressBook
    let ownPorts = OwnPorts()
    let shelf: SecretShelf
    let vault: SecretVault
    let tokens: TokenBook
    let approvers: ApproverBook
    let budget: BufferBudget
    let sealing: SealingKey
    let tally = GateTally()
    var current: PolicySet
    var pending: PendingConfiguration?
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
    var isServing = false
    var isStopping = false
    var version: UInt64 = 0
    var descriptions: [ServerKey: ServerDescription] = [:]
    var absences: [ServerKey: String] = [:]
    /// Servers whose circuit is open.
    var failing: Set<ServerKey> = []
    var programs: [ServerKey: ProgramStanding] = [:]
    var entries: [ServerKey: ServerEntry] = [:]
    var knownSecrets = KnownSecrets()
    let changes: TakingTurns
    var clients: [(Configuration.Server, MCPClient)] = []
    /// When each server is asked again by itself.
    var nextLook: [ServerKey: NextLook] = [:]
    package internal(set) var address: SocketAddress?
    let started: Timestamp
    private let starting: StartingConfiguration
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
        /// For names hosted servers connect to.
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

    // MARK: Starting

    /// Opens the state and makes the parts; nothing listens yet.
    ///
    /// Called before the loop runs; it blocks on the store's first look at the log.
    package static func open(
        _ found: PolicySet,
        folder: String,
        state: StateFolder,
        loop: EventLoop,
        parts: Parts,
        listen: String? = nil
    ) throws -> Gateway {
        let hashing = OpenSSLHashing()
        let key = try LogFile.secret(state.signingKey, byteCount: 32, random: parts.random)
        let sealing = try SealingKey(
            SecretBytes(LogFile.secret(state.sealingKey, byteCount: 32, random: parts.random))
        )
        let rows = StateRows(key: sealing, random: parts.random)
        let starting = try StartingConfiguration(found, state: state, rows: rows)
        let set = starting.set
        var options = StoreOptions(
            folder: state.path,
            environment: set.configuration.environment,
            hashing: hashing,
            signer: try Ed25519.SigningKey(seed: SecretBytes(key)),
            checker: Ed25519.Checker(),
            random: parts.random,
            clock: parts.clock
        )
        options.changesOnClosing = { UnknownCalls.changes(closing: $0) }
        #if DEBUG
        // For the test of the test that looks at the order of syncs: it must fail without them. No
        // release build knows the variable.
        if parts.environment("GATEHOUSE_TEST_SYNCHRONOUS") == "off" { options.synchronous = .off }
        #endif
        options.dailyByteLimit = set.configuration.audit.dailyByteCount
        options.destinations = set.configuration.audit.checkpointFiles.map {
            Paths.join(folder, $0)
        }
        options.rows = rows
        options.arrangeWake = { loop.beforeSleeping($0) }
        return try Gateway(
            starting,
            folder: folder,
            state: state,
            loop: loop,
            parts: parts,
            store: try SQLiteStore.open(options),
            hashing: hashing,
            sealing: sealing,
            listen: listen
        )
    }

    private init(
        _ starting: StartingConfiguration,
        folder: String,
        state: StateFolder,
        loop: EventLoop,
        parts: Parts,
        store: SQLiteStore,
        hashing: any Hashing,
        sealing: SealingKey,
        listen: String?
    ) throws {
        let set = starting.set
        self.starting = starting
        pending = starting.pending
        listenAddress = listen ?? set.configuration.listen.mcp
        self.loop = loop
        changes = TakingTurns(on: loop)
        self.state = state
        self.folder = folder
        self.parts = parts
        self.store = store
        current = set
        self.sealing = sealing
        started = parts.clock.timestamp
        let configuration = set.configuration
        let identity = Implementation(name: "gatehouse", version: parts.version)
        tokens = TokenBook(hashing: hashing, clock: parts.clock)
        approvers = ApproverBook(
            loop: loop,
            store: store,
            pool: parts.pool,
            random: parts.random,
            environment: configuration.environment
        )
        budget = BufferBudget(on: loop)
        let vault = SecretVault(
            folder: state.path,
            environment: parts.environment,
            random: parts.random
        )
        self.vault = vault
        let secrets = try SecretValues(
            local: configuration,
            folder: folder,
            environment: parts.environment,
            vault: vault
        )
        let screener = try Self.screener(knownSecrets.take(secrets, log: { _ in }), parts)
        door = Door(
            Door.Parts(
                loop: loop,
                pool: parts.pool,
                store: store,
                clock: parts.clock,
                hashing: hashing,
                random: parts.random,
                screener: screener,
                tokens: tokens,
                tally: tally,
                environment: configuration.environment,
                resultByteCount: configuration.audit.resultByteCount
            )
        )
        refusedCredentials = RefusedCredentials(
            loop: loop,
            store: store,
            clock: parts.clock,
            environment: configuration.environment
        )
        desk = ApprovalDesk(
            loop: loop,
            store: store,
            clock: parts.clock,
            random: parts.random,
            sealing: sealing,
            environment: configuration.environment,
            settings: Self.settings(configuration)
        )
        service = AgentService(
            door: door,
            loop: loop,
            identity: identity,
            cursors: SealedCursors(key: sealing, random: parts.random),
            clock: parts.clock,
            random: parts.random
        )
        let book = EgressBook(
            loop: loop,
            store: store,
            clock: parts.clock,
            environment: configuration.environment
        )
        egress = book
        let shelf = SecretShelf()
        shelf.replace(secrets)
        self.shelf = shelf
        let refresh = RefreshRequests()
        let notices = ServerNotices()
        self.notices = notices
        fleet = ServerFleet(
            loop: loop,
            pool: parts.pool,
            random: parts.random,
            identity: identity,
            screener: screener,
            user: parts.user,
            users: ServerUserFile(path: state.path + "/server-users"),
            layers: state.layers,
            changes: state.changes,
            budget: budget,
            tally: tally,
            egress: EgressParts(
                book: book,
                resolver: parts.resolver,
                store: store,
                clock: parts.clock,
                environment: configuration.environment,
                ownPorts: ownPorts,
                shelf: shelf,
                pool: parts.pool,
                budget: budget,
                log: parts.log
            ),
            log: parts.log,
            notices: notices,
            changed: { server, tenant in refresh.request(server, tenant) },
            // Ends when it was put into the boxes of those who listen.
            updated: { [service, loop] key in loop.spawn { await service.noteUpdated(key) } }
        )
        self.refresh = refresh
    }

    /// What no cage may show: the state, the configuration, what was accepted, files of secrets.
    func protectedPaths(_ configuration: Configuration) -> [String] {
        configuration.protectedPaths(folder: folder, state: state.path)
    }

    let refresh: RefreshRequests
    private let notices: ServerNotices

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

    /// Reads the state back, brings the servers up, and listens.
    package func run() async throws {
        try await tokens.load(from: store)
        try await approvers.load()
        try await egress.load()
        await desk.changeApprovers(await approverList())
        await desk.restore(from: store)
        await door.usual.restore()
        var lockdowns: [Lockdown] = []
        for entry in try await store.allEntries(.lockdowns) {
            if let lockdown = Lockdown(entry) { lockdowns.append(lockdown) }
        }
        await door.load(lockdowns)
        await door.attach(desk)
        try await door.restoreUnknown(from: store, store.recoveredIntents)
        await refresh.attach(self)
        notices.attach(self)
        try await parts.pool.run { [state] in
            try Files.makeFolder(state.layers)
            HiddenFolders.clear(state.layers)
        }
        try await begin()
        // Probes first: whoever reaches the gateway can ask how it is.
        try await listenForControl()
        try await listen()
        try await listenForPeople()
        try await record(started: true)
        isServing = true
        sweep()
        // Servers are asked beside one another; each shows up in the lists when it answered.
        await refreshAll()
    }

    /// Takes over what was decided before anything was opened, and says so.
    private func begin() async throws {
        if let reason = starting.keptBecause { try await keep(starting.set, by: reason) }
        if let pending {
            parts.log(
                "running under the last accepted configuration; the one found loosens: "
                    + pending.loosens.joined(separator: "; ")
                    + " (an approver accepts it with `gatehouse check --accept`)"
            )
        }
        if await approvers.isEmpty {
            parts.log(
                "nobody may decide yet: calls that would ask a person are refused; stop the gateway "
                    + "and name the first approver with `gatehouse init NAME`"
            )
        }
        for name in await approvers.elsewhere {
            parts.log("`\(name)` has roles in another environment; they do not count here")
        }
        for key in store.foreignRows {
            parts.log("\(key) was not written by this gateway; it does not count")
        }
        try await adopt(starting.set, by: nil)
    }

    /// Reads back what `init` adds to; only a state nobody decides in yet can be begun.
    package func loadForInit() async throws {
        try await approvers.load()
        try await tokens.load(from: store)
        guard await approvers.isEmpty else {
            throw ControlError(
                .refused,
                "there is an approver already",
                hint: "an approver adds others with `gatehouse approvers add`, "
                    + "and tokens with `gatehouse tokens issue`"
            )
        }
        // A state that lost its approvers is none that nobody began.
        guard try await !hasHadApprover() else {
            throw ControlError(
                .refused,
                "the log names an approver, and the state has none that this gateway made",
                hint: "start the gateway; root makes one with `gatehouse approvers reset NAME`"
            )
        }
    }

    /// Whether the log says that somebody could decide once; looks from the beginning.
    private func hasHadApprover() async throws -> Bool {
        var index: UInt64 = 0
        while true {
            let leaves = try await store.leaves(from: index, limit: 1000)
            guard let last = leaves.last else { return false }
            if leaves.contains(where: { RecordHead(leaf: $0.bytes)?.kind == "approver" }) {
                return true
            }
            index = last.index + 1
        }
    }

    /// Whether a first token may be made without an approver: once, before any other.
    package func requireNoToken() throws {
        guard tokens.all.isEmpty else {
            throw ControlError(
                .refused,
                "there are tokens already",
                hint: "an approver makes more with `gatehouse tokens issue`"
            )
        }
    }

    /// Ends idle sessions and keeps long calls' connections awake, for as long as the loop runs.
    private func sweep() {
        loop.schedule(after: Limits.sweepInterval) { [weak self] in
            guard let self else { return }
            // One look at sessions and calls; the next is scheduled when it is done.
            self.loop.spawn {
                await self.service.closeIdleSessions()
                await self.service.keepQuietCallsAlive()
                await self.sweep()
            }
        }
    }

    func approverList() async -> [Approver] {
        await approvers.people.filter { $0.roles.contains(.approver) }.map { person in
            Approver(person: PersonName(unchecked: person.name.rawValue), tenants: person.tenants)
        }
    }

    private func record(started: Bool) async throws {
        _ = try await store.commit(
            AuditRecord(
                .log,
                at: parts.clock.timestamp,
                tenant: .main,
                environment: current.configuration.environment,
                detail: .fields(started ? await startFields() : stopFields)
            )
        )
    }

    private var stopFields: [RecordField] {
        [RecordField("change", "stopped"), RecordField("version", parts.version)]
    }

    /// Who may decide and how much may call as this start found it: whoever appears here without a
    /// record that made them came past the gateway.
    private func startFields() async -> [RecordField] {
        let foreign = store.foreignRows.map(\.description)
        return [
            RecordField(
                "approvers",
                .texts(await approvers.names.map(\.rawValue))
            ),
            RecordField("change", "started"),
            RecordField(
                "lockdowns",
                .texts((await door.activeLockdowns).prefix(16).map(\.target.text))
            ),
            RecordField("foreignRows", .texts(Array(foreign.prefix(16)))),
            RecordField("tokens", .integer(Int64(tokens.all.count))),
            RecordField("version", parts.version),
        ]
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
        try? await record(started: false)
        await store.close()
    }
}
