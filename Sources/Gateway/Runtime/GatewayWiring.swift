import Base
import HTTP
import MCP
import Screening
import Storage
import System

/// The parts of a gateway, made and given to each other; nothing of it runs yet.
struct GatewayWiring {
    let tokens: TokenBook
    let approvers: ApproverBook
    let budget: BufferBudget
    let tally: GateTally
    let ownPorts = OwnPorts()
    let vault: SecretVault
    let shelf = SecretShelf()
    let knownSecrets: KnownSecrets
    let door: Door
    let refusedCredentials: RefusedCredentials
    let desk: ApprovalDesk
    let service: AgentService
    let egress: EgressBook
    let notices = ServerNotices()
    let refresh = RefreshRequests()
    let waysOut: EgressParts
    let fleet: ServerFleet

    init(_ ground: GatewayGround) throws {
        let (loop, parts) = (ground.loop, ground.parts)
        tally = ground.tally
        let identity = Implementation(name: "gatehouse", version: parts.version)
        tokens = TokenBook(hashing: ground.hashing, clock: parts.clock)
        approvers = ApproverBook(
            loop: loop,
            store: ground.store,
            pool: parts.pool,
            random: parts.random,
            environment: ground.configuration.environment
        )
        budget = BufferBudget(on: loop)
        vault = SecretVault(
            folder: ground.state.path,
            environment: parts.environment,
            random: parts.random
        )
        let secrets = try SecretValues(
            local: ground.configuration,
            folder: ground.folder,
            environment: parts.environment,
            vault: vault
        )
        shelf.replace(secrets, at: parts.clock.timestamp)
        var known = KnownSecrets()
        let screener = try Gateway.screener(known.take(secrets, log: { _ in }), parts)
        knownSecrets = known
        door = Self.door(ground, screener, tokens, tally)
        refusedCredentials = RefusedCredentials(
            loop: loop,
            store: ground.store,
            clock: parts.clock,
            environment: ground.configuration.environment
        )
        desk = Self.desk(ground)
        let service = AgentService(
            door: door,
            loop: loop,
            identity: identity,
            cursors: SealedCursors(key: ground.sealing, random: parts.random),
            clock: parts.clock,
            random: parts.random
        )
        self.service = service
        egress = EgressBook(
            loop: loop,
            store: ground.store,
            clock: parts.clock,
            environment: ground.configuration.environment
        )
        waysOut = Self.waysOut(ground, egress, shelf, ownPorts, budget)
        fleet = ServerFleet(
            loop: loop,
            pool: parts.pool,
            random: parts.random,
            identity: identity,
            screener: screener,
            user: parts.user,
            users: ServerUserFile(path: ground.state.path + "/server-users"),
            layers: ground.state.layers,
            changes: ground.state.changes,
            budget: budget,
            tally: tally,
            egress: waysOut,
            log: parts.log,
            notices: notices,
            changed: { [refresh] server, tenant in refresh.request(server, tenant) },
            // Ends when it was put into the boxes of those who listen.
            updated: { key in loop.spawn { await service.noteUpdated(key) } }
        )
    }

    private static func door(
        _ ground: GatewayGround,
        _ screener: Screener,
        _ tokens: TokenBook,
        _ tally: GateTally
    ) -> Door {
        Door(
            Door.Parts(
                loop: ground.loop,
                pool: ground.parts.pool,
                store: ground.store,
                clock: ground.parts.clock,
                hashing: ground.hashing,
                random: ground.parts.random,
                screener: screener,
                tokens: tokens,
                tally: tally,
                environment: ground.configuration.environment,
                resultByteCount: ground.configuration.audit.resultByteCount
            )
        )
    }

    private static func desk(_ ground: GatewayGround) -> ApprovalDesk {
        ApprovalDesk(
            loop: ground.loop,
            store: ground.store,
            clock: ground.parts.clock,
            random: ground.parts.random,
            sealing: ground.sealing,
            environment: ground.configuration.environment,
            settings: Gateway.settings(ground.configuration)
        )
    }

    /// What the ways out of cages share, and those of the gateway itself.
    private static func waysOut(
        _ ground: GatewayGround,
        _ book: EgressBook,
        _ shelf: SecretShelf,
        _ ownPorts: OwnPorts,
        _ budget: BufferBudget
    ) -> EgressParts {
        EgressParts(
            book: book,
            decision: EgressDecision(resolver: ground.parts.resolver, ownPorts: ownPorts),
            store: ground.store,
            clock: ground.parts.clock,
            environment: ground.configuration.environment,
            shelf: shelf,
            pool: ground.parts.pool,
            budget: budget,
            log: ground.parts.log
        )
    }
}
