import Base
import System
import Testing

@testable import HTTP

@Suite struct AdmissionTests {
    private func address(_ text: String) throws -> SocketAddress {
        try SocketAddress(parsing: text)
    }

    private func context(on loop: EventLoop) -> ServerContext {
        ServerContext(
            loop: loop,
            handler: echo,
            budget: BufferBudget(on: loop),
            clock: SystemClock(),
            limits: HTTPServerLimits()
        )
    }

    @Test func `who is not named may not connect`() throws {
        let range = try #require(AddressRange("10.0.0.0/8"))
        let admission = PeerAdmission(sources: [range])
        for (peer, isIn) in [
            ("10.1.2.3:1", true), ("[::ffff:10.0.0.1]:1", true), ("11.0.0.1:1", false),
            ("127.0.0.1:1", false), ("[::1]:1", false),
        ] {
            #expect(admission.admits(try address(peer)) == isIn, "\(peer)")
        }
        #expect(!admission.admits(.unix(path: "/x")))
        #expect(PeerAdmission(sources: []).admits(try address("10.0.0.1:1")) == false)
        #expect(PeerAdmission().admits(try address("203.0.113.9:1")))
    }

    @Test func `one address has so many connections and no more, and gets its places back`()
        async throws
    {
        try await onLoop { loop in
            let context = self.context(on: loop)
            let admission = PeerAdmission(
                connectionsPerAddress: 2,
                trusted: [try #require(AddressRange("10.0.0.7"))]
            )
            let cases = [
                // A peer, one that shares its places, one that does not.
                ("192.0.2.1:1", "192.0.2.1:2", "192.0.2.2:1"),
                ("[2001:db8::1]:1", "[2001:db8::2]:1", "[2001:db8:0:1::1]:1"),
                ("[::ffff:198.51.100.1]:1", "[::ffff:198.51.100.1]:2", "[::ffff:198.51.100.2]:1"),
            ]
            for (one, same, other) in cases {
                let place = try #require(context.admit(try address(one), admission))
                #expect(context.admit(try address(same), admission) != nil)
                #expect(context.admit(try address(same), admission) == nil, "\(same)")
                #expect(context.admit(try address(other), admission) != nil, "\(other)")
                context.giveBack(place)
                #expect(context.admit(try address(same), admission) != nil)
                #expect(context.admit(try address(one), admission) == nil)
            }
            #expect(context.refusedCounts == [.tooMany: 6])
            // The machine itself, and a proxy of ours, stand for many.
            for peer in ["127.0.0.1:1", "[::1]:1", "10.0.0.7:1"] {
                for _ in 0..<5 {
                    #expect(context.admit(try address(peer), admission) != nil, "\(peer)")
                }
            }
        }
    }

    @Test func `who may not connect is cut off before the first byte`() async throws {
        try await onLoop { loop in
            let server = HTTPServer(
                on: loop,
                handler: echo,
                budget: BufferBudget(on: loop),
                clock: SystemClock()
            )
            let nobody = PeerAdmission(sources: [])
            let address = try await server.listen(
                on: .ip(.loopback, port: 0),
                admission: nobody
            )
            let peer = try await RawPeer.connect(to: address, on: loop)
            #expect(try await peer.rest() == "")
            #expect(await server.refusedCount(.address) == 1)
            #expect(await server.connectionCount == 0)
            await peer.close()
            await server.shutDown(within: .zero)
        }
    }
}
