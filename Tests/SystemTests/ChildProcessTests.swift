import Base
import Glibc
import System
import Testing

/// Owns one child on the loop and reads it.
actor Keeper {
    nonisolated let loop: EventLoop
    nonisolated var unownedExecutor: UnownedSerialExecutor { unsafe loop.asUnownedSerialExecutor() }
    private var child: ChildProcess?

    init(on loop: EventLoop) { self.loop = loop }

    var processID: Int32 { child?.processID ?? -1 }

    func start(_ request: SpawnRequest) throws(SpawnError) {
        child = try ChildProcess.spawn(request, on: loop)
    }

    func feed(_ bytes: [UInt8]) async throws {
        try await child?.input?.write(bytes)
        try child?.input?.finish()
    }

    func output() async throws -> String { try await rest(child?.output) }
    func errors() async throws -> String { try await rest(child?.error) }

    private func rest(_ stream: Stream?) async throws -> String {
        var bytes: [UInt8] = []
        while let stream, try await stream.read(appendingTo: &bytes, atMost: .max) > 0 {}
        return String(decoding: bytes, as: UTF8.self)
    }

    func line() async throws -> String {
        var bytes: [UInt8] = []
        guard let stream = child?.output else { return "" }
        while try await stream.read(appendingTo: &bytes, atMost: 1) > 0, bytes.last != 0x0a {}
        return String(decoding: bytes.dropLast(), as: UTF8.self)
    }

    func exit() async throws -> ProcessEnd? {
        let status = try await child?.exit(until: loop.now.advanced(by: .seconds(120)))
        child?.closeStreams()
        return status
    }

    func signal(_ signal: Signal) { child?.signal(signal) }
    func killTree() { child?.killTree() }
    func stop(grace: Duration) async -> ProcessEnd? {
        let status = await child?.stop(grace: grace)
        child?.closeStreams()
        return status
    }
}

/// A script for the shell, with its output and errors as pipes.
func script(_ text: String, input: StandardStream = .null) -> SpawnRequest {
    var request = SpawnRequest(executable: "/bin/sh", arguments: ["-c", text])
    request.environment = ["PATH=/usr/bin:/bin"]
    request.standardInput = input
    request.standardOutput = .pipe
    request.standardError = .pipe
    return request
}

/// What a script prints, and how it ends.
func run(_ request: SpawnRequest) async throws -> (output: String, status: ProcessEnd?) {
    try await onLoop { loop in
        let keeper = Keeper(on: loop)
        try await keeper.start(request)
        let output = try await keeper.output()
        return (output, try await keeper.exit())
    }
}

@Suite(.timeLimit(.minutes(5)))
struct ChildProcessTests {
    @Test func `what a child reads, prints and returns comes through`() async throws {
        let (output, errors, status) = try await onLoop { loop in
            let keeper = Keeper(on: loop)
            try await keeper.start(script("cat; echo oops >&2; exit 7", input: .pipe))
            try await keeper.feed(Array("hello".utf8))
            return (
                try await keeper.output(), try await keeper.errors(), try await keeper.exit()
            )
        }
        #expect(output == "hello")
        #expect(errors == "oops\n")
        #expect(status == .exited(7))
    }

