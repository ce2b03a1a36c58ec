import Base
import Crypto
import MCP
import Patterns
import Policy
import System

/// What the gateway knows of its servers: asked at a start, when they say that their list changed,
/// and again by itself where one was not reached or cannot say.
extension Gateway {
    struct NextLook {
        let timer: TimerToken
        /// How long it waits after a failure; doubles with each.
        let wait: Duration
    }

    /// Takes over a checked configuration: servers first, then what is offered.
    func adopt(_ set: PolicySet) async throws {
        let secrets = try SecretValues(
            set.configuration,
            folder: folder,
            environment: parts.environment
        )
        let screener = try Self.screener(secrets, parts)
        let clients = try await fleet.adopt(
            set.configuration.allServers,
            secrets: secrets,
            folder: folder,
            screener: screener
        )
        current = set
        await door.replace(screener)
        forgetOthers(than: clients)
        self.clients = clients
        await desk.change(Self.settings(set.configuration))
        await rebuild()
    }

    /// What is known of a server is of its client: another command or address starts afresh.
    private func forgetOthers(than clients: [(Configuration.Server, MCPClient)]) {
        for (server, client) in self.clients where !clients.contains(where: { $0.1 === client }) {
            let key = ServerKey(tenant: server.tenant, server: server.name)
            descriptions[key] = nil
            absences[key] = nil
            nextLook.removeValue(forKey: key)?.timer.cancel()
        }
    }

    /// Asks every server what it offers.
    func refreshAll() async {
        let clients = clients
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
        do throws(UpstreamFailure) {
            let description = try await client.describe()
            look(at: server, after: Self.isRemote(server) ? Limits.remoteListing : nil)
            let isKnown = descriptions[key] == description && absences[key] == nil
            descriptions[key] = description
            absences[key] = nil
            // A server that only repeats itself costs no new catalogue and spoils no cursor.
            guard !isKnown else { return }
            for tool in description.unusable {
                parts.log(
                    "server \(server.name): tool `\(tool.name)` is not offered: "
                        + printable(tool.reason, limit: 300)
                )
            }
        } catch {
            let wait = min(nextLook[key]?.wait ?? Limits.absenceWait, Limits.absenceWaitMaximum)
            look(at: server, after: wait, nextWait: wait * 2)
            let isKnown = absences[key] == error.description
            absences[key] = error.description
            guard !isKnown else { return }
            parts.log(
                "server \(server.name): not reached: \(printable(error.description, limit: 300))"
            )
        }
        await rebuild()
    }

    /// Sees to it that the server is asked again by then, unless it is asked before.
    private func look(
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

    /// Makes the catalogue from what is known, and hands it to the door.
    func rebuild() async {
        let builder = CatalogueBuilder(
            policy: current.policy,
            lock: current.lock,
            hashing: OpenSSLHashing(),
            engine: RegexEngine(),
            tally: tally
        )
        tally.keep(only: Set(clients.map { .init(tenant: $0.0.tenant, server: $0.0.name) }))
        var tenants: [TenantID: [ServerName: ServerEntry]] = [:]
        for (server, client) in clients {
            let key = ServerKey(tenant: server.tenant, server: server.name)
            let entry: ServerEntry
            if let description = descriptions[key] {
                entry = builder.entry(
                    of: server,
                    client: client,
                    description: description,
                    absence: absences[key].map { _ in "cannot be reached" }
                )
            } else {
                entry = builder.absent(
                    server,
                    client: client,
                    reason: absences[key] == nil ? "is starting" : "cannot be reached"
                )
            }
            tenants[server.tenant, default: [:]][server.name] = entry
        }
        version &+= 1
        await door.replace(Catalogue(version: version, tenants: tenants))
        await door.rejudgeQuestions()
    }
}

/// Requests to ask a server anew, one at a time for each server however many come.
final class RefreshRequests: Sendable {
    private struct State {
        weak var gateway: Gateway?
        var pending: Set<String> = []
    }

    private let state = Lock(State())

    func attach(_ gateway: Gateway) async { state.withLock { $0.gateway = gateway } }

    func request(_ server: ServerName, _ tenant: TenantID) {
        let key = "\(tenant)/\(server)"
        let gateway: Gateway? = state.withLock { state in
            guard state.pending.insert(key).inserted else { return nil }
            return state.gateway
        }
        guard let gateway else { return }
        // Ends with the answer or the start limit of that server.
        gateway.loop.spawn {
            self.finished(key)
            await gateway.refresh(server, tenant)
        }
    }

    private func finished(_ key: String) { state.withLock { _ = $0.pending.remove(key) } }
}
