package import Crypto
package import System

/// Answers requests; one value serves all connections of a server.
package protocol HTTPHandler: Sendable {
    /// Answers one request: calls `respond` once, or `beginStream` once and `finish` on its result.
    ///
    /// It runs on the loop: one request of an HTTP/1.1 connection at a time, those of an HTTP/2
    /// connection beside one another. What it leaves unanswered when it returns is answered 500, a
    /// stream it leaves open is cut off.
    func handle(_ exchange: Exchange) async

    /// Whether a body that is not here yet is worth waiting for.
    ///
    /// Asked before anything of it is read. Where it is not, `handle` is called with an empty body,
    /// to refuse, and the connection ends with its answer.
    func awaitsBody(
        of head: RequestHead,
        from peer: SocketAddress,
        _ certificate: Certificate?
    )
        -> Bool
}

extension HTTPHandler {
    package func awaitsBody(
        of head: RequestHead,
        from peer: SocketAddress,
        _ certificate: Certificate?
    ) -> Bool { true }
}

/// One request and the way to answer it; it knows nothing of connections and their framing.
///
/// The answer is good for this request only: an exchange that is kept longer than the handler's
/// call answers nobody.
package final class Exchange: Sendable {
    package let head: RequestHead
    /// The whole body, without its transfer coding; empty when there is none.
    package let body: [UInt8]
    package let peer: SocketAddress
    /// What the client has shown in its TLS handshake, where it was asked for a certificate.
    package let certificate: Certificate?
    private let connection: HTTPConnection
    private let number: UInt64
    /// What is answered on instead, where the connection carries many requests at once.
    private let stream: HTTP2Stream?
    private let known: KnownHead?

    init(
        _ head: RequestHead,
        body: [UInt8],
        peer: SocketAddress,
        certificate: Certificate?,
        connection: HTTPConnection,
        number: UInt64,
        known: KnownHead? = nil,
        stream: HTTP2Stream? = nil
    ) {
        self.head = head
        self.body = body
        self.peer = peer
        self.certificate = certificate
        self.connection = connection
        self.number = number
        self.known = known
        self.stream = stream
    }

    /// What the handler made of the same head before, but for the length of its body, when the
    /// connection brought it last; on the loop only, as handlers are.
    package var reading: (any AnyObject & Sendable)? { known?.reading }

    /// Keeps that for the connection's next request; nothing is kept where it carries many at once.
    package func keep(_ reading: any AnyObject & Sendable) { known?.reading = reading }

    /// Sends a whole response; Content-Length, Date and Connection are added here.
    ///
    /// False when the client is gone, or the exchange was answered before.
    @discardableResult
    package func respond(
        _ status: HTTPStatus,
        _ fields: FieldBlock = FieldBlock(),
        body: [UInt8] = []
    ) async -> Bool {
        guard connection.loop.isOnLoop else {
            return await connection.respond(status, fields, body: body, to: number, on: stream)
        }
        return (connection as any Answering).respond(
            status,
            fields,
            body: body,
            to: number,
            on: stream
        )
    }

    /// Begins an event stream: sends the head, with the fields that a stream needs.
    ///
    /// Nil when the client is gone, or the exchange was answered before.
    package func beginStream(
        _ status: HTTPStatus = .ok,
        _ fields: FieldBlock = FieldBlock()
    ) async -> StreamReply? {
        let hasBegun = await connection.onLoop { connection in
            if let stream = self.stream { return stream.beginStream(status, fields) }
            return connection.beginStream(status, fields, to: self.number)
        }
        guard hasBegun else { return nil }
        return StreamReply(connection: connection, number: number, stream: stream)
    }

    /// Whether the client has closed its side or the connection broke.
    ///
    /// A client that only closed its sending side looks the same; an answer still reaches it.
    package var isClosed: Bool {
        get async {
            await connection.onLoop { self.stream?.isClosed ?? $0.isClosed(self.number) }
        }
    }

    /// Runs `body` on the loop when the client goes away while this request is being answered; at
    /// once when it is gone already, never after the answer is complete.
    package func onClose(_ body: @escaping @Sendable () -> Void) async {
        await connection.onLoop { connection in
            if let stream = self.stream { return stream.onClose(body) }
            connection.onClose(body, to: self.number)
        }
    }

    /// Waits until the client goes away or the server is shut down.
    package func closed() async {
        await connection.closed(number, stream)
    }
}

