import Base
import Egress
import HTTP
import System

/// One connection a server makes out of its cage, decided and carried: a request to a proxy, or one
/// that was captured.
actor EgressConnection {
    nonisolated let loop: EventLoop
    nonisolated var unownedExecutor: UnownedSerialExecutor {
        unsafe loop.asUnownedSerialExecutor()
    }

    let client: Stream
    let owner: ServerEgress
    private let way: EgressWay
    /// Whether the budget counts it.
    private var isCounted = false
    /// Whether what it says to us is TLS, so that a refusal has to be an alert.
    var speaksTLS = false
    private var upstream: Stream?
    private var sentByteCount: UInt64 = 0
    private var receivedByteCount: UInt64 = 0
    private var lastMove: Instant
    private var end = "ended"
    /// Where a plain request goes, whose body is looked at.
    private var plainTarget: EgressTarget?
    private var lastPiece: [UInt8] = []
    /// Longer than a placeholder in any spelling that comes in one line.
    private static let canaryReach = 2 << 10

    init(_ client: sending Stream, _ owner: ServerEgress, by way: EgressWay) {
        self.way = way
        loop = owner.loop
        lastMove = owner.loop.now
        self.client = client
        self.owner = owner
    }

    func run() async {
        guard await owner.add(self) else { return client.close() }
        do {
            try await serve()
        } catch let refusal as EgressRefusal {
            await owner.refused(refusal, by: way, isCounted: isCounted)
            await answer(refusal)
        } catch {
            // The client left, or was too slow: nothing was decided.
        }
        client.close()
        upstream?.close()
        await owner.remove(self)
    }

    /// The server's process ended.
    nonisolated func cutOff() {
        assumeIsolated { connection in
            connection.client.close()
            connection.upstream?.close()
        }
    }

    private func serve() async throws {
        guard way == .proxy else { return try await serveCaptured() }
        let head = try await readHead()
        if head.isConnect {
            let target = try EgressTarget(authority: head.target)
            try await counted(target) { try await self.tunnel(target) }
        } else {
            let (target, path) = try EgressTarget.absolute(head.target)
            try await counted(target) { try await self.relay(head, target, path) }
        }
    }

    func counted(_ target: EgressTarget, _ body: () async throws -> Void) async throws {
        isCounted = true
        try await owner.begin(target)
        do {
            try await body()
            await owner.end()
        } catch {
            await owner.end()
            throw error
        }
    }

    func readHead() async throws -> ProxyRequestHead {
        let deadline = loop.now.advanced(by: Limits.headTimeout)
        var scanner = HeadScanner()
        while true {
            do throws(FramingError) {
                let head = try client.withBytes { bytes throws(FramingError) in
                    try unsafe bytes.withUnsafeBytes { buffer throws(FramingError) in
                        // Bytes are always aligned and bound as bytes.
                        try unsafe ProxyRequestHead(
                            from: buffer.assumingMemoryBound(to: UInt8.self).span,
                            scanner: &scanner
                        )
                    }
                }
                if let head {
                    client.consume(head.consumedCount)
                    return head
                }
            } catch {
                throw EgressRefusal.badRequest("only HTTP and TLS are carried: \(error)")
            }
            guard try await client.fill(until: deadline) > 0 else { throw StreamError.closed }
        }
    }

    // MARK: TLS

    func tunnel(_ target: EgressTarget) async throws {
        let admission = try await owner.admit(target)
        if let interception = try await owner.interception(of: admission) {
            return try await intercept(interception, admission)
        }
        let upstream = try await connect(admission.pinned)
        try announce()
        guard try await isGreeted(admission.pinned) else { return }
        try await owner.opened(admission, upstream.peer, by: way)
        let started = loop.now
        await carry(client.take(client.availableCount))
        await report(target, since: started)
    }

    /// Who asked a proxy waits for its answer before the greeting.
    private func announce() throws {
        guard way == .proxy else { return }
        try client.send(Array("HTTP/1.1 200 Connection established\r\n\r\n".utf8))
        speaksTLS = true
    }

    /// Ends the client's TLS here: each of its requests is read, decided on, and written anew.
    private func intercept(_ interception: Interception, _ admission: Admission) async throws {
        try announce()
        guard try await isGreeted(admission.pinned),
            let address = admission.pinned.addresses.first
        else { return }
        let target = admission.pinned.target
        try await owner.opened(admission, .ip(address, port: target.port), by: way)
        let started = loop.now
        // From here on the connection's server has it; here it is only closed.
        nonisolated(unsafe) let stream = client
        await unsafe interception.server.serve(stream, tls: interception.tls)
        await interception.client.close()
        end = "intercepted"
        await report(target, since: started)
    }

    /// Waits for the whole greeting and leaves it unread; says why not when it is not taken.
    private func isGreeted(_ pinned: PinnedTarget) async throws -> Bool {
        do {
            try await readGreeting(pinned)
            return true
        } catch let refusal as EgressRefusal {
            await owner.refused(refusal, by: way)
            await answer(refusal)
            return false
        }
    }

    private func readGreeting(_ pinned: PinnedTarget) async throws {
        try pinned.check(try await greeting(to: pinned.target))
    }

    /// The whole greeting, which stays unread.
    func greeting(to target: EgressTarget) async throws -> ClientHello {
        let deadline = loop.now.advanced(by: Limits.egressGreeting)
        while true {
            let bytes = client.withBytes { raw in unsafe raw.withUnsafeBytes { unsafe Array($0) } }
            let hello: ClientHello?
            do throws(ClientHello.Problem) {
                hello = try ClientHello.read(bytes)
            } catch {
                throw EgressRefusal.notTLS(target)
            }
            if let hello { return hello }
            let count: Int
            do throws(StreamError) {
                count = try await client.fill(until: deadline)
            } catch {
                guard error == .timedOut else { throw error }
                throw EgressRefusal.notTLS(target)
            }
            guard count > 0 else { throw StreamError.closed }
        }
    }

    /// By the addresses that were decided on, never by the name again.
    private func connect(_ pinned: PinnedTarget) async throws -> Stream {
        let deadline = loop.now.advanced(by: Limits.connectTimeout)
        var last = "no address answered"
        for address in pinned.addresses {
            guard loop.now < deadline, !client.isClosed else { break }
            let place = SocketAddress.ip(address, port: pinned.target.port)
            let stream: Stream
            do throws(StreamError) {
                stream = try await Stream.connect(to: place, on: loop, until: deadline)
            } catch {
                last = "\(error)"
                continue
            }
            upstream = stream
            nonisolated(unsafe) let made = stream
            try await unsafe owner.check(made, pinned)
            return stream
        }
        throw EgressRefusal.unreachable(pinned.target, reason: last)
    }

    // MARK: Plain http

    func relay(
        _ head: ProxyRequestHead,
        _ target: EgressTarget,
        _ path: [UInt8]
    ) async throws {
        let admission = try await owner.admit(target)
        let method = String(decoding: head.method, as: UTF8.self)
        let names = head.fields.map { String(decoding: $0.name, as: UTF8.self).lowercased() }
        try admission.pinned.allowed.check(method: method, path: path[...], fields: names)
        let upstream = try await connect(admission.pinned)
        try await owner.opened(admission, upstream.peer, by: way)
        let started = loop.now
        plainTarget = target
        var words = path
        for (name, value) in head.fields { words += [0x0a] + name + [0x3a] + value }
        guard await !owner.holdsCanary(words, for: target) else {
            throw EgressRefusal.badRequest("a placeholder stands in the request")
        }
        let authority = target.port == 80 ? target.host.description : target.description
        try upstream.send(head.forwarded(path: path, authority: authority))
        // The answer is read to its end while the body still goes up.
        let answer = loop.spawn { await self.pump(.down) }
        do {
            try await sendBody(head.body, to: upstream)
        } catch {
            end = "the request was cut off"
            upstream.close()
        }
        await answer.value
        await report(target, since: started)
    }

    private func sendBody(_ framing: BodyFraming, to upstream: Stream) async throws {
        switch framing {
        case .none, .untilClose: return
        case .length(var left):
            while left > 0 {
                let bytes = try await received(atMost: min(left, Self.pieceByteCount))
                left -= bytes.count
                try await pass(bytes, to: upstream)
            }
        case .chunked:
            // Read and written anew, so that what follows cannot be taken for a part of it.
            var decoder = ChunkedDecoder(limit: .max)
            while true {
                let bytes = try await received(atMost: Self.pieceByteCount)
                var index = 0
                reading: while true {
                    switch try decoder.next(in: bytes.span, from: &index) {
                    case .data(let range):
                        let size = Array("\(String(range.count, radix: 16))\r\n".utf8)
                        try await pass(size + bytes[range] + [0x0d, 0x0a], to: upstream)
                    case .needsMore: break reading
                    case .end: return try upstream.send(Array("0\r\n\r\n".utf8))
                    }
                }
            }
        }
    }

    private func received(atMost limit: Int) async throws -> [UInt8] {
        var bytes: [UInt8] = []
        let deadline = loop.now.advanced(by: Limits.bodyTimeout)
        guard try await client.read(appendingTo: &bytes, atMost: limit, until: deadline) > 0 else {
            throw StreamError.closed
        }
        return bytes
    }

    private func pass(_ bytes: [UInt8], to upstream: Stream) async throws {
        lastMove = loop.now
        sentByteCount &+= UInt64(bytes.count)
        if let plainTarget {
            // A placeholder may lie across two pieces.
            let joined = lastPiece + bytes
            guard await !owner.holdsCanary(joined, for: plainTarget) else {
                end = "a placeholder stands in the body"
                throw StreamError.closed
            }
            lastPiece = Array(joined.suffix(Self.canaryReach))
        }
        guard await owner.sent(bytes.count) else {
            end = "the budget of bytes is spent"
            throw StreamError.closed
        }
        try await upstream.write(bytes)
    }

    // MARK: Carrying

    private enum Direction { case up, down }
    private static let pieceByteCount = 64 << 10

    /// Both ways at once, until both sides are done or one breaks.
    private func carry(_ greeting: [UInt8]) async {
        guard let upstream else { return }
        do {
            try await pass(greeting, to: upstream)
        } catch { return }
        let answer = loop.spawn { await self.pump(.down) }
        await pump(.up)
        await answer.value
    }

    private func pump(_ direction: Direction) async {
        guard let upstream else { return }
        let (source, sink) = direction == .up ? (client, upstream) : (upstream, client)
        do {
            while true {
                var bytes: [UInt8] = []
                let deadline = lastMove.advanced(by: Limits.egressIdle)
                do throws(StreamError) {
                    let count = try await source.read(
                        appendingTo: &bytes,
                        atMost: Self.pieceByteCount,
                        until: deadline
                    )
                    guard count > 0 else { return try sink.finish() }
                } catch {
                    let isIdle = loop.now >= lastMove.advanced(by: Limits.egressIdle)
                    guard error == .timedOut else { throw error }
                    guard isIdle else { continue }
                    end = "nothing moved"
                    throw error
                }
                if direction == .up {
                    try await pass(bytes, to: sink)
                } else {
                    lastMove = loop.now
                    receivedByteCount &+= UInt64(bytes.count)
                    await owner.received(bytes.count)
                    try await sink.write(bytes)
                }
            }
        } catch {
            // One side is gone: nothing can be carried either way.
            client.close()
            upstream.close()
        }
    }

    private func report(_ target: EgressTarget, since started: Instant) async {
        await owner.closed(
            EgressReport(
                target: target,
                duration: loop.now.duration(since: started),
                sentByteCount: sentByteCount,
                receivedByteCount: receivedByteCount,
                end: end
            )
        )
    }

    // MARK: Refusing

    private func answer(_ refusal: EgressRefusal) async {
        // A fatal alert, access_denied (RFC 8446 section 6.2): all that can be said to TLS.
        guard !speaksTLS else { return await leave(saying: [21, 3, 3, 0, 2, 2, 49]) }
        let status =
            switch refusal {
            case .notUsable, .badRequest: "400 Bad Request"
            case .overBudget: "429 Too Many Requests"
            case .notResolved, .unreachable: "502 Bad Gateway"
            default: "403 Forbidden"
            }
        let text = printable(refusal.agentText, limit: 600) + "\n"
        let head =
            "HTTP/1.1 \(status)\r\nContent-Type: text/plain\r\nContent-Length: \(text.utf8.count)\r\n"
            + "X-Gatehouse-Refusal: \(refusal.code)\r\nConnection: close\r\n\r\n"
        await leave(saying: Array((head + text).utf8))
    }

    /// The last words, and then only reading.
    private func leave(saying words: [UInt8]) async {
        do {
            try client.send(words)
            try client.finish()
            // Until the client has read it: closing with unread bytes would take it away again.
            let deadline = loop.now.advanced(by: Limits.lingerTimeout)
            while try await client.fill(until: deadline) > 0 {
                client.consume(client.availableCount)
            }
        } catch {
            // It left.
        }
    }
}
