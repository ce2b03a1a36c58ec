import Base
import Crypto
import System

/// One connection of a client: reads requests, has each answered, in order, one at a time.
///
/// Pipelined requests wait in the receive buffer, and beyond it in the kernel, until the one before
/// is answered.
actor HTTPConnection {
    nonisolated let loop: EventLoop
    nonisolated var unownedExecutor: UnownedSerialExecutor {
        unsafe loop.asUnownedSerialExecutor()
    }

    /// How far the answer to the current request is.
    private enum Reply {
        case waiting
        case streaming
        case complete
    }

    private let transport: Transport
    private let server: ServerContext
    private let peer: SocketAddress

    /// The last head; most requests of a connection have the same.
    private var known: KnownHead?

    // The current exchange.
    private var number: UInt64 = 0
    private var reply = Reply.complete
    private var isHead = false
    private var isChunked = true
    /// Whether the connection ends after the current answer.
    private var endsAfterReply = false
    private var isIdle = true
    private var heldByteCount = 0
    private var closeHooks: [@Sendable () -> Void] = []
    private var closing: [Pending<Void>] = []

    private let tls: ServerTLS?
    /// What serves the connection where the client speaks HTTP/2.
    private var http2: HTTP2Connection?
    /// What the client has shown of itself in its handshake.
    private(set) var certificate: Certificate?

    nonisolated let place: ServerContext.Place

    init(
        _ stream: sending Stream,
        _ server: ServerContext,
        tls: ServerTLS?,
        place: ServerContext.Place
    ) {
        loop = server.loop
        self.server = server
        peer = stream.peer
        self.tls = tls
        self.place = place
        transport = Transport(stream)
    }

    /// Serves the connection to its end.
    func run() async {
        server.add(self)
        let stream = transport.stream
        stream.writeTimeout = server.limits.writeTimeout
        // The stream drops the closure when it is closed, which ends the cycle.
        stream.onHangUp = { self.assumeIsolated { $0.peerLeft() } }
        do throws(ConnectionEnd) {
            try await secure()
            if let http2 { await http2.run() } else { try await serve() }
        } catch {
            await end(with: error)
        }
        transport.close()
        peerLeft()
        http2 = nil
        server.remove(self)
    }

    private func secure() async throws(ConnectionEnd) {
        guard let tls else { return try await lookForHTTP2() }
        let deadline = loop.now.advanced(by: server.limits.handshakeTimeout)
        guard let session = await tls.accept(transport, from: peer, until: deadline) else {
            throw .cutOff
        }
        certificate = session.peerCertificate
        if session.speaksHTTP2 { beginHTTP2() }
    }

    private func beginHTTP2() {
        http2 = HTTP2Connection(
            transport,
            server,
            owner: self,
            peer: peer,
            certificate: certificate
        )
    }

    /// Where it is allowed without TLS, a client begins with what no request begins with
    /// (RFC 9113 section 3.3); all others are served as ever.
    private func lookForHTTP2() async throws(ConnectionEnd) {
        guard server.limits.takesHTTP2InClear else { return }
        let deadline = loop.now.advanced(by: server.limits.headTimeout)
        while true {
            switch transport.withBytes(HTTP2Preface.find) {
            case .found: return beginHTTP2()
            case .absent: return
            case .undecided: break
            }
            do throws(StreamError) {
                if try await transport.fill(until: deadline) == 0 { throw .closed }
            } catch { throw .cutOff }
        }
    }

    private func serve() async throws(ConnectionEnd) {
        var withoutWait = 0
        while true {
            isIdle = true
            if server.isDraining { return }
            let head: RequestHead
            if let ready = try headNow() {
                head = ready
            } else if let read = try await readHead(isFirst: number == 0) {
                head = read
            } else {
                return
            }
            isIdle = false
            let body = try bodyNow(head)
            let isAwaited =
                body != nil || server.handler.awaitsBody(of: head, from: peer, certificate)
            let whole: [UInt8]
            if let body {
                whole = body
            } else {
                whole = isAwaited ? try await readLongBody(head) : []
            }
            begin(head)
            if !isAwaited { endsAfterReply = true }
            let exchange = Exchange(
                head,
                body: whole,
                peer: peer,
                certificate: certificate,
                connection: self,
                number: number,
                known: known
            )
            // An answer may take hours, an event stream's does.
            transport.stream.releaseBuffer()
            await server.handler.handle(exchange)
            // What no handler made anything of, a stranger's head above all, is not worth its room.
            if let known, known.reading == nil { self.known = nil }
            try settle()
            if endsAfterReply { return await linger() }
            if transport.isBackedUp { _ = await waitUntilTaken() }
            // A client that sends without end, answered without a wait, must not hold the loop.
            withoutWait = transport.stream.availableCount > 0 ? withoutWait + 1 : 0
            if withoutWait >= 16 {
                withoutWait = 0
                await Task.yield()
            }
        }
    }

    private func begin(_ head: RequestHead) {
        number += 1
        reply = .waiting
        isHead = head.method == .head
        isChunked = head.isVersion11
        endsAfterReply = !head.keepsAlive
    }

    /// Makes sure that the request is answered, and forgets it.
    private func settle() throws(ConnectionEnd) {
        switch reply {
        case .waiting: respond(.internalServerError, FieldBlock(), body: [], to: number)
        case .streaming: throw .cutOff
        case .complete: break
        }
        if !closeHooks.isEmpty { closeHooks = [] }
        giveBack()
        if transport.stream.isClosed { throw .cutOff }
    }

    private func giveBack() {
        guard heldByteCount > 0 else { return }
        server.budget.give(heldByteCount)
        heldByteCount = 0
    }

    // MARK: Reading

    /// The next head, nil when the client ends the connection in order.
    ///
    /// Inside of `serve`: a call of another asynchronous function is a switch of the task.
    @inline(__always)
    private func readHead(isFirst: Bool) async throws(ConnectionEnd) -> RequestHead? {
        let limits = server.limits
        let stream = transport.stream
        var scanner = HeadScanner()
        var hasBegun = stream.availableCount > 0
        let wait = isFirst || hasBegun ? limits.headTimeout : limits.keepAliveTimeout
        var deadline = loop.now.advanced(by: wait)
        while true {
            switch transport.receiveNow() {
            case .bytes:
                if let head = try parseHead(&scanner) { return head }
                guard !hasBegun else { continue }
                hasBegun = true
                deadline = loop.now.advanced(by: limits.headTimeout)
            case .end: return nil
            case .failed: throw .cutOff
            case .wouldBlock:
                do throws(StreamError) {
                    try await transport.readable(until: deadline)
                } catch {
                    guard hasBegun, error == .timedOut else { throw .cutOff }
                    throw .refused(.requestTimeout, "the head of the request did not come in time")
                }
            }
        }
    }

    /// A head that has arrived behind the request before.
    private func headNow() throws(ConnectionEnd) -> RequestHead? {
        guard transport.stream.availableCount > 0 else { return nil }
        var scanner = HeadScanner()
        return try parseHead(&scanner)
    }

    /// Longer heads are not kept: an idle connection holds its last one.
    private static let knownByteCount = 2 << 10

    private func parseHead(_ scanner: inout HeadScanner) throws(ConnectionEnd) -> RequestHead? {
        do throws(FramingError) {
            if let known, let head = transport.withBytes({ known.head.again(in: $0) }) {
                transport.stream.consume(head.consumedCount)
                // The length of a body is mostly that of the one before.
                if head.fields !== known.head.fields { known.head = head }
                return head
            }
            let head = try transport.withBytes { bytes throws(FramingError) in
                try RequestHead(from: bytes, scanner: &scanner)
            }
            guard let head else { return nil }
            transport.stream.consume(head.consumedCount)
            known = head.consumedCount <= Self.knownByteCount ? KnownHead(head) : nil
            return head
        } catch {
            throw .refused(error.status, error.description)
        }
    }

    /// The body when it is here already, as the usual one is: it comes with its head.
    private func bodyNow(_ head: RequestHead) throws(ConnectionEnd) -> [UInt8]? {
        switch head.body {
        case .none, .untilClose:
            return []
        case .length(let count):
            guard count <= server.limits.requestByteCount else {
                throw .tooLarge(server.limits.requestByteCount)
            }
            guard transport.stream.availableCount >= count, server.budget.takeNow(count) else {
                return nil
            }
            heldByteCount += count
            return transport.stream.take(count)
        case .chunked:
            return nil
        }
    }

    private func readLongBody(_ head: RequestHead) async throws(ConnectionEnd) -> [UInt8] {
        let limits = server.limits
        if head.expectsContinue, transport.stream.availableCount == 0 {
            try sendContinue()
        }
        var reader = BodyReader(
            head.body,
            limit: limits.requestByteCount,
            budget: server.budget,
            bufferWait: limits.bufferWait
        )
        defer { heldByteCount += reader.heldByteCount }
        do throws(BodyError) {
            let deadline = loop.now.advanced(by: limits.bodyTimeout)
            return try await reader.read(from: transport, until: deadline)
        } catch {
            switch error {
            case .framing(let error): throw .refused(error.status, error.description)
            case .noRoom: throw .refused(.serviceUnavailable, "too many requests are held")
            case .stream(.timedOut):
                throw .refused(.requestTimeout, "the body of the request did not arrive in time")
            case .stream, .endedEarly: throw .cutOff
            }
        }
    }

    private func sendContinue() throws(ConnectionEnd) {
        var line: [UInt8] = []
        line.append("HTTP/1.1 100 Continue\r\n\r\n")
        do throws(StreamError) {
            try transport.send(line)
        } catch { throw .cutOff }
    }

    // MARK: Answering

    /// Bodies up to this size are joined with their head: copying them costs less than a second
    /// piece in the system call.
    private static let joinedByteCount = 16 << 10

    /// Writes the whole answer; what the kernel does not take is queued.
    @discardableResult
    func respond(
        _ status: HTTPStatus,
        _ fields: FieldBlock,
        body: [UInt8],
        to exchange: UInt64
    ) -> Bool {
        guard exchange == number, case .waiting = reply else { return false }
        reply = .complete
        var head: [UInt8] = []
        let isJoined = body.count <= Self.joinedByteCount
        head.reserveCapacity(160 + fields.bytes.count + (isJoined ? body.count : 0))
        appendHead(status, fields, to: &head)
        if !status.hasNoContent {
            head.append("Content-Length: ")
            head.append(decimal: body.count)
            head.appendLineEnd()
        }
        head.appendLineEnd()
        let hasBody = !body.isEmpty && !isHead && !status.hasNoContent
        do throws(StreamError) {
            if hasBody, !isJoined {
                try transport.send(head, body)
            } else {
                if hasBody { head.append(contentsOf: body) }
                try transport.send(head)
            }
            return true
        } catch { return false }
    }

    func beginStream(_ status: HTTPStatus, _ fields: FieldBlock, to exchange: UInt64) -> Bool {
        guard exchange == number, case .waiting = reply else { return false }
        reply = .streaming
        // RFC 9112 section 6.1: no transfer coding to a 1.0 client; the end is the connection's.
        if !isChunked { endsAfterReply = true }
        var head: [UInt8] = []
        head.reserveCapacity(256 + fields.bytes.count)
        appendHead(status, fields, to: &head)
        head.append("Content-Type: text/event-stream\r\nCache-Control: no-store\r\n")
        head.append("X-Accel-Buffering: no\r\n")
        if isChunked { head.append("Transfer-Encoding: chunked\r\n") }
        head.append("\r\n")
        return send(head)
    }

    /// Writes a part of a stream; `waitUntilTaken` follows.
    func sendPart(_ part: [UInt8], isLast: Bool, to exchange: UInt64) -> Bool {
        guard exchange == number, case .streaming = reply else { return false }
        if isLast { reply = .complete }
        // A HEAD request gets the head only (RFC 9110 section 9.3.2).
        if isHead { return !transport.stream.isClosed }
        guard isChunked else { return part.isEmpty ? true : send(part) }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(part.count + 24)
        if !part.isEmpty {
            bytes.append(hexadecimal: part.count)
            bytes.append("\r\n")
            bytes.append(contentsOf: part)
            bytes.append("\r\n")
        }
        if isLast { bytes.append("0\r\n\r\n") }
        return send(bytes)
    }

    /// Whether the client is slow to take what was sent, so that whoever sends more has to wait.
    var isBackedUp: Bool { transport.isBackedUp }

    /// Waits until the client took most of what was sent; false when it is gone.
    func waitUntilTaken() async -> Bool {
        do throws(StreamError) {
            try await transport.drain()
            return true
        } catch { return false }
    }

    private func send(_ bytes: [UInt8]) -> Bool {
        do throws(StreamError) {
            try transport.send(bytes)
            return true
        } catch { return false }
    }

    private func appendHead(_ status: HTTPStatus, _ fields: FieldBlock, to head: inout [UInt8]) {
        server.appendStart(status, to: &head)
        if server.isDraining { endsAfterReply = true }
        if endsAfterReply { head.append("Connection: close\r\n") }
        head.append(contentsOf: fields.bytes)
    }

    // MARK: The end

    func isClosed(_ exchange: UInt64) -> Bool { exchange != number || isPeerGone }

    private var isPeerGone: Bool { transport.stream.isClosed || transport.stream.isPeerClosed }

    func onClose(_ body: @escaping @Sendable () -> Void, to exchange: UInt64) {
        guard exchange == number else { return }
        if isPeerGone { body() } else { closeHooks.append(body) }
    }

    func closed(_ exchange: UInt64) async {
        guard exchange == number, !isPeerGone else { return }
        let pending = Pending<Void>(on: loop)
        closing.append(pending)
        _ = try? await pending.value()
    }

    private func peerLeft() {
        let (hooks, waiting) = (closeHooks, closing)
        closeHooks = []
        closing = []
        for hook in hooks { hook() }
        for pending in waiting { pending.fulfil(()) }
        http2?.peerLeft()
    }

    /// The server drains: an idle connection is closed, another one after its answer.
    func drain() {
        if let http2 { return http2.drain() }
        if isIdle, transport.stream.availableCount == 0 { transport.close() }
    }

    /// A connection that may last for days is to be begun anew: what is open is answered on it.
    func renew() { http2?.drain() }

    /// The server's patience is over.
    func abort() {
        transport.close()
        peerLeft()
    }

    private func end(with reason: ConnectionEnd) async {
        giveBack()
        guard case .refused(let status, let text) = reason else { return }
        number += 1
        reply = .waiting
        isHead = false
        endsAfterReply = true
        var fields = FieldBlock()
        fields.add(.contentType, literal: "text/plain; charset=utf-8")
        respond(status, fields, body: Array("error: \(text)\n".utf8), to: number)
        await linger()
    }

    /// Lets the client read the last answer before the connection goes: closing while it still sends
    /// would make the kernel throw the answer away (RFC 9112 section 9.6).
    private func linger() async {
        let stream = transport.stream
        var rest = Limits.lingerByteCount
        let deadline = loop.now.advanced(by: Limits.lingerTimeout)
        do throws(StreamError) {
            try await stream.drained()
            try transport.finish()
            while rest > 0, loop.now < deadline {
                stream.consume(stream.availableCount)
                let count = try await transport.fill(until: deadline)
                if count == 0 { return }
                rest -= count
            }
        } catch {}
    }
}
