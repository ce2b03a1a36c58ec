import Base
import Crypto
import System
import Testing

@testable import HTTP

/// What a body that is not there yet may hold.
@Suite(.timeLimit(.minutes(5))) struct BodyHoldingTests {
    /// Refuses every body that has to be waited for, and says how many bytes it was given.
    private struct Stranger: HTTPHandler {
        func handle(_ exchange: Exchange) async {
            await exchange.respond(.unauthorized, body: Array("\(exchange.body.count)".utf8))
        }

        func awaitsBody(
            of head: RequestHead,
            from peer: SocketAddress,
            _ certificate: Certificate?
        ) -> Bool { false }
    }

    @Test func `half a body holds what came of it, and nothing that was announced`() async throws {
        try await onLoop { loop in
            let budget = BufferBudget(on: loop, limit: 400_000)
            let server = HTTPServer(
                on: loop,
                handler: echo,
                budget: budget,
                clock: SystemClock()
            )
            let address = try await server.listen(on: .ip(.loopback, port: 0))
            var peers: [RawPeer] = []
            for _ in 0..<10 {
                let peer = try await RawPeer.connect(to: address, on: loop)
                let head = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n"
                try await peer.send(head + String(repeating: "x", count: 1000))
                peers.append(peer)
            }
            // Announced was many times the room there is; this one's is there.
            while budget.usedByteCount != 10_000 {
                try Task.checkCancellation()
                await Task.yield()
            }
            let other = try await RawPeer.connect(to: address, on: loop)
            let text = String(repeating: "y", count: 80_000)
            try await other.send(
                "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 80000\r\n\r\n" + text
            )
            #expect(try await other.read(through: text).hasPrefix("HTTP/1.1 200"))
            for peer in peers { await peer.close() }
            await other.close()
            await server.shutDown(within: .zero)
            #expect(budget.usedByteCount == 0)
        }
    }

    @Test func `a body nobody awaits is not read, and its connection ends`() async throws {
        try await onLoop { loop in
            let server = HTTPServer(
                on: loop,
                handler: Stranger(),
                budget: BufferBudget(on: loop, limit: 10),
                clock: SystemClock()
            )
            let address = try await server.listen(on: .ip(.loopback, port: 0))
            for framing in ["Content-Length: 1000000", "Transfer-Encoding: chunked"] {
                let peer = try await RawPeer.connect(to: address, on: loop)
                try await peer.send("POST / HTTP/1.1\r\nHost: a\r\n\(framing)\r\n\r\n")
                let answer = try await peer.rest()
                #expect(answer.hasPrefix("HTTP/1.1 401") && answer.hasSuffix("\r\n\r\n0"))
                #expect(answer.contains("\r\nConnection: close\r\n"))
                await peer.close()
            }
            await server.shutDown(within: .zero)
        }
    }
}
