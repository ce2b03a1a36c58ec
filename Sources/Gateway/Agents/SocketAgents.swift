package import Base
import JSON
import MCP
package import System

/// Serves MCP to `gatehouse connect`: a pipe from an agent's standard input and output to a socket
/// in the state folder.
///
/// The first line is ours and says who calls and what for: `{"token": "…", "server": "…"}`; then
/// every line is one MCP message. The era is the connection's (2026-07-28, basic/transports/stdio).
package actor SocketAgents {
    private let loop: EventLoop
    private let service: AgentService
    private let door: Door
    private let tokens: TokenBook
    private let environment: EnvironmentName
    private let user: UInt32
    private var listener: Listener?
    private var connections: [UInt64: LineConnection] = [:]
    private var agents: [UInt64: LineAgent] = [:]
    private var next: UInt64 = 1
    private var emptying: Pending<Void>?

    package nonisolated var unownedExecutor: UnownedSerialExecutor {
        unsafe loop.asUnownedSerialExecutor()
    }

    package init(
        loop: EventLoop,
        service: AgentService,
        door: Door,
        tokens: TokenBook,
        environment: EnvironmentName,
        user: UInt32
    ) {
        self.loop = loop
        self.service = service
        self.door = door
        self.tokens = tokens
        self.environment = environment
        self.user = user
    }

    package func listen(at path: String) throws(SystemError) {
        let loop = loop
        listener = try Listener(on: .unix(path: path), loop: loop, connectionCap: 1024) { stream in
            let connection = LineConnection(
                stream,
                limit: Limits.requestByteCount,
                loop: loop
            )
            // Ends when the peer closes, or with the listener.
            loop.spawn { await self.serve(connection) }
        }
    }

    /// Takes no more agents and no more requests; those that run are answered.
    package func drain() async {
        listener?.close()
        listener = nil
        for (number, connection) in connections where agents[number] == nil {
            await connection.close()
        }
        for agent in agents.values { await agent.drain() }
    }

    /// Waits until all are answered, or the deadline passes, and closes what is left.
    package func close(after deadline: Instant) async {
        await drain()
        if !connections.isEmpty {
            let pending = Pending<Void>(on: loop)
            emptying = pending
            _ = try? await pending.value(until: deadline)
            emptying = nil
        }
        for connection in connections.values { await connection.close() }
    }

    private func serve(_ connection: LineConnection) async {
        let number = next
        next &+= 1
        connections[number] = connection
        defer {
            connections[number] = nil
            if connections.isEmpty { emptying?.fulfil(()) }
        }
        if let (principal, endpoint) = await greet(connection) {
            let agent = LineAgent(
                connection,
                principal: principal,
                endpoint: endpoint,
                service: service,
                tokens: tokens,
                loop: loop
            )
            agents[number] = agent
            defer { agents[number] = nil }
            if listener == nil { await agent.drain() }
            await agent.run()
        }
        await connection.close()
    }

    /// Reads the first line; answers it with `{}` or with an error.
    private func greet(_ connection: LineConnection) async -> (Principal, Endpoint)? {
        guard let peer = await connection.peer(), peer.userID == user || peer.userID == 0 else {
            await refuse(connection, "this socket serves its own user only")
            return nil
        }
        guard let line = await connection.next(), let hello = try? JSONDocument(parsing: line),
            let secret = hello.root["token"]?.utf8
        else {
            await refuse(connection, "the first line must name a token")
            return nil
        }
        guard let principal = try? tokens.principal(for: secret, from: nil),
            principal.environment == environment
        else {
            await refuse(connection, "the token is not valid here")
            return nil
        }
        var endpoint = Endpoint.all
        if let name = hello.root["server"]?.string {
            guard let server = try? ServerName(name), await door.reaches(.server(server), principal)
            else {
                await refuse(connection, "no such server for this credential")
                return nil
            }
            endpoint = .server(server)
        }
        await connection.send(Array("{}".utf8))
        return (principal, endpoint)
    }

    private func refuse(_ connection: LineConnection, _ text: String) async {
        await connection.send(ControlError(.refused, text).text)
    }
}

