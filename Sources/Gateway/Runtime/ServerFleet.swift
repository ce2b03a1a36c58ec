import Base
import Crypto
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
    let random: any RandomSource
    let identity: Implementation
    let lines: StderrScreening
    /// The gateway's own.
    let ownUser: UInt32
    var isRoot: Bool { ownUser == 0 }
    let log: @Sendable (String) -> Void
    let notices: ServerNotices
    let changed: @Sendable (ServerName, TenantID) -> Void
    let updated: @Sendable (ResourceKey) -> Void
    let budget: BufferBudget
    let tally: GateTally
    let egress: EgressParts
    private(set) var members: [Key: Member] = [:]
    /// Those that were replaced, until the last of them is gone with its whole tree.
    var leaving = LeavingServers()
    private var isStopped = false
    /// What the hosted servers of each tenant share.
    private(set) var rooms: [TenantID: TenantRoom] = [:]
    let probe = ProbeOnce()
    let programs = TreeDigests()
    var contexts: [TLSTrust: TLSContext] = [:]
    /// The uids given to servers when the gateway is root.
    let users: ServerUserFile
    /// Where layers are made that hide denied paths.
    let layers: String
    /// Where changes are kept that servers make to copies of their folders.
    let changesPlace: String

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
}

/// How one server is doing.
struct ServerStatus: Sendable {
    let server: ServerName
    let tenant: TenantID
    /// Nil for a remote server, which has no process here.
    let state: Supervision.State?
    let processID: Int32?
}
