import Base
import Crypto
import MCP
import Sandbox
import Screening
import System

// What surrounds a hosted server: how a start is made, what its process says, what it turns out to be.

extension ServerFleet {
    /// Makes a start from the settings; what it returns runs in the pool, for each start anew.
    func preparation(
        of recipe: CageRecipe,
        _ facts: ServerFacts,
        _ broker: SecretBroker?,
        _ orders: ChangeOrders
    ) -> @Sendable () throws -> ServerStart {
        let (log, ownUser, programs) = (log, ownUser, programs)
        let notes = NotesOnce()
        return {
            if recipe.cage.isNone {
                let profile = try recipe.profile(executes: false)
                let command = try profile.uncagedCommand()
                facts.note(command)
                facts.note(Self.program(command, programs))
                return .bare(try profile.uncagedRequest(isRoot: recipe.isRoot))
            }
            // No process of the server runs now.
            if let order = orders.take() {
                order.finish(Result { try recipe.settle(order, executes: facts.current.executes) })
            }
            func prepare() throws -> ServerStart {
                let (plan, tools, machine) = try recipe.plan(
                    executes: facts.current.executes,
                    adding: { profile in try broker?.begin(&profile) }
                )
                let prepared = try PreparedCage(plan, tools: tools)
                let uid: UInt32 = if case .own(let uid, _) = plan.identity { uid } else { ownUser }
                facts.note(
                    ServerFacts.Cage(user: uid, layers: machine.findings, minimum: plan.minimum)
                )
                facts.note(plan.command)
                facts.note(
                    ProgramFinding {
                        try prepared.identity(hashing: OpenSSLHashing(), cache: programs)
                    }
                )
                for note in notes.new(plan.command.notes + recipe.notes(of: plan)) {
                    log("server \(recipe.user): \(note)")
                }
                try prepared.checkHidden()
                return .caged(prepared)
            }
            // Others write below denied names as they like: looked through anew before it is a failure.
            for _ in 1..<Limits.startLooks {
                do { return try prepare() } catch CageError.changedSinceLook { continue }
            }
            return try prepare()
        }
    }

    /// Waits until it is known what this host can do; without a cage nobody asks.
    func learning(of stdio: Configuration.Server.Stdio) -> (@Sendable () async -> Void)? {
        guard !stdio.cage.isNone else { return nil }
        let (probe, pool) = (probe, pool)
        return { await probe.learn(in: pool) }
    }

    func handlers(
        of server: Configuration.Server,
        _ transport: StdioTransport,
        _ client: MCPClient,
        _ facts: ServerFacts,
        _ egress: ServerEgress?
    ) -> ServerHandlers {
        let (log, loop, notices) = (log, loop, notices)
        let counts = tally.server(server.tenant, server.name)
        let errors = lines.line(limitInBytes: Limits.stderrLineByteCount)
        let (name, tenant) = (server.name, server.tenant)
        return ServerHandlers(
            greet: { await transport.started() },
            line: { line in await transport.take(line) },
            errorItem: { item in
                switch item {
                case .line(let bytes, _):
                    let line = printable(errors(bytes), limit: 512)
                    facts.note(errorLine: line)
                    // Apart from what the gateway says of the server, which it could imitate.
                    log("server \(name) says: \(line)")
                case .dropped(let count):
                    facts.note(errorLine: "(\(count) bytes were dropped)")
                    log("server \(name): \(count) bytes of its standard error were dropped")
                }
            },
            ended: { reason in
                log("server \(name): ended: \(printable(reason, limit: 256))")
                egress?.assumeIsolated { $0.close() }
                loop.spawn { await transport.ended(reason) }  // Fails what waits, and ends.
            },
            report: { report in
                counts.note(report)
                facts.note(report, at: loop.now)
                log("server \(name): \(report)")
                notices.report(name, tenant, report, facts)
            },
            listening: { kind, socket in egress?.takeOver(socket, as: kind) },
            probe: { [weak client] timeout in
                await client?.isAnswering(within: timeout) ?? true
            },
            health: { note in
                switch note {
                case .ended: counts.noteUnresponsive()
                case .notAnswered: log("server \(name): \(note)")
                }
            }
        )
    }

    /// Has the gateway judge what is about to be started; says why it is not, or nil.
    func admission(
        of server: Configuration.Server,
        _ facts: ServerFacts
    ) -> @Sendable () async -> String? {
        { [weak self] in
            guard let program = facts.current.program else { return "nobody knows its program" }
            guard let self else { return "the gateway is stopping" }
            return await self.judge(program, of: server, facts)
        }
    }

    /// Looks at a new process's program once more, beside its start: what it read meanwhile has to be
    /// what was looked at before.
    func inspection(
        of server: Configuration.Server,
        _ facts: ServerFacts
    ) -> @Sendable () async -> String? {
        let (pool, programs) = (pool, programs)
        return { [weak self] in
            guard let command = facts.current.command else { return "nobody knows its program" }
            let found = try? await pool.run { Self.program(command, programs) }
            guard let self else { return "the gateway is stopping" }
            return await self.judge(found ?? .unreadable("nobody looked"), of: server, facts)
        }
    }

    private func judge(
        _ program: ProgramFinding,
        of server: Configuration.Server,
        _ facts: ServerFacts
    ) async -> String? {
        await notices.judge(server.name, server.tenant, program, facts.current.taker)
    }

    private static func program(_ command: ResolvedCommand, _ cache: TreeDigests) -> ProgramFinding
    {
        ProgramFinding {
            try LaunchIdentity(command, hashing: OpenSSLHashing(), cache: cache)
        }
    }
}

/// Says a note once, however often the server is started.
private final class NotesOnce: Sendable {
    private let said = Lock<Set<String>>([])

    func new(_ notes: [String]) -> [String] {
        said.withLock { said in notes.filter { said.insert($0).inserted } }
    }
}
