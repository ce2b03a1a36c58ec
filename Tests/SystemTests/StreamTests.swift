import Base
import Glibc
import System
import Testing

/// Writes until the pipe is full; the number of bytes, nil when it was full.
func fill(_ pipe: CInt) -> Int? {
    let chunk = [UInt8](repeating: 0, count: 4096)
    let count = unsafe Glibc.write(pipe, chunk, chunk.count)
    return count > 0 ? count : nil
}

/// One end of a connection, owned by an actor of the loop as the gateway does it.
actor Peer {
    nonisolated let loop: EventLoop
    nonisolated var unownedExecutor: UnownedSerialExecutor { unsafe loop.asUnownedSerialExecutor() }
    private let stream: Stream

    init(_ stream: sending Stream, on loop: EventLoop) {
        self.loop = loop
        self.stream = stream
    }

    static func connected(to address: SocketAddress, on loop: EventLoop) async throws -> Peer {
        let deadline = loop.now.advanced(by: .seconds(60))
        return Peer(try await Stream.connect(to: address, on: loop, until: deadline), on: loop)
    }

    /// Answers each chunk with the same bytes, until the other side ends.
    func echo() async {
        do {
            while try await stream.fill() > 0 {
                try await stream.write(stream.take(stream.availableCount))
            }
            try stream.finish()
            try await stream.drained()
        } catch {}
        stream.close()
    }

    func send(_ bytes: [UInt8]) async throws { try await stream.write(bytes) }
    func sendTwo(_ first: [UInt8], _ second: [UInt8]) async throws {
        try await stream.write(first, second)
    }
    func finish() throws { try stream.finish() }
    func close() { stream.close() }
    func drained() async throws { try await stream.drained() }
    func fill(within limit: Duration) async throws -> Int {
        try await stream.fill(until: loop.now.advanced(by: limit))
    }
    func setWriteTimeout(_ timeout: Duration) { stream.writeTimeout = timeout }
    func setReceiveLimit(_ limit: Int) { stream.receiveLimit = limit }
    func setSendLimit(_ limit: Int) { stream.sendLimit = limit }
    var unsent: Int { stream.unsentCount }
    var received: Int { stream.availableCount }
    var credentials: PeerCredentials? { try? stream.peerCredentials() }
    var peer: SocketAddress { stream.peer }

    /// Everything until the other side ends.
    func rest() async throws -> [UInt8] {
        var bytes: [UInt8] = []
        while try await stream.read(appendingTo: &bytes, atMost: .max) > 0 {}
        return bytes
    }

    func exactly(_ count: Int) async throws -> [UInt8] {
        var bytes: [UInt8] = []
        while bytes.count < count {
            guard
                try await stream.read(appendingTo: &bytes, atMost: count - bytes.count) > 0
            else { break }
        }
        return bytes
    }

    /// Waits for the other side to go away without reading anything.
    func hangUp() async throws {
        let pending = Pending<Bool>(on: loop)
        stream.onHangUp = { pending.fulfil(true) }
        if stream.isPeerClosed { return }
        _ = try await pending.value(until: loop.now.advanced(by: .seconds(60)))
    }
}

/// Owns a listener on the loop and hands out what it accepted.
actor Door {
    nonisolated let loop: EventLoop
    nonisolated var unownedExecutor: UnownedSerialExecutor { unsafe loop.asUnownedSerialExecutor() }
    private var listener: Listener?
    private var accepted: [Peer] = []
    private var waiting: Pending<Bool>?

    init(on loop: EventLoop) { self.loop = loop }

    func open(
        _ address: SocketAddress = .ip(.loopback, port: 0),
        cap: Int = 100,
        echoes: Bool = false
    ) throws -> SocketAddress {
        let loop = loop
        let listener = try Listener(on: address, loop: loop, connectionCap: cap) { stream in
            let peer = Peer(stream, on: loop)
            if echoes {
                loop.spawn { await peer.echo() }
            } else {
                self.assumeIsolated { $0.admit(peer) }
            }
        }
        self.listener = listener
        return listener.address
    }

    private func admit(_ peer: Peer) {
        accepted.append(peer)
        waiting?.fulfil(true)
    }

    func next() async throws -> Peer {
        if accepted.isEmpty {
            let pending = Pending<Bool>(on: loop)
            waiting = pending
            _ = try await pending.value(until: loop.now.advanced(by: .seconds(60)))
        }
        return accepted.removeFirst()
    }

    var counts: (open: Int, pauses: Int) {
        (listener?.connectionCount ?? 0, listener?.pauseCount ?? 0)
    }
    func close() { listener?.close() }
}

