import Base
import System

/// A request as a connection of HTTP/2 sends it.
struct HTTP2Request: Sendable {
    let fields: HTTP2FieldList
    let body: [UInt8]
    let deadline: Instant
    let responseByteCount: Int

    /// Nil when method or target cannot be written.
    init?(_ request: ClientRequest, origin: HTTPOrigin, _ authorization: FieldValue?) {
        guard let method = request.methodName, request.hasValidTarget else { return nil }
        var fields = HTTP2FieldList(
            method: method,
            isSecure: origin.isSecure,
            authority: origin.authority,
            target: request.target
        )
        if let authorization {
            fields.add("authorization") { $0.append(contentsOf: authorization.bytes) }
        }
        if request.announcesLength {
            fields.add("content-length") { $0.append(decimal: request.body.count) }
        }
        fields.add(lines: request.fields.bytes)
        self.fields = fields
        body = request.body
        deadline = request.deadline
        responseByteCount = request.responseByteCount
    }
}

/// One request on a connection of HTTP/2, and what came back of its response.
///
/// INVARIANT loop-thread: touched by its connection on the loop only, which is what makes
/// `@unchecked Sendable` true.
final class HTTP2Call: @unchecked Sendable {
    let id: Int32
    let deadline: Instant
    private let connection: HTTP2ClientConnection
    private let loop: EventLoop
    private let limit: Int
    private var cancellation: Cancellation?
    private var outgoing = OutgoingBody()
    /// Whether the server may know of it.
    var isHeadSent = false

    private var head: ResponseHead?
    private var interimCount = 0
    private var body: [UInt8] = []
    private var aside: [UInt8] = []
    private var heldByteCount = 0
    private var hasEnded = false
    private(set) var failure: HTTPClientError?
    private var waiter: Pending<Void>?

    private var events: EventBody?
    /// Bytes of the event stream nobody asked for yet; the server may send so many and no more.
    private var unread: [UInt8] = []
    private var withoutWait = 0
    /// Nobody reads it any more.
    private(set) var isReleased = false

    init(
        _ id: Int32,
        _ request: HTTP2Request,
        _ connection: HTTP2ClientConnection,
        _ cancellation: Cancellation?
    ) {
        self.id = id
        self.connection = connection
        self.cancellation = cancellation
        loop = connection.loop
        deadline = request.deadline
        limit = request.responseByteCount
        outgoing.append(request.body)
        outgoing.isEnded = true
    }

    func nextBytes(atMost room: Int) -> (bytes: ArraySlice<UInt8>, isLast: Bool) {
        let bytes = outgoing.take(atMost: room)
        return (bytes, outgoing.count == 0)
    }

    // MARK: Waiting

    /// Waits until anything happens to it; throws what ended it, or `timedOut`.
    func wait(until deadline: Instant) async throws(HTTPClientError) {
        if let failure { throw failure }
        let pending = Pending<Void>(on: loop)
        waiter = pending
        do {
            try await pending.value(until: deadline)
        } catch { throw HTTPClientError(.timedOut, requestSent: isHeadSent) }
    }

    private func wake() {
        let waiting = waiter
        waiter = nil
        waiting?.fulfil(())
    }

    /// The first failure counts, and none after the end.
    func fail(_ reason: HTTPClientError.Reason, sent: Bool) {
        guard failure == nil, !hasEnded else { return }
        failure = HTTPClientError(reason, requestSent: sent)
        wake()
    }

    /// Whether somebody still waits for what comes.
    var isWanted: Bool { failure == nil }

    func end() {
        hasEnded = true
        wake()
    }

    // MARK: The response

