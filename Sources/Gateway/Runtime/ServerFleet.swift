import Base
import Crypto
import Egress
import HTTP
import MCP
import Policy
import Sandbox
import Screening
import System

/// Makes the clients of the configured servers, and keeps them while their settings stay the same.
actor ServerFleet {
    let loop: EventLoop
    let pool: BlockingPool
    private let random: any RandomSource
    private let identity: Implementation
    let lines: StderrScreening
    /// The gateway's own.
    let ownUser: UInt32
    var isRoot: Bool { ownUser == 0 }
    let log: @Sendable (String) -> Void
    let notices: ServerNotices
    let changed: @Sendable (ServerName, TenantID) -> Void
    private let updated: @Sendable (ResourceKey) -> Void
    private let budget: BufferBudget
    let tally: GateTally
    private let egress: EgressParts
    private(set) var members: [Key: Member] = [:]
    /// Those that were replaced, until the last of them is gone with its whole tree.
    var leaving = LeavingServers()
    private var isStopped = false
    /// What the hosted servers of each tenant share.
    private(set) var rooms: [TenantID: TenantRoom] = [:]
    let probe = ProbeOnce()
    let programs = TreeDigests()
    private var contexts: [TLSTrust: TLSContext] = [:]
    /// The uids given to servers when the gateway is root.
    let users: ServerUserFile
    /// Where layers are made that hide denied paths.
    private let layers: String
    /// Where changes are kept that servers make to copies of their folders.
    private let changesPlace: String

    struct Key: Hashable {
        let tenant: TenantID
        let server: ServerName
    }

    /// A server of ours: its process and what is known of it.
    struct Hosted {
        let process: ServerProcess
        let facts: ServerFacts
        /// Where its cage has a way out.
        let egress: ServerEgress?
        let recipe: CageRecipe
        /// What is to be done with its changes before its next start.
        let orders: ChangeOrders
    }

    struct Member {
        let settings: Configuration.Server
        /// The values of the secrets it was made with.
        let secrets: [String: [UInt8]]
        /// What was not to be there for it when it was made.
        let denied: [DenyPath]
        let client: MCPClient
        let hosted: Hosted?
    }

    /// The clients of a configuration that is not taken over yet; nothing is started.
    struct Prepared: Sendable {
        fileprivate let members: [(Key, Member)]
        fileprivate let made: [MCPClient]

        var clients: [(Configuration.Server, MCPClient)] {
            members.map { ($0.1.settings, $0.1.client) }
        }
    }

    nonisolated var unownedExecutor: UnownedSerialExecutor {
        unsafe loop.asUnownedSerialExecutor()
    }

    init(
        loop: EventLoop,
        pool: BlockingPool,
        random: any RandomSource,
        identity: Implementation,
        screener: Screener,
        user: UInt32,
        users: ServerUserFile,
        layers: String,
        changes changesPlace: String,
        budget: BufferBudget,
        tally: GateTally,
        egress: EgressParts,
        log: @escaping @Sendable (String) -> Void,
        notices: ServerNotices,
        changed: @escaping @Sendable (ServerName, TenantID) -> Void,
        updated: @escaping @Sendable (ResourceKey) -> Void
    ) {
        self.loop = loop
        self.pool = pool
        self.random = random
        self.identity = identity
        lines = StderrScreening(screener)
        ownUser = user
        self.users = users
        self.layers = layers
        self.changesPlace = changesPlace
        self.budget = budget
        self.tally = tally
        self.egress = egress
        self.log = log
        self.changed = changed
        self.updated = updated
        self.notices = notices
    }

    /// Makes the clients of these servers, and keeps those whose settings and secrets are the same;
    /// or throws and changes nothing.
    func prepare(
        _ servers: [Configuration.Server],
        secrets: SecretValues,
        denied: (Configuration.Server) -> [DenyPath],
        folder: String,
        protectedPaths: [String]
    ) async throws(ConfigurationError) -> Prepared {
        var result: [(Key, Member)] = []
        var made: [MCPClient] = []
        for server in servers {
            let key = Key(tenant: server.tenant, server: server.name)
            let values = server.heldSecretNames.reduce(into: [:]) { $0[$1] = secrets[$1] }
            let denied = denied(server)
            if let known = members[key], known.settings == server, known.secrets == values,
                known.denied == denied
            {
                result.append((key, known))
                continue
            }
            let surroundings = Surroundings(
                secrets: values,
                denied: denied,
                folder: folder,
                protectedPaths: protectedPaths
            )
            let member = try await make(server, key, surroundings)
            made.append(member.client)
            result.append((key, member))
        }
        return Prepared(members: result, made: made)
    }

    /// Takes over what was prepared; what is not among it any more is given back, to be ended with
    /// `end` when nobody is sent there any more.
    func adopt(_ prepared: Prepared, screener: Screener) -> [Leaver] {
        lines.replace(screener)
        let kept = Dictionary(prepared.members) { first, _ in first }
        var gone = members.filter { kept[$0.key]?.client !== $0.value.client }
        // The gateway stopped meanwhile: nothing is begun any more.
        if isStopped { gone.merge(kept) { old, _ in old } }
        members = isStopped ? [:] : kept
        let leavers = gone.map { Leaver($0.key, $0.value) }
        for leaver in leavers { leaving.add(leaver.key, leaver.taker) }
        return leavers
    }

    /// What was prepared is not taken over after all.
    func discard(_ prepared: Prepared) async {
        for client in prepared.made { await client.close() }
    }

    func room(of tenant: TenantID) -> TenantRoom {
        if let known = rooms[tenant] { return known }
        let made = TenantRoom()
        rooms[tenant] = made
        return made
    }

    /// How each server is doing, for `status`.
    func states() async -> [ServerStatus] {
        var result: [ServerStatus] = []
        for (key, member) in members {
            result.append(
                ServerStatus(
                    server: key.server,
                    tenant: key.tenant,
                    state: await member.hosted?.process.state,
                    processID: await member.hosted?.process.processID
                )
            )
        }
        return result.sorted { ($0.tenant, $0.server) < ($1.tenant, $1.server) }
    }

    /// Every server, for listings, by tenant and name.
    var all: [Member] {
        members.sorted { ($0.key.tenant, $0.key.server) < ($1.key.tenant, $1.key.server) }
            .map(\.value)
    }

    /// What this machine gives to cages.
    var machine: CageProbe {
        get async throws { try await planning { [probe] in probe.value } }
    }

    /// Makes something of a cage's plan beside the loop, once it is known what this host can do.
    func planning<Success: Sendable>(
        _ body: @escaping @Sendable () throws -> Success
    ) async throws -> Success {
        await probe.learn(in: pool)
        return try await pool.run(body)
    }

    /// Says which servers have a tool at T3; one for which that is news is started anew, because its
    /// cage may have to be another.
    func demandMore(of executing: Set<Key>) async {
        for (key, member) in members {
            guard let hosted = member.hosted,
                hosted.facts.note(executes: executing.contains(key))
            else { continue }
            switch await hosted.process.state {
            case .asleep, .ended: break
            default: await hosted.process.restart()
            }
        }
    }

    /// Tries a server again that was refused a start; one in any other state goes on.
    func startRefused(_ key: Key) async {
        guard let process = members[key]?.hosted?.process, case .refused = await process.state
        else { return }
        await process.restart()
    }

    /// Ends all of them, those that are leaving, too; names in the log what does not end.
    func stopAll() async {
        isStopped = true
        let (all, leavers) = (members, leaving.keys)
        members = [:]
        await withDiscardingTaskGroup { group in
            for (key, member) in all {
                group.addTask {
                    await member.client.close()
                    await self.noteLeft(key, await member.hosted?.process.left)
                }
            }
            for key in leavers {
                group.addTask {
                    await self.noteLeft(key, await self.predecessorsGone(key, of: .max))
                }
            }
        }
    }

    private func noteLeft(_ key: Key, _ left: String?) {
        guard let left else { return }
        log("server \(key.tenant)/\(key.server): \(left); the gateway stops without its end")
    }

    // MARK: Making

    /// What a server is made of beside its settings.
    private struct Surroundings {
        let secrets: [String: [UInt8]]
        let denied: [DenyPath]
        let folder: String
        let protectedPaths: [String]
    }

    private func make(
        _ server: Configuration.Server,
        _ key: Key,
        _ surroundings: Surroundings
    ) async throws(ConfigurationError) -> Member {
        switch server.kind {
        case .http(let http):
            return try await remote(server, http, surroundings)
        case .stdio(let stdio):
            return await hosted(server, stdio, key, surroundings)
        }
    }

    private func remote(
        _ server: Configuration.Server,
        _ http: Configuration.Server.HTTP,
        _ surroundings: Surroundings
    ) async throws(ConfigurationError) -> Member {
        let url: HTTPURL
        do throws(HTTPURLError) {
            url = try HTTPURL(parsing: http.url)
        } catch {
            throw ConfigurationError(file: server.name.rawValue, position: nil, problem: "\(error)")
        }
        let route: OwnRoute
        do throws(EgressRule.Problem) {
            route = try egress.ownRoute(
                to: url.origin,
                blocks: http.addresses,
                for: server.tenant,
                server.name,
                on: loop
            )
        } catch {
            throw ConfigurationError(
                file: server.name.rawValue,
                position: nil,
                problem: error.text
            )
        }
        let tls = try url.origin.isSecure ? context(http, surroundings.folder) : nil
        var limits = HTTPClientLimits()
        limits.offersHTTP2 = http.http2
        let client = HTTPClient(
            to: url.origin,
            on: loop,
            by: route,
            tls: tls,
            budget: budget,
            limits: limits
        )
        if let name = http.credential, let value = surroundings.secrets[name] {
            guard let header = FieldValue(bytes: Array("Bearer ".utf8) + value) else {
                throw ConfigurationError(
                    file: server.name.rawValue,
                    position: nil,
                    problem: "secret `\(name)` holds bytes that no header may hold"
                )
            }
            await client.setAuthorization(header)
        }
        let transport = HTTPTransport(
            loop: loop,
            client: client,
            target: url.target,
            standing: StandingAnswers(roots: server.asks.roots)
        )
        let tenant = server.tenant
        let member = MCPClient(
            server: server.name,
            transport: transport,
            loop: loop,
            identity: identity,
            pinned: server.revision.flatMap { Revision(rawValue: $0) },
            startTimeout: server.startTimeout,
            asks: server.asks
        )
        await hear(member, tenant)
        return Member(
            settings: server,
            secrets: surroundings.secrets,
            denied: surroundings.denied,
            client: member,
            hosted: nil
        )
    }

    /// What the server says of itself goes to the gateway.
    private func hear(_ client: MCPClient, _ tenant: TenantID) async {
        let (changed, updated, name, log) = (changed, updated, client.server, log)
        await client.onNotice(
            changed: { changed(name, tenant) },
            updated: { updated(ResourceKey(tenant: tenant, server: name, uri: $0)) },
            told: { log("server \(name): \($0)") }
        )
    }

    /// Loading the machine's roots takes milliseconds: one context serves all that trust the same.
    private func context(
        _ http: Configuration.Server.HTTP,
        _ folder: String
    ) throws(ConfigurationError) -> TLSContext {
        let trust: TLSTrust =
            http.certificateAuthority.map { .authorities(file: Paths.join(folder, $0)) }
            ?? .systemRoots
        if let known = contexts[trust] { return known }
        do throws(TLSError) {
            let made = try TLSContext(client: trust)
            contexts[trust] = made
            return made
        } catch {
            throw ConfigurationError(file: http.url, position: nil, problem: "\(error)")
        }
    }

    /// What it uses without holding; nil where that is nothing.
    private func broker(
        of server: Configuration.Server,
        _ stdio: Configuration.Server.Stdio
    ) -> SecretBroker? {
        let inspected = stdio.cage.egress?.inspectedNames ?? []
        guard !stdio.uses.isEmpty || !inspected.isEmpty else { return nil }
        return SecretBroker(
            server.name.rawValue,
            stdio.uses,
            inspected: inspected,
            variables: stdio.environment.compactMapValues { value in
                if case .secret(let name) = value { name } else { nil }
            },
            shelf: egress.shelf,
            clock: egress.clock,
            random: random
        )
    }

    private func wayOut(
        of server: Configuration.Server,
        _ cage: Configuration.Cage,
        _ broker: SecretBroker?,
        _ folder: String
    ) -> ServerEgress? {
        cage.egress.map { settings in
            ServerEgress(
                EgressBook.Key(tenant: server.tenant, server: server.name),
                settings,
                broker: broker,
                folder: folder,
                on: loop,
                parts: egress,
                tally: tally.server(server.tenant, server.name).egress
            )
        }
    }

    private func hosted(
        _ server: Configuration.Server,
        _ stdio: Configuration.Server.Stdio,
        _ key: Key,
        _ surroundings: Surroundings
    ) async -> Member {
        let transport = StdioTransport(
            loop: loop,
            startTimeout: server.startTimeout,
            standing: StandingAnswers(roots: server.asks.roots)
        )
        let client = MCPClient(
            server: server.name,
            transport: transport,
            loop: loop,
            identity: identity,
            pinned: server.revision.flatMap { Revision(rawValue: $0) },
            startTimeout: server.startTimeout,
            asks: server.asks
        )
        var settings = Supervision.Settings()
        settings.startLimit = server.startTimeout
        if let idle = server.idleTimeout { settings.idleAfter = idle }
        let facts = ServerFacts()
        let broker = broker(of: server, stdio)
        let wayOut = wayOut(of: server, stdio.cage, broker, surroundings.folder)
        let recipe = CageRecipe(
            settled: CageProfile(
                stdio,
                folder: surroundings.folder,
                secrets: surroundings.secrets,
                protectedPaths: surroundings.protectedPaths
            ),
            cage: stdio.cage,
            user: "\(key.tenant)/\(key.server)",
            users: users,
            isRoot: isRoot,
            probe: probe,
            hiding: HiddenFolders(
                HidingRules(surroundings.denied),
                place: layers,
                changes: "\(changesPlace)/\(key.tenant)/\(key.server)",
                overlayTrial: probe.overlayTrial
            )
        )
        let orders = ChangeOrders()
        let process = ServerProcess(
            server.name,
            on: loop,
            pool: pool,
            random: random,
            settings: settings,
            health: stdio.health,
            handlers: handlers(of: server, transport, client, facts, wayOut),
            learn: learning(of: stdio),
            prepare: preparation(of: recipe, facts, broker, orders),
            admit: admission(of: server, facts),
            place: place(of: key, stdio, facts)
        )
        let (log, name, tenant) = (log, server.name, server.tenant)
        await transport.attach(
            process,
            report: { text in log("server \(name): \(text)") }
        )
        await client.attach(inspection(of: server, facts))
        await hear(client, tenant)
        return Member(
            settings: server,
            secrets: surroundings.secrets,
            denied: surroundings.denied,
            client: client,
            hosted: Hosted(
                process: process,
                facts: facts,
                egress: wayOut,
                recipe: recipe,
                orders: orders
            )
        )
    }
}

/// Screens what servers write to their standard error, by the secrets as they are known now.
final class StderrScreening: Sendable {
    private let screener: Lock<Screener>

    init(_ screener: Screener) { self.screener = Lock(screener) }

    func replace(_ screener: Screener) { self.screener.withLock { $0 = screener } }

    /// One server's lines: a key in armour is followed from line to line.
    func line(limitInBytes: Int) -> @Sendable ([UInt8]) -> String {
        let lines = Lock(
            LineScreener(screener: screener.withLock { $0 }, limitInBytes: limitInBytes)
        )
        return { [self] bytes in
            let current = screener.withLock { $0 }
            return lines.withLock { lines in
                lines.screener = current
                return lines.screen(line: bytes).text
            }
        }
    }
}

/// How one server is doing.
struct ServerStatus: Sendable {
    let server: ServerName
    let tenant: TenantID
    /// Nil for a remote server, which has no process here.
    let state: Supervision.State?
    let processID: Int32?
}
