import Base
import Gateway
import JSON
import System

/// `gatehouse connect`: a pipe between an agent's standard streams and the running gateway.
///
/// It judges nothing and reads nothing of what passes; it takes no configuration.
enum ConnectCommand {
    static let command = Command(
        "connect",
        "[SERVER]",
        "pipe MCP on standard input and output to the gateway",
        options: [
            Command.Option("--token-file", "FILE", "the credential (default: $GATEHOUSE_TOKEN)")
        ],
        printsJSON: false,
        run: { invocation, loop in
            let secret = try secret(invocation)
            let gateway = try await open(invocation, loop)
            try await greet(gateway, secret, invocation.arguments.first)
            try await pipe(gateway, loop)
            return 0
        }
    )

    /// Connects to the agents' socket of the running gateway.
    static func open(_ invocation: Invocation, _ loop: EventLoop) async throws -> LineConnection {
        let state = try invocation.stateFolder()
        do {
            let stream = try await System.Stream.connect(
                to: .unix(path: state.agentSocket),
                on: loop,
                until: loop.now.advanced(by: .seconds(5))
            )
            return LineConnection(stream, limit: Limits.lineByteCount * 2, loop: loop)
        } catch {
            throw ControlError(
                .unreachable,
                "no gateway answers in \(state.path)",
                hint: "start one with `gatehouse up`"
            )
        }
    }

    static func secret(_ invocation: Invocation) throws -> String {
        if let file = try invocation.value("--token-file") {
            let text = String(decoding: try Files.read(file, limit: 4096), as: UTF8.self)
            return String(text.prefix { $0 != "\n" && $0 != "\r\n" })
        }
        guard let token = Process.environment("GATEHOUSE_TOKEN") else {
            throw ControlError(
                .usage,
                "no credential is given",
                hint: "pass `--token-file FILE`, made by `gatehouse tokens issue --to FILE`"
            )
        }
        return token
    }

    static func greet(
        _ gateway: LineConnection,
        _ secret: String,
        _ server: String?
    ) async throws {
        var hello = JSONObject()
        hello["token"] = JSONValue(secret)
        if let server { hello["server"] = JSONValue(server) }
        await gateway.send(JSONValue.object(hello).serialised())
        guard let line = await gateway.next() else {
            throw ControlError(.unreachable, "the gateway closed the connection")
        }
        if let error = try? JSONDocument(parsing: line).root["error"], error.kind == .object {
            throw ControlError(.refused, error["message"]?.string ?? "refused")
        }
    }

    /// Copies bytes both ways; ends when either side does, and says so when it was the gateway.
    private static func pipe(_ gateway: LineConnection, _ loop: EventLoop) async throws {
        let input = LineConnection(
            try System.Stream(adopting: try Descriptor.duplicate(of: 0), .pipe, on: loop),
            limit: 64 << 10,
            loop: loop
        )
        let output = LineConnection(
            try System.Stream(adopting: try Descriptor.duplicate(of: 1), .pipe, on: loop),
            limit: 4096,
            loop: loop
        )
        let agentLeft = Lock(false)
        // Ends with the agent's input, which closes our side of the socket.
        loop.spawn {
            while true {
                guard let bytes = await input.nextBytes() else {
                    agentLeft.withLock { $0 = true }
                    break
                }
                guard await gateway.send(bytes: bytes) else { break }
            }
            await gateway.finishSending()
        }
        while let bytes = await gateway.nextBytes() {
            guard await output.send(bytes: bytes) else {
                agentLeft.withLock { $0 = true }
                break
            }
        }
        let isInOrder = agentLeft.withLock { $0 }
        await gateway.close()
        await input.close()
        await output.close()
        guard isInOrder else {
            throw ControlError(
                .unreachable,
                "the gateway closed the connection",
                hint: "start `gatehouse connect` again when the gateway is up"
            )
        }
    }
}
