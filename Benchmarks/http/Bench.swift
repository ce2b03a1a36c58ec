import Base
import Crypto
import HTTP
import System

/// The HTTP layer alone, to be measured beside nginx by `run.py` and on several loops by `loops.py`.
struct Bench {
    struct Usage: Error {}

    private var mode = ""
    private var port: UInt16 = 0
    private var upstream: UInt16?
    /// How many loops have connections; the first one also has what stands behind them all.
    private(set) var loopCount = 1
    /// How long what stands behind works on each request.
    private var behind = Duration.zero
    private var tls: ServerTLS?

    init(_ arguments: [String]) throws {
        var rest = arguments[...]
        func next() throws -> String {
            guard let word = rest.popFirst() else { throw Usage() }
            return word
        }
        func number(upTo limit: Int) throws -> Int {
            guard let number = Int(try next()), 0...limit ~= number else { throw Usage() }
            return number
        }
        mode = try next()
        port = try Self.port(next())
        if mode == "proxy" { upstream = try Self.port(next()) }
        while let option = rest.popFirst() {
            switch option {
            case "--loops": loopCount = max(1, try number(upTo: 64))
            case "--behind": behind = .microseconds(try number(upTo: 1_000_000))
            case "--tls": tls = try Self.identity(chain: next(), key: next())
            default: throw Usage()
            }
        }
    }

    private static func port(_ text: String) throws -> UInt16 {
        guard let port = SocketAddress.port(text) else { throw Usage() }
        return port
    }

    private static func identity(chain: String, key: String) throws -> ServerTLS {
        let identity = TLSIdentity(
            name: chain,
            chain: try Files.read(chain, limit: 64 << 10),
            key: SecretBytes(try Files.read(key, limit: 64 << 10))
        )
        return ServerTLS(try TLSContext(serving: [identity]), offersHTTP2: true)
    }

    /// Serves on the loops, all but the first of which run on threads of their own.
    func start(on loops: [EventLoop]) throws {
        guard let first = loops.first else { throw Usage() }
        let handler = try handler(on: first)
        let servers = loops.map { loop in
            HTTPServer(
                on: loop,
                handler: handler,
                budget: BufferBudget(on: loop),
                clock: SystemClock()
            )
        }
        let listener = try Dealer(servers, tls: tls).listen(port, on: first)
        for loop in loops.dropFirst() { _ = try loop.start() }
        nonisolated(unsafe) let kept = listener
        first.spawn {
            // The process ends with a signal.
            await Pending<Void>(on: first).wait()
            unsafe withExtendedLifetime(kept) {}
        }
    }

    private func handler(on loop: EventLoop) throws -> any HTTPHandler {
        switch (mode, upstream) {
        case ("static", _):
            return StaticHandler()
        case ("proxy", let upstream?):
            let url = try HTTPURL(parsing: "http://127.0.0.1:\(upstream)/")
            let client = HTTPClient(
                to: url.origin,
                on: loop,
                by: Loopback(),
                tls: nil,
                budget: BufferBudget(on: loop)
            )
            return ProxyHandler(client: client, behind: behind)
        default: throw Usage()
        }
    }
}

/// Gives connections to the loops in turns; each stays where it was dealt to.
final class Dealer: Sendable {
    private let servers: [HTTPServer]
    private let tls: ServerTLS?

    init(_ servers: [HTTPServer], tls: ServerTLS?) {
        self.servers = servers
        self.tls = tls
    }

    func listen(_ port: UInt16, on loop: EventLoop) throws -> Listener {
        var dealt = 0
        return try Listener(on: .ip(.loopback, port: port), loop: loop) { stream in
            // The socket goes over as a second descriptor; the stream here ends with the first.
            let copy = try? Descriptor.duplicate(of: stream.number).release()
            let peer = stream.peer
            stream.close()
            guard let copy else { return }
            self.serve(copy, of: peer, by: self.servers[dealt % self.servers.count])
            dealt += 1
        }
    }

    private func serve(_ number: CInt, of peer: SocketAddress, by server: HTTPServer) {
        let (loop, tls) = (server.loop, tls)
        loop.submit {
            let descriptor = Descriptor(adopting: number)
            guard let stream = try? Stream(adopting: descriptor, peer: peer, on: loop) else {
                return
            }
            // Nobody but this loop knows the stream yet.
            nonisolated(unsafe) let fresh = stream
            loop.spawn { await server.serve(unsafe fresh, tls: tls) }
        }
    }
}

extension Pending {
    fileprivate func wait() async { _ = try? await value() }
}

/// The same few bytes for every request.
struct StaticHandler: HTTPHandler {
    func handle(_ exchange: Exchange) async {
        var fields = FieldBlock()
        fields.add(.contentType, literal: "application/json")
        await exchange.respond(.ok, fields, body: Array(#"{"ok":true}"#.utf8))
    }
}

/// Sends every request on and its answer back, with the few fields MCP needs.
///
/// It lives on the first loop, as a gateway's door, log and servers do: a connection of another
/// loop calls it over there, and is called back with the answer.
actor ProxyHandler: HTTPHandler {
    nonisolated let loop: EventLoop
    nonisolated var unownedExecutor: UnownedSerialExecutor { unsafe loop.asUnownedSerialExecutor() }
    private let client: HTTPClient
    private let behind: Duration

    init(client: HTTPClient, behind: Duration) {
        loop = client.loop
        self.client = client
        self.behind = behind
    }

    func handle(_ exchange: Exchange) async {
        let head = exchange.head
        work()
        var fields = FieldBlock()
        fields.add(.contentType, literal: "application/json")
        fields.add(.accept, literal: "application/json, text/event-stream")
        for name in [FieldName.mcpProtocolVersion, .mcpSessionID] {
            if let value = head[name].flatMap({ FieldValue(bytes: $0) }) { fields.add(name, value) }
        }
        let request = ClientRequest(
            head.method,
            head.target.text,
            fields,
            body: exchange.body,
            deadline: loop.now.advanced(by: .seconds(30))
        )
        do {
            let response = try await client.send(request)
            guard case .body(let body) = response.content else { throw Bench.Usage() }
            var fields = FieldBlock()
            for name in [FieldName.contentType, .mcpSessionID] {
                if let value = response.head[name].flatMap({ FieldValue(bytes: $0) }) {
                    fields.add(name, value)
                }
            }
            await exchange.respond(response.status, fields, body: body)
        } catch {
            await exchange.respond(.badGateway, body: Array("\(error)\n".utf8))
        }
    }

    /// Uses this loop's thread for as long as judging a call would.
    private func work() {
        guard behind > .zero else { return }
        let end = Process.threadCPUTime() + behind
        while Process.threadCPUTime() < end {}
    }
}

struct Loopback: Route {
    func addresses() async throws(HTTPClientError) -> [IPAddress] { [.loopback] }
    func check(peer: SocketAddress, local: SocketAddress) throws(HTTPClientError) {}
}
