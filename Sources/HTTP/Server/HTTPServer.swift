package import Base
package import System

/// What a server takes from its clients; the defaults are those of `Limits`.
package struct HTTPServerLimits: Sendable {
    package var requestByteCount = Limits.requestByteCount
    package var handshakeTimeout = Limits.handshakeTimeout
    package var headTimeout = Limits.headTimeout
    package var bodyTimeout = Limits.bodyTimeout
    package var keepAliveTimeout = Limits.keepAliveTimeout
    package var writeTimeout = Limits.writeTimeout
    package var connectionCount = Limits.connectionCount
    /// How long a body waits for room in the buffer budget before it is answered 503.
    package var bufferWait = Limits.bufferWait
    /// Whether HTTP/2 is served without TLS to clients that begin with it.
    package var takesHTTP2InClear = false

    package init() {}
}

/// An HTTP server on one loop: HTTP/1.1, and HTTP/2 to clients that agreed on it.
package actor HTTPServer {
    package nonisolated let loop: EventLoop
    package nonisolated var unownedExecutor: UnownedSerialExecutor {
        unsafe loop.asUnownedSerialExecutor()
    }
    private let context: ServerContext
    private var listeners: [Listener] = []

    package init(
        on loop: EventLoop,
        handler: any HTTPHandler,
        budget: BufferBudget,
        clock: any Clock,
        limits: HTTPServerLimits = HTTPServerLimits()
    ) {
        self.loop = loop
        context = ServerContext(
            loop: loop,
            handler: handler,
            budget: budget,
            clock: clock,
            limits: limits
        )
    }

    /// Starts to serve an address, by TLS where it is given; the result names the port the kernel
    /// chose for port 0.
    @discardableResult
    package func listen(
        on address: SocketAddress,
        tls: ServerTLS? = nil,
        admission: PeerAdmission = PeerAdmission()
    ) throws(SystemError) -> SocketAddress {
        let context = context
        let listener = try Listener(
            on: address,
            loop: loop,
            connectionCap: context.limits.connectionCount
        ) { stream in
            guard let place = context.admit(stream.peer, admission) else { return stream.close() }
            let connection = HTTPConnection(stream, context, tls: tls, place: place)
            context.loop.spawn { await connection.run() }
        }
        listeners.append(listener)
        return listener.address
    }

    /// Serves one connection that was accepted elsewhere, to its end; bytes that were read and not
    /// consumed are its first.
    package func serve(_ stream: sending Stream, tls: ServerTLS?) async {
        guard let place = context.admit(stream.peer, PeerAdmission()) else { return stream.close() }
        await HTTPConnection(stream, context, tls: tls, place: place).run()
    }

    /// How many connections are open.
    package var connectionCount: Int { context.connections.count }

    /// How many were turned away before their first byte.
    package func refusedCount(_ reason: PeerAdmission.Refusal) -> UInt64 {
        context.refusedCounts[reason] ?? 0
    }

    /// Sends GOAWAY to clients of HTTP/2, which keep one connection for all they do: their next
    /// requests come by a new one, with the certificate that is shown now.
    ///
    /// Connections of HTTP/1.1 go on as they are.
    package func renewConnections() async {
        for connection in Array(context.connections.values) { await connection.renew() }
    }

    /// Stops: no new connection, idle ones closed at once, each request in flight answered with
    /// `Connection: close`; what is not answered after `grace` is cut off.
    ///
    /// Returns when every connection is closed.
    package func shutDown(within grace: Duration) async {
        for listener in listeners { listener.close() }
        listeners = []
        context.isDraining = true
        for connection in Array(context.connections.values) { await connection.drain() }
        await context.emptied(until: loop.now.advanced(by: grace))
        for connection in Array(context.connections.values) { await connection.abort() }
        await context.emptied(until: nil)
    }
}

