import Base
import Crypto
import System
import TestKit

@testable import HTTP

/// Runs the body on a loop of its own.
func onLoop<Success: Sendable>(
    _ body: @escaping @Sendable (EventLoop) async throws -> Success
) async throws -> Success {
    let loop = try EventLoop()
    let thread = try loop.start()
    let result = await loop.spawnThrowing { try await body(loop) }.result
    loop.stop()
    thread.join()
    return try result.get()
}

/// A handler that is a closure.
struct ClosureHandler: HTTPHandler {
    let body: @Sendable (Exchange) async -> Void

    init(_ body: @escaping @Sendable (Exchange) async -> Void) { self.body = body }

    func handle(_ exchange: Exchange) async { await body(exchange) }
}

/// Answers with method, target and body.
let echo = ClosureHandler { exchange in
    var fields = FieldBlock()
    fields.add(.contentType, literal: "application/json")
    let line = exchange.head.methodBytes + [0x20] + exchange.head.target + [0x20]
    await exchange.respond(.ok, fields, body: line + exchange.body)
}

/// Waits for the client to go, then says so.
actor Witness {
    private var seen: [String] = []
    private var waiting: [CheckedContinuation<Void, Never>] = []

    func note(_ text: String) {
        seen.append(text)
        for continuation in waiting { continuation.resume() }
        waiting = []
    }

    func count(of text: String) -> Int { seen.count { $0 == text } }

    func wait(for text: String, count: Int = 1) async {
        while seen.count(where: { $0 == text }) < count {
            await withCheckedContinuation { waiting.append($0) }
        }
    }
}

/// A server with its address.
struct TestServer {
    let server: HTTPServer
    let budget: BufferBudget
    let address: SocketAddress

    var url: String { "http://\(address)" }

    static func start(
        on loop: EventLoop,
        _ handler: any HTTPHandler = echo,
        limits: HTTPServerLimits = HTTPServerLimits(),
        budget: Int = Limits.bufferedByteCount
    ) async throws -> TestServer {
        let budget = BufferBudget(on: loop, limit: budget)
        let server = HTTPServer(
            on: loop,
            handler: handler,
            budget: budget,
            clock: SystemClock(),
            limits: limits
        )
        let address = try await server.listen(on: .ip(.loopback, port: 0))
        return TestServer(server: server, budget: budget, address: address)
    }

    func stop() async { await server.shutDown(within: .zero) }
}

/// A raw connection, to send what no client of ours would.
actor RawPeer {
    nonisolated let loop: EventLoop
    nonisolated var unownedExecutor: UnownedSerialExecutor { unsafe loop.asUnownedSerialExecutor() }
    private let stream: Stream

    init(_ stream: sending Stream, on loop: EventLoop) {
        self.loop = loop
        self.stream = stream
    }

    static func connect(to address: SocketAddress, on loop: EventLoop) async throws -> RawPeer {
        let deadline = loop.now.advanced(by: .seconds(10))
        return RawPeer(try await Stream.connect(to: address, on: loop, until: deadline), on: loop)
    }

    func send(_ text: String) async throws { try await stream.write(Array(text.utf8)) }
    func send(_ bytes: [UInt8]) async throws { try await stream.write(bytes) }
    func finish() throws { try stream.finish() }
    func close() { stream.close() }

    /// Everything until the other side ends, as text.
    func rest() async throws -> String {
        var bytes: [UInt8] = []
        while try await stream.read(appendingTo: &bytes, atMost: .max, until: deadline) > 0 {}
        return String(decoding: bytes, as: UTF8.self)
    }

    /// Every byte until the other side ends, be it by cutting the connection off.
    func restOfBytes() async -> [UInt8] {
        var bytes: [UInt8] = []
        while let count = try? await stream.read(
            appendingTo: &bytes,
            atMost: .max,
            until: deadline
        ), count > 0 {}
        return bytes
    }

    /// Everything until that text has come.
    func read(through end: String) async throws -> String {
        var text = ""
        while !text.contains(end) {
            if stream.availableCount == 0 {
                guard try await stream.fill(until: deadline) > 0 else { break }
            }
            text += String(decoding: stream.take(stream.availableCount), as: UTF8.self)
        }
        return text
    }

    private var deadline: Instant { loop.now.advanced(by: .seconds(20)) }
}

/// A resolver that knows what it is told.
struct FixedRoute: Route {
    let origin: HTTPOrigin
    let answers: [String: [IPAddress]]
    let admits: @Sendable (IPAddress, UInt16) -> Bool

    func addresses() async throws(HTTPClientError) -> [IPAddress] {
        guard let found = origin.address.map({ [$0] }) ?? answers[origin.host] else {
            let error = ResolveError(name: origin.host, reason: "it is not known here")
            throw HTTPClientError(.resolution(error), requestSent: false)
        }
        return found
    }

    func check(peer: SocketAddress, local: SocketAddress) throws(HTTPClientError) {
        guard case .ip(let address, let port) = peer, admits(address, port) else {
            throw HTTPClientError(.addressRefused("\(peer)"), requestSent: false)
        }
    }
}

extension HTTPClient {
    static func test(
        _ url: String,
        on loop: EventLoop,
        answers: [String: [IPAddress]] = [:],
        tls: TLSContext? = nil,
        budget: Int = Limits.bufferedByteCount,
        limits: HTTPClientLimits = HTTPClientLimits(),
        admits: @escaping @Sendable (IPAddress, UInt16) -> Bool = { _, _ in true }
    ) throws -> HTTPClient {
        HTTPClient(
            to: try HTTPURL(parsing: url).origin,
            on: loop,
            by: FixedRoute(
                origin: try HTTPURL(parsing: url).origin,
                answers: answers,
                admits: admits
            ),
            tls: tls,
            budget: BufferBudget(on: loop, limit: budget),
            limits: limits
        )
    }

    func post(_ body: String, to target: String = "/mcp") async throws -> ClientResponse {
        try await send(
            ClientRequest(
                .post,
                target,
                body: Array(body.utf8),
                deadline: loop.now.advanced(by: .seconds(20))
            )
        )
    }
}

extension ClientResponse {
    var text: String {
        if case .body(let bytes) = content { String(decoding: bytes, as: UTF8.self) } else { "" }
    }
}
