import Base
import System
import Testing

@testable import HTTP

@Suite(.timeLimit(.minutes(1)))
struct HTTPServerTests {
    @Test func `a request is answered and the connection kept`() async throws {
        try await onLoop { loop in
            let server = try await TestServer.start(on: loop)
            let peer = try await RawPeer.connect(to: server.address, on: loop)
            for body in ["one", "two"] {
                try await peer.send(
                    "POST /mcp?x=1 HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\n\(body)"
                )
                let answer = try await peer.read(through: body)
                #expect(answer.hasPrefix("HTTP/1.1 200 OK\r\nDate: "))
                #expect(answer.contains("\r\nContent-Length: 17\r\n"))
                #expect(answer.hasSuffix("\r\n\r\nPOST /mcp?x=1 \(body)"))
                #expect(!answer.contains("Connection"))
            }
            await peer.close()
            await server.stop()
        }
    }

    @Test func `a client of ours and a server of ours understand each other`() async throws {
        try await onLoop { loop in
            let server = try await TestServer.start(on: loop)
            let client = try HTTPClient.test(server.url, on: loop)
            for count in [0, 1, 1000, 20_000, 1 << 20] {
                let text = String(repeating: "x", count: count)
                let response = try await client.post(text)
                #expect(response.status == .ok)
                #expect(response.text == "POST /mcp \(text)")
            }
            let counts = await client.connectionCounts
            #expect(counts == (1, 1))
            await client.close()
            await server.stop()
            #expect(server.budget.usedByteCount == 0)
        }
    }
}
