import Base
import System

/// One connection to a server, used for one request at a time.
actor ClientConnection {
    nonisolated let loop: EventLoop
    nonisolated var unownedExecutor: UnownedSerialExecutor {
        unsafe loop.asUnownedSerialExecutor()
    }
    private let transport: Transport
    private let budget: BufferBudget
    private weak var client: HTTPClient?
    private let bufferWait: Duration

    private var idleSince: Instant?
    private var keepsAlive = true
    private var cancellation: Cancellation?

    // The current or last event stream, by number: a handle of an earlier one reads nothing here.
    private var streamNumber: UInt64 = 0
    private var eventBody: EventBody?
    /// Pieces of it that were there without a wait, one after the other.
    private var withoutWait = 0
    private var isReading = false
    private var heldByteCount = 0

    init(_ transport: sending Transport, client: HTTPClient, budget: BufferBudget) {
        loop = client.loop
        self.client = client
        self.budget = budget
        bufferWait = client.limits.bufferWait
        transport.stream.writeTimeout = client.limits.writeTimeout
        self.transport = transport
    }

    /// Makes an idle connection ready for a request; false (and closed) when the server closed it
    /// or sent what nobody asked for.
    ///
    /// For the client, which is on the same loop: no switch of actors.
    nonisolated func unpark() -> Bool { assumeIsolated { $0.begin() } }

    /// Makes the connection idle after a whole response; false (and closed) when it cannot be used
    /// again.
    nonisolated func park() -> Bool { assumeIsolated { $0.isReusable } }

    private func begin() -> Bool {
        idleSince = nil
        guard transport.isQuiet else {
            transport.close()
            return false
        }
        return true
    }

    private var isReusable: Bool {
        let stream = transport.stream
        // Bytes behind the response belong to nothing we asked.
        guard keepsAlive, stream.availableCount == 0, !stream.isPeerClosed, !stream.isClosed else {
            transport.close()
            return false
        }
        idleSince = loop.now
        if stream.onHangUp == nil {
            // Dropped by the stream when it is closed or has hung up, which ends the cycle.
            stream.onHangUp = { self.assumeIsolated { $0.hungUp() } }
        }
        return true
    }

    private func hungUp() {
        guard idleSince != nil else { return }
        transport.close()
        guard let client else { return }
        loop.spawn { await client.forget(self) }
    }

    func isIdle(longerThan duration: Duration) -> Bool {
        guard let idleSince else { return false }
        return loop.now.duration(since: idleSince) >= duration
    }

    func close() { transport.close() }

    /// The same for the client, which is on the same loop.
    nonisolated func end() { assumeIsolated { $0.close() } }

    /// Sends one request and reads its response, or the head of its stream.
    func exchange(
        _ message: RequestMessage,
        _ cancellation: Cancellation?
    ) async throws(HTTPClientError) -> ClientResponse {
        self.cancellation = cancellation
        if let cancellation {
            if cancellation.isCancelled { throw close(.cancelled, sent: false) }
            cancellation.attach { self.assumeIsolated { $0.transport.close() } }
        }
        try send(message)
        if transport.isBackedUp { try await drain() }
        let head = try await readHead(message)
        keepsAlive = head.keepsAlive
        if let coding = head["content-encoding"], !coding.equalsIgnoringCase("identity") {
            throw close(.encoded(coding.text))
        }
        if head.isEventStream {
            streamNumber += 1
            isReading = true
            eventBody = EventBody(head.body, eventByteCount: message.responseByteCount)
            let stream = EventStream(connection: self, number: streamNumber)
            return ClientResponse(head: head, content: .events(stream), lease: nil)
        }
        if let response = bodyNow(head, message) { return response }
        return try await readBody(head, message)
    }

    private func send(_ message: RequestMessage) throws(HTTPClientError) {
        do throws(StreamError) {
            if message.body.isEmpty {
                try transport.send(message.head)
            } else {
                try transport.send(message.head, message.body)
            }
        } catch { throw close(reason(for: error)) }
    }

    private func drain() async throws(HTTPClientError) {
        do throws(StreamError) {
            try await transport.drain()
        } catch { throw close(reason(for: error)) }
    }

    private func readHead(_ message: RequestMessage) async throws(HTTPClientError) -> ResponseHead {
        var scanner = HeadScanner()
        var interimCount = 0
        while true {
            if transport.stream.availableCount > 0, let head = try parseHead(&scanner) {
                if !head.isInterim { return head }
                // RFC 9110 section 15.2: any number may come; eight is more than any server sends.
                interimCount += 1
                guard interimCount <= 8, head.status.code != 101 else {
                    throw close(.framing(FramingError(.badStatusLine, at: 0)))
                }
                scanner = HeadScanner()
                continue
            }
            switch transport.receiveNow() {
            case .bytes: continue
            case .end: throw close(.endedEarly)
            case .failed(let error): throw close(reason(for: error))
            case .wouldBlock:
                do throws(StreamError) {
                    try await transport.readable(until: message.deadline)
                } catch { throw close(reason(for: error)) }
            }
        }
    }

    private func parseHead(_ scanner: inout HeadScanner) throws(HTTPClientError) -> ResponseHead? {
        do throws(FramingError) {
            let head = try transport.withBytes { bytes throws(FramingError) in
                try ResponseHead(from: bytes, scanner: &scanner)
            }
            if let head { transport.stream.consume(head.consumedCount) }
            return head
        } catch { throw close(.framing(error)) }
    }

    /// The body when it came with its head, as the usual one does.
    private func bodyNow(_ head: ResponseHead, _ message: RequestMessage) -> ClientResponse? {
        switch head.body {
        case .none:
            detach()
            return ClientResponse(head: head, content: .body([]), lease: nil)
        case .length(let count):
            guard transport.stream.availableCount >= count, count <= message.responseByteCount,
                budget.takeNow(count)
            else { return nil }
            detach()
            let body = transport.stream.take(count)
            let lease = BufferLease(count, of: budget, on: loop)
            return ClientResponse(head: head, content: .body(body), lease: lease)
        case .chunked, .untilClose:
            return nil
        }
    }

    private func readBody(
        _ head: ResponseHead,
        _ message: RequestMessage
    ) async throws(HTTPClientError) -> ClientResponse {
        var reader = BodyReader(
            head.body,
            limit: message.responseByteCount,
            budget: budget,
            bufferWait: bufferWait
        )
        do throws(BodyError) {
            let body = try await reader.read(from: transport, until: message.deadline)
            detach()
            let lease = BufferLease(reader.heldByteCount, of: budget, on: loop)
            return ClientResponse(head: head, content: .body(body), lease: lease)
        } catch {
            budget.give(reader.heldByteCount)
            throw close(reason(for: error))
        }
    }

    private func detach() {
        cancellation?.attach(nil)
        cancellation = nil
    }

    // MARK: Event streams

    /// The next event of the stream, nil at its orderly end.
    func nextEvent(
        of stream: UInt64,
        until deadline: Instant
    ) async throws(HTTPClientError) -> ServerSentEvent? {
        while true {
            guard stream == streamNumber, let isEnded = eventBody?.isEnded else { return nil }
            if isEnded {
                await endStream(isReusable: eventBody?.isReusable ?? false)
                return nil
            }
            let available = transport.stream.availableCount
            if available > 0 {
                try await takeTurn(until: deadline)
                if let event = try await take(available, deadline) { return event }
                if eventBody?.isEnded ?? true { continue }
            }
            do throws(StreamError) {
                if try await transport.fill(until: deadline) == 0,
                    eventBody?.endsWithConnection() != true
                {
                    throw .closed
                }
            } catch {
                let isCutOff = error == .closed && cancellation?.isCancelled != true
                let reason = isCutOff ? .endedEarly : reason(for: error)
                await endStream(isReusable: false)
                throw HTTPClientError(reason, requestSent: true)
            }
        }
    }

    /// How many pieces are read without a pause.
    private static let piecesPerTurn = 16

    /// A server that sends without end is never waited for: it must neither hold the loop nor
    /// outlast the deadline.
    private func takeTurn(until deadline: Instant) async throws(HTTPClientError) {
        withoutWait += 1
        guard withoutWait >= Self.piecesPerTurn else { return }
        withoutWait = 0
        await Task.yield()
        guard loop.now < deadline else {
            await endStream(isReusable: false)
            throw HTTPClientError(.timedOut, requestSent: true)
        }
    }

    /// Parses in place: a copy of the unfinished event for each piece of it would be a copy of all
    /// that came before, again and again.
    private func take(
        _ available: Int,
        _ deadline: Instant
    ) async throws(HTTPClientError) -> ServerSentEvent? {
        let latest = min(deadline, loop.now.advanced(by: bufferWait))
        guard await budget.take(available, until: latest) else {
            await endStream(isReusable: false)
            throw HTTPClientError(.noRoom, requestSent: true)
        }
        heldByteCount += available
        // Somebody may have let go of the stream meanwhile, and of what it held.
        guard let outcome = transport.withBytes({ bytes in eventBody?.parse(bytes) }) else {
            return nil
        }
        switch outcome {
        case .success(let result):
            transport.stream.consume(result.consumedCount)
            // What stays held: the unfinished event, and this one until the next is asked for.
            let kept = (eventBody?.bufferedByteCount ?? 0) + (result.event?.data.count ?? 0)
            if kept < heldByteCount {
                budget.give(heldByteCount - kept)
                heldByteCount = kept
            }
            return result.event
        case .failure(let error):
            await endStream(isReusable: false)
            throw error
        }
    }

    func lastEventID(of stream: UInt64) -> [UInt8]? {
        stream == streamNumber ? eventBody?.lastEventID : nil
    }

    func retryDelay(of stream: UInt64) -> Duration? {
        stream == streamNumber ? eventBody?.retryDelay : nil
    }

    /// The reader lets go of a stream before its end: the connection cannot be used further.
    func abandon(_ stream: UInt64) async {
        guard stream == streamNumber else { return }
        await endStream(isReusable: false)
    }

    private func endStream(isReusable: Bool) async {
        guard isReading else { return }
        isReading = false
        budget.give(heldByteCount)
        heldByteCount = 0
        detach()
        if !isReusable { transport.close() }
        let isReusable = isReusable && self.isReusable
        await client?.release(self, isReusable: isReusable)
    }

    // MARK: Errors

    private func close(_ reason: HTTPClientError.Reason, sent: Bool = true) -> HTTPClientError {
        transport.close()
        let isCancelled = cancellation?.isCancelled == true
        detach()
        return HTTPClientError(isCancelled ? .cancelled : reason, requestSent: sent)
    }

    private func reason(for error: StreamError) -> HTTPClientError.Reason {
        if cancellation?.isCancelled == true { return .cancelled }
        switch error {
        case .timedOut: return .timedOut
        default: return .connection(error)
        }
    }

    private func reason(for error: BodyError) -> HTTPClientError.Reason {
        switch error {
        case .framing(let error): .framing(error)
        case .stream(let error): reason(for: error)
        case .endedEarly: .endedEarly
        case .noRoom: .noRoom
        }
    }
}
