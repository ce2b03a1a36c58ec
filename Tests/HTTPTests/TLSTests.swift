import Base
import Crypto
import System
import Testing

@testable import HTTP

@Suite(
    .timeLimit(.minutes(5)),
    .enabled(if: Certificates.canBeMade, "the program openssl is not here")
)
struct TLSTests {
    /// A TLS server with that certificate, and the URL of its port under that host.
    private static func with(
        certificate: String = "good",
        trusting authority: String = "ca",
        host: String = "upstream.test",
        _ handler: any HTTPHandler = echo,
        _ body: @escaping @Sendable (HTTPClient, EventLoop) async throws -> Void
    ) async throws {
        let folder = try await Certificates.folder.value
        let shown = ServerTLS(
            try TLSContext(serving: [try await Certificates.identity(certificate)])
        )
        let trusted = try TLSContext(client: .authorities(file: "\(folder)/\(authority).pem"))
        try await onLoop { loop in
            let server = HTTPServer(
                on: loop,
                handler: handler,
                budget: BufferBudget(on: loop),
                clock: SystemClock()
            )
            let address = try await server.listen(on: .ip(.loopback, port: 0), tls: shown)
            let client = try HTTPClient.test(
                "https://\(host):\(address.port ?? 0)/",
                on: loop,
                answers: ["upstream.test": [.loopback]],
                tls: trusted
            )
            try await body(client, loop)
            await client.close()
            await server.shutDown(within: .zero)
        }
    }

    @Test(
        "a server whose certificate leads to the authority and is for the host is spoken to",
        arguments: ["upstream.test", "127.0.0.1"]
    )
    func good(host: String) async throws {
        try await Self.with(host: host) { (client, _) async throws in
            for count in [0, 1, 16 << 10, 300_000, 1 << 20] {
                let text = String(repeating: "x", count: count)
                #expect(try await client.post(text).text == "POST /mcp \(text)")
            }
            #expect(await client.connectionCounts == (1, 1))
        }
    }

    @Test(
        "any other server is refused before a byte of the request is sent",
        arguments: [
            ("good", "other", "upstream.test", "certificate refused"),
            ("foreign", "ca", "upstream.test", "certificate refused"),
            ("foreign", "ca", "127.0.0.1", "certificate refused"),
            ("other", "ca", "upstream.test", "certificate refused"),
            ("expired", "ca", "upstream.test", "certificate refused: certificate has expired"),
        ]
    )
    func refused(
        certificate: String,
        authority: String,
        host: String,
        reason: String
    ) async throws {
        try await Self.with(certificate: certificate, trusting: authority, host: host) {
            (client, _) async throws in
            do throws(HTTPClientError) {
                let request = ClientRequest(
                    .get,
                    "/",
                    deadline: client.loop.now.advanced(by: .seconds(20))
                )
                _ = try await client.send(request)
                Issue.record("a foreign certificate was believed")
            } catch {
                #expect(!error.requestSent)
                #expect(error.description.contains(reason), "\(error)")
            }
            #expect(await client.connectionCounts == (0, 0))
        }
    }

    @Test func `a server that speaks no TLS is refused`() async throws {
        let folder = try await Certificates.folder.value
        let trusted = try TLSContext(client: .authorities(file: "\(folder)/ca.pem"))
        try await onLoop { loop in
            let server = try await TestServer.start(on: loop)
            let client = try HTTPClient.test(
                "https://\(server.address)/",
                on: loop,
                tls: trusted
            )
            do throws(HTTPClientError) {
                let deadline = loop.now.advanced(by: .seconds(20))
                _ = try await client.send(ClientRequest(.get, "/", deadline: deadline))
                Issue.record("plain bytes were taken for TLS")
            } catch {
                #expect(!error.requestSent)
                guard case .tls = error.reason else { throw error }
            }
            await server.stop()
        }
    }

    @Test func `a client that speaks no TLS is cut off`() async throws {
        try await Self.with { (client, loop) async throws in
            let address = SocketAddress.ip(.loopback, port: client.origin.port)
            let peer = try await RawPeer.connect(to: address, on: loop)
            try await peer.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            #expect(try await !peer.rest().contains("HTTP/1.1 200"))
            await peer.close()
        }
    }

    @Test func `events come through TLS one by one`() async throws {
        let handler = ClosureHandler { exchange in
            let stream = await exchange.beginStream()
            for number in 0..<20 {
                let data = [UInt8](repeating: 0x61 + UInt8(number), count: 1 << (number / 2))
                await stream?.send(ServerSentEvent(data: data))
            }
            await stream?.finish()
        }
        try await Self.with(handler) { (client, loop) async throws in
            let deadline = loop.now.advanced(by: .seconds(20))
            let response = try await client.send(ClientRequest(.get, "/", deadline: deadline))
            guard case .events(let events) = response.content else { throw CancellationError() }
            var counts: [Int] = []
            while let event = try await events.next(until: deadline) {
                counts.append(event.data.count)
            }
            #expect(counts == (0..<20).map { 1 << ($0 / 2) })
            #expect(await client.connectionCounts == (1, 1))
        }
    }

    @Test func `files that hold no certificates are refused when they are loaded`() throws {
        #expect(throws: TLSError.self) {
            try TLSContext(client: .authorities(file: "/dev/null"))
        }
        #expect(throws: TLSError.self) {
            try TLSContext(client: .authorities(file: "/nowhere/ca.pem"))
        }
        #expect(throws: Never.self) { try TLSContext(client: .systemRoots) }
    }
}
