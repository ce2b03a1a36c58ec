import Base
import Gateway
import Glibc
import Sandbox
import System
import TestKit
import Testing

/// What a server process told its owner, in order.
private actor Notes {
    private(set) var lines: [String] = []
    private(set) var errors: [String] = []
    private(set) var ends: [String] = []
    private var waiters: [(count: Int, continuation: CheckedContinuation<Void, Never>)] = []

    func add(line: [UInt8]) {
        lines.append(String(decoding: line, as: UTF8.self))
        wake()
    }

    func add(error item: ErrorLines.Item) {
        if case .line(let line, isCut: _) = item {
            errors.append(String(decoding: line, as: UTF8.self))
        }
        wake()
    }

    func add(end: String) {
        ends.append(end)
        wake()
    }

    private func wake() {
        let count = lines.count + errors.count + ends.count
        let due = waiters.filter { $0.count <= count }
        waiters.removeAll { $0.count <= count }
        for waiter in due { waiter.continuation.resume() }
    }

    /// Returns when so many lines, error lines and ends have come in all.
    func events(_ count: Int) async {
        guard lines.count + errors.count + ends.count < count else { return }
        await withCheckedContinuation { waiters.append((count, $0)) }
    }
}

private struct Dice: RandomSource {
    func bytes(count: Int) -> [UInt8] { (0..<count).map { _ in UInt8.random(in: 0...255) } }
}

private enum Hosts {
    static let probe = CageProbe()
    static let isPossible = probe.missing(from: CageLayer.standardMinimum).isEmpty
    static let isRoot = geteuid() == 0
}

/// One loop, one pool, one server; ended with `close`.
private struct Stage {
    let loop: EventLoop
    let thread: LoopThread
    let pool = BlockingPool(threadLimit: 2)
    let notes = Notes()
    let server: ServerProcess

    init(
        settings: Supervision.Settings = Supervision.Settings(),
        greets: Bool = false,
        greet: (@Sendable () async -> String?)? = nil,
        prepare: @escaping @Sendable () throws -> ServerStart
    ) throws {
        // As the gateway does: what is written to a process that is gone is an error.
        Signals.ignoreBrokenPipes()
        loop = try EventLoop()
        let notes = notes
        let box = Lock<ServerProcess?>(nil)
        server = ServerProcess(
            try ServerName("test"),
            on: loop,
            pool: pool,
            random: Dice(),
            settings: settings,
            handlers: ServerHandlers(
                greet: {
                    if let greet { return await greet() }
                    let server = box.withLock { $0 }
                    if greets { try? await server?.send(Array("{\"hello\":1}".utf8)) }
                    return nil
                },
                line: { line in await notes.add(line: line) },
                errorItem: { item in Task { await notes.add(error: item) } },
                ended: { end in Task { await notes.add(end: end) } }
            ),
            prepare: prepare
        )
        let made = server
        box.withLock { $0 = made }
        thread = try loop.start()
    }

    /// A shell script in a cage.
    static func caged(_ script: String) -> @Sendable () throws -> ServerStart {
        {
            var profile = CageProfile(command: ["/bin/sh", "-c", script], baseFolder: "/")
            if Hosts.isRoot {
                profile.identity = .own(uid: CageProbe.probeUser, gid: CageProbe.probeUser)
            }
            let tools = try Hosts.probe.require(CageLayer.standardMinimum)
            return .caged(try PreparedCage(profile, tools: tools, isRoot: Hosts.isRoot))
        }
    }

    static func bare(_ script: String) -> @Sendable () throws -> ServerStart {
        {
            var request = SpawnRequest(executable: "/bin/sh", arguments: ["-c", script])
            request.environment = ["PATH=/usr/bin:/bin"]
            request.standardInput = .pipe
            request.standardOutput = .pipe
            request.standardError = .pipe
            return .bare(request)
        }
    }

    func ready() async throws {
        try await server.ready(until: SystemClock().instant.advanced(by: .seconds(20)))
    }

    func close() async {
        await server.stop()
        loop.stop()
        thread.join()
        pool.shutDown()
    }
}

@Suite(
    "A hosted server",
    .enabled(if: Hosts.isPossible, "no cage can be made here: \(Hosts.probe.lines)"),
    .timeLimit(.minutes(5))
)
struct ServerProcessTests {
    @Test func `answers through its cage line by line`() async throws {
        let stage = try Stage(
            greets: true,
            prepare: Stage.caged("while read -r l; do echo \"$l\"; done")
        )
        try await stage.ready()
        try await stage.server.send(Array("{\"n\":2}".utf8))
        await stage.notes.events(2)
        #expect(await stage.notes.lines == ["{\"hello\":1}", "{\"n\":2}"])
        await stage.server.stop()
        #expect(await stage.server.state == .ended)
        await stage.close()
    }

