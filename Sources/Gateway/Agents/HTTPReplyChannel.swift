import Base
import HTTP
import MCP
import System

/// The way back over one HTTP exchange: plain JSON while nothing but the answer was sent, an event
/// stream from the first notification or keep-alive on.
///
/// A stream of a session keeps its last events: an agent that lost it comes back with another
/// exchange and hears the rest there.
///
/// INVARIANT loop-thread: used on the exchange's loop only, which is what makes `@unchecked Sendable`
/// true.
final class HTTPReplyChannel: ReplyChannel, KeptStream, @unchecked Sendable {
    static let json: FieldBlock = {
        var fields = FieldBlock()
        fields.add(.contentType, "application/json")
        return fields
    }()

    /// Whose streams may be come back to.
    struct Session {
        private let session: Sessions.Session
        let service: AgentService
        /// The request it answers; nil on the stream beside all requests.
        let request: RequestID?
        /// Whether it is the stream beside all requests, which ends with its exchange.
        let isStandalone: Bool

        init(
            _ session: Sessions.Session,
            service: AgentService,
            request: RequestID? = nil,
            isStandalone: Bool = false
        ) {
            self.session = session
            self.service = service
            self.request = request
            self.isStandalone = isStandalone
        }

        var id: SessionID { session.id }
        var owner: PrincipalKey { session.principal }
        var revision: Revision { session.revision }
    }

    private enum State {
        case nothing
        case streaming(StreamReply)
        /// Another exchange is being told what was missed; new events are kept meanwhile.
        case resuming
        case gone
    }

    /// Until its answer began: what is kept holds no connection.
    private var exchange: Exchange?
    private let session: Session?
    private var state = State.nothing
    private var kept: KeptEvents?
    /// When nothing more was to be sent on it.
    private(set) var ended: Instant?
    /// Called when the exchange that carries it now is needed no more.
    private var released: (@Sendable () -> Void)?

    init(_ exchange: Exchange, of session: Session? = nil) {
        self.exchange = exchange
        self.session = session
    }

    var isStandalone: Bool { session?.isStandalone ?? false }
    var number: UInt64? { kept?.number }
    var keptByteCount: Int { kept?.byteCount ?? 0 }

    func notify(_ message: [UInt8]) async {
        guard await begin() else { return }
        // Kept first: what a broken stream takes and loses is heard by who comes back.
        let event = keep(message)
        guard case .streaming(let stream) = state else { return }
        await stream.send(event)
    }

    func keepAlive() async {
        guard await begin(), case .streaming(let stream) = state else { return }
        await stream.comment()
    }

    func finish(_ reply: AgentReply) async {
        switch state {
        case .streaming(let stream):
            let last = reply.body.map { keep($0) }
            conclude()
            await stream.finish(last)
        case .resuming:
            // Held until it is told: what is kept may have no room for it.
            if let body = reply.body { _ = keep(body, isLast: true) }
            ended = session?.service.loop.now
        case .gone: return
        case .nothing:
            state = .gone
            guard let exchange else { return }
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
    }

    /// Ends the stream, where one was begun.
    func end() async {
        guard case .streaming(let stream) = state else { return }
        conclude()
        await stream.finish()
    }

    private func conclude() {
        state = .gone
        ended = session?.service.loop.now
        released?()
        released = nil
    }

    private func keep(_ message: [UInt8], isLast: Bool = false) -> ServerSentEvent {
        guard var kept, let session else { return ServerSentEvent(data: message) }
        let before = kept.byteCount
        let event = isLast ? kept.hold(message) : kept.keep(message)
        session.service.assumeIsolated { service in
            guard service.streams.find(kept.number, of: session.id) != nil else {
                // Its session ended, and the count with it.
                return kept.empty()
            }
            if !service.streams.take(kept.byteCount - before, for: kept.number) {
                service.streams.giveBack(before, of: kept.number)
                kept.empty()
            }
        }
        self.kept = kept
        return event
    }

    /// Whether there is a stream, begun now where there was none.
    private func begin() async -> Bool {
        switch state {
        case .streaming, .resuming: return true
        case .gone: return false
        case .nothing:
            guard let stream = await exchange?.beginStream() else { return false }
            state = .streaming(stream)
            exchange = nil
            guard let session else { return true }
            guard let number = number(in: session) else { return true }
            let kept = KeptEvents(number: number)
            self.kept = kept
            // Older clients take no event without content.
            if session.revision >= .r2025_11_25 { await stream.send(kept.opening) }
            return true
        }
    }

    private func number(in session: Session) -> UInt64? {
        session.service.assumeIsolated {
            $0.streams.open(self, of: session.id, owner: session.owner)
        }
    }

    // MARK: Coming back

    /// What was sent after that event; nil where it is not kept.
    func missed(after sequence: UInt64) -> [ServerSentEvent]? {
        kept?.missed(after: sequence)?.map(\.event)
    }

    /// Goes on over another exchange, after that event; false where what is missed is not kept, or
    /// somebody else comes back at the same time.
    ///
    /// Each message goes on one stream only: the one before is ended. `released` is called when the
    /// exchange is needed no more.
    func resume(
        on exchange: Exchange,
        after sequence: UInt64,
        released: @escaping @Sendable () -> Void
    ) async -> Bool {
        if case .resuming = state { return false }
        guard missed(after: sequence) != nil else { return false }
        let before = state
        state = .resuming
        self.released?()
        self.released = nil
        if case .streaming(let old) = before { await old.finish() }
        guard let fresh = await exchange.beginStream() else {
            state = ended == nil ? before : .gone
            kept?.letGo()
            released()
            return true
        }
        let isWhole = await tell(fresh, after: sequence)
        // Between the last look and here nothing waits: no event falls between.
        if isWhole, ended == nil {
            self.released = released
            state = .streaming(fresh)
            return true
        }
        state = .gone
        ended = ended ?? session?.service.loop.now
        kept?.letGo()
        released()
        await fresh.finish(isWhole ? nil : unkept)
        return true
    }

    /// Tells what came after that event, and what comes meanwhile; false where something of it is
    /// not kept any more.
    private func tell(_ stream: StreamReply, after sequence: UInt64) async -> Bool {
        var last = sequence
        while let telling = kept?.telling(after: last) {
            switch telling {
            case .events(let events):
                for (sequence, event) in events {
                    await stream.send(event)
                    last = sequence
                }
            case .done: return true
            case .gone: return false
            }
        }
        return false
    }

    /// The last event of a stream of which something was lost while it was told: its request is
    /// answered, because nothing else ever will.
    private var unkept: ServerSentEvent? {
        guard let session, let request = session.request else { return nil }
        let error = ProtocolError(
            .internalError,
            "more came on this stream than is kept for who comes back; whether the call was done is "
                + "in the log: look before you call again"
        )
        return ServerSentEvent(data: Envelope.error(request, error, for: session.revision))
    }
}
