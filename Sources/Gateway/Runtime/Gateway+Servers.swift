import Approval
import Base
import Crypto
import MCP
import Patterns
import Policy
import Screening
import System

/// What the gateway knows of its servers: asked at a start, when they say that their list changed,
/// and again by itself where one was not reached or cannot say.
extension Gateway {
    struct NextLook {
        let timer: TimerToken
        /// How long it waits after a failure; doubles with each.
        let wait: Duration
    }

    /// Takes over a checked configuration: all of it, or nothing.
    ///
    /// What may fail comes first: secrets, clients, and, with the name of who did it, making it the
    /// accepted one. Returns the servers that are others now, of which nothing is known until they are
    /// asked. `others` are those that execute another command, which the approver accepts with it.
    @discardableResult
    func adopt(
        _ set: PolicySet,
        by name: String?,
        forgettingProgramsOf others: [Configuration.Server] = []
    ) async throws -> Set<ServerKey> {
        let secrets = try await secretValues(set.configuration)
        try secrets.checkPlain(set.configuration)
        let screener = try Self.screener(knownSecrets.take(secrets, log: parts.log), parts)
        let prepared = try await fleet.prepare(
            set.configuration.allServers,
            secrets: secrets,
            denied: { set.policy.deniedPaths(of: $0.name, tenant: $0.tenant) },
            folder: folder,
            protectedPaths: protectedPaths(set.configuration)
        )
        // No program is judged meanwhile: one that is started under the rules before would be taken for
        // what the new command turned out to be.
        let (leaving, gone) = try await programTurns.take {
            if let name {
                do {
                    try await keep(set, by: name, forgettingProgramsOf: others)
                } catch {
                    await fleet.discard(prepared)
                    throw error
                }
            }
            // First what looks for secrets, then who may say them.
            await door.replace(screener)
            shelf.replace(secrets, at: parts.clock.timestamp)
            await fleet.cap(set.configuration.hostingByTenant)
            let leaving = await fleet.adopt(prepared, screener: screener)
            let gone = replaceClients(prepared.clients)
            current = set
            return (leaving, gone)
        }
        if name != nil { isUnderNothing = false }
        await desk.change(Self.settings(set.configuration))
        // A yes was for the server that was shown, not for another of its name.
        await desk.withdraw { binding in
            gone.contains(ServerKey(tenant: binding.tenant, server: binding.tool.server))
        }
        await rebuild()
        // Last, because it takes seconds: by now the new rules hold, and calls wait for the successors.
        await fleet.end(leaving)
        return gone
    }

    /// What a server said of itself goes with its client: of its successor nothing is known yet.
    private func replaceClients(_ new: [(Configuration.Server, MCPClient)]) -> Set<ServerKey> {
        let old = clients
        clients = new
        var gone: Set<ServerKey> = []
        for (server, client) in old where !new.contains(where: { $0.1 === client }) {
            let key = ServerKey(tenant: server.tenant, server: server.name)
            descriptions[key] = nil
            absences[key] = nil
            programs[key] = nil
            latestLook[key] = nil
            nextLook.removeValue(forKey: key)?.timer.cancel()
            gone.insert(key)
        }
        return gone
    }

    /// Asks every server what it offers.
    func refreshAll() async { await refresh(clients) }

    /// Has every server asked what it offers, and waits for none of them; one that is being asked is
    /// asked once more.
    func requestRefreshes() {
        for (server, _) in clients { refresh.request(server.name, server.tenant) }
    }

    /// Asks those servers what they offer.
    func refresh(only keys: Set<ServerKey>) async {
        await refresh(
            clients.filter { keys.contains(ServerKey(tenant: $0.0.tenant, server: $0.0.name)) }
        )
    }

    private func refresh(_ clients: [(Configuration.Server, MCPClient)]) async {
        await withDiscardingTaskGroup { group in
            for (server, client) in clients {
                group.addTask { await self.refresh(server, client) }
            }
        }
    }

    /// Asks one server anew: it said that its list changed, or it was started.
    func refresh(_ name: ServerName, _ tenant: TenantID) async {
        guard
            let (server, client) = clients.first(where: {
                $0.0.name == name && $0.0.tenant == tenant
            })
        else { return }
        await refresh(server, client)
    }