@Suite(.timeLimit(.minutes(5)))
struct StreamTests {
    @Test(
        "bytes of every size come back unchanged",
        arguments: [1, 15, 16 << 10, (16 << 10) + 1, 300_000, 5_000_000]
    )
    func echo(count: Int) async throws {
        let sent = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8) }
        let back = try await onLoop { loop in
            let door = Door(on: loop)
            let peer = try await Peer.connected(to: try await door.open(echoes: true), on: loop)
            async let back = peer.rest()
            try await peer.send(sent)
            try await peer.finish()
            let result = try await back
            await peer.close()
            await door.close()
            return result
        }
        #expect(back == sent)
    }

    @Test func `a head and a body arrive as one`() async throws {
        let head: [UInt8] = Array("head ".utf8)
        let body = [UInt8](repeating: 7, count: 2_000_000)
        let received = try await onLoop { loop in
            let door = Door(on: loop)
            let client = try await Peer.connected(to: try await door.open(), on: loop)
            let server = try await door.next()
            async let received = server.rest()
            try await client.sendTwo(head, body)
            try await client.finish()
            let result = try await received
            await server.close()
            await client.close()
            await door.close()
            return result
        }
        #expect(received == head + body)
    }

    @Test func `a read ends at its deadline and the stream can be read again`() async throws {
        try await onLoop { loop in
            let door = Door(on: loop)
            let client = try await Peer.connected(to: try await door.open(), on: loop)
            let server = try await door.next()
            await #expect(throws: StreamError.timedOut) {
                try await client.fill(within: .milliseconds(2))
            }
            try await server.send([1, 2, 3])
            #expect(try await client.fill(within: .seconds(60)) == 3)
            await client.close()
            await server.close()
            await door.close()
        }
    }

    @Test func `a peer that takes nothing makes the writer fail in time`() async throws {
        try await onLoop { loop in
            let door = Door(on: loop)
            let client = try await Peer.connected(to: try await door.open(), on: loop)
            let server = try await door.next()
            await client.setWriteTimeout(.milliseconds(5))
            await #expect(throws: StreamError.timedOut) {
                while true { try await client.send([UInt8](repeating: 0, count: 1 << 20)) }
            }
            await server.close()
            await door.close()
        }
    }

    @Test func `writing waits for a slow reader and goes on when it reads`() async throws {
        try await onLoop { loop in
            let door = Door(on: loop)
            let client = try await Peer.connected(to: try await door.open(), on: loop)
            let server = try await door.next()
            let total = 24 << 20
            let writing = loop.spawnThrowing {
                for _ in 0..<24 { try await client.send([UInt8](repeating: 1, count: 1 << 20)) }
                try await client.drained()
                try await client.finish()
            }
            let first = try await server.exactly(1000)
            // What one write may leave unsent is its own size over the high-water mark.
            #expect(await client.unsent <= (1 << 20) + (256 << 10))
            let rest = try await server.rest()
            try await writing.value
            #expect(first.count + rest.count == total)
            await server.close()
            await client.close()
            await door.close()
        }
    }

    @Test func `unread bytes stop at the receive limit`() async throws {
        try await onLoop { loop in
            let door = Door(on: loop)
            let client = try await Peer.connected(to: try await door.open(), on: loop)
            let server = try await door.next()
            await server.setReceiveLimit(32 << 10)
            try await client.send([UInt8](repeating: 1, count: 100_000))
            await #expect(throws: StreamError.receiveLimitReached) {
                while true { _ = try await server.fill(within: .seconds(60)) }
            }
            #expect(await server.received == 32 << 10)
            await server.close()
            await client.close()
            await door.close()
        }
    }

    @Test func `unsent bytes stop at the send limit`() async throws {
        try await onLoop { loop in
            let door = Door(on: loop)
            let client = try await Peer.connected(to: try await door.open(), on: loop)
            let server = try await door.next()
            await client.setSendLimit(1000)
            try await client.send([UInt8](repeating: 1, count: 1000))
            await #expect(throws: StreamError.sendLimitReached) {
                try await client.send([UInt8](repeating: 1, count: 1001))
            }
            await server.close()
            await client.close()
            await door.close()
        }
    }

    /// A first write that the kernel refused whole once trapped on a negative index.
    @Test func `a pipe that is full from the start takes the bytes once it is read`() async throws {
        let sent = (0..<200_000).map { UInt8(truncatingIfNeeded: $0 >> 3) }
        let received = try await onLoop { loop in
            let (reading, writing) = try Pipe(nonblocking: .both).split()
            var stuffing = 0
            while let count = fill(writing) { stuffing += count }
            let writer = Peer(
                try Stream(adopting: Descriptor(adopting: writing), .pipe, on: loop),
                on: loop
            )
            let reader = Peer(
                try Stream(adopting: Descriptor(adopting: reading), .pipe, on: loop),
                on: loop
            )
            let written = loop.spawnThrowing {
                // The edge that says "writable" at registration is gone after a first refusal.
                try await writer.send(Array(sent[..<100]))
                for start in stride(from: 100, to: sent.count, by: 999) {
                    try await writer.send(Array(sent[start..<min(start + 999, sent.count)]))
                }
                try await writer.finish()
            }
            let received = try await reader.rest().dropFirst(stuffing)
            try await written.value
            await writer.close()
            await reader.close()
            return Array(received)
        }
        #expect(received == sent)
    }

    @Test func `pieces of every size keep their order behind a slow reader`() async throws {
        let sizes = [1, 70_000, 3, 65_536, 200_000, 65_535, 2, 2, 300_000, 1]
        let pieces = (0..<100).map { index in
            [UInt8](repeating: UInt8(index), count: sizes[index % sizes.count])
        }
        let received = try await onLoop { loop in
            let door = Door(on: loop)
            let client = try await Peer.connected(to: try await door.open(), on: loop)
            let server = try await door.next()
            let written = loop.spawnThrowing {
                for piece in pieces { try await client.sendTwo(piece, piece) }
                try await client.finish()
                try await client.drained()
            }
            await Task.yield()
            let received = try await server.rest()
            try await written.value
            await client.close()
            await server.close()
            await door.close()
            return received
        }
        #expect(received == pieces.flatMap { $0 + $0 })
    }

    @Test func `the end of a peer is noticed without reading`() async throws {
        try await onLoop { loop in
            let door = Door(on: loop)
            let client = try await Peer.connected(to: try await door.open(), on: loop)
            let server = try await door.next()
            await client.close()
            try await server.hangUp()
            #expect(try await server.fill(within: .seconds(60)) == 0)
            await server.close()
            await door.close()
        }
    }

    @Test func `closing wakes a waiting reader`() async throws {
        try await onLoop { loop in
            let door = Door(on: loop)
            let client = try await Peer.connected(to: try await door.open(), on: loop)
            let server = try await door.next()
            let reading = loop.spawnThrowing { try await client.fill(within: .seconds(60)) }
            await Task.yield()
            await client.close()
            await #expect(throws: StreamError.closed) { try await reading.value }
            await server.close()
            await door.close()
        }
    }

    @Test func `nobody listening is a refused connection`() async throws {
        try await onLoop { loop in
            // A port of our own would do only until a test beside this one is given it.
            let address = SocketAddress.ip(.loopback, port: 1)
            let error = await #expect(throws: StreamError.self) {
                try await Peer.connected(to: address, on: loop)
            }
            guard case .failed(let reason) = error else {
                Issue.record("unexpected \(String(describing: error))")
                return
            }
            #expect(reason.name == "ECONNREFUSED")
        }
    }
}
