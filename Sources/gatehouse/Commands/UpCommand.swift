import Base
import Crypto
import Gateway
import System

/// `gatehouse up`: runs the gateway until it is told to stop.
enum UpCommand {
    static let command = Command(
        "up",
        "",
        "run the gateway in the foreground",
        options: [
            Command.Option("--config", "FILE", "the configuration (default: gatehouse.yaml)"),
            ConfigCommands.trust,
            Command.Option("--listen", "ADDRESS:PORT", "listen here instead of `listen.mcp`"),
            Command.Option("--quiet", nil, "log problems only"),
        ],
        printsJSON: false,
        blocking: run
    )

    private static func run(_ invocation: Invocation) throws -> Int32 {
        try Signals.block([.terminate, .interrupt, .hangUp])
        _ = try? Process.raiseOpenFileLimit()
        try? Process.hideMemory()
        let path = Paths.join(
            try Process.workingDirectory(),
            try invocation.value("--config") ?? "gatehouse.yaml"
        )
        let trust = try TrustAnchor.here(option: try invocation.value("--trust"))
        let set = try ConfigurationFiles.read(path, trust: trust, hashing: OpenSSLHashing())
        let state = try invocation.stateFolder()
        let lock = try take(state)
        MemoryReturn.keepFreedMemory()
        let loop = try EventLoop()
        let isQuiet = invocation.has("--quiet")
        let gateway = try Gateway.open(
            set,
            folder: Files.split(path).folder,
            state: state,
            loop: loop,
            parts: parts(),
            trust: trust,
            listen: try invocation.value("--listen")
        )
        for warning in set.warnings { Console.complain("warning: \(warning.text)") }
        let failure = Lock<(any Error)?>(nil)
        // Ends when a signal asks for it; the loop runs exactly as long.
        loop.spawn {
            do {
                try await serve(gateway, isQuiet: isQuiet)
            } catch {
                failure.withLock { $0 = error }
            }
            await gateway.shutDown()
            loop.stop()
        }
        loop.run()
        _ = consume lock
        if let error = failure.withLock({ $0 }) { return GatehouseTool.end(with: error) }
        return 0
    }

    /// Makes the state folder ours alone.
    private static func take(_ state: StateFolder) throws -> System.LockFile {
        do {
            try state.prepare(user: Process.userID)
            return try System.LockFile(state.lockFile, note: "pid \(Process.identifier)")
        } catch let error as SystemError {
            throw ControlError(
                .usage,
                "the state folder cannot be used: \(error)",
                hint: "it must be writable for this user; or name another one with `--state`"
            )
        }
    }

    /// The one place that names what the outside world is.
    static func parts() -> Gateway.Parts {
        let pool = BlockingPool()
        return Gateway.Parts(
            pool: pool,
            clock: SystemClock(),
            resolver: SystemResolver(pool: pool),
            random: SystemRandom(),
            user: Process.userID,
            version: GatehouseTool.version,
            environment: { Process.environment($0) },
            log: { line in Console.complain(line) }
        )
    }

    private static func serve(_ gateway: Gateway, isQuiet: Bool) async throws {
        let stop = Stop(gateway.loop)
        try await stop.start()
        try await nameFirstApprover(gateway)
        try await gateway.run()
        if !isQuiet {
            if let address = await gateway.address {
                let url = await gateway.url(of: address)
                Console.print("gatehouse \(GatehouseTool.version) listens on \(url)")
            }
            Console.print("state folder: \(gateway.state.path)")
        }
        await stop.wait { await gateway.reload() }
    }
}

extension UpCommand {
    /// Asks who decides, where nobody does yet and somebody sits there; before anything listens.
    private static func nameFirstApprover(_ gateway: Gateway) async throws {
        guard hasTerminal, (try? await gateway.loadForInit()) != nil else { return }
        let terminal = try Terminal()
        let answer = try terminal.ask("nobody may decide yet; the first approver (empty: nobody): ")
        guard let answer, !answer.isEmpty else { return }
        let name = try PrincipalName(String(decoding: answer, as: UTF8.self))
        let passphrase = try ApproverPrompt.newPassphrase(for: name.rawValue)
        try await gateway.makeFirstApprover(name, passphrase: Array(passphrase.utf8))
    }

    /// Whether the standard input is a terminal: a service that has one somewhere is not asked.
    private static var hasTerminal: Bool {
        guard let input = try? Files.target(ofLink: "/proc/self/fd/0") else { return false }
        return input.hasPrefix("/dev/pts/") || input.hasPrefix("/dev/tty")
    }
}

/// Waits for the signals that end or reload the gateway.
private actor Stop {
    private let loop: EventLoop
    private var watch: SignalWatch?
    private var waiting: Pending<Signal>?
    private var signals: [Signal] = []

    nonisolated var unownedExecutor: UnownedSerialExecutor {
        unsafe loop.asUnownedSerialExecutor()
    }

    init(_ loop: EventLoop) { self.loop = loop }

    func start() throws {
        watch = try SignalWatch([.terminate, .interrupt, .hangUp], on: loop) { [weak self] signal in
            guard let self else { return }
            self.assumeIsolated { stop in
                // One that waits stands for those that come after it.
                guard !stop.signals.contains(signal) else { return }
                stop.signals.append(signal)
                stop.waiting?.fulfil(signal)
            }
        }
    }

    /// Returns at SIGTERM or SIGINT; SIGHUP reloads.
    func wait(reload: @escaping @Sendable () async -> Void) async {
        while true {
            if signals.isEmpty {
                let pending = Pending<Signal>(on: loop)
                waiting = pending
                _ = try? await pending.value()
                waiting = nil
            }
            guard !signals.isEmpty else { continue }
            guard signals.removeFirst() == .hangUp else { return }
            // It takes its time: a signal to stop does not wait for it.
            loop.spawn { await reload() }
        }
    }
}
