import Audit
import Base
import Crypto
import HTTP
import JSON
import System

extension Gateway {
    /// Listens for people's browsers, where the configuration says so.
    func listenForPeople() async throws {
        guard let settings = current.configuration.console else { return }
        let wanted = try SocketAddress(parsing: settings.listen)
        var tls: ServerTLS?
        if let identities = settings.tls {
            tls = ServerTLS(try ListenerCertificates(identities, folder: folder).context)
        }
        let feed = ConsoleFeed(self, loop: loop)
        let console = Console(
            self,
            loop: loop,
            hashing: OpenSSLHashing(),
            random: parts.random,
            feed: feed
        )
        var limits = HTTPServerLimits()
        limits.connectionCount = Limits.consoleConnectionCount
        let server = HTTPServer(
            on: loop,
            handler: ConsoleEndpoint(
                console: console,
                pages: pages(),
                hosts: AllowedHosts(names: settings.hosts, listener: wanted, origins: []),
                isTLS: tls != nil
            ),
            budget: budget,
            clock: parts.clock,
            limits: limits
        )
        let bound = try await server.listen(on: wanted, tls: tls)
        ownPorts.add(bound)
        let name = settings.hosts.first ?? (bound.isLoopback ? "localhost" : nil)
        let place = name.map { "\($0):\(bound.port ?? 0)" } ?? "\(bound)"
        consoleAddress = (tls == nil ? "http://" : "https://") + place + "/"
        await door.show(approvalPage: consoleAddress)
        try await beginFigures()
        people = ConsoleServer(server: server, feed: feed, tls: tls, settings: settings)
    }

    /// New connections of people are shown the certificates as they are on the disk now, where
    /// they can be used.
    func reloadConsoleCertificates() {
        guard let people, let tls = people.tls, let identities = people.settings.tls else { return }
        do throws(CertificateProblem) {
            tls.replace(with: try ListenerCertificates(identities, folder: folder).context)
        } catch {
            parts.log("the console's certificates not reloaded, the old ones stay: \(error)")
        }
    }

    private func pages() -> ConsolePages {
        #if DEBUG
        // For whoever works on the pages: a look at them costs no build. No release build knows it.
        let folder = parts.environment("GATEHOUSE_CONSOLE_PAGES")
        return ConsolePages(hashing: OpenSSLHashing(), folder: folder)
        #else
        return ConsolePages(hashing: OpenSSLHashing())
        #endif
    }

    /// The approver a login proves, once that is recorded.
    func logIn(
        _ credential: ControlRequest.Credential,
        from peer: String
    ) async throws -> ApproverBook.Approver {
        let name = try await verified(credential, by: peer, for: "login")
        guard let approver = await approvers.approver(name) else { throw ApproverBook.wrong }
        _ = try await store.commit(
            AuditRecord(
                .login,
                at: parts.clock.timestamp,
                tenant: .main,
                environment: current.configuration.environment,
                detail: .fields([
                    RecordField("approver", name.rawValue),
                    RecordField("by", peer),
                    RecordField("change", "opened"),
                ])
            )
        )
        return approver
    }

    /// A search of the log as a file.
    func export(
        _ request: ControlRequest,
        asCSV isCSV: Bool,
        as approver: PrincipalName
    ) async throws -> [UInt8] {
        let reply = ControlReply { _ in false }
        var call = ControlCall(request, approver: approver, nil, reply)
        call.standing = await approvers.approver(approver)
        return try await export(call, asCSV: isCSV)
    }

    /// Carries out one command for a person whose session is proven.
    func perform(_ request: ControlRequest, as approver: PrincipalName) async throws -> [UInt8] {
        guard let command = ControlCommands.all[request.method] else {
            throw ControlError(.usage, "unknown command `\(printable(request.method))`")
        }
        // What streams to a command line has a stream of its own in the console.
        let reply = ControlReply { _ in false }
        return try await command.run(
            self,
            ControlCall(request, approver: approver, nil, reply)
        )
    }
}

/// The console while it listens.
struct ConsoleServer: Sendable {
    let server: HTTPServer
    let feed: ConsoleFeed
    let tls: ServerTLS?
    let settings: Configuration.Console

    func shutDown() async {
        await feed.endAll()
        await server.shutDown(within: .seconds(1))
    }
}