    @Test func `a child has the environment and arguments it was given and no others`()
        async throws
    {
        var request = SpawnRequest(
            executable: "/usr/bin/env",
            environment: ["A=1", "B=two words"]
        )
        request.standardOutput = .pipe
        let (output, status) = try await run(request)
        #expect(output == "A=1\nB=two words\n")
        #expect(status == .exited(0))
        let (arguments, _) = try await run(script(#"echo "$0|$#""#))
        #expect(arguments == "/bin/sh|0\n")
    }

    @Test func `a child has no descriptor but those it was given`() async throws {
        let (output, _) = try await onLoop { loop in
            // Inheritable on purpose: what a careless library leaves open.
            let leaked = try Files.open("/dev/null", .read)
            try leaked.setInheritable(true)
            let kept = try Descriptor.sealedMemory("kept", Array("kept".utf8))
            var request = script("ls /proc/self/fd | tr '\\n' ' '; cat <&9")
            request.extraDescriptors = [9: kept.number]
            let keeper = Keeper(on: loop)
            try await keeper.start(request)
            let output = try await keeper.output()
            _ = kept.number
            _ = leaked.number
            return (output, try await keeper.exit())
        }
        // 3 is the folder that ls itself reads.
        #expect(output == "0 1 2 3 9 kept")
    }

    @Test func `descriptors that trade places arrive in the right ones`() async throws {
        let output = try await onLoop { loop in
            let first = try Descriptor.sealedMemory("first", Array("first ".utf8))
            let second = try Descriptor.sealedMemory("second", Array("second".utf8))
            var request = script(
                "cat /dev/fd/\(second.number); cat /dev/fd/\(first.number)"
            )
            request.extraDescriptors = [
                first.number: second.number, second.number: first.number,
            ]
            let keeper = Keeper(on: loop)
            try await keeper.start(request)
            let output = try await keeper.output()
            _ = try await keeper.exit()
            _ = (first.number, second.number)
            return output
        }
        #expect(output == "first second")
    }

    @Test func `signals are at their defaults and unblocked in a child`() async throws {
        Signals.ignoreBrokenPipes()
        let (output, _) = try await run(script("grep -E 'Sig(Blk|Ign)' /proc/self/status"))
        #expect(output == "SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n")
    }

    @Test func `a child cannot gain privileges and its open files are few`() async throws {
        let (output, _) = try await run(
            script("grep NoNewPrivs /proc/self/status; ulimit -Sn; ps -o sid= -p $$ | tr -d ' '")
        )
        let lines = output.split(separator: "\n")
        #expect(lines.first == "NoNewPrivs:\t1")
        #expect(lines.dropFirst().first == "1024")
    }

    @Test(
        "what cannot start says which step failed",
        arguments: [
            ("/nonexistent/program", nil, "execute it", "ENOENT"),
            ("/etc", nil, "execute it", "EACCES"),
            ("/bin/true", "/nonexistent", "change to its folder `/nonexistent`", "ENOENT"),
            ("/bin/tr\u{0}ue", nil, "pass a text with a NUL byte", "EINVAL"),
        ] as [(String, String?, String, String)]
    )
    func failures(program: String, folder: String?, step: String, name: String) async throws {
        let error = try await onLoop { loop in
            var request = SpawnRequest(executable: program)
            request.workingDirectory = folder
            let keeper = Keeper(on: loop)
            return await #expect(throws: SpawnError.self) { try await keeper.start(request) }
        }
        #expect(error?.step == step)
        #expect(error?.cause.name == name)
    }

    @Test(.enabled(if: geteuid() == 0, "changing the user needs root"))
    func `a child runs as the user and groups it was given`() async throws {
        var request = script("id -u; id -g; id -G")
        request.identity = ProcessIdentity(user: 65534, group: 65533, groups: [65532])
        request.workingDirectory = "/"
        let (output, _) = try await run(request)
        #expect(output == "65534\n65533\n65533 65532\n")
    }

    @Test func `a killed child says which signal it was`() async throws {
        let status = try await onLoop { loop in
            let keeper = Keeper(on: loop)
            try await keeper.start(script("echo ready; exec cat", input: .pipe))
            _ = try await keeper.line()
            await keeper.signal(.terminate)
            return try await keeper.exit()
        }
        #expect(status == .killed(signal: SIGTERM))
        #expect(status?.description == "killed by signal 15 (SIGTERM)")
    }

    @Test func `killing the tree ends what left the session and ignores signals`() async throws {
        let text = """
            trap '' TERM HUP
            exec 8<&0
            setsid sh -c 'trap "" TERM; echo $$; exec cat' <&8 &
            sh -c 'echo $$; exec cat' <&8 &
            wait
            """
        let pids = try await onLoop { loop in
            let keeper = Keeper(on: loop)
            try await keeper.start(script(text, input: .pipe))
            let pids = [
                try await keeper.line(), try await keeper.line(),
            ].compactMap { Int32($0) }
            #expect(pids.allSatisfy { ProcessFacts($0) != nil })
            await keeper.killTree()
            #expect(try await keeper.exit() == .killed(signal: SIGKILL))
            return pids
        }
        #expect(pids.count == 2)
        // Killed ones take a moment to be gone, and may be listed until init takes them.
        while !pids.allSatisfy({ ProcessFacts($0)?.isZombie ?? true }) {
            try Task.checkCancellation()
            await Task.yield()
        }
    }

    @Test func `a child that ends when its input closes is not killed`() async throws {
        let status = try await onLoop { loop in
            let keeper = Keeper(on: loop)
            try await keeper.start(script("echo ready; cat; exit 3", input: .pipe))
            _ = try await keeper.line()
            return await keeper.stop(grace: .seconds(20))
        }
        #expect(status == .exited(3))
    }

    @Test func `a child that ignores every request is killed`() async throws {
        let status = try await onLoop { loop in
            let keeper = Keeper(on: loop)
            let text = "trap '' TERM; echo ready; while :; do read x || sleep 1000; done"
            try await keeper.start(script(text, input: .pipe))
            _ = try await keeper.line()
            return await keeper.stop(grace: .milliseconds(20))
        }
        #expect(status == .killed(signal: SIGKILL))
    }
}
