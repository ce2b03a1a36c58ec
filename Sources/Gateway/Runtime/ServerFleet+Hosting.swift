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
        let (log, ownUser) = (log, ownUser)
        let notes = NotesOnce()
        return {
            if recipe.cage.isNone {
                let profile = try recipe.profile(executes: false)
                facts.note(try profile.uncagedCommand())
                return .bare(try profile.uncagedRequest(isRoot: recipe.isRoot))
            }
            // No process of the server runs now.
            if let order = orders.take() {
                order.finish(Result { try recipe.settle(order, executes: facts.current.executes) })
            }
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
            for note in notes.new(plan.command.notes + recipe.notes(of: plan)) {
                log("server \(recipe.user): \(note)")
            }
            return .caged(prepared)
        }
    }

    func handlers(
        of server: Configuration.Server,
        _ transport: StdioTransport,
        _ facts: ServerFacts,
        _ egress: ServerEgress?
    ) -> ServerHandlers {
        let (log, loop, notices) = (log, loop, notices)
        let counts = tally.server(server.tenant, server.name)
        let errors = lines.line(limitInBytes: Limits.stderrLineByteCount)
        let (name, tenant) = (server.name, server.tenant)
        return ServerHandlers(
            started: { await transport.started() },
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
            listening: { listener in egress?.takeOver(listener) }
        )
    }

    /// Finds out what a new process's program is, beside its start, and has the gateway judge it.
    func inspection(
        of server: Configuration.Server,
        _ facts: ServerFacts
    ) -> @Sendable () async -> String? {
        let (pool, programs, notices) = (pool, programs, notices)
        let (name, tenant) = (server.name, server.tenant)
        return {
            guard let command = facts.current.command else { return "nobody knows its program" }
            let found: ProgramFinding
            do {
                let digest = try await pool.run {
                    try LaunchIdentity(command, hashing: OpenSSLHashing(), cache: programs).digest
                }
                found = .found(digest)
            } catch {
                found = .unreadable("\(error)")
            }
            return await notices.judge(name, tenant, found)
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
