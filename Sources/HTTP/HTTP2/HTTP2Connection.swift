import Base
import Crypto
import System

/// The server's side of one connection of HTTP/2: takes requests, many at once, and moves bytes.
///
/// `HTTPConnection` owns the socket and the place among the server's connections, and runs this
/// where the client asked for HTTP/2.
///
/// INVARIANT loop-thread: every use is on the server's loop, which is what makes
/// `@unchecked Sendable` true.
final class HTTP2Connection: @unchecked Sendable {
    let server: ServerContext
    let transport: Transport
    let peer: SocketAddress
    let certificate: Certificate?
    /// The actor that requests are answered on.
    let owner: HTTPConnection
    private var session: HTTP2Session?
    private var pump: HTTP2Pump?
    private(set) var streams: [Int32: HTTP2Stream] = [:]
    /// Requests that are with the handler; a stream that was reset still counts until the handler
    /// is done with it.
    private var runningCount = 0
    private var hasServed = false
    private var isDraining = false
    /// Nothing more is taken; the client may read what was sent last.
    private var isFinal = false
    private var emptying: Pending<Void>?
    private var timer: TimerToken?
    private var idleSince: Instant

    init(
        _ transport: Transport,
        _ server: ServerContext,
        owner: HTTPConnection,
        peer: SocketAddress,
        certificate: Certificate?
    ) {
        self.transport = transport
        self.server = server
        self.owner = owner
        self.peer = peer
        self.certificate = certificate
        idleSince = server.loop.now
    }

    var loop: EventLoop { server.loop }

    /// Bytes of answers that wait for the client.
    private(set) var unsentByteCount = 0

    func noteUnsent(_ change: Int) { unsentByteCount += change }

    // MARK: The life of the connection

    /// Serves the connection to its end.
    func run() async {
        session = HTTP2Session(asServer: true, HTTP2SessionLimits(), source: self)
        pump = session.map { HTTP2Pump(transport, $0, on: loop) }
        pump?.owner = self
        let timer = TimerToken(on: loop) { [weak self] in self?.look() }
        self.timer = timer
        if server.isDraining { drain() }
        flush()
        watch()
        await read()
        transport.close()
        peerLeft()
        timer.cancel()
        streams = [:]
        // Handlers that noticed too late are waited for: the connection's place is theirs.
        if runningCount > 0 {
            let pending = Pending<Void>(on: loop)
            emptying = pending
            _ = try? await pending.value()
        }
    }

    private func read() async {
        var withoutWait = 0
        // What was looked at to see that this is HTTP/2.
        if transport.stream.availableCount > 0 { take() }
        while !transport.stream.isClosed, session != nil {
            switch transport.receiveNow() {
            case .bytes:
                take()
                withoutWait += 1
            case .end, .failed: return
            case .wouldBlock:
                withoutWait = 0
                do throws(StreamError) {
                    try await transport.readable(until: Instant(nanoseconds: .max))
                } catch { return }
            }
            // A client that does not take its answers is not read further.
            if transport.isBackedUp {
                do throws(StreamError) { try await transport.drain() } catch { return }
            }
            if withoutWait >= 16 {
                withoutWait = 0
                await Task.yield()
            }
        }
    }

    private func take() {
        // The client was told that nothing more is taken.
        if isFinal { transport.stream.consume(transport.stream.availableCount) }
        if pump?.feed() == false { finish() }
    }

    func flush() { pump?.flush() }

    /// Says that nothing more comes, and lets the client read what came last: closing while it
    /// still sends would make the kernel throw that away.
    private func finish() {
        guard !isFinal else { return }
        isFinal = true
        timer?.set(loop.now.advanced(by: Limits.lingerTimeout))
        loop.spawn {
            do throws(StreamError) {
                try await self.transport.stream.drained()
                try self.transport.finish()
            } catch { self.transport.close() }
        }
    }

    // MARK: Events

