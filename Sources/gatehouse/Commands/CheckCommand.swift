import Base
import Crypto
import Gateway
import JSON
import System

/// `gatehouse check`: says whether a configuration is taken, and lets an approver accept a looser
/// one that waits.
enum CheckCommand {
    static let command = Command(
        "check",
        "",
        "check a configuration and its lock; with --accept, take over one that waits",
        options: [
            Command.Option("--config", "FILE", "the configuration (default: gatehouse.yaml)"),
            Command.Option("--accept", nil, "accept what the running gateway holds back"),
            Command.Option("--schema", nil, "print the JSON Schema of the configuration"),
            ApproverPrompt.option,
        ],
        run: { invocation, loop in
            if invocation.has("--schema") {
                Console.print(ConfigurationSchema.text)
                return 0
            }
            if invocation.has("--accept") { return try await accept(invocation, loop) }
            let path = Paths.join(
                try Process.workingDirectory(),
                try invocation.value("--config") ?? "gatehouse.yaml"
            )
            let set = try ConfigurationFiles.read(path, hashing: OpenSSLHashing())
            let warnings = set.warnings.map { "\($0)" }
            let count = set.configuration.allServers.count
            let lines =
                warnings.map { "warning: \($0)" } + ["ok: \(count) server\(count == 1 ? "" : "s")"]
            invocation.report(
                lines.joined(separator: "\n"),
                ["servers": JSONValue(count), "warnings": .array(warnings.map { JSONValue($0) })]
            )
            return 0
        }
    )

    private static func accept(_ invocation: Invocation, _ loop: EventLoop) async throws -> Int32 {
        let client = try await ControlClient.connect(try invocation.stateFolder(), on: loop)
        let waiting = try await client.call("configuration.pending")
        guard let digest = waiting["digest"]?.string else {
            invocation.report("nothing waits to be accepted", ["accepted": .null])
            return 0
        }
        let loosens = waiting["loosens"]?.elements.compactMap(\.string) ?? []
        let lines = ["what would be loosened:"] + loosens.map { "  \(printable($0, limit: 300))" }
        invocation.report(
            lines.joined(separator: "\n"),
            ["loosens": .array(loosens.map { JSONValue($0) })]
        )
        _ = try await client.call(
            "configuration.accept",
            ["digest": JSONValue(digest)],
            credential: try ApproverPrompt.credential(invocation)
        )
        invocation.report("accepted", ["accepted": JSONValue(digest)])
        return 0
    }
}
