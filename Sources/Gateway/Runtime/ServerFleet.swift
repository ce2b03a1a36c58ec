package import Base
import Crypto
package import HTTP
package import MCP
import Sandbox
import Screening
package import System

/// Makes the clients of the configured servers, and keeps them while their settings stay the same.
package actor ServerFleet {
    private let loop: EventLoop
    private let pool: BlockingPool
    private let random: any RandomSource
    private let identity: Implementation
    private let protectedPaths: [String]
    private let isRoot: Bool
    private let log: @Sendable (String) -> Void
    private let changed: @Sendable (ServerName, TenantID) -> Void
    private let budget: BufferBudget
    private let tally: GateTally
    private var members: [Key: Member] = [:]
    private let probe = ProbeOnce()
    private var contexts: [TLSTrust: TLSContext] = [:]
    /// The uids given to servers when the gateway is root.
    private let users: ServerUserFile

    private struct Key: Hashable {
        let tenant: TenantID
        let server: ServerName
    }

    private struct Member {
        let settings: Configuration.Server
        let client: MCPClient
        let process: ServerProcess?
    }

    package nonisolated var unownedExecutor: UnownedSerialExecutor {
        unsafe loop.asUnownedSerialExecutor()
    }

    package init(
        loop: EventLoop,
        pool: BlockingPool,
        random: any RandomSource,
        identity: Implementation,
        protectedPaths: [String],
        isRoot: Bool,
        users: ServerUserFile,
        budget: BufferBudget,
        tally: GateTally,
        log: @escaping @Sendable (String) -> Void,
        changed: @escaping @Sendable (ServerName, TenantID) -> Void
    ) {
        self.loop = loop
        self.pool = pool
        self.random = random
        self.identity = identity
        self.protectedPaths = protectedPaths
        self.isRoot = isRoot
        self.users = users
        self.budget = budget
        self.tally = tally
        self.log = log
        self.changed = changed
    }

    /// The clients of these servers; what is not among them any more is stopped.
    func adopt(
        _ servers: [Configuration.Server],
        secrets: SecretValues,
        folder: String,
        screener: Screener
    ) async throws(ConfigurationError) -> [(Configuration.Server, MCPClient)] {
        var kept: [Key: Member] = [:]
        var result: [(Configuration.Server, MCPClient)] = []
        for server in servers {
            let key = Key(tenant: server.tenant, server: server.name)
            let member: Member
            if let known = members[key], known.settings == server {
                member = known
            } else {
                member = try await make(server, key, secrets, folder, screener)
            }
            kept[key] = member
            result.append((server, member.client))
        }
        let gone = members.filter { kept[$0.key]?.client !== $0.value.client }
        members = kept
        for member in gone.values { await member.client.close() }
        return result
    }

    /// How each server is doing, for `status`.
    func states() async -> [ServerStatus] {
        var result: [ServerStatus] = []
        for (key, member) in members {
            result.append(
                ServerStatus(
                    server: key.server,
                    tenant: key.tenant,
                    state: await member.process?.state,
                    processID: await member.process?.processID
                )
            )
        }
        return result.sorted { ($0.tenant, $0.server) < ($1.tenant, $1.server) }
    }

    package func restart(_ server: ServerName, _ tenant: TenantID) async -> Bool {
        guard let process = members[Key(tenant: tenant, server: server)]?.process else {
            return false
        }
        await process.restart()
        return true
    }

    package func stopAll() async {
        let all = Array(members.values)
        members = [:]
        await withDiscardingTaskGroup { group in
            for member in all { group.addTask { await member.client.close() } }
        }
    }

    // MARK: Making

    private func make(
        _ server: Configuration.Server,
        _ key: Key,
        _ secrets: SecretValues,
        _ folder: String,
        _ screener: Screener
    ) async throws(ConfigurationError) -> Member {
        switch server.kind {
        case .http(let http):
            return try await remote(server, http, secrets, folder)
        case .stdio(let stdio):
            return await hosted(server, stdio, key, secrets, folder, screener)
        }
    }

    private func remote(
        _ server: Configuration.Server,
        _ http: Configuration.Server.HTTP,
        _ secrets: SecretValues,
        _ folder: String
    ) async throws(ConfigurationError) -> Member {
        let url: HTTPURL
        do throws(HTTPURLError) {
            url = try HTTPURL(parsing: http.url)
        } catch {
            throw ConfigurationError(file: server.name.rawValue, position: nil, problem: "\(error)")
        }
        let tls = try url.origin.isSecure ? context(http, folder) : nil
        let client = HTTPClient(
            to: url.origin,
            on: loop,
            resolver: SystemResolver(pool: pool),
            tls: tls,
            budget: budget,
            // The operator wrote this address: private networks are theirs to name.
            admits: { _, _ in true }
        )
        if let name = http.credential, let value = secrets[name] {
            guard let header = FieldValue(bytes: Array("Bearer ".utf8) + value) else {
                throw ConfigurationError(
                    file: server.name.rawValue,
                    position: nil,
                    problem: "secret `\(name)` holds bytes that no header may hold"
                )
            }
            await client.setAuthorization(header)
        }
        let transport = HTTPTransport(loop: loop, client: client, target: url.target)
        let changed = changed
        let (name, tenant) = (server.name, server.tenant)
        await transport.onListChanged { changed(name, tenant) }
        let member = MCPClient(
            server: server.name,
            transport: transport,
            loop: loop,
            identity: identity,
            pinned: server.revision.flatMap { Revision(rawValue: $0) },
            startTimeout: server.startTimeout
        )
        return Member(settings: server, client: member, process: nil)
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

    private func hosted(
        _ server: Configuration.Server,
        _ stdio: Configuration.Server.Stdio,
        _ key: Key,
        _ secrets: SecretValues,
        _ folder: String,
        _ screener: Screener
    ) async -> Member {
        let transport = StdioTransport(loop: loop, startTimeout: server.startTimeout)
        let client = MCPClient(
            server: server.name,
            transport: transport,
            loop: loop,
            identity: identity,
            pinned: server.revision.flatMap { Revision(rawValue: $0) },
            startTimeout: server.startTimeout
        )
        var settings = Supervision.Settings()
        settings.startLimit = server.startTimeout
        if let idle = server.idleTimeout { settings.idleAfter = idle }
        let settled = self.profile(server, stdio, secrets, folder)
        let (users, user) = (users, "\(key.tenant)/\(key.server)")
        let (log, name, isRoot, loop) = (log, server.name, isRoot, loop)
        let probe = probe
        let counts = tally.server(key.tenant, key.server)
        let process = ServerProcess(
            server.name,
            on: loop,
            pool: pool,
            random: random,
            settings: settings,
            handlers: ServerHandlers(
                started: { await transport.started() },
                line: { line in await transport.take(line) },
                errorItem: { item in
                    if case .line(let bytes, _) = item {
                        let line = screener.screen(
                            utf8: bytes,
                            limitInBytes: Limits.stderrLineByteCount
                        )
                        log("server \(name): \(printable(line.text, limit: 512))")
                    }
                },
                ended: { reason in
                    log("server \(name): ended: \(printable(reason, limit: 256))")
                    loop.spawn { await transport.ended(reason) }  // Fails what waits, and ends.
                },
                report: { report in
                    counts.note(report)
                    log("server \(name): \(report)")
                }
            )
        ) {
            var profile = settled
            if isRoot {
                let number = try users.number(for: user)
                profile.identity = .own(uid: number, gid: number)
            }
            if stdio.cage.isNone { return .bare(try profile.uncagedRequest(isRoot: isRoot)) }
            let tools = try probe.value.require(profile.minimum)
            let cage = try PreparedCage(profile, tools: tools, isRoot: isRoot)
            for note in cage.plan.command.notes { log("server \(name): \(note)") }
            return .caged(cage)
        }
        let changed = changed
        let tenant = server.tenant
        await transport.attach(
            process,
            listChanged: { changed(name, tenant) },
            report: { text in log("server \(name): \(text)") }
        )
        await client.attach()
        return Member(settings: server, client: client, process: process)
    }

    /// What a server's cage is to be, from its settings.
    private func profile(
        _ server: Configuration.Server,
        _ stdio: Configuration.Server.Stdio,
        _ secrets: SecretValues,
        _ folder: String
    ) -> CageProfile {
        var profile = CageProfile(command: stdio.command, baseFolder: folder)
        for entry in stdio.cage.read {
            profile.read[entry.inside] = Paths.join(folder, entry.outside)
        }
        for entry in stdio.cage.write {
            profile.write[entry.inside] = Paths.join(folder, entry.outside)
        }
        profile.workingFolder = stdio.workingFolder
        profile.network = stdio.cage.hasHostNetwork ? .host : .none
        for (name, value) in stdio.environment {
            switch value {
            case .plain(let text): profile.environment[name] = text
            case .secret(let secret):
                profile.environment[name] = String(decoding: secrets[secret] ?? [], as: UTF8.self)
            }
        }
        profile.limits.temporaryByteCount = UInt64(stdio.cage.temporaryByteCount)
        if let minimum = stdio.cage.minimum {
            profile.minimum = Set(minimum.compactMap { CageLayer(rawValue: $0) })
        }
        profile.protectedPaths = protectedPaths
        return profile
    }
}

/// What this host can do for cages, found out once by trying, when the first server starts.
///
/// It blocks, so that only the pool's threads ask.
final class ProbeOnce: Sendable {
    private let found = Lock<CageProbe?>(nil)

    var value: CageProbe {
        found.withLock { found in
            if let found { return found }
            let probe = CageProbe()
            found = probe
            return probe
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
