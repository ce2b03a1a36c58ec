import Base
import Gateway
import JSON
import System

/// `gatehouse kill`: a server and everything of it, down at once.
enum KillCommand {
    static let command = Command(
        "kill",
        "SERVER",
        "stop a server's calls and kill its process tree at once, and keep both down",
        options: [
            Command.Option("--reason", "TEXT", "why, for the record"),
            Command.Option("--tenant", "NAME", "the tenant of the server (default: main)"),
        ],
        run: { invocation, loop in
            let client = try await ControlClient.connect(try invocation.stateFolder(), on: loop)
            let server = try invocation.argument(0, "the server")
            var params: JSONObject = ["server": JSONValue(server)]
            for (option, key) in [("--reason", "reason"), ("--tenant", "tenant")] {
                if let value = try invocation.value(option) {
                    params[JSONString(key)] = JSONValue(value)
                }
            }
            let result = try await client.call("servers.kill", params)
            let stopped = result["stopped"]?.number?.int64 ?? 0
            invocation.report(
                "\(server) is down; \(stopped) running calls stopped",
                ["killed": JSONValue(server), "stopped": JSONValue(stopped)]
            )
            return 0
        }
    )
}