/// An event stream that answers a request.
package struct StreamReply: Sendable {
    let connection: HTTPConnection
    let number: UInt64
    let stream: HTTP2Stream?

    /// Sends one event; waits while the client is slow to take what was sent before.
    ///
    /// False when the client is gone: nothing more can reach it.
    @discardableResult
    package func send(_ event: ServerSentEvent) async -> Bool {
        var bytes: [UInt8] = []
        EventStreamWriter.append(event, to: &bytes)
        return await send(bytes, isLast: false)
    }

    /// Sends a comment, which keeps a quiet stream alive on its way.
    @discardableResult
    package func comment() async -> Bool {
        var bytes: [UInt8] = []
        EventStreamWriter.appendComment(to: &bytes)
        return await send(bytes, isLast: false)
    }

    /// Tells the client how long to wait before it connects again.
    @discardableResult
    package func retry(after delay: Duration) async -> Bool {
        var bytes: [UInt8] = []
        EventStreamWriter.append(retryDelay: delay, to: &bytes)
        return await send(bytes, isLast: false)
    }

    /// Ends the stream in order, with a last event in the same write if there is one.
    @discardableResult
    package func finish(_ last: ServerSentEvent? = nil) async -> Bool {
        var bytes: [UInt8] = []
        if let last { EventStreamWriter.append(last, to: &bytes) }
        return await send(bytes, isLast: true)
    }

    private func send(_ bytes: [UInt8], isLast: Bool) async -> Bool {
        let (isSent, isBackedUp) = await connection.onLoop { connection in
            if let stream { return (stream.sendPart(bytes, isLast: isLast), stream.isBackedUp) }
            let isSent = connection.sendPart(bytes, isLast: isLast, to: number)
            return (isSent, connection.isBackedUp)
        }
        guard isSent, isBackedUp, !isLast else { return isSent }
        return await connection.waitUntilTaken(stream)
    }
}

/// What every answer asks of its connection, on the loop of both and without a switch of actors.
private protocol Answering: Sendable {
    func respond(
        _ status: HTTPStatus,
        _ fields: FieldBlock,
        body: [UInt8],
        to exchange: UInt64,
        on stream: HTTP2Stream?
    ) -> Bool
}

extension HTTPConnection: @preconcurrency Answering {
    fileprivate func respond(
        _ status: HTTPStatus,
        _ fields: FieldBlock,
        body: [UInt8],
        to exchange: UInt64,
        on stream: HTTP2Stream?
    ) -> Bool {
        if let stream { return stream.respond(status, fields, body: body) }
        return respond(status, fields, body: body, to: exchange)
    }
}

extension HTTPConnection {
    /// Runs a step on the connection: at once where the caller is on its loop, as handlers are,
    /// which saves the two switches of a call to another actor.
    fileprivate nonisolated func onLoop<Result: Sendable>(
        _ body: @Sendable (isolated HTTPConnection) -> Result
    ) async -> Result {
        if loop.isOnLoop { return now(body) }
        return await step(body)
    }

    private nonisolated func now<Result: Sendable>(
        _ body: @Sendable (isolated HTTPConnection) -> Result
    ) -> Result {
        assumeIsolated { body($0) }
    }

    private func step<Result: Sendable>(
        _ body: @Sendable (isolated HTTPConnection) -> Result
    ) -> Result { body(self) }

    fileprivate func closed(_ exchange: UInt64, _ stream: HTTP2Stream?) async {
        if let stream { await stream.closed() } else { await closed(exchange) }
    }

    fileprivate func waitUntilTaken(_ stream: HTTP2Stream?) async -> Bool {
        if let stream { return await stream.waitUntilTaken() }
        return await waitUntilTaken()
    }
}