    @Test func `its error output comes apart from its messages`() async throws {
        let stage = try Stage(prepare: Stage.caged("echo warn >&2; echo noise; echo '{}'; cat"))
        try await stage.ready()
        await stage.notes.events(2)
        #expect(await stage.notes.lines == ["{}"])
        #expect(await stage.notes.errors == ["warn"])
        await stage.close()
    }

    @Test func `one that ignores the end of input and SIGTERM is killed with its whole tree`()
        async throws
    {
        var settings = Supervision.Settings()
        settings.stopGrace = .milliseconds(100)
        let mark = "gatehouse-\(getpid())-\(UInt32.random(in: 0...UInt32.max))"
        let script = """
            trap '' TERM HUP INT
            setsid sh -c 'trap "" TERM HUP; while :; do sleep 1; done' \(mark) &
            echo '{}'
            while :; do sleep 1; done
            """
        let stage = try Stage(settings: settings, prepare: Stage.caged(script))
        try await stage.ready()
        await stage.notes.events(1)
        #expect(Self.processes(with: mark) > 0)
        await stage.close()
        #expect(Self.processes(with: mark) == 0)
    }

    @Test func `SIGTERM reaches the server inside`() async throws {
        var settings = Supervision.Settings()
        // Long enough for the shell to say goodbye on a machine under load.
        settings.stopGrace = .seconds(4)
        let script =
            "trap 'echo \"{\\\"bye\\\":1}\"; exit 7' TERM; echo '{}'; while :; do sleep 0.05; done"
        let stage = try Stage(settings: settings, prepare: Stage.caged(script))
        try await stage.ready()
        await stage.notes.events(1)
        await stage.close()
        await stage.notes.events(3)
        #expect(await stage.notes.lines == ["{}", "{\"bye\":1}"])
        #expect(await stage.notes.ends == ["exit code 7"])
    }

    @Test func `the tree dies with bubblewrap`() async throws {
        var settings = Supervision.Settings()
        settings.crashLimit = 1
        let mark = "gatehouse-\(getpid())-\(UInt32.random(in: 0...UInt32.max))"
        let script = "sh -c 'while :; do sleep 1; done' \(mark) & echo '{}'; cat"
        let stage = try Stage(settings: settings, prepare: Stage.caged(script))
        try await stage.ready()
        await stage.notes.events(1)
        let outermost = try #require(await stage.server.processID)
        kill(outermost, SIGKILL)
        await stage.notes.events(2)
        #expect(Self.processes(with: mark) == 0)
        await stage.close()
    }

    @Test func `one that prints no messages is cut off and rests`() async throws {
        let stage = try Stage(prepare: Stage.caged("while :; do echo noise; done"))
        try? await stage.ready()
        await stage.notes.events(1)
        guard case .broken(let reason) = await stage.server.state else {
            Issue.record("\(await stage.server.state)")
            return
        }
        #expect(reason.contains("101 lines"))
        await #expect(throws: ServerProcessError.broken(reason: reason)) { try await stage.ready() }
        await stage.close()
    }

    @Test func `one that crashes is started again until its circuit opens`() async throws {
        var settings = Supervision.Settings()
        settings.crashLimit = 3
        settings.backoffBase = .milliseconds(2)
        let stage = try Stage(settings: settings, prepare: Stage.caged("exit 3"))
        try? await stage.ready()
        await stage.notes.events(3)
        #expect(await stage.notes.ends == ["exit code 3", "exit code 3", "exit code 3"])
        #expect(await stage.server.state == .broken(reason: "exit code 3"))
        await stage.close()
    }

    @Test func `a program that is not there is refused with the reason`() async throws {
        let stage = try Stage {
            let profile = CageProfile(command: ["no-such-program"], baseFolder: "/")
            let tools = try Hosts.probe.require(CageLayer.standardMinimum)
            return .caged(try PreparedCage(profile, tools: tools, isRoot: false))
        }
        await #expect(throws: ServerProcessError.self) { try await stage.ready() }
        guard case .refused(let reason) = await stage.server.state else {
            Issue.record("\(await stage.server.state)")
            return
        }
        #expect(reason.contains("was not found in"))
        await stage.close()
    }

