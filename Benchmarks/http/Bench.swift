import Base
import HTTP
import System

/// The HTTP layer alone, to be measured beside nginx by `Benchmarks/http/run.py`.
enum Bench {
    struct Usage: Error {}

    static func start(_ arguments: [String], on loop: EventLoop) throws {
        guard let mode = arguments.first, arguments.count >= 2,
            let port = SocketAddress.port(arguments[1])
        else { throw Usage() }
        let handler: any HTTPHandler
        let budget = BufferBudget(on: loop)
        switch mode {
        case "static":
            handler = StaticHandler()
        case "proxy":
            guard arguments.count == 3 else { throw Usage() }
            let url = try HTTPURL(parsing: "http://127.0.0.1:\(arguments[2])/")
            handler = ProxyHandler(
                client: HTTPClient(
                    to: url.origin,
                    on: loop,
                    resolver: NoResolver(),
                    tls: nil,
                    budget: budget,
                    admits: { _, _ in true }
                )
            )
        default:
            throw Usage()
        }
        let server = HTTPServer(on: loop, handler: handler, budget: budget, clock: SystemClock())
        loop.spawn {
            _ = try? await server.listen(on: .ip(.loopback, port: port))
            // The process ends with a signal.
            await Pending<Void>(on: loop).wait()
            withExtendedLifetime(server) {}
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
actor ProxyHandler: HTTPHandler {
    nonisolated let loop: EventLoop
    nonisolated var unownedExecutor: UnownedSerialExecutor { unsafe loop.asUnownedSerialExecutor() }
    private let client: HTTPClient

    init(client: HTTPClient) {
        loop = client.loop
        self.client = client
    }

    func handle(_ exchange: Exchange) async {
        let head = exchange.head
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
}

struct NoResolver: Resolver {
    func resolve(_ name: String) async throws(ResolveError) -> [IPAddress] {
        throw ResolveError(name: name, reason: "the benchmark uses addresses only")
    }
}
