import Base
import System

/// Measures the loop: single operations, and an echo server under a client of 64 connections.
enum LoopBenchmark {
    static func run() {
        do {
            let loop = try EventLoop()
            let client = try EventLoop()
            let clientThread = try client.start()
            loop.spawn {
                await report(loop, client)
                loop.stop()
            }
            loop.run()
            client.stop()
            clientThread.join()
        } catch {
            Console.complain("error: \(error)")
        }
    }

    static func report(_ loop: EventLoop, _ client: EventLoop) async {
        var lines: [String] = []
        let costs = Costs(on: loop, client)
        lines += await costs.measure()
        for connections in [1, 8, 64] {
            lines.append(await echo(loop, client, connections: connections))
        }
        lines.append(await idle(loop, client))
        Console.print("{" + lines.joined(separator: ",\n ") + "}")
    }

    /// CPU of the server's thread per echoed message of 300 bytes.
    static func echo(_ loop: EventLoop, _ client: EventLoop, connections: Int) async -> String {
        let count = 200_000 / max(1, 64 / connections)
        let server = EchoServer(on: loop)
        guard let address = await server.open() else { return "\"echo\": null" }
        _ = await drive(client, address, connections: connections, count: count / 10)
        let before = Process.threadCPUTime()
        let start = SystemClock().instant
        let answered = await drive(client, address, connections: connections, count: count)
        let used = (Process.threadCPUTime() - before).saturatedNanoseconds
        let wall = SystemClock().instant.duration(since: start).saturatedNanoseconds
        await server.close()
        return """
            "echo_\(connections)": {"cpu_ns": \(used / Int64(max(1, answered))), \
            "per_second": \(Int64(answered) * 1_000_000_000 / max(1, wall)), \
            "answered": \(answered), "wanted": \(count / connections * connections)}
            """
    }

    /// Resident memory per idle connection, both ends and their tasks together.
    static func idle(_ loop: EventLoop, _ client: EventLoop) async -> String {
        let limit = (try? Process.raiseOpenFileLimit()) ?? 1024
        let count = min(5000, limit / 2 - 100)
        let server = EchoServer(on: loop)
        guard let address = await server.open() else { return "\"idle\": null" }
        Process.releaseMemory()
        let before = Process.residentByteCount()
        let waiting = (0..<count).map { _ in
            client.spawn { await Asker(on: client).askOnceAndWait(address) }
        }
        var ready = 0
        while ready < count {
            ready = await server.answeredCount
            await Task.yield()
        }
        Process.releaseMemory()
        let used = Process.residentByteCount() - before
        for task in waiting { task.cancel() }
        return "\"idle_pair_bytes\": \(used / max(1, count))"
    }

    /// Ping-pong on every connection; the number of answers.
    static func drive(
        _ client: EventLoop,
        _ address: SocketAddress,
        connections: Int,
        count: Int
    ) async -> Int {
        await withTaskGroup(of: Int.self) { group in
            for _ in 0..<connections {
                group.addTask {
                    await client.spawn {
                        await Asker(on: client).ask(address, count / connections)
                    }.value
                }
            }
            return await group.reduce(0, +)
        }
    }
}

/// Accepts on the loop; one actor and one task per connection, as the gateway does.
actor EchoServer {
    nonisolated let loop: EventLoop
    nonisolated var unownedExecutor: UnownedSerialExecutor { unsafe loop.asUnownedSerialExecutor() }
    private var listener: Listener?
    private(set) var answeredCount = 0

    init(on loop: EventLoop) { self.loop = loop }

    func open() -> SocketAddress? {
        let loop = loop
        listener = try? Listener(on: .ip(.loopback, port: 0), loop: loop) { stream in
            let answerer = Answerer(stream, on: loop)
            loop.spawn { await answerer.serve { self.assumeIsolated { $0.answeredCount += 1 } } }
        }
        return listener?.address
    }

    func close() { listener?.close() }
}

actor Answerer {
    nonisolated let loop: EventLoop
    nonisolated var unownedExecutor: UnownedSerialExecutor { unsafe loop.asUnownedSerialExecutor() }
    private let stream: Stream

    init(_ stream: sending Stream, on loop: EventLoop) {
        self.loop = loop
        self.stream = stream
    }

    func serve(answered: @Sendable () -> Void) async {
        do {
            while try await stream.fill(until: loop.now.advanced(by: .seconds(75))) > 0 {
                try await stream.write(stream.take(stream.availableCount))
                answered()
            }
        } catch {}
        stream.close()
    }
}

