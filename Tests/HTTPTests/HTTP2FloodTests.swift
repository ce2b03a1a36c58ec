import Base
import System
import Testing

@testable import HTTP

/// Connections that only cost: each is ended, and the server serves on.
@Suite(.timeLimit(.minutes(5)))
struct HTTP2FloodTests {
    /// The code the server goes away with when it is sent these bytes.
    static func goAway(
        after bytes: [UInt8],
        limits: HTTPServerLimits = HTTP2ServerTests.limits
    ) async throws -> Int? {
        try await onLoop { loop in
            let server = try await TestServer.start(on: loop, limits: limits)
            let peer = try await RawPeer.connect(to: server.address, on: loop)
            try? await peer.send(bytes)  // cut off before all of it was sent
            let answer = await peer.restOfBytes()
            await peer.close()
            // Nobody else is hurt.
            let other = try await HTTP2Peer.connect(to: server.address, on: loop)
            let id = try await other.request()
            let found1 = try await other.answer(to: id).status
            #expect(found1 == 200)
            await other.close()
            await server.stop()
            #expect(server.budget.usedByteCount == 0)
            return RawFrames.goAwayCode(answer)
        }
    }

    private static func many(_ count: Int, _ frame: (Int32) -> [UInt8]) -> [UInt8] {
        RawFrames.start + (0..<count).flatMap { frame(Int32($0) * 2 + 1) }
    }

    @Test func `requests that are reset at once`() async throws {
        // CVE-2023-44487
        let bytes = Self.many(2000) { id in
            RawFrames.headers(id) + RawFrames.frame(3, stream: id, [0, 0, 0, 8])
        }
        let code = try await Self.goAway(after: bytes)
        #expect(code == 11 || code == 2, "\(String(describing: code))")
    }

    @Test func `pings, settings, windows`() async throws {
        let floods: [(UInt8, [UInt8])] = [
            (6, [0, 0, 0, 0, 0, 0, 0, 0]), (4, []), (8, [0, 0, 0, 1]),
        ]
        for (type, payload) in floods {
            let bytes = Self.many(3000) { _ in RawFrames.frame(type, stream: 0, payload) }
            let code = try await Self.goAway(after: bytes)
            #expect(code == 11, "type \(type): \(String(describing: code))")
        }
    }

    @Test func `data that brings nothing`() async throws {
        let bytes =
            RawFrames.start + RawFrames.headers(1, flags: 4)
            + (0..<3000).flatMap { _ in RawFrames.frame(0, stream: 1) }
        let found2 = try await Self.goAway(after: bytes)
        #expect(found2 == 11)
    }

    @Test func `streams that are broken on purpose`() async throws {
        // A window of 0 makes the server reset the stream, as often as somebody likes.
        let bytes = Self.many(3000) { id in
            RawFrames.headers(id, flags: 4) + RawFrames.frame(8, stream: id, [0, 0, 0, 0])
        }
        let code = try await Self.goAway(after: bytes)
        #expect(code == 11 || code == 1, "\(String(describing: code))")
    }

    @Test func `a head without end`() async throws {
        // CVE-2024-27316 and its like: CONTINUATION after CONTINUATION.
        let piece = RawFrames.fields([("a", "b")])
        let bytes =
            RawFrames.start + RawFrames.headers(1, flags: 1)
            + (0..<2000).flatMap { _ in RawFrames.frame(9, stream: 1, piece) }
        let code = try await Self.goAway(after: bytes)
        #expect(code != nil && code != 0, "\(String(describing: code))")
    }

    @Test func `a head that unpacks to far more than it is`() async throws {
        // One field of 4 KB goes into the table, and is named a thousand times by one byte each.
        let field: [UInt8] =
            [0x40, 1, 0x78, 0x7F, 0xA1, 0x1E] + [UInt8](repeating: 0x61, count: 4000)
        let block =
            RawFrames.fields(RawFrames.request) + field + [UInt8](repeating: 0xBE, count: 10_000)
        let bytes = RawFrames.start + RawFrames.frame(1, flags: 5, stream: 1, block)
        let found3 = try await Self.goAway(after: bytes)
        #expect(found3 == 11)
    }

    @Test func `half a head and then nothing`() async throws {
        var limits = HTTP2ServerTests.limits
        limits.headTimeout = .milliseconds(100)
        let bytes = RawFrames.start + RawFrames.headers(1, flags: 1)
        let found4 = try await Self.goAway(after: bytes, limits: limits)
        #expect(found4 == 0)
    }

    @Test func `what is no frame`() async throws {
        let bytes = RawFrames.start + [UInt8](repeating: 0xFF, count: 100)
        let code = try await Self.goAway(after: bytes)
        #expect(code == 6 || code == 1, "\(String(describing: code))")
    }
}
