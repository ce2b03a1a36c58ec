import Base
import System

@testable import HTTP

/// What a server says on one stream.
struct HTTP2Answer: Sendable {
    var status = 0
    var fields: [String: String] = [:]
    var body: [UInt8] = []
    var isEnded = false
    var code: UInt32?

    var text: String { String(decoding: body, as: UTF8.self) }
}

/// A client of HTTP/2 without any policy of its own, to send what no client of ours would.
actor HTTP2Peer {
    nonisolated let loop: EventLoop
    nonisolated var unownedExecutor: UnownedSerialExecutor { unsafe loop.asUnownedSerialExecutor() }
    private let stream: Stream
    private let bodies = Bodies()
    private let session: HTTP2Session
    /// Whether what comes makes room for more.
    private let consumes: Bool
    private(set) var answers: [Int32: HTTP2Answer] = [:]
    private(set) var goneAway: UInt32?

    private final class Bodies: HTTP2BodySource {
        var rest: [Int32: OutgoingBody] = [:]
        func nextBytes(
            of stream: Int32,
            atMost room: Int
        ) -> (bytes: ArraySlice<UInt8>, isLast: Bool) {
            let bytes = rest[stream, default: OutgoingBody()].take(atMost: room)
            return (bytes, rest[stream].map { $0.count == 0 && $0.isEnded } ?? true)
        }
    }

    init(_ stream: sending Stream, on loop: EventLoop, consumes: Bool) throws {
        self.loop = loop
        self.stream = stream
        self.consumes = consumes
        guard let session = HTTP2Session(asServer: false, HTTP2SessionLimits(), source: bodies)
        else { throw StreamError.closed }
        self.session = session
    }

    static func connect(
        to address: SocketAddress,
        on loop: EventLoop,
        consumes: Bool = true
    ) async throws -> HTTP2Peer {
        let deadline = loop.now.advanced(by: .seconds(10))
        let stream = try await Stream.connect(to: address, on: loop, until: deadline)
        let peer = try HTTP2Peer(stream, on: loop, consumes: consumes)
        try await peer.flush()
        return peer
    }

    /// Begins a request, with `body` as all of its body, or with an open end.
    func request(
        _ lines: String = "",
        method: StaticString = "POST",
        to target: String = "/mcp",
        authority: String = "a",
        body: [UInt8] = [],
        isWhole: Bool = true
    ) throws -> Int32 {
        var list = HTTP2FieldList(
            method: method,
            isSecure: false,
            authority: authority,
            target: target
        )
        list.add(lines: Array(lines.utf8))
        let hasBody = !body.isEmpty || !isWhole
        guard let id = session.request(list, hasBody: hasBody) else { throw StreamError.closed }
        if hasBody {
            bodies.rest[id] = OutgoingBody()
            bodies.rest[id]?.append(body)
            bodies.rest[id]?.isEnded = isWhole
        }
        try flush()
        return id
    }

    func reset(_ id: Int32) throws {
        session.reset(id, HTTP2Code.cancel)
        try flush()
    }

    func flush() throws {
        var bytes: [UInt8] = []
        _ = session.write(to: &bytes, limit: .max)
        try stream.send(bytes)
    }

    /// Reads until `isEnough`, or the server ends the connection; false then.
    @discardableResult
    func read(until isEnough: (HTTP2Peer) -> Bool) async throws -> Bool {
        let deadline = loop.now.advanced(by: .seconds(30))
        while !isEnough(self) {
            if stream.availableCount == 0 {
                guard try await stream.fill(until: deadline) > 0 else { return isEnough(self) }
            }
            let bytes = stream.take(stream.availableCount)
            _ = session.receive(bytes.span, at: loop.now)
            take()
            try? flush()
        }
        return true
    }

    private func take() {
        for event in session.takeEvents() {
            switch event {
            case .head(let id, let fields, _):
                guard let head = try? fields.responseHead() else { continue }
                answers[id, default: HTTP2Answer()].status = head.status.code
                for (name, value) in head.fields {
                    answers[id]?.fields[name.text] = value.text
                }
            case .data(let id, let bytes):
                answers[id, default: HTTP2Answer()].body += bytes
                if consumes { session.consume(id, bytes.count) }
            case .end(let id): answers[id, default: HTTP2Answer()].isEnded = true
            case .closed(let id, let code): answers[id, default: HTTP2Answer()].code = code
            case .goingAway(_, let code): goneAway = code
            case .headSent, .endSent: break
            }
        }
    }

    /// The whole answer, or how it was cut off.
    func answer(to id: Int32) async throws -> HTTP2Answer {
        try await read { peer in
            peer.assumeIsolated { $0.answers[id]?.isEnded == true || $0.answers[id]?.code != nil }
        }
        return answers[id] ?? HTTP2Answer()
    }

    /// The code the server goes away with, once the connection is over.
    func end() async throws -> UInt32? {
        try await read { _ in false }
        return goneAway
    }

    func close() { stream.close() }
}

