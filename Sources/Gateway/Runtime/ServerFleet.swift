package import Base
import Crypto
import HTTP
import MCP
import Sandbox
import Screening
import System

/// Makes the clients of the configured servers, and keeps them while their settings stay the same.
package actor ServerFleet {
    private let loop: EventLoop
    private let pool: BlockingPool
    private let random: any RandomSource
    private let identity: Implementation
    private let lines: StderrScreening
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

    fileprivate struct Key: Hashable {
        let tenant: TenantID
        let server: ServerName
    }

    fileprivate struct Member {
        let settings: Configuration.Server
        /// The values of the secrets it was made with.
        let secrets: [String: [UInt8]]
        let client: MCPClient
        let process: ServerProcess?
    }

    /// The clients of a configuration that is not taken over yet; nothing is started.
    struct Prepared: Sendable {
        fileprivate let members: [(Key, Member)]
        fileprivate let made: [MCPClient]

        var clients: [(Configuration.Server, MCPClient)] {
            members.map { ($0.1.settings, $0.1.client) }
        }
    }

    package nonisolated var unownedExecutor: UnownedSerialExecutor {
        unsafe loop.asUnownedSerialExecutor()
    }

    init(
        loop: EventLoop,
        pool: BlockingPool,
        random: any RandomSource,
        identity: Implementation,
        screener: Screener,
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
        lines = StderrScreening(screener)
        self.isRoot = isRoot
        self.users = users
        self.budget = budget
        self.tally = tally
        self.log = log
        self.changed = changed
    }

    /// Makes the clients of these servers, and keeps those whose settings and secrets are the same;
    /// or throws and changes nothing.
    func prepare(
        _ servers: [Configuration.Server],
        secrets: SecretValues,
        folder: String,
        protectedPaths: [String]
    ) async throws(ConfigurationError) -> Prepared {
        var result: [(Key, Member)] = []
        var made: [MCPClient] = []
        for server in servers {
            let key = Key(tenant: server.tenant, server: server.name)
            let values = server.secretNames.reduce(into: [:]) { $0[$1] = secrets[$1] }
            if let known = members[key], known.settings == server, known.secrets == values {
                result.append((key, known))
                continue
            }
            let surroundings = Surroundings(
                secrets: values,
                folder: folder,
                protectedPaths: protectedPaths
            )
            let member = try await make(server, key, surroundings)
            made.append(member.client)
            result.append((key, member))
        }
        return Prepared(members: result, made: made)
    }

    /// Takes over what was prepared; what is not among it any more is stopped.
    func adopt(_ prepared: Prepared, screener: Screener) async {
        lines.replace(screener)
        let kept = Dictionary(prepared.members) { first, _ in first }
        let gone = members.filter { kept[$0.key]?.client !== $0.value.client }
        members = kept
        for member in gone.values { await member.client.close() }
    }

    /// What was prepared is not taken over after all.
    func discard(_ prepared: Prepared) async {
        for client in prepared.made { await client.close() }
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

    /// What a server is made of beside its settings.
    private struct Surroundings {
        let secrets: [String: [UInt8]]
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
        let tls = try url.origin.isSecure ? context(http, surroundings.folder) : nil
        let client = HTTPClient(
            to: url.origin,
            on: loop,
            resolver: SystemResolver(pool: pool),
            tls: tls,
            budget: budget,
            // The operator wrote this address: private networks are theirs to name.
            admits: { _, _ in true }
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
        await member.onDrift { changed(name, tenant) }
        return Member(
            settings: server,
            secrets: surroundings.secrets,
            client: member,
            process: nil
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

    private func hosted(
        _ server: Configuration.Server,
        _ stdio: Configuration.Server.Stdio,
        _ key: Key,
        _ surroundings: Surroundings
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
        let settled = self.profile(stdio, surroundings)
        let (users, user) = (users, "\(key.tenant)/\(key.server)")
        let (log, name, isRoot, loop) = (log, server.name, isRoot, loop)
        let probe = probe
        let counts = tally.server(key.tenant, key.server)
        let errors = lines.line(limitInBytes: Limits.stderrLineByteCount)
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
                        log("server \(name): \(printable(errors(bytes), limit: 512))")
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
        await client.onDrift { changed(name, tenant) }
        return Member(
            settings: server,
            secrets: surroundings.secrets,
            client: client,
            process: process
        )
    }

    /// What a server's cage is to be, from its settings.
    private func profile(
        _ stdio: Configuration.Server.Stdio,
        _ surroundings: Surroundings
    ) -> CageProfile {
        let folder = surroundings.folder
        var profile = CageProfile(command: stdio.command, baseFolder: folder)
        for entry in stdio.cage.read {
            profile.read[entry.inside] = Paths.join(folder, entry.outside)
        }
        for entry in stdio.cage.write {
            profile.write[entry.inside] = Paths.join(folder, entry.outside)
        }
        profile.workingFolder = stdio.workingFolder
        if stdio.cage.isNone, let wanted = stdio.workingFolder {
            profile.workingFolder = Paths.join(folder, wanted)
        }
        profile.network = stdio.cage.hasHostNetwork ? .host : .none
        for (name, value) in stdio.environment {
            switch value {
            case .plain(let text): profile.environment[name] = text
            case .secret(let secret):
                profile.environment[name] = String(
                    decoding: surroundings.secrets[secret] ?? [],
                    as: UTF8.self
                )
            }
        }
        profile.limits.temporaryByteCount = UInt64(stdio.cage.temporaryByteCount)
        if let minimum = stdio.cage.minimum {
            profile.minimum = Set(minimum.compactMap { CageLayer(rawValue: $0) })
        }
        profile.protectedPaths = surroundings.protectedPaths
        return profile
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