actor Asker {
    nonisolated let loop: EventLoop
    nonisolated var unownedExecutor: UnownedSerialExecutor { unsafe loop.asUnownedSerialExecutor() }

    init(on loop: EventLoop) { self.loop = loop }

    func ask(_ address: SocketAddress, _ count: Int) async -> Int {
        let deadline = loop.now.advanced(by: .seconds(10))
        guard let stream = try? await Stream.connect(to: address, on: loop, until: deadline) else {
            return 0
        }
        let message = [UInt8](repeating: 0x61, count: 300)
        var answered = 0
        while answered < count {
            guard (try? stream.send(message)) != nil, (try? await stream.fill()) == 300 else {
                break
            }
            stream.consume(300)
            answered += 1
        }
        stream.close()
        return answered
    }

    /// One exchange, then nothing more until the process ends.
    func askOnceAndWait(_ address: SocketAddress) async {
        let deadline = loop.now.advanced(by: .seconds(60))
        guard let stream = try? await Stream.connect(to: address, on: loop, until: deadline) else {
            return
        }
        try? stream.send([1])
        while let count = try? await stream.fill(), count > 0 { stream.consume(count) }
        stream.close()
    }
}

/// Single operations on the loop, in nanoseconds.
actor Costs {
    nonisolated let loop: EventLoop
    nonisolated var unownedExecutor: UnownedSerialExecutor { unsafe loop.asUnownedSerialExecutor() }
    private let other: OtherActor
    /// One that lives on another loop, and so on another thread.
    private let foreign: OtherActor

    init(on loop: EventLoop, _ elsewhere: EventLoop) {
        self.loop = loop
        other = OtherActor(on: loop)
        foreign = OtherActor(on: elsewhere)
    }

    func measure() async -> [String] {
        let count = 100_000
        var lines: [String] = []
        let deadline = loop.now.advanced(by: .seconds(60))

        var before = Process.threadCPUTime()
        for _ in 0..<count { await other.touch() }
        lines.append(line("actor_call", before, count))

        before = Process.threadCPUTime()
        let start = SystemClock().instant
        for _ in 0..<count / 10 { await foreign.touch() }
        lines.append(line("actor_call_other_loop_here", before, count / 10))
        let wall = SystemClock().instant.duration(since: start).saturatedNanoseconds
        lines.append("\"actor_call_other_loop_wall_ns\": \(wall / Int64(count / 10))")

        before = Process.threadCPUTime()
        for _ in 0..<count { await loop.spawn {}.value }
        lines.append(line("spawn_and_wait", before, count))

        before = Process.threadCPUTime()
        for _ in 0..<count {
            let pending = Pending<Int>(on: loop)
            other.later { pending.fulfil(1) }
            _ = try? await pending.value(until: deadline)
        }
        lines.append(line("pending_suspended", before, count))

        let tokens = (0..<1000).map { _ in TimerToken(on: loop) {} }
        for token in tokens { token.set(deadline) }
        let token = TimerToken(on: loop) {}
        before = Process.threadCPUTime()
        for _ in 0..<count {
            token.set(deadline)
            token.cancel()
        }
        lines.append(line("timer_set_and_cancel", before, count))
        for token in tokens { token.cancel() }

        before = Process.threadCPUTime()
        for _ in 0..<count { await Task.yield() }
        lines.append(line("yield", before, count))
        return lines
    }

    private func line(_ name: String, _ before: Duration, _ count: Int) -> String {
        let used = (Process.threadCPUTime() - before).saturatedNanoseconds
        return "\"\(name)_ns\": \(used / Int64(count))"
    }
}

actor OtherActor {
    nonisolated let loop: EventLoop
    nonisolated var unownedExecutor: UnownedSerialExecutor { unsafe loop.asUnownedSerialExecutor() }
    private var count = 0

    init(on loop: EventLoop) { self.loop = loop }

    func touch() { count += 1 }

    /// Runs the closure from a timer that is due, once the caller has suspended.
    nonisolated func later(_ body: @escaping () -> Void) { loop.schedule(at: loop.now, body) }
}