    private func refresh(_ server: Configuration.Server, _ client: MCPClient) async {
        let key = ServerKey(tenant: server.tenant, server: server.name)
        lookCount += 1
        let look = lookCount
        do throws(UpstreamFailure) {
            let description = try await client.describe()
            // Before anything is noted: nothing may come between that and its turn to rebuild, or who
            // asks meanwhile is answered from the catalogue before.
            let screener = await door.screener
            guard isCurrent(client), isLatest(look, of: key) else { return await rebuilds.pass() }
            lookAgain(at: server, after: Self.isRemote(server) ? Limits.remoteListing : nil)
            let isKnown = descriptions[key] == description && absences[key] == nil
            descriptions[key] = description
            absences[key] = nil
            // A server that only repeats itself costs no new catalogue and spoils no cursor; who asks
            // is answered when what is known is what is offered.
            guard !isKnown else { return await rebuilds.pass() }
            for tool in description.unusable {
                let text = screener.screen(text: "`\(tool.name)` is not offered: \(tool.reason)")
                parts.log("server \(server.name): tool \(printable(text.text, limit: 400))")
            }
        } catch {
            // It may quote what the server said.
            let reason = await door.screener.screen(text: error.description).text
            guard isCurrent(client), isLatest(look, of: key) else { return await rebuilds.pass() }
            let wait = min(nextLook[key]?.wait ?? Limits.absenceWait, Limits.absenceWaitMaximum)
            lookAgain(at: server, after: wait, nextWait: wait * 2)
            let isKnown = absences[key] == reason
            absences[key] = reason
            guard !isKnown else { return await rebuilds.pass() }
            parts.log("server \(server.name): not reached: \(printable(reason, limit: 300))")
        }
        await rebuild(key)
    }

    /// Whether nothing newer is known of the server: answers overtake one another.
    private func isLatest(_ look: UInt64, of key: ServerKey) -> Bool {
        guard latestLook[key, default: 0] < look else { return false }
        latestLook[key] = look
        return true
    }

    private func isCurrent(_ client: MCPClient) -> Bool { clients.contains { $0.1 === client } }

    /// Sees to it that the server is asked again by then, unless it is asked before.
    private func lookAgain(
        at server: Configuration.Server,
        after delay: Duration?,
        nextWait: Duration = Limits.absenceWait
    ) {
        let key = ServerKey(tenant: server.tenant, server: server.name)
        nextLook[key]?.timer.cancel()
        nextLook[key] = delay.map { delay in
            let refresh = refresh
            let timer = loop.schedule(after: delay) { refresh.request(key.server, key.tenant) }
            return NextLook(timer: timer, wait: nextWait)
        }
    }

    private static func isRemote(_ server: Configuration.Server) -> Bool {
        if case .http = server.kind { true } else { false }
    }

    /// Makes the catalogue from what is known, and hands it to the door; of one server anew, or of
    /// all.
    ///
    /// One after another: one that began before could take back what a later one found.
    func rebuild(_ changed: ServerKey? = nil) async {
        await rebuilds.begin()
        await rebuildNow(changed)
        await rebuilds.end()
    }

    private func rebuildNow(_ changed: ServerKey?) async {
        if changed == nil { await fleet.demandMore(of: executingServers()) }
        let screener = await door.screener
        let builder = CatalogueBuilder(
            policy: current.policy,
            lock: current.lock,
            hashing: OpenSSLHashing(),
            engine: RegexEngine(),
            screener: screener,
            tally: tally
        )
        tally.keep(only: Set(clients.map { .init(tenant: $0.0.tenant, server: $0.0.name) }))
        var tenants: [TenantID: [ServerName: ServerEntry]] = [:]
        var made: [ServerKey: ServerEntry] = [:]
        for (server, client) in clients {
            let key = ServerKey(tenant: server.tenant, server: server.name)
            let entry: ServerEntry
            if let changed, key != changed, let known = entries[key] {
                entry = known
            } else if let description = descriptions[key] {
                entry = builder.entry(
                    of: server,
                    client: client,
                    description: description,
                    absence: absences[key].map { _ in "cannot be reached" },
                    program: programs[key]
                )
                await noteDrift(from: entries[key], to: entry)
            } else {
                entry = builder.absent(
                    server,
                    client: client,
                    absences[key] == nil ? .starting : .unreached
                )
            }
            made[key] = entry
            tenants[server.tenant, default: [:]][server.name] = entry
        }
        entries = made
        version &+= 1
        await door.replace(Catalogue(version: version, tenants: tenants))
        await door.rejudgeQuestions()
        await service.noteCatalogueChanged()
    }
}

/// Requests to ask a server anew: one at a time for each server and one a second, however many
/// come.
final class RefreshRequests: Sendable {
    private enum Phase { case asking, askAgain }

    private struct State {
        weak var gateway: Gateway?
        var phases: [String: Phase] = [:]
    }

    private let state = Lock(State())

    func attach(_ gateway: Gateway) async { state.withLock { $0.gateway = gateway } }

    func request(_ server: ServerName, _ tenant: TenantID) {
        let key = "\(tenant)/\(server)"
        let gateway: Gateway? = state.withLock { state in
            guard state.phases[key] == nil else {
                state.phases[key] = .askAgain
                return nil
            }
            guard let gateway = state.gateway else { return nil }
            state.phases[key] = .asking
            return gateway
        }
        guard let gateway else { return }
        // Ends with the answer or the start limit of that server, and a second of quiet.
        gateway.loop.spawn {
            repeat {
                await gateway.refresh(server, tenant)
                try? await gateway.loop.sleep(for: .seconds(1))
            } while self.isAskedAgain(key)
        }
    }

    private func isAskedAgain(_ key: String) -> Bool {
        state.withLock { state in
            guard state.phases[key] == .askAgain else {
                state.phases[key] = nil
                return false
            }
            state.phases[key] = .asking
            return true
        }
    }
}
