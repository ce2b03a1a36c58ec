import Base
import System

/// One request of a connection of HTTP/2: its body as it comes, its answer as it goes.
///
/// INVARIANT loop-thread: every use is on the server's loop, which is what makes
/// `@unchecked Sendable` true.
final class HTTP2Stream: @unchecked Sendable {
    /// How far the request is.
    private enum Phase { case receiving, answering, refused }
    /// How far its answer is.
    private enum Reply { case waiting, streaming, complete }

    let id: Int32
    private let connection: HTTP2Connection
    private var phase = Phase.receiving
    private var reply = Reply.waiting
    private var isGone = false

    private var head: RequestHead?
    private var body: [UInt8] = []
    /// Body that came and has no room in the budget yet; its sender may not send on.
    private var unheld: [UInt8] = []
    private var heldByteCount = 0
    private var isBodyEnded = false
    private var bodyDeadline = Instant(nanoseconds: .max)
    /// Answered before its body came: until when, and how much of it, is still read and dropped.
    private var lingerDeadline: Instant?
    private var lingerByteCount = Limits.lingerByteCount

    private var outgoing = OutgoingBody()
    private var isAsleep = false
    private var stallDeadline = Instant(nanoseconds: .max)
    private var takers: [Pending<Void>] = []
    private var closeHooks: [@Sendable () -> Void] = []
    private var closing: [Pending<Void>] = []

    init(_ id: Int32, of connection: HTTP2Connection) {
        self.id = id
        self.connection = connection
    }

    private var server: ServerContext { connection.server }

    /// Whether it waits for more of its request.
    var awaitsBody: Bool { phase == .receiving && !isGone }

    // MARK: The request

    func begin(_ head: RequestHead, hasBody: Bool) {
        self.head = head
        // Without a body its end follows at once.
        guard hasBody else { return }
        let limits = server.limits
        if case .length(let count) = head.body, count > limits.requestByteCount {
            return refuseLongBody()
        }
        guard server.handler.awaitsBody(of: head, from: connection.peer, connection.certificate)
        else { return start() }
        bodyDeadline = connection.loop.now.advanced(by: limits.bodyTimeout)
        if head.expectsContinue { connection.inform(id, HTTP2FieldList(status: 100)) }
    }

    func take(_ bytes: [UInt8]) {
        guard phase == .receiving, !isGone else { return drop(bytes.count) }
        guard body.count + unheld.count + bytes.count <= server.limits.requestByteCount else {
            refuseLongBody()
            return drop(bytes.count)
        }
        if unheld.isEmpty, server.budget.takeNow(bytes.count) { return keep(bytes) }
        let isWaiting = !unheld.isEmpty
        unheld += bytes
        if !isWaiting { connection.loop.spawn { await self.awaitRoom() } }
    }

    /// Bytes nobody wants: read for a while, so that a client that sends before it listens hears
    /// its answer.
    private func drop(_ count: Int) {
        connection.consume(id, count)
        lingerByteCount -= count
        if lingerByteCount < 0, lingerDeadline != nil { reset(HTTP2Code.noError) }
    }

    private func keep(_ bytes: [UInt8]) {
        heldByteCount += bytes.count
        body += bytes
        connection.consume(id, bytes.count)
    }

    private func awaitRoom() async {
        while phase == .receiving, !isGone, !unheld.isEmpty {
            let count = unheld.count
            let latest = connection.loop.now.advanced(by: server.limits.bufferWait)
            let hasRoom = await server.budget.take(count, until: min(latest, bodyDeadline))
            guard phase == .receiving, !isGone else {
                if hasRoom { server.budget.give(count) }
                return
            }
            guard hasRoom else {
                return refuse(.serviceUnavailable, "too many requests are held")
            }
            let bytes = Array(unheld.prefix(count))
            unheld.removeFirst(count)
            keep(bytes)
        }
        if isBodyEnded { start() }
    }

    func bodyEnded() {
        isBodyEnded = true
        if unheld.isEmpty { start() }
    }

