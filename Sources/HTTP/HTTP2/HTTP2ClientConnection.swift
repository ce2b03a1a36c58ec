import Base
import System

/// One connection of HTTP/2 to a server, with many requests on it at once.
actor HTTP2ClientConnection: HTTP2PumpOwner {
    nonisolated let loop: EventLoop
    nonisolated var unownedExecutor: UnownedSerialExecutor {
        unsafe loop.asUnownedSerialExecutor()
    }
    private let transport: Transport
    private let session: HTTP2Session
    private let pump: HTTP2Pump
    private let calls = HTTP2Calls()
    private let budget: BufferBudget
    private let limits: HTTPClientLimits
    private weak var client: HTTPClient?
    /// Whether a request can be given to it.
    private var isOpen = true
    private var idleTimer: TimerToken?

    /// Nil without memory.
    init?(_ transport: sending Transport, client: HTTPClient, budget: BufferBudget) {
        var settings = HTTP2SessionLimits()
        settings.window = Limits.http2UpstreamWindowByteCount
        guard let session = HTTP2Session(asServer: false, settings, source: calls) else {
            return nil
        }
        self.session = session
        loop = client.loop
        limits = client.limits
        self.client = client
        self.budget = budget
        transport.stream.writeTimeout = client.limits.writeTimeout
        self.transport = transport
        pump = HTTP2Pump(transport, session, on: client.loop)
        pump.owner = self
    }

    /// Whether another request may be given to it; for the client, which is on the same loop.
    nonisolated var takesMore: Bool { assumeIsolated { $0.isOpen } }

    /// Serves the connection to its end.
    func run() async {
        pump.flush()
        watchIdleness()
        var withoutWait = 0
        while !transport.stream.isClosed, !session.isDone {
            switch transport.receiveNow() {
            case .bytes:
                if !pump.feed() { transport.close() }
                withoutWait += 1
            case .end, .failed: transport.close()
            case .wouldBlock:
                withoutWait = 0
                do throws(StreamError) {
                    try await transport.readable(until: Instant(nanoseconds: .max))
                } catch { transport.close() }
            }
            // A server that sends without end must not hold the loop.
            if withoutWait >= 16 {
                withoutWait = 0
                await Task.yield()
            }
        }
        isOpen = false
        transport.close()
        idleTimer?.cancel()
        for call in calls.all { call.fail(.endedEarly, sent: call.isHeadSent) }
        await client?.forget(self)
    }

    // MARK: Requests

    /// Sends one request and waits for its response, or the head of its stream.
    func exchange(
        _ request: HTTP2Request,
        _ cancellation: Cancellation?
    ) async throws(HTTPClientError) -> ClientResponse {
        if cancellation?.isCancelled == true { throw .notSent(.cancelled) }
        guard calls.count < limits.connectionCount + limits.waitingCount else {
            throw .notSent(.tooManyWaiting(limit: limits.waitingCount))
        }
        guard isOpen,
            let id = session.request(request.fields, hasBody: !request.body.isEmpty)
        else { throw .notSent(.endedEarly) }
        let call = HTTP2Call(id, request, self, cancellation)
        calls[id] = call
        idleTimer?.cancel()
        cancellation?.attach {
            self.assumeIsolated { $0.drop(call, because: .cancelled) }
        }
        pump.flush()
        do throws(HTTPClientError) {
            while true {
                if let response = try call.response(budget) { return response }
                try await call.wait(until: request.deadline)
            }
        } catch {
            drop(call, because: error.reason)
            throw HTTPClientError(error.reason, requestSent: error.requestSent)
        }
    }

    /// Nobody waits for the answer any more: the server is told.
    func drop(_ call: HTTP2Call, because reason: HTTPClientError.Reason) {
        call.fail(reason, sent: call.isHeadSent)
        call.release(budget)
        guard calls[call.id] != nil else { return }
        session.reset(call.id, HTTP2Code.cancel)
        pump.flush()
    }

    /// Ends the connection once its requests are answered.
    func close() {
        isOpen = false
        session.goAway(HTTP2Code.noError)
        pump.flush()
        if calls.count == 0 { transport.close() }
    }

    // MARK: Events

    nonisolated func take(_ event: HTTP2Session.Event) { assumeIsolated { $0.handle(event) } }

    nonisolated func flushed() {}

    private func handle(_ event: HTTP2Session.Event) {
        switch event {
        case .head(let id, let fields, _): takeHead(id, fields)
        case .data(let id, let bytes): takeData(id, bytes)
        case .end(let id): calls[id]?.end()
        case .closed(let id, let code): closed(id, code)
        case .headSent(let id): calls[id]?.isHeadSent = true
        case .endSent: break
        case .goingAway(let last, _):
            isOpen = false
            // RFC 9113 section 6.8: what is above was certainly not worked on.
            for call in calls.all where call.id > last {
                call.fail(.endedEarly, sent: false)
            }
        }
    }

    private func takeHead(_ id: Int32, _ fields: HTTP2Fields) {
        guard let call = calls[id] else { return }
        do throws(HTTPClientError) {
            try call.take(fields)
        } catch { drop(call, because: error.reason) }
    }

    private func takeData(_ id: Int32, _ bytes: [UInt8]) {
        guard let call = calls[id], call.isWanted else { return session.consume(id, bytes.count) }
        guard !call.isEventStream else { return call.buffer(bytes) }
        guard call.fits(bytes.count) else {
            session.consume(id, bytes.count)
            return drop(call, because: call.tooLarge)
        }
        if !call.isShortOfRoom, budget.takeNow(bytes.count) {
            call.keep(bytes)
            return session.consume(id, bytes.count)
        }
        if call.setAside(bytes) { loop.spawn { await self.awaitRoom(for: call) } }
    }

    /// Waits until the budget has room for what came; the server may not send on meanwhile.
    private func awaitRoom(for call: HTTP2Call) async {
        while call.isWanted, call.isShortOfRoom {
            let count = call.asideCount
            let latest = loop.now.advanced(by: limits.bufferWait)
            let hasRoom = await budget.take(count, until: min(latest, call.deadline))
            guard call.isWanted else {
                if hasRoom { budget.give(count) }
                return
            }
            guard hasRoom else { return drop(call, because: .noRoom) }
            call.keepAside(count)
            consume(call, count)
        }
    }

    private func consume(_ call: HTTP2Call, _ count: Int) {
        session.consume(call.id, count)
        pump.flush()
    }

    private func closed(_ id: Int32, _ code: UInt32) {
        guard let call = calls[id] else { return }
        calls[id] = nil
        // RFC 9113 section 8.7: a refused stream was certainly not worked on.
        let isSent = code != HTTP2Code.refusedStream && call.isHeadSent
        call.fail(.endedEarly, sent: isSent)
        watchIdleness()
    }

    private func watchIdleness() {
        guard calls.count == 0 else { return }
        guard isOpen else { return transport.close() }
        let timer =
            idleTimer
            ?? TimerToken(on: loop) { [weak self] in
                self?.assumeIsolated { connection in
                    guard connection.calls.count == 0 else { return }
                    connection.close()
                }
            }
        idleTimer = timer
        timer.set(loop.now.advanced(by: limits.idleTimeout))
    }

    // MARK: Event streams

    /// The next event of the stream, nil at its orderly end.
    func nextEvent(
        of call: HTTP2Call,
        until deadline: Instant
    ) async throws(HTTPClientError) -> ServerSentEvent? {
        while !call.isReleased {
            if call.bufferedByteCount > 0 {
                try await takeTurn(call, until: deadline)
                if let event = try await take(of: call, deadline) { return event }
                continue
            }
            if call.isEnded {
                call.release(budget)
                return nil
            }
            do throws(HTTPClientError) {
                try await call.wait(until: deadline)
            } catch {
                drop(call, because: error.reason)
                throw error
            }
        }
        if let failure = call.failure { throw failure }
        return nil
    }

    private func take(
        of call: HTTP2Call,
        _ deadline: Instant
    ) async throws(HTTPClientError) -> ServerSentEvent? {
        let count = call.bufferedByteCount
        let latest = min(deadline, loop.now.advanced(by: limits.bufferWait))
        guard await budget.take(count, until: latest) else {
            drop(call, because: .noRoom)
            throw HTTPClientError(.noRoom, requestSent: true)
        }
        // Somebody may have let go of the stream meanwhile, and of what it held.
        guard !call.isReleased else {
            budget.give(count)
            return nil
        }
        do throws(HTTPClientError) {
            let (event, used) = try call.nextEvent(holding: count, budget)
            consume(call, used)
            return event
        } catch {
            drop(call, because: error.reason)
            throw error
        }
    }

    /// A server that sends without end must neither hold the loop nor outlast the deadline.
    private func takeTurn(
        _ call: HTTP2Call,
        until deadline: Instant
    ) async throws(HTTPClientError) {
        guard call.takesPause() else { return }
        await Task.yield()
        guard loop.now < deadline else {
            drop(call, because: .timedOut)
            throw HTTPClientError(.timedOut, requestSent: true)
        }
    }

    func lastEventID(of call: HTTP2Call) -> [UInt8]? { call.lastEventID }
    func retryDelay(of call: HTTP2Call) -> Duration? { call.retryDelay }

    /// The reader lets go of a stream: the server is told, the connection goes on.
    func abandon(_ call: HTTP2Call) { drop(call, because: .cancelled) }
}

/// The requests of a connection; what the session asks for bodies.
///
/// INVARIANT loop-thread: used by the connection and its session, on their loop.
final class HTTP2Calls: HTTP2BodySource {
    private var byStream: [Int32: HTTP2Call] = [:]

    subscript(id: Int32) -> HTTP2Call? {
        get { byStream[id] }
        set { byStream[id] = newValue }
    }

    var count: Int { byStream.count }
    var all: [HTTP2Call] { Array(byStream.values) }

    func nextBytes(of stream: Int32, atMost room: Int) -> (bytes: ArraySlice<UInt8>, isLast: Bool) {
        byStream[stream]?.nextBytes(atMost: room) ?? ([], true)
    }
}