    @Test func `what the greeting of one that is gone comes to is not of the next`() async throws {
        let (greeted, given) = (Lock(0), Lock(0))
        let stage = try Stage(
            greet: {
                let number = greeted.withLock { count in
                    count += 1
                    return count
                }
                // The first is refused when the second is under way, which waits for that.
                while (number == 1 ? greeted : given).withLock({ $0 }) < 3 - number {
                    await Task.yield()
                }
                given.withLock { $0 += 1 }
                return number == 1 ? "it was ended" : nil
            },
            prepare: Stage.bare("exec cat")
        )
        await stage.server.restart()
        while greeted.withLock({ $0 }) == 0 { await Task.yield() }
        await stage.server.restart()
        try await stage.ready()
        #expect(given.withLock { $0 } >= 2)
        await stage.close()
    }

    @Test func `a call that comes while one is ending waits for the next`() async throws {
        // What it leaves behind holds its output open for a while after it is gone.
        let stage = try Stage(
            prepare: Stage.bare(
                "read line; case $line in *end*) sleep 3 & exit;; esac; echo '{}'; cat >/dev/null"
            )
        )
        try await stage.ready()
        let first = await stage.server.processID
        try await stage.server.send(Array(#"{"end":1}"#.utf8))
        // On the loop: it is ending for a second, in which other tests may keep this one's thread.
        try await stage.loop.spawnThrowing {
            // Its end is noticed when nothing can be written any more; a stall may make that be missed.
            while await stage.server.processID == first {
                do throws(ServerProcessError) {
                    try await stage.server.send(Array("{}".utf8))
                } catch {
                    if case .notRunning = error { break }
                }
                await Task.yield()
            }
            try await stage.ready()
        }.value
        #expect(await stage.server.processID != first)
        try await stage.server.send(Array("{}".utf8))
        await stage.notes.events(2)
        #expect(await stage.notes.lines == ["{}"])
        await stage.close()
    }

    @Test func `one that ended before it was greeted is no worse than one that crashed`()
        async throws
    {
        var settings = Supervision.Settings()
        settings.backoffBase = .milliseconds(2)
        let (server, greeted) = (Lock<ServerProcess?>(nil), Lock(0))
        let stage = try Stage(
            settings: settings,
            greet: {
                let number = greeted.withLock { count in
                    count += 1
                    return count
                }
                guard number == 1, let server = server.withLock({ $0 }),
                    let process = await server.processID
                else { return nil }
                // Its end is not noticed while the loop is held.
                while ProcessFacts(process)?.isZombie == false {}
                do throws(ServerProcessError) {
                    try await server.send(Array("{}".utf8))
                    return nil
                } catch {
                    return "it does not open as the protocol asks: \(error)"
                }
            },
            prepare: {
                let script = greeted.withLock { $0 } == 0 ? "exit 1" : "exec cat"
                return try Stage.bare(script)()
            }
        )
        server.withLock { $0 = stage.server }
        try await stage.ready()
        #expect(greeted.withLock { $0 } == 2)
        await stage.close()
    }

    @Test func `one that closes its input is ended, and a call waits for the next`() async throws {
        let starts = Lock(0)
        var settings = Supervision.Settings()
        settings.backoffBase = .milliseconds(2)
        let stage = try Stage(
            settings: settings,
            prepare: {
                let number = starts.withLock { count in
                    count += 1
                    return count
                }
                let deaf = "exec </dev/null; echo '{}'; while :; do sleep 1; done"
                return try Stage.bare(number == 1 ? deaf : "exec cat")()
            }
        )
        try await stage.ready()
        await stage.notes.events(1)
        let first = await stage.server.processID
        await #expect(throws: ServerProcessError.notRunning) {
            try await stage.server.send(Array("{}".utf8))
        }
        try await stage.ready()
        #expect(await stage.server.processID != first)
        try await stage.server.send(Array("{}".utf8))
        await stage.close()
    }

    @Test func `an idle one sleeps and wakes with the next call`() async throws {
        var settings = Supervision.Settings()
        settings.idleAfter = .milliseconds(20)
        let stage = try Stage(settings: settings, prepare: Stage.caged("echo '{}'; cat >/dev/null"))
        try await stage.ready()
        await stage.notes.events(2)
        #expect(await stage.server.processID == nil)
        try await stage.ready()
        await stage.notes.events(3)
        #expect(await stage.notes.lines.count == 2)
        await stage.close()
    }

    @Test func `without a cage its whole tree is killed too`() async throws {
        var settings = Supervision.Settings()
        settings.stopGrace = .milliseconds(50)
        let mark = "gatehouse-\(getpid())-\(UInt32.random(in: 0...UInt32.max))"
        let script =
            "trap '' TERM; sh -c 'while :; do sleep 1; done' \(mark) & echo '{}'; wait; wait"
        let stage = try Stage(settings: settings, prepare: Stage.bare(script))
        try await stage.ready()
        await stage.notes.events(1)
        await stage.close()
        #expect(Self.processes(with: mark) == 0)
    }

    @Test func `a message with a line break is not sent`() async throws {
        let stage = try Stage(prepare: Stage.caged("cat"))
        try await stage.ready()
        await #expect(throws: ServerProcessError.lineNotUsable(reason: "it has a line break")) {
            try await stage.server.send(Array("{\n}".utf8))
        }
        await stage.close()
    }