/// What the connections of one server share.
///
/// INVARIANT loop-thread: used on `loop` only, by the server and its connections, which all live
/// there; this is what makes `@unchecked Sendable` true.
final class ServerContext: @unchecked Sendable {
    let loop: EventLoop
    let handler: any HTTPHandler
    let budget: BufferBudget
    let limits: HTTPServerLimits
    var isDraining = false
    private(set) var connections: [ObjectIdentifier: HTTPConnection] = [:]
    private(set) var refusedCounts: [PeerAdmission.Refusal: UInt64] = [:]
    private var countByAddress: [IPAddress: Int] = [:]
    private let clock: any Clock
    private var dateLine: [UInt8] = []
    private var okStart: [UInt8] = []
    private var dateLineEnd = Instant(nanoseconds: 0)
    private var emptying: Pending<Void>?

    init(
        loop: EventLoop,
        handler: any HTTPHandler,
        budget: BufferBudget,
        clock: any Clock,
        limits: HTTPServerLimits
    ) {
        self.loop = loop
        self.handler = handler
        self.budget = budget
        self.clock = clock
        self.limits = limits
    }

    /// A place among the connections of a peer's address, or none.
    enum Place {
        case uncounted
        case counted(IPAddress)
    }

    /// Takes a place for a fresh connection; nil when it is to be closed at once.
    func admit(_ peer: SocketAddress, _ admission: PeerAdmission) -> Place? {
        guard admission.admits(peer) else {
            refusedCounts[.address, default: 0] &+= 1
            return nil
        }
        guard let key = admission.countingKey(of: peer) else { return .uncounted }
        guard countByAddress[key, default: 0] < admission.connectionsPerAddress else {
            refusedCounts[.tooMany, default: 0] &+= 1
            return nil
        }
        countByAddress[key, default: 0] += 1
        return .counted(key)
    }

    func giveBack(_ place: Place) {
        guard case .counted(let key) = place, let count = countByAddress[key] else { return }
        countByAddress[key] = count > 1 ? count - 1 : nil
    }

    func add(_ connection: HTTPConnection) {
        connections[ObjectIdentifier(connection)] = connection
    }

    func remove(_ connection: HTTPConnection) {
        connections[ObjectIdentifier(connection)] = nil
        giveBack(connection.place)
        if connections.isEmpty { emptying?.fulfil(()) }
    }

    /// Waits until no connection is left, or the deadline passes.
    func emptied(until deadline: Instant?) async {
        guard !connections.isEmpty else { return }
        let pending = Pending<Void>(on: loop)
        emptying = pending
        _ = try? await pending.value(until: deadline)
        emptying = nil
    }

    /// Appends the status line and `Date: …`, with their line ends.
    func appendStart(_ status: HTTPStatus, to output: inout [UInt8]) {
        refreshDate()
        if status == .ok { return output.append(contentsOf: okStart) }
        Self.append(status, to: &output)
        output.append(contentsOf: dateLine)
    }

    /// Appends `Date: …` and its line end.
    func appendDate(to output: inout [UInt8]) {
        refreshDate()
        output.append(contentsOf: dateLine)
    }

    private static func append(_ status: HTTPStatus, to output: inout [UInt8]) {
        output.append("HTTP/1.1 ")
        output.append(decimal: status.code)
        output.append(0x20)
        output.append(status.reason)
        output.append("\r\n")
    }

    /// Made once a second (RFC 9110 section 6.6.1), and with it the start of what is sent most.
    private func refreshDate() {
        guard loop.now >= dateLineEnd else { return }
        let timestamp = clock.timestamp
        dateLine = []
        dateLine.append("Date: ")
        HTTPDate.append(timestamp, to: &dateLine)
        dateLine.append("\r\n")
        let intoSecond = timestamp.milliseconds % 1000
        dateLineEnd = loop.now.advanced(by: .milliseconds(1000 - intoSecond))
        okStart = []
        Self.append(.ok, to: &okStart)
        okStart += dateLine
    }
}
