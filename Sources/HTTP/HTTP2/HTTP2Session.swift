package import Base
import CNGHTTP2

/// What one side of a connection of HTTP/2 takes from the other.
package struct HTTP2SessionLimits: Sendable {
    var streamCount = Limits.http2StreamCount
    /// Bytes of one stream that may be on their way to us.
    var streamWindow = Limits.http2StreamWindowByteCount
    /// Bytes of all of them.
    var window = Limits.http2WindowByteCount
    /// Fields and bytes of one head.
    var headByteCount = Limits.headByteCount
    var headerCount = Limits.headerCount

    package init() {}
}

/// Why a stream or a connection ends (RFC 9113 section 7).
enum HTTP2Code {
    static var noError: UInt32 { 0 }
    static var protocolError: UInt32 { 1 }
    static var internalError: UInt32 { 2 }
    static var refusedStream: UInt32 { 7 }
    static var cancel: UInt32 { 8 }
    static var enhanceYourCalm: UInt32 { 11 }
}

/// What fills the bodies that go out.
package protocol HTTP2BodySource: AnyObject {
    /// The next bytes of a stream's body, at most `room`, and whether they are the last; none that
    /// are not the last put the stream to sleep until `resume`.
    func nextBytes(of stream: Int32, atMost room: Int) -> (bytes: ArraySlice<UInt8>, isLast: Bool)
}