    /// The gateway cannot end its servers when it is killed; the kernel and PID 1 do.
    @Test func `the tree dies with a gateway that is killed`() async throws {
        // Not in `/tmp`, which is the cage's own.
        let made = TemporaryFolder("fifo", in: "/var/tmp")
        let folder = made.path
        unsafe chmod(folder, 0o777)
        unsafe mkfifo(folder + "/fifo", 0o666)
        unsafe chmod(folder + "/fifo", 0o666)
        defer { withExtendedLifetime(made) {} }
        let fifo = unsafe open(folder + "/fifo", O_RDONLY | O_NONBLOCK | O_CLOEXEC)
        try #require(fifo >= 0)
        defer { close(fifo) }
        await #expect(processExitsWith: .signal(SIGKILL)) { [folder = folder as String] in
            let stage = try Stage {
                let script = "exec 5>/data/fifo; setsid sh -c 'trap \"\" TERM HUP; sleep 100' & cat"
                var profile = CageProfile(command: ["/bin/sh", "-c", script], baseFolder: "/")
                profile.write = ["/data": folder]
                if Hosts.isRoot {
                    profile.identity = .own(uid: CageProbe.probeUser, gid: CageProbe.probeUser)
                }
                let tools = try Hosts.probe.require(CageLayer.standardMinimum)
                return .caged(try PreparedCage(profile, tools: tools, isRoot: Hosts.isRoot))
            }
            try await stage.ready()
            // The shell has opened the pipe once it echoes.
            try await stage.server.send(Array("{}".utf8))
            await stage.notes.events(1)
            kill(getpid(), SIGKILL)
        }
        // The reading end hangs up when the last process of the tree is gone.
        var wait = pollfd(fd: fifo, events: Int16(POLLIN), revents: 0)
        #expect(unsafe poll(&wait, 1, 30_000) == 1)
        #expect(wait.revents & Int16(POLLHUP) != 0)
    }

    static let environment: String? = {
        let candidates = [
            unsafe getenv("GATEHOUSE_TEST_VENV").map { unsafe String(cString: $0) },
            Corpus.packageRoot + "/.venv/sdk", Corpus.packageRoot + "/.venv/quickstart",
        ]
        return candidates.compactMap { $0 }
            .first { unsafe access($0 + "/bin/mcp-server-time", X_OK) == 0 }
    }()

    @Test(
        .enabled(
            if: environment != nil,
            "no environment with mcp-server-time: run scripts/setup or set GATEHOUSE_TEST_VENV"
        )
    )
    func `mcp-server-time answers a call from its cage`() async throws {
        let environment = try #require(Self.environment)
        let stage = try Stage {
            var profile = CageProfile(command: ["bin/mcp-server-time"], baseFolder: environment)
            if Hosts.isRoot {
                profile.identity = .own(uid: CageProbe.probeUser, gid: CageProbe.probeUser)
            }
            let tools = try Hosts.probe.require(CageLayer.standardMinimum)
            return .caged(try PreparedCage(profile, tools: tools, isRoot: Hosts.isRoot))
        }
        try await stage.ready()
        let greeting =
            #"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"#
            + #""2025-06-18","capabilities":{},"clientInfo":{"name":"test","version":"1"}}}"#
        try await stage.server.send(Array(greeting.utf8))
        await stage.notes.events(1)
        let initialized = #"{"jsonrpc":"2.0","method":"notifications/initialized"}"#
        try await stage.server.send(Array(initialized.utf8))
        let call =
            #"{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"get_current_time","#
            + #""arguments":{"timezone":"Europe/Berlin"}}}"#
        try await stage.server.send(Array(call.utf8))
        await stage.notes.events(2)
        let lines = await stage.notes.lines
        #expect(lines.last?.contains("Europe/Berlin") == true, "\(lines)")
        await stage.close()
        #expect(await stage.notes.errors == [])
    }

    /// How many processes carry this word in their command line.
    private static func processes(with mark: String) -> Int {
        ProcessTree.all().filter { process in
            guard !process.isZombie,
                let bytes = try? Files.read("/proc/\(process.processID)/cmdline", limit: 1 << 16)
            else { return false }
            return String(decoding: bytes, as: UTF8.self).contains(mark)
        }.count
    }
}
