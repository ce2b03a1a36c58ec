import Base
import Crypto
import Egress
import HTTP
import MCP
import Policy
import Sandbox
import System

// How the client of one server is made, of a remote and of a hosted one.

extension ServerFleet {
    /// What a server is made of beside its settings.
    struct Surroundings {
        let secrets: [String: [UInt8]]
        let denied: [DenyPath]
        let folder: String
        let protectedPaths: [String]
    }

    func make(
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
