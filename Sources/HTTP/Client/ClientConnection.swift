import Base
import System

/// One connection to a server, used for one request at a time.
///
/// INVARIANT loop-thread: used on `loop` only, by the client and by who reads a stream, which live
/// there; this is what makes `@unchecked Sendable` true. An actor of its own would be a switch, or a
/// closure on the heap, for each step.
final class ClientConnection: @unchecked Sendable {
    let loop: EventLoop
    let transport: Transport
    let budget: BufferBudget
    private(set) weak var client: HTTPClient?
    let bufferWait: Duration

    private var idleSince: Instant?
    private var keepsAlive = true
    private var cancellation: Cancellation?

    // The current exchange.
    private var scanner = HeadScanner()
    private var interimCount = 0
    private var deadline = Instant(nanoseconds: 0)
    private var responseByteCount = 0

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
    func unpark() -> Bool {
        idleSince = nil
        guard transport.isQuiet else {
            transport.close()
            return false
        }
        return true
    }

    /// Makes the connection idle after a whole response; false (and closed) when it cannot be used
    /// again.
    func park() -> Bool {
        let stream = transport.stream
        // Bytes behind the response belong to nothing we asked.
        guard keepsAlive, stream.availableCount == 0, !stream.isPeerClosed, !stream.isClosed else {
            transport.close()
            return false
        }
        idleSince = loop.now
        if stream.onHangUp == nil {
            // Dropped by the stream when it is closed or has hung up, which ends the cycle.
            stream.onHangUp = { self.hungUp() }
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

    // MARK: The exchange

    /// How far an exchange came without waiting.
    enum Step {
        /// The whole response is here, and the connection is idle again if it can be.
        case whole(ClientResponse, isReusable: Bool)
        /// The head of an event stream, which keeps the connection to its end.
        case stream(ClientResponse)
        /// `hold` waits for bytes, then `goOn`.
        case needsBytes
        /// `drain` waits until the server took most of the request, then `goOn`.
        case isBackedUp
        /// `readBody` waits for the rest.
        case longBody(ResponseHead)
    }

    /// Sends one request.
    func begin(
        _ message: RequestMessage,
        _ cancellation: Cancellation?
    ) throws(HTTPClientError) -> Step {
        self.cancellation = cancellation
        if let cancellation {
            if cancellation.isCancelled { throw close(.cancelled, sent: false) }
            cancellation.attach(self)
        }
        scanner = HeadScanner()
        interimCount = 0
        deadline = message.deadline
        responseByteCount = message.responseByteCount
        do throws(StreamError) {
            if message.body.isEmpty {
                try transport.send(message.head)
            } else {
                try transport.send(message.head, message.body)
            }
        } catch { throw close(reason(for: error)) }
        return transport.isBackedUp ? .isBackedUp : try receive()
    }

    /// Keeps the task that waits for bytes.
    func hold(_ continuation: UnsafeContinuation<Void, Never>) {
        unsafe transport.stream.hold(continuation, until: deadline)
    }

    /// Reads on after a wait.
    func goOn() throws(HTTPClientError) -> Step {
        do throws(StreamError) {
            try transport.stream.endWait()
        } catch { throw close(reason(for: error)) }
        return try receive()
    }

    func drain() async throws(HTTPClientError) {
        do throws(StreamError) {
            try await transport.drain()
        } catch { throw close(reason(for: error)) }
    }

    private func receive() throws(HTTPClientError) -> Step {
        while true {
            if transport.stream.availableCount > 0, let head = try parseHead() {
                if !head.isInterim { return try receive(head) }
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
                transport.stream.releaseBuffer()
                return .needsBytes
            }
        }
    }

    private func parseHead() throws(HTTPClientError) -> ResponseHead? {
        do throws(FramingError) {
            var scanner = scanner
            let head = try transport.withBytes { bytes throws(FramingError) in
                try ResponseHead(from: bytes, scanner: &scanner)
            }
            self.scanner = scanner
            if let head { transport.stream.consume(head.consumedCount) }
            return head
        } catch { throw close(.framing(error)) }
    }

    private func receive(_ head: ResponseHead) throws(HTTPClientError) -> Step {
        keepsAlive = head.keepsAlive
        if let coding = head[.contentEncoding], !coding.equalsIgnoringCase("identity") {
            throw close(.encoded(coding.text))
        }
        if head.isEventStream {
            let body = EventBody(head.body, eventByteCount: responseByteCount)
            let stream = EventStream(EventReader(body, of: self))
            return .stream(ClientResponse(head: head, content: .events(stream), lease: nil))
        }
        guard let response = bodyNow(head) else { return .longBody(head) }
        return .whole(response, isReusable: park())
    }

    /// The body when it came with its head, as the usual one does.
    private func bodyNow(_ head: ResponseHead) -> ClientResponse? {
        switch head.body {
        case .none:
            detach()
            return ClientResponse(head: head, content: .body([]), lease: nil)
        case .length(let count):
            guard transport.stream.availableCount >= count, count <= responseByteCount,
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

    func readBody(_ head: ResponseHead) async throws(HTTPClientError) -> ClientResponse {
        var reader = BodyReader(
            head.body,
            limit: responseByteCount,
            budget: budget,
            bufferWait: bufferWait
        )
        do throws(BodyError) {
            let body = try await reader.read(from: transport, until: deadline)
            detach()
            let lease = BufferLease(reader.heldByteCount, of: budget, on: loop)
            return ClientResponse(head: head, content: .body(body), lease: lease)
        } catch {
            budget.give(reader.heldByteCount)
            throw close(reason(for: error))
        }
    }

    /// Who asked has all, or nothing more, of the answer.
    func detach() {
        cancellation?.detach()
        cancellation = nil
    }

    // MARK: Errors

    var isCancelled: Bool { cancellation?.isCancelled == true }

    private func close(_ reason: HTTPClientError.Reason, sent: Bool = true) -> HTTPClientError {
        transport.close()
        let isCancelled = isCancelled
        detach()
        return HTTPClientError(isCancelled ? .cancelled : reason, requestSent: sent)
    }

    func reason(for error: StreamError) -> HTTPClientError.Reason {
        if isCancelled { return .cancelled }
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