    private func takeHead(_ id: Int32, _ fields: HTTP2Fields, hasBody: Bool) {
        if let stream = streams[id] {
            // Trailers: none of them may become a header field afterwards (RFC 9110 section 6.5.1).
            if fields.error != nil { stream.reset(HTTP2Code.protocolError) }
            return
        }
        guard !isDraining, runningCount + awaitingCount < Limits.http2StreamCount else {
            // RFC 9113 section 8.7: certainly not worked on, the client may send it again.
            session?.reset(id, HTTP2Code.refusedStream)
            return
        }
        hasServed = true
        let stream = HTTP2Stream(id, of: self)
        streams[id] = stream
        do throws(FramingError) {
            stream.begin(try fields.requestHead(), hasBody: hasBody)
        } catch {
            stream.refuse(error.status, error.description)
        }
        watch()
    }

    private var awaitingCount: Int { streams.values.count { $0.awaitsBody } }

    private func takeData(_ id: Int32, _ bytes: [UInt8]) {
        guard let stream = streams[id] else {
            session?.consume(id, bytes.count)
            return
        }
        stream.take(bytes)
    }

    /// Gives a whole request to the handler.
    func handle(_ exchange: Exchange, of stream: HTTP2Stream) {
        runningCount += 1
        loop.spawn {
            await self.server.handler.handle(exchange)
            stream.settle()
            self.runningCount -= 1
            if self.runningCount == 0 { self.emptying?.fulfil(()) }
            self.watch()
        }
    }

    private func forget(_ stream: HTTP2Stream) {
        streams[stream.id] = nil
        stream.leave()
        if streams.isEmpty {
            idleSince = loop.now
            watch()
        }
    }

    // MARK: What streams ask for

    func respond(_ stream: Int32, _ fields: HTTP2FieldList, hasBody: Bool) -> Bool {
        guard let session, !transport.stream.isClosed,
            session.respond(stream, fields, hasBody: hasBody)
        else { return false }
        flush()
        return true
    }

    func inform(_ stream: Int32, _ fields: HTTP2FieldList) {
        session?.inform(stream, fields)
        flush()
    }

    func resume(_ stream: Int32) {
        session?.resume(stream)
        flush()
    }

    func reset(_ stream: Int32, _ code: UInt32) {
        session?.reset(stream, code)
        flush()
    }

    func consume(_ stream: Int32, _ count: Int) {
        session?.consume(stream, count)
        flush()
    }

    // MARK: Time

    /// Sets the timer for whatever is due first.
    func watch() {
        guard !isFinal else { return }
        let limits = server.limits
        var due: Instant?
        if streams.isEmpty, runningCount == 0 {
            let wait = hasServed ? limits.keepAliveTimeout : limits.headTimeout
            due = idleSince.advanced(by: wait)
        }
        for stream in streams.values {
            if let next = stream.deadline { due = min(due ?? next, next) }
        }
        if let due { timer?.set(due) } else { timer?.cancel() }
    }

    private func look() {
        guard !isFinal else { return transport.close() }
        let now = loop.now
        for stream in Array(streams.values) { stream.look(at: now) }
        let limits = server.limits
        let wait = hasServed ? limits.keepAliveTimeout : limits.headTimeout
        if streams.isEmpty, runningCount == 0, idleSince.advanced(by: wait) <= now {
            session?.terminate(HTTP2Code.noError)
            return flush()
        }
        watch()
    }

    // MARK: The end

    /// The server takes nothing more: what is open is answered, what comes later was certainly not
    /// worked on (GOAWAY).
    func drain() {
        guard !isDraining else { return }
        isDraining = true
        session?.goAway(HTTP2Code.noError)
        flush()
    }

    /// The connection broke.
    func peerLeft() {
        for stream in Array(streams.values) { stream.leave() }
    }
}

extension HTTP2Connection: HTTP2PumpOwner {
    func take(_ event: HTTP2Session.Event) {
        switch event {
        case .head(let id, let fields, let isLast): takeHead(id, fields, hasBody: !isLast)
        case .data(let id, let bytes): takeData(id, bytes)
        case .end(let id): streams[id]?.bodyEnded()
        case .closed(let id, _):
            if let stream = streams[id] { forget(stream) }
        case .endSent(let id): streams[id]?.answerSent()
        case .goingAway, .headSent: break
        }
    }

    func flushed() {
        if session?.isDone == true { finish() }
    }
}

extension HTTP2Connection: HTTP2BodySource {
    func nextBytes(of stream: Int32, atMost room: Int) -> (bytes: ArraySlice<UInt8>, isLast: Bool) {
        streams[stream]?.nextBytes(atMost: room) ?? ([], true)
    }
}
