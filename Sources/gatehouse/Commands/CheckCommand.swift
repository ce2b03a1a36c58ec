import Base
import Crypto
import Gateway
import JSON
import System

/// `gatehouse check`: says whether a configuration is taken and what in it is most likely not meant,
/// and lets an approver accept a looser one that waits.
enum CheckCommand {
    static let command = Command(
        "check",
        "",
        "check a configuration and its lock; with --accept, take over one that waits",
        options: [
            Command.Option("--config", "FILE", "the configuration (default: gatehouse.yaml)"),
            Command.Option("--strict", nil, "end with 1 where there is a warning"),
            Command.Option("--offline", nil, "look up no name of a remote server"),
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
            return try await check(invocation, loop)
        }
    )

    private static func check(_ invocation: Invocation, _ loop: EventLoop) async throws -> Int32 {
        let path = Paths.join(
            try Process.workingDirectory(),
            try invocation.value("--config") ?? "gatehouse.yaml"
        )
        let set: PolicySet
        do throws(ConfigurationError) {
            set = try ConfigurationFiles.read(path, hashing: OpenSSLHashing())
        } catch {
            guard invocation.wantsJSON else { throw error }
            invocation.report(
                "",
                ["ok": false, "errors": .array(error.all.map(\.value)), "warnings": []]
            )
            return 2
        }
        let names =
            invocation.has("--offline")
            ? [] : await NameReview(set, resolver: resolver(), on: loop).remarks()
        let remarks = set.remarks(
            state: try? invocation.stateFolder(),
            user: Process.userID,
            now: SystemClock().timestamp,
            environment: { Process.environment($0) },
            adding: names
        )
        let count = set.configuration.allServers.count
        let warnings = remarks.isEmpty ? "" : ", \(counted(remarks.count, "warning"))"
        let lines =
            remarks.flatMap { ["warning: \($0)"] + ($0.hint.map { ["hint: \($0)"] } ?? []) }
            + ["ok: \(counted(count, "server"))\(warnings)"]
        invocation.report(
            lines.joined(separator: "\n"),
            [
                "ok": true, "errors": [], "servers": JSONValue(count),
                "warnings": .array(remarks.map(\.value)),
            ]
        )
        return invocation.has("--strict") && !remarks.isEmpty ? 1 : 0
    }

    /// A look-up that hangs ends with the process, which does not wait for it.
    private static func resolver() -> any Resolver { SystemResolver(pool: BlockingPool()) }

    private static func counted(_ count: Int, _ noun: String) -> String {
        "\(count) \(noun)\(count == 1 ? "" : "s")"
    }

    private static func accept(_ invocation: Invocation, _ loop: EventLoop) async throws -> Int32 {
        let client = try await ControlClient.connect(try invocation.stateFolder(), on: loop)
        let waiting = try await client.call("configuration.pending")
        guard let digest = waiting["digest"]?.string else {
            invocation.report("nothing waits to be accepted", ["accepted": .null, "loosens": []])
            return 0
        }
        let loosens = waiting["loosens"]?.elements.compactMap(\.string) ?? []
        let shown = (["what would be loosened:"] + loosens.map { "  \(printable($0, limit: 300))" })
            .joined(separator: "\n")
        // Whoever says yes reads it first; a program gets one object, at the end.
        if invocation.wantsJSON { Console.complain(shown) } else { Console.print(shown) }
        _ = try await client.call(
            "configuration.accept",
            ["digest": JSONValue(digest)],
            credential: try ApproverPrompt.credential(invocation)
        )
        invocation.report(
            "accepted",
            ["accepted": JSONValue(digest), "loosens": .array(loosens.map { JSONValue($0) })]
        )
        return 0
    }
}