/// Frames of HTTP/2, byte by byte (RFC 9113 section 4.1).
enum RawFrames {
    static var start: [UInt8] {
        Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8) + frame(4, stream: 0)
    }

    static func frame(
        _ type: UInt8,
        flags: UInt8 = 0,
        stream: Int32,
        _ payload: [UInt8] = []
    ) -> [UInt8] {
        let count = payload.count
        let id = UInt32(bitPattern: stream)
        return [UInt8(count >> 16 & 255), UInt8(count >> 8 & 255), UInt8(count & 255), type, flags]
            + [24, 16, 8, 0].map { UInt8(id >> $0 & 255) } + payload
    }

    /// Fields as they are, without any table (RFC 7541 section 6.2.2).
    static func fields(_ fields: [(String, String)]) -> [UInt8] {
        fields.flatMap { name, value in [0] + text(name) + text(value) }
    }

    private static func text(_ text: String) -> [UInt8] {
        let bytes = Array(text.utf8)
        guard bytes.count >= 127 else { return [UInt8(bytes.count)] + bytes }
        var rest = bytes.count - 127
        var output: [UInt8] = [127]
        while rest >= 128 {
            output.append(UInt8(rest & 127) | 128)
            rest >>= 7
        }
        return output + [UInt8(rest)] + bytes
    }

    static let request = [
        (":method", "POST"), (":scheme", "http"), (":path", "/mcp"), (":authority", "a"),
    ]

    /// HEADERS that begin and end a request.
    static func headers(
        _ stream: Int32,
        _ more: [(String, String)] = [],
        of base: [(String, String)] = request,
        flags: UInt8 = 5
    ) -> [UInt8] {
        frame(1, flags: flags, stream: stream, fields(base + more))
    }

    /// Type, flags, stream and payload of each frame in `bytes`.
    static func parse(_ bytes: [UInt8]) -> [(type: UInt8, stream: Int, payload: [UInt8])] {
        var frames: [(type: UInt8, stream: Int, payload: [UInt8])] = []
        var rest = bytes[...]
        while rest.count >= 9 {
            let head = Array(rest.prefix(9))
            let count = Int(head[0]) << 16 | Int(head[1]) << 8 | Int(head[2])
            let stream = head[5...].reduce(0) { $0 << 8 | Int($1) }
            rest = rest.dropFirst(9)
            frames.append((head[3], stream, Array(rest.prefix(count))))
            rest = rest.dropFirst(count)
        }
        return frames
    }

    /// The code of the last GOAWAY in `bytes`.
    static func goAwayCode(_ bytes: [UInt8]) -> Int? {
        parse(bytes).last { $0.type == 7 }.map { frame in
            frame.payload.dropFirst(4).prefix(4).reduce(0) { $0 << 8 | Int($1) }
        }
    }
}
