import HTTP

/// The way back over one HTTP exchange: plain JSON while nothing but the answer was sent, an event
/// stream from the first notification or keep-alive on.
///
/// INVARIANT loop-thread: used on the exchange's loop only, which is what makes `@unchecked Sendable`
/// true.
final class HTTPReplyChannel: ReplyChannel, @unchecked Sendable {
    static let json: FieldBlock = {
        var fields = FieldBlock()
        fields.add(.contentType, "application/json")
        return fields
    }()

    private enum State {
        case nothing
        case streaming(StreamReply)
        case gone
    }

    private let exchange: Exchange
    private var state = State.nothing

    init(_ exchange: Exchange) { self.exchange = exchange }

    func notify(_ message: [UInt8]) async {
        guard let stream = await stream() else { return }
        await stream.send(ServerSentEvent(data: message))
    }

    func keepAlive() async {
        guard let stream = await stream() else { return }
        await stream.comment()
    }

    func finish(_ reply: AgentReply) async {
        if case .streaming(let stream) = state {
            state = .gone
            await stream.finish(reply.body.map { ServerSentEvent(data: $0) })
            return
        }
        state = .gone
        var fields = Self.json
        if let session = reply.newSession, let value = FieldValue(session.text) {
            fields.add(.mcpSessionID, value)
        }
        if let body = reply.body {
            await exchange.respond(HTTPStatus(code: reply.status), fields, body: body)
        } else {
            await exchange.respond(HTTPStatus(code: reply.status))
        }
    }

    /// Ends the stream, where one was begun.
    func end() async {
        guard case .streaming(let stream) = state else { return }
        state = .gone
        await stream.finish()
    }

    private func stream() async -> StreamReply? {
        switch state {
        case .streaming(let stream): return stream
        case .gone: return nil
        case .nothing:
            guard let stream = await exchange.beginStream() else { return nil }
            state = .streaming(stream)
            return stream
        }
    }
}