/// One connection of HTTP/2 in memory: bytes of the peer go in and events come out, bytes for the
/// peer come out, and whoever owns the socket moves them.
///
/// Fields are gathered here, within their limits; what a list of fields expands to beyond them is
/// counted and not kept.
@safe
package final class HTTP2Session {
    package enum Event: Sendable {
        /// All fields of a head are here; it may be a trailer, and all there is.
        case head(Int32, HTTP2Fields, isLast: Bool)
        case data(Int32, [UInt8])
        /// The peer sends nothing more on the stream.
        case end(Int32)
        case closed(Int32, code: UInt32)
        case goingAway(last: Int32, code: UInt32)
        case headSent(Int32)
        case endSent(Int32)
    }

    private let pointer: OpaquePointer
    private let limits: HTTP2SessionLimits
    private var events: [Event] = []
    private var headCount = 0
    /// The head that arrives; heads of several streams never mix (RFC 9113 section 4.3).
    private var fields: HTTP2Fields?
    private var patience = HTTP2Patience()
    private var now = Instant(nanoseconds: 0)
    /// The peer sends what only costs, and nothing more is taken from it.
    private var isFlooded = false
    private weak var source: (any HTTP2BodySource)?

    /// Nil without memory.
    package init?(asServer: Bool, _ limits: HTTP2SessionLimits, source: any HTTP2BodySource) {
        var settings = cnghttp2_limits(
            is_server: asServer ? 1 : 0,
            stream_count: UInt32(limits.streamCount),
            head_length: UInt32(limits.headByteCount),
            stream_window: UInt32(limits.streamWindow),
            window: UInt32(limits.window),
            reset_burst: UInt64(Limits.http2ResetBurst),
            reset_rate: UInt64(Limits.http2ResetsPerSecond)
        )
        let made = unsafe cnghttp2_new(
            &settings,
            { event, context in
                // `context` is the session whose `receive` or `send` is under way.
                unsafe Unmanaged<HTTP2Session>.fromOpaque(context).takeUnretainedValue()
                    .note(event.pointee)
            },
            { stream, out, room, isLast, context in
                unsafe Unmanaged<HTTP2Session>.fromOpaque(context).takeUnretainedValue()
                    .fill(stream, UnsafeMutableBufferPointer(start: out, count: room), isLast)
            }
        )
        guard let pointer = unsafe made else { return nil }
        unsafe self.pointer = unsafe pointer
        self.limits = limits
        self.source = source
    }

    deinit { unsafe cnghttp2_free(pointer) }

    // MARK: Bytes

    /// Takes bytes of the peer; false when nothing more can be taken, which the peer is told.
    package func receive(_ bytes: Span<UInt8>, at now: Instant) -> Bool {
        self.now = now
        headCount = 0
        let status = unsafe bytes.withUnsafeBufferPointer { buffer in
            guard let base = buffer.baseAddress else { return CInt(0) }
            return unsafe cnghttp2_receive(pointer, base, buffer.count, context)
        }
        if status == CInt(CNGHTTP2_FLOODED) { isFlooded = true }
        if status != 0 {
            terminate(isFlooded ? HTTP2Code.enhanceYourCalm : HTTP2Code.protocolError)
        }
        return status == 0
    }

    /// What happened since the last call.
    package func takeEvents() -> [Event] {
        defer { events = [] }
        return events
    }

    /// Moves bytes for the peer to the end of `output` until it holds `limit` or nothing is left;
    /// false when the connection is broken.
    package func write(to output: inout [UInt8], limit: Int) -> Bool {
        while output.count < limit {
            var bytes: UnsafePointer<UInt8>?
            let count = unsafe cnghttp2_send(pointer, &bytes, context)
            guard count > 0 else { return count == 0 }
            unsafe output.append(contentsOf: UnsafeBufferPointer(start: bytes, count: count))
        }
        return true
    }

    /// Alive for the whole of each call it is passed to, and used in that call only.
    private var context: UnsafeMutableRawPointer {
        unsafe Unmanaged.passUnretained(self).toOpaque()
    }

    /// Whether nothing is left to do.
    var isDone: Bool { unsafe cnghttp2_is_done(pointer) != 0 }

    // MARK: Sending

    package func respond(_ stream: Int32, _ fields: HTTP2FieldList, hasBody: Bool) -> Bool {
        unsafe fields.withPointers { bytes, lengths, count in
            unsafe cnghttp2_respond(pointer, stream, bytes, lengths, count, hasBody ? 1 : 0)
        } == 0
    }

    /// Sends an interim head (1xx).
    func inform(_ stream: Int32, _ fields: HTTP2FieldList) {
        _ = unsafe fields.withPointers { bytes, lengths, count in
            unsafe cnghttp2_inform(pointer, stream, bytes, lengths, count)
        }
    }

    /// Opens a stream; nil when the connection takes none any more.
    func request(_ fields: HTTP2FieldList, hasBody: Bool) -> Int32? {
        let stream = unsafe fields.withPointers { bytes, lengths, count in
            unsafe cnghttp2_request(pointer, bytes, lengths, count, hasBody ? 1 : 0)
        }
        return stream > 0 ? stream : nil
    }

    /// More of a body is there.
    func resume(_ stream: Int32) { _ = unsafe cnghttp2_resume(pointer, stream) }

    func reset(_ stream: Int32, _ code: UInt32) { _ = unsafe cnghttp2_reset(pointer, stream, code) }

    /// Bytes of a stream were dealt with: the peer may send as many more.
    package func consume(_ stream: Int32, _ count: Int) {
        _ = unsafe cnghttp2_consume(pointer, stream, count)
    }

    /// Takes no new streams.
    func goAway(_ code: UInt32) { _ = unsafe cnghttp2_go_away(pointer, code) }

    /// Ends everything at once.
    func terminate(_ code: UInt32) { _ = unsafe cnghttp2_terminate(pointer, code) }

    // MARK: Called back

    private func note(_ event: cnghttp2_event) -> CInt {
        switch unsafe event.kind {
        case CNGHTTP2_FRAME:
            return unsafe patience.bears(event, at: now) ? 0 : flooded()
        case CNGHTTP2_BAD_FRAME:
            return patience.bearsOne(at: now) ? 0 : flooded()
        case CNGHTTP2_HEAD_BEGINS:
            headCount += 1
            // One piece of input holds no more heads than streams, each with all its fields.
            guard headCount <= Limits.http2StreamCount else { return flooded() }
            fields = HTTP2Fields(byteLimit: limits.headByteCount, countLimit: limits.headerCount)
        case CNGHTTP2_FIELD, CNGHTTP2_BAD_FIELD:
            let isBad = unsafe event.kind == CNGHTTP2_BAD_FIELD
            let name = unsafe UnsafeBufferPointer(start: event.name, count: event.name_length)
            let value = unsafe UnsafeBufferPointer(start: event.bytes, count: event.length)
            let isBearable = unsafe fields?.add(name.span, value.span, isBad: isBad) ?? true
            return isBearable ? 0 : flooded()
        case CNGHTTP2_HEAD_ENDS:
            let isLast = unsafe event.flags & 1 != 0
            if let fields { unsafe events.append(.head(event.stream, fields, isLast: isLast)) }
            fields = nil
        case CNGHTTP2_DATA:
            let bytes = unsafe UnsafeBufferPointer(start: event.bytes, count: event.length)
            unsafe events.append(.data(event.stream, Array(bytes)))
        case CNGHTTP2_END: unsafe events.append(.end(event.stream))
        case CNGHTTP2_CLOSED: unsafe events.append(.closed(event.stream, code: event.code))
        case CNGHTTP2_GOING_AWAY:
            unsafe events.append(.goingAway(last: event.stream, code: event.code))
        case CNGHTTP2_HEAD_SENT: unsafe events.append(.headSent(event.stream))
        case CNGHTTP2_DATA_SENT: patience.earn()
        case CNGHTTP2_END_SENT: unsafe events.append(.endSent(event.stream))
        default: break
        }
        return 0
    }

    private func flooded() -> CInt {
        isFlooded = true
        return -1
    }

    private func fill(
        _ stream: Int32,
        _ out: UnsafeMutableBufferPointer<UInt8>,
        _ isLast: UnsafeMutablePointer<CInt>
    ) -> Int {
        guard let source else { return 0 }
        let next = source.nextBytes(of: stream, atMost: out.count)
        unsafe isLast.pointee = next.isLast ? 1 : 0
        let taken = next.bytes.prefix(out.count)
        _ = unsafe out.initialize(from: taken)
        return taken.count
    }
}

/// How much a peer may send that only costs: settings, pings, priorities, resets, windows, broken
/// frames (CVE-2019-9511 to 9518 and what came after them).
struct HTTP2Patience {
    private var tokens = Limits.http2ControlFrameBurst
    private var refilledAt: Instant?

    /// A frame of data of ours allows answers to it: two updates of windows.
    mutating func earn() { tokens = min(tokens + 2, Limits.http2ControlFrameBurst) }

    mutating func bears(_ event: cnghttp2_event, at now: Instant) -> Bool {
        let hasEnd = unsafe event.flags & 1 != 0
        switch unsafe (event.code, event.length) {
        case (0, 0) where !hasEnd: return bearsOne(at: now)  // DATA that brings nothing
        case (0, _), (1, _): return true  // DATA, HEADERS: have limits of their own
        default: return bearsOne(at: now)
        }
    }

    mutating func bearsOne(at now: Instant) -> Bool {
        let since = refilledAt.map { now.duration(since: $0) } ?? .zero
        let earned = Int(since.milliseconds) * Limits.http2ControlFramesPerSecond / 1000
        if earned > 0 || refilledAt == nil {
            tokens = min(tokens + earned, Limits.http2ControlFrameBurst)
            refilledAt = now
        }
        guard tokens > 0 else { return false }
        tokens -= 1
        return true
    }
}