    func take(_ fields: HTTP2Fields) throws(HTTPClientError) {
        // Trailers: nothing in them may become a header field afterwards.
        guard head == nil, isWanted else { return }
        let read: ResponseHead
        do throws(FramingError) {
            read = try fields.responseHead()
        } catch { throw HTTPClientError(.framing(error), requestSent: true) }
        guard read.isInterim else {
            if let coding = read["content-encoding"], !coding.equalsIgnoringCase("identity") {
                throw HTTPClientError(.encoded(coding.text), requestSent: true)
            }
            head = read
            if read.isEventStream {
                events = EventBody(.untilClose, eventByteCount: limit)
            } else if case .length(let count) = read.body, count > limit {
                throw HTTPClientError(tooLarge, requestSent: true)
            }
            return wake()
        }
        // As for HTTP/1.1: eight interim heads are more than any server sends.
        interimCount += 1
        guard interimCount <= 8, read.status.code != 101 else {
            throw HTTPClientError(.framing(FramingError(.badStatusLine, at: 0)), requestSent: true)
        }
    }

    var isEventStream: Bool { events != nil }

    var tooLarge: HTTPClientError.Reason {
        .framing(FramingError(.bodyTooLarge(limit: limit), at: 0))
    }

    func fits(_ count: Int) -> Bool { body.count + aside.count + count <= limit }

    func keep(_ bytes: [UInt8]) {
        heldByteCount += bytes.count
        body += bytes
    }

    /// Keeps bytes for which there is no room yet; true when nobody waits for room.
    func setAside(_ bytes: [UInt8]) -> Bool {
        defer { aside += bytes }
        return aside.isEmpty
    }

    var isShortOfRoom: Bool { !aside.isEmpty }
    var asideCount: Int { aside.count }

    func keepAside(_ count: Int) {
        keep(Array(aside.prefix(count)))
        aside.removeFirst(count)
        if hasEnded, aside.isEmpty { wake() }
    }

    /// The response when it is whole, or the head of its stream; throws what ended it.
    func response(_ budget: BufferBudget) throws(HTTPClientError) -> ClientResponse? {
        if let failure { throw failure }
        guard let head else {
            if hasEnded { throw HTTPClientError(.endedEarly, requestSent: true) }
            return nil
        }
        if isEventStream {
            let stream = EventStream(call: self, on: connection)
            return ClientResponse(head: head, content: .events(stream), lease: nil)
        }
        guard hasEnded, aside.isEmpty else { return nil }
        detach()
        let lease = BufferLease(heldByteCount, of: budget, on: loop)
        heldByteCount = 0
        defer { body = [] }
        return ClientResponse(head: head, content: .body(body), lease: lease)
    }

    private func detach() {
        cancellation?.detach()
        cancellation = nil
    }

    /// Lets go of everything it holds.
    func release(_ budget: BufferBudget) {
        isReleased = true
        detach()
        body = []
        aside = []
        unread = []
        if heldByteCount > 0 { budget.give(heldByteCount) }
        heldByteCount = 0
    }

    // MARK: Events

    func buffer(_ bytes: [UInt8]) {
        unread += bytes
        wake()
    }

    var bufferedByteCount: Int { unread.count }
    /// Whether all of the stream was read.
    var isEnded: Bool { hasEnded && unread.isEmpty }
    var lastEventID: [UInt8]? { events?.lastEventID }
    var retryDelay: Duration? { events?.retryDelay }

    /// Whether so many pieces were there without a wait that others are to have their turn.
    func takesPause() -> Bool {
        withoutWait += 1
        guard withoutWait >= 16 else { return false }
        withoutWait = 0
        return true
    }

    /// Reads up to the end of one event in what is there; `count` bytes of room were taken for it.
    func nextEvent(
        holding count: Int,
        _ budget: BufferBudget
    ) throws(HTTPClientError) -> (event: ServerSentEvent?, used: Int) {
        heldByteCount += count
        guard var body = events else { return (nil, 0) }
        events = nil
        defer { events = body }
        let result = try body.parse(unread.span).get()
        unread.removeFirst(result.consumedCount)
        // What stays held: the unfinished event, and this one until the next is asked for.
        let kept = body.bufferedByteCount + (result.event?.data.count ?? 0)
        if kept < heldByteCount {
            budget.give(heldByteCount - kept)
            heldByteCount = kept
        }
        return (result.event, result.consumedCount)
    }
}