/// One agent that speaks lines.
private actor LineAgent {
    private let connection: LineConnection
    private let principal: Principal
    private let endpoint: Endpoint
    private let service: AgentService
    private let tokens: TokenBook
    private let loop: EventLoop
    private var session: Sessions.Session?
    private var revision: Revision?
    private var running: [UInt64: CallCancellation] = [:]
    private var nextRequest: UInt64 = 1
    private var isDraining = false
    /// Calls off what the session hears beside its answers.
    private let hearing = CallCancellation()

    nonisolated var unownedExecutor: UnownedSerialExecutor {
        unsafe loop.asUnownedSerialExecutor()
    }

    init(
        _ connection: LineConnection,
        principal: Principal,
        endpoint: Endpoint,
        service: AgentService,
        tokens: TokenBook,
        loop: EventLoop
    ) {
        self.connection = connection
        self.principal = principal
        self.endpoint = endpoint
        self.service = service
        self.tokens = tokens
        self.loop = loop
    }

    /// Reads until the peer or its credential is gone; what still waits then is called off like a
    /// closed stream.
    func run() async {
        while let next = await connection.nextLine() {
            guard case .text(let line) = next else {
                await send(nil, Self.tooLong)
                continue
            }
            // The token was shown once, with the first line; it counts only as long as it lives.
            guard tokens.isLive(principal) else {
                await send(
                    nil,
                    ProtocolError(
                        .invalidRequest,
                        "the credential has ended; ask the operator for one"
                    )
                )
                break
            }
            guard running.count < Limits.requestsPerConnection else {
                await send(
                    nil,
                    ProtocolError(.invalidRequest, "too many requests at once; wait for an answer")
                )
                continue
            }
            await take(line)
        }
        for cancellation in running.values { cancellation.cancel(.disconnected) }
        hearing.cancel(.disconnected)
        if let session { _ = await service.close(session.id, principal) }
    }

    /// Answers what runs, refuses what comes, and closes after the last answer.
    func drain() {
        isDraining = true
        closeIfAnswered()
    }

    private func closeIfAnswered() {
        guard isDraining, running.isEmpty else { return }
        // The end of a large answer may still wait for its agent. Ends when it is taken, or with the
        // time to write, or of the drain.
        loop.spawn { [connection] in await connection.closeWhenSent() }
    }

    private static let stopping = ProtocolError(
        .internalError,
        "the gateway is stopping; try again later"
    )
    private static let tooLong = ProtocolError(
        .invalidRequest,
        "a message has at most \(Limits.requestByteCount) bytes; send a shorter one"
    )

    private func take(_ line: [UInt8]) async {
        let document: JSONDocument
        do throws(JSONError) {
            document = try JSONDocument(parsing: line)
        } catch {
            await send(nil, ProtocolError(.parse, "not strict JSON: \(error)"))
            return
        }
        if document.root.kind == .array, let session, revision == .r2025_03_26 {
            guard !isDraining else { return await send(nil, Self.stopping) }
            await take(batch: document.root, session)
            return
        }
        let message: Message
        do throws(MalformedMessage) {
            message = try Message(document.root)
        } catch {
            await send(error.id, error.error)
            return
        }
        let meta = RequestMeta(of: message.params)
        let id: RequestID? = if case .request(let request) = message { request.id } else { nil }
        if isDraining, id != nil {
            await send(id, Self.stopping)
            return
        }
        do throws(ProtocolError) {
            let inbound = AuthenticatedMessage(
                principal: principal,
                endpoint: endpoint,
                revision: try era(of: message, meta),
                message: message,
                meta: meta,
                session: meta.claimsModern ? nil : session,
                parameterHeader: nil
            )
            await start(inbound)
        } catch {
            await send(id, error)
        }
    }

    private func take(batch root: JSONNode, _ session: Sessions.Session) async {
        do throws(ProtocolError) {
            let members = try Batch.members(root)
            let key = nextRequest
            nextRequest &+= 1
            let cancellation = CallCancellation()
            running[key] = cancellation
            // `run` calls it off when the peer goes; it ends with its own deadlines otherwise.
            let scope = ObjectIdentifier(self)
            loop.spawn { [service, principal, endpoint, connection] in
                let body = await service.handle(
                    batch: members,
                    of: .r2025_03_26,
                    principal,
                    endpoint,
                    session: session,
                    scope: scope,
                    cancellation: cancellation
                )
                if let body { await connection.send(body) }
                await self.ended(key)
            }
        } catch {
            await send(nil, error)
        }
    }

    /// A modern line says so itself; anything else is of the session, or opens it.
    private func era(
        of message: Message,
        _ meta: RequestMeta
    ) throws(ProtocolError) -> Revision {
        if let version = meta.protocolVersion {
            guard Revision(rawValue: version)?.isModern == true else {
                throw Negotiation.unsupported(requested: version)
            }
            guard meta.clientCapabilities != nil else {
                throw ProtocolError(
                    .invalidParams,
                    "_meta needs io.modelcontextprotocol/clientCapabilities; an empty object is fine"
                )
            }
            return .newest
        }
        switch message {
        case .request(let request) where request.method == "initialize": return .newestLegacy
        case .request(let request) where request.method == "server/discover":
            throw ProtocolError(
                .invalidParams,
                "_meta needs io.modelcontextprotocol/protocolVersion; send \(Revision.newest.rawValue)"
            )
        case .notification: return revision ?? .newest
        default:
            guard let revision else {
                throw ProtocolError(.invalidRequest, "send `initialize` first")
            }
            return revision
        }
    }

    /// Requests run beside one another; an `initialize` is waited for, because it makes the session.
    private func start(_ inbound: AuthenticatedMessage) async {
        if case .request(let request) = inbound.message, request.method != "initialize" {
            let key = nextRequest
            nextRequest &+= 1
            let cancellation = CallCancellation()
            running[key] = cancellation
            // `run` calls it off when the peer goes; it ends with its own deadlines otherwise.
            loop.spawn {
                await self.answer(inbound, cancellation)
                await self.ended(key)
            }
            return
        }
        await answer(inbound, CallCancellation())
    }

    private func ended(_ key: UInt64) {
        running[key] = nil
        closeIfAnswered()
    }

    private func answer(
        _ inbound: AuthenticatedMessage,
        _ cancellation: CallCancellation
    ) async {
        let reply = await service.handle(
            inbound,
            scope: ObjectIdentifier(self),
            channel: LineReplyChannel(connection: connection),
            cancellation: cancellation
        )
        if let new = reply.newSession {
            if let session { _ = await service.close(session.id, principal) }
            session = await service.session(new, principal, endpoint)
            revision = session?.revision
        }
        if let body = reply.body { await connection.send(body) }
        if reply.newSession != nil, let session { hear(session) }
    }

    /// On a pipe nothing has to be opened: what the session may hear comes with the answers.
    private func hear(_ session: Sessions.Session) {
        let cancellation = hearing
        let channel = LineReplyChannel(connection: connection)
        // Ends with the session, which ends with the connection.
        loop.spawn { [service, principal, endpoint] in
            await service.stream(
                of: session.id,
                principal,
                endpoint,
                session.revision,
                channel: channel,
                cancellation: cancellation
            )
        }
    }

    private func send(_ id: RequestID?, _ error: ProtocolError) async {
        await connection.send(Envelope.error(id, error, for: revision ?? .newest))
    }
}

/// Notifications to an agent that speaks lines; a line needs no keep-alive.
private struct LineReplyChannel: ReplyChannel {
    let connection: LineConnection

    func notify(_ message: [UInt8]) async { await connection.send(message) }
    func keepAlive() async {}
}
