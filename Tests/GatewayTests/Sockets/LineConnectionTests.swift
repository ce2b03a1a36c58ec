import Base
import Gateway
import Glibc
import System
import TestKit
import Testing

/// One end of a socket as the gateway has it, the other as a plain descriptor of a peer.
private struct Pair {
    let loop: EventLoop
    let thread: LoopThread
    let peer: CInt
    let connection: LineConnection

    init(limit: Int) async throws {
        let pair = try SocketPair()
        // The loop's end must not block; the peer reads and writes like any program, but not for ever.
        try pair.first.setNonblocking()
        let (descriptor, peer) = pair.split()
        var patience = timeval(tv_sec: 30, tv_usec: 0)
        let size = socklen_t(MemoryLayout<timeval>.size)
        unsafe setsockopt(peer, SOL_SOCKET, SO_RCVTIMEO, &patience, size)
        let loop = try EventLoop()
        self.loop = loop
        thread = try loop.start()
        self.peer = peer
        connection = try await Task(executorPreference: loop) {
            LineConnection(
                try System.Stream(
                    adopting: Descriptor(adopting: descriptor),
                    on: loop
                ),
                limit: limit,
                loop: loop
            )
        }.value
    }

    func write(_ bytes: [UInt8]) {
        let count = unsafe Glibc.write(peer, bytes, bytes.count)
        #expect(count == bytes.count)
    }

    func read(_ count: Int) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        let got = unsafe Glibc.recv(peer, &bytes, count, CInt(MSG_WAITALL))
        return Array(bytes.prefix(max(0, got)))
    }

    func end() async {
        await connection.close()
        Glibc.close(peer)
        loop.stop()
        thread.join()
    }
}

@Suite("A connection of lines", .timeLimit(.minutes(5)))
struct LineConnectionTests {
    /// More than the socket holds, and less than what its sender waits for.
    @Test func `what was sent reaches its peer before the end`() async throws {
        let pair = try await Pair(limit: 1024)
        let line = [UInt8](repeating: 0x61, count: 400_000)
        #expect(await pair.connection.send(line))
        async let closing: Void = pair.connection.closeWhenSent()
        #expect(pair.read(line.count + 2) == line + [0x0a])
        await closing
        await pair.end()
    }

    @Test func `lines come out whole, in pieces and several at once`() async throws {
        let pair = try await Pair(limit: 1024)
        pair.write(Array("one\ntwo\n\nthr".utf8))
        #expect(await pair.connection.next() == Array("one".utf8))
        #expect(await pair.connection.next() == Array("two".utf8))
        #expect(await pair.connection.next() == [])
        async let last = pair.connection.next()
        pair.write(Array("ee\nrest".utf8))
        #expect(await last == Array("three".utf8))
        // What was not ended by a newline is no line.
        shutdown(pair.peer, CInt(SHUT_WR))
        #expect(await pair.connection.next() == nil)
        await pair.end()
    }

    @Test func `a line at the limit is read, a longer one ends the connection`() async throws {
        for (count, isRead) in [(63, true), (64, true), (65, false), (5000, false)] {
            let pair = try await Pair(limit: 64)
            pair.write([UInt8](repeating: 0x61, count: count) + [0x0a])
            let line = await pair.connection.next()
            #expect((line?.count == count) == isRead, "\(count) bytes: \(line?.count ?? -1)")
            await pair.end()
        }
    }

    @Test func `a line over the limit is skipped whole where the reader goes on`() async throws {
        for count in [65, 5000, 200_000] {
            let pair = try await Pair(limit: 64)
            let bytes = [UInt8](repeating: 0x61, count: count) + Array("\nnext\n".utf8)
            // The loop's thread reads while this one writes, for a socket may hold less.
            async let first = pair.connection.nextLine()
            pair.write(bytes)
            #expect(await first == .tooLong)
            #expect(await pair.connection.nextLine() == .text(Array("next".utf8)))
            await pair.end()
        }
    }

    @Test func `any bytes but a newline are a line's own`() async throws {
        let pair = try await Pair(limit: 1024)
        let bytes = (UInt8.min...UInt8.max).filter { $0 != 0x0a }
        pair.write(bytes + [0x0a])
        #expect(await pair.connection.next() == bytes)
        #expect(await pair.connection.send(bytes))
        #expect(pair.read(256) == bytes + [0x0a])
        await pair.end()
    }

    @Test func `the peer is known by its process`() async throws {
        let pair = try await Pair(limit: 64)
        let peer = await pair.connection.peer()
        #expect(peer?.userID == geteuid())
        #expect(peer.map { Int32($0.processID) } == getpid())
        await pair.end()
    }

    @Test func `sending to a peer that is gone says so and ends nothing else`() async throws {
        let pair = try await Pair(limit: 64)
        shutdown(pair.peer, CInt(SHUT_RDWR))
        #expect(await pair.connection.next() == nil)
        // The first may still fit the socket's buffer; the next cannot.
        var isSent = true
        for _ in 0..<3 { isSent = await pair.connection.send([0x61]) }
        #expect(!isSent)
        await pair.end()
    }
}