    private func start() {
        guard phase == .receiving, !isGone, let head else { return }
        phase = .answering
        let whole = body
        body = []
        let exchange = Exchange(
            head,
            body: whole,
            peer: connection.peer,
            certificate: connection.certificate,
            connection: connection.owner,
            number: 0,
            stream: self
        )
        connection.handle(exchange, of: self)
    }

    private func refuseLongBody() {
        let error = FramingError(.bodyTooLarge(limit: server.limits.requestByteCount), at: 0)
        refuse(error.status, error.description)
    }

    /// Answers without the handler, as a connection of HTTP/1.1 does before it ends.
    func refuse(_ status: HTTPStatus, _ text: String) {
        guard phase == .receiving else { return }
        phase = .refused
        giveBack()
        unheld = []
        var fields = FieldBlock()
        fields.add(.contentType, literal: "text/plain; charset=utf-8")
        respond(status, fields, body: Array("error: \(text)\n".utf8))
    }

    private func giveBack() {
        body = []
        guard heldByteCount > 0 else { return }
        server.budget.give(heldByteCount)
        heldByteCount = 0
    }

    /// The handler is done: the request is answered, or cut off.
    func settle() {
        giveBack()
        closeHooks = []
        guard !isGone else { return }
        switch reply {
        case .waiting: respond(.internalServerError, FieldBlock(), body: [])
        case .streaming: reset(HTTP2Code.internalError)
        case .complete: break
        }
    }

    // MARK: The answer

    @discardableResult
    func respond(_ status: HTTPStatus, _ fields: FieldBlock, body: [UInt8]) -> Bool {
        guard reply == .waiting, !isGone else { return false }
        reply = .complete
        let hasBody = !body.isEmpty && head?.method != .head && !status.hasNoContent
        var list = answer(status, fields)
        if !status.hasNoContent { list.add("content-length") { $0.append(decimal: body.count) } }
        if hasBody, !queue(body) { return false }
        outgoing.isEnded = true
        return send(list, hasBody: hasBody)
    }

    func beginStream(_ status: HTTPStatus, _ fields: FieldBlock) -> Bool {
        guard reply == .waiting, !isGone else { return false }
        reply = .streaming
        var list = answer(status, fields)
        list.add("content-type") { $0.append("text/event-stream") }
        list.add("cache-control") { $0.append("no-store") }
        list.add("x-accel-buffering") { $0.append("no") }
        return send(list, hasBody: head?.method != .head)
    }

    func sendPart(_ part: [UInt8], isLast: Bool) -> Bool {
        guard reply == .streaming, !isGone else { return false }
        if isLast { reply = .complete }
        // A HEAD request gets the head only (RFC 9110 section 9.3.2).
        if head?.method == .head { return true }
        guard queue(part) else { return false }
        outgoing.isEnded = isLast
        if isAsleep {
            isAsleep = false
            connection.resume(id)
        } else {
            connection.flush()
        }
        noteStall()
        return !isGone
    }

    private func answer(_ status: HTTPStatus, _ fields: FieldBlock) -> HTTP2FieldList {
        var list = HTTP2FieldList(status: status.code)
        var lines: [UInt8] = []
        server.appendDate(to: &lines)
        list.add(lines: lines)
        list.add(lines: fields.bytes)
        return list
    }

    private func send(_ list: HTTP2FieldList, hasBody: Bool) -> Bool {
        guard connection.respond(id, list, hasBody: hasBody) else {
            reset(HTTP2Code.internalError)
            return false
        }
        noteStall()
        return true
    }

    /// Keeps bytes for when the client takes them; a client that takes none loses its streams, not
    /// the gateway its memory.
    private func queue(_ bytes: [UInt8]) -> Bool {
        guard connection.unsentByteCount + bytes.count <= Limits.http2UnsentByteCount else {
            reset(HTTP2Code.enhanceYourCalm)
            return false
        }
        connection.noteUnsent(bytes.count)
        outgoing.append(bytes)
        return true
    }

