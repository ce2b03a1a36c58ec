import Base
import Gateway
import JSON
import System

/// `gatehouse lockdown`: stops what it names at once, and whatever of it runs or waits.
enum LockdownCommand {
    static let command = Command(
        "lockdown",
        "[TARGET]",
        "stop calls: all, tenant:NAME, agent:NAME, server:NAME or tool:SERVER.TOOL",
        options: [
            Command.Option("--reason", "TEXT", "why, for the record"),
            Command.Option("--lift", nil, "end it; needs an approver's passphrase"),
            ApproverPrompt.option,
        ],
        run: { invocation, loop in
            let client = try await ControlClient.connect(try invocation.stateFolder(), on: loop)
            guard let target = invocation.arguments.first else {
                return try await list(client, invocation)
            }
            var params = JSONObject()
            params["target"] = JSONValue(target)
            if let reason = try invocation.value("--reason") {
                params["reason"] = JSONValue(reason)
            }
            if invocation.has("--lift") {
                _ = try await client.call(
                    "lockdown.lift",
                    params,
                    credential: try ApproverPrompt.credential(invocation)
                )
                invocation.report("lifted", ["lifted": JSONValue(target)])
            } else {
                let result = try await client.call("lockdown.set", params)
                let stopped = result["stopped"]?.number?.int64 ?? 0
                invocation.report(
                    "locked; \(stopped) running calls stopped",
                    ["locked": JSONValue(target), "stopped": JSONValue(stopped)]
                )
            }
            return 0
        }
    )

    private static func list(
        _ client: ControlClient,
        _ invocation: Invocation
    ) async throws -> Int32 {
        let result = try await client.call("lockdown.list")
        guard !invocation.wantsJSON else {
            Console.print(String(decoding: result.source, as: UTF8.self))
            return 0
        }
        for lockdown in result.elements {
            let words = ["target", "since", "reason"].map {
                printable(lockdown.member($0)?.string ?? "", limit: 200)
            }
            Console.print(words.joined(separator: "  "))
        }
        return 0
    }
}
