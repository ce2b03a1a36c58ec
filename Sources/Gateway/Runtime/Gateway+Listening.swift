import Base
import HTTP
package import System

/// Where agents and people reach the gateway.
extension Gateway {
    /// Opens the sockets, and the address where one is written.
    func listen() async throws {
        let configuration = current.configuration
        let handlerParts = (service, door, tokens)
        let sockets = SocketAgents(
            loop: loop,
            service: handlerParts.0,
            door: handlerParts.1,
            tokens: handlerParts.2,
            environment: configuration.environment,
            user: parts.user
        )
        try await sockets.listen(at: state.agentSocket)
        self.sockets = sockets
        let control = ControlServer(loop: loop, user: parts.user) {
            [weak self] request, peer, reply in
            guard let self else { throw ControlError(.unreachable, "the gateway is stopping") }
            return try await self.perform(request, peer, reply)
        }
        try await control.listen(at: state.controlSocket)
        self.control = control
        guard let text = listenAddress else { return }
        let wanted = try SocketAddress(parsing: text)
        try Self.check(wanted, configuration.listen)
        let secured = try startTLS()
        var limits = HTTPServerLimits()
        limits.takesHTTP2InClear = configuration.listen.http2 && wanted.isLoopback
        limits.connectionCount = configuration.listen.connections
        warnOfFewDescriptors(for: limits.connectionCount)
        let server = HTTPServer(
            on: loop,
            handler: HTTPAgentEndpoint(
                service: service,
                door: door,
                authenticator: authenticator(),
                refused: refusedCredentials,
                hosts: try Self.hosts(wanted, configuration.listen),
                peers: wanted.isLoopback || secured != nil
                    ? nil : Set(configuration.listen.terminatedBy)
            ),
            budget: budget,
            clock: parts.clock,
            limits: limits
        )
        let bound = try await server.listen(
            on: wanted,
            tls: secured,
            admission: configuration.listen.admission
        )
        self.server = server
        address = bound
        ownPorts.add(bound)
        do {
            try Files.replace(
                state.addressFile,
                with: Array("\(url(of: bound))\n".utf8),
                mode: 0o600
            )
        } catch {
            // A full disk is no reason not to start: scripts lose a comfort.
            parts.log("the address is not written down: \(error)")
            try? Files.remove(state.addressFile)
        }
    }

    /// Each connection is an open file, and the state, the servers and their pipes have some too.
    private func warnOfFewDescriptors(for connections: Int) {
        guard let most = try? Process.raiseOpenFileLimit(), most < connections + 1024 else {
            return
        }
        parts.log(
            "this process may have \(most) files open: not enough for the \(connections) connections "
                + "of `listen.connections`; new ones wait when they run out"
        )
    }

    /// Where agents find `address`.
    package func url(of address: SocketAddress) -> String {
        "\(tls == nil ? "http" : "https")://\(address)/mcp"
    }

    /// A listener that others can reach needs TLS: ours, or a named peer's.
    static func check(
        _ address: SocketAddress,
        _ listen: Configuration.Listen
    ) throws(ConfigurationError) {
        guard !address.isLoopback else { return }
        guard !listen.isOpen else {
            throw ConfigurationError(
                file: "listen",
                position: nil,
                problem: "`open: true` is for loopback addresses only"
            )
        }
        guard listen.tls != nil || !listen.terminatedBy.isEmpty else {
            throw ConfigurationError(
                file: "listen",
                position: nil,
                problem: "`\(address)` is not a loopback address and has no TLS",
                hint:
                    "write `tls: { certificate: FILE, key: FILE }`, or name the proxy that ends TLS "
                    + "(`tls: { terminated_by: [ADDRESS] }`), or listen on 127.0.0.1"
            )
        }
    }

    /// What the gateway is called: its own address, `localhost` on loopback, and what is written.
    static func hosts(
        _ address: SocketAddress,
        _ listen: Configuration.Listen
    ) throws -> AllowedHosts {
        AllowedHosts(names: listen.hosts, listener: address, origins: listen.origins)
    }
}