    /// The next bytes of the answer, for the session.
    func nextBytes(atMost room: Int) -> (bytes: ArraySlice<UInt8>, isLast: Bool) {
        let bytes = outgoing.take(atMost: room)
        connection.noteUnsent(-bytes.count)
        stallDeadline =
            outgoing.count > 0
            ? connection.loop.now.advanced(by: server.limits.writeTimeout)
            : Instant(nanoseconds: .max)
        isAsleep = bytes.isEmpty && !outgoing.isEnded
        if outgoing.count <= Self.highWater / 2 { resumeTakers() }
        return (bytes, outgoing.count == 0 && outgoing.isEnded)
    }

    private func resumeTakers() {
        let waiting = takers
        takers = []
        for pending in waiting { pending.fulfil(()) }
    }

    /// How much of an event stream may wait before whoever sends it has to wait.
    private static let highWater = 64 << 10

    var isBackedUp: Bool { outgoing.count > Self.highWater }

    /// Waits until the client took most of what was sent; false when it is gone.
    func waitUntilTaken() async -> Bool {
        guard isBackedUp, !isGone else { return !isGone }
        let pending = Pending<Void>(on: connection.loop)
        takers.append(pending)
        _ = try? await pending.value()
        return !isGone
    }

    /// Our last frame is with the client.
    func answerSent() {
        guard !isBodyEnded else { return }
        lingerDeadline = connection.loop.now.advanced(by: Limits.lingerTimeout)
        drop(0)
        connection.watch()
    }

    func reset(_ code: UInt32) {
        leave()
        connection.reset(id, code)
    }

    // MARK: Time

    /// From the first byte that waits, whatever is added to it: only taking some starts anew.
    private func noteStall() {
        guard outgoing.count > 0, stallDeadline.nanoseconds == .max else { return }
        stallDeadline = connection.loop.now.advanced(by: server.limits.writeTimeout)
        connection.watch()
    }

    /// When somebody has to look at it.
    var deadline: Instant? {
        if isGone { return nil }
        if awaitsBody { return bodyDeadline }
        if let lingerDeadline { return lingerDeadline }
        return outgoing.count > 0 ? stallDeadline : nil
    }

    func look(at now: Instant) {
        guard let deadline, deadline <= now else { return }
        if awaitsBody {
            refuse(.requestTimeout, "the body of the request did not arrive in time")
        } else if lingerDeadline != nil {
            // RFC 9113 section 8.1: the rest of the request is not wanted, and nothing was wrong.
            reset(HTTP2Code.noError)
        } else {
            // A client that opens no window for so long reads no more.
            reset(HTTP2Code.cancel)
        }
    }

    // MARK: The end

    var isClosed: Bool { isGone }

    func onClose(_ body: @escaping @Sendable () -> Void) {
        if isGone { body() } else { closeHooks.append(body) }
    }

    func closed() async {
        guard !isGone else { return }
        let pending = Pending<Void>(on: connection.loop)
        closing.append(pending)
        _ = try? await pending.value()
    }

    /// The stream is over, or the client is gone.
    func leave() {
        guard !isGone else { return }
        isGone = true
        if phase != .answering { giveBack() }
        connection.noteUnsent(-outgoing.count)
        outgoing = OutgoingBody()
        let (hooks, waiting) = (closeHooks, closing)
        closeHooks = []
        closing = []
        // Whoever was answered in full has nothing left to be told.
        if reply != .complete { for hook in hooks { hook() } }
        for pending in waiting { pending.fulfil(()) }
        resumeTakers()
    }
}

/// Bytes that wait to go out on a stream.
struct OutgoingBody {
    private var bytes: [UInt8] = []
    private var start = 0
    /// Whether nothing follows what is here.
    var isEnded = false

    var count: Int { bytes.count - start }

    mutating func append(_ more: [UInt8]) {
        if start == bytes.count {
            bytes = more
            start = 0
        } else {
            bytes += more
        }
    }

    mutating func take(atMost room: Int) -> ArraySlice<UInt8> {
        let end = min(start + room, bytes.count)
        let taken = bytes[start..<end]
        start = end
        if start == bytes.count {
            bytes = []
            start = 0
        }
        return taken
    }
}
