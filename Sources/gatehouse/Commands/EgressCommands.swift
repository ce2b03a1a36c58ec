import Base
import Gateway
import JSON
import System

/// `gatehouse egress …`: where hosted servers may connect to.
enum EgressCommands {
    static let all = [list, allow, refuse]

    private static let tenant = Command.Option(
        "--tenant",
        "NAME",
        "the tenant of the server (default: main)"
    )

    private static let list = Command(
        "egress list",
        "",
        "list where servers may connect to, and what they asked for in vain",
        run: { invocation, loop in
            let client = try await ControlClient.connect(try invocation.stateFolder(), on: loop)
            let result = try await client.call("egress.list")
            guard !invocation.wantsJSON else {
                Console.print(String(decoding: result.source, as: UTF8.self))
                return 0
            }
            for row in result["allowed"]?.elements.map({ $0 }) ?? [] {
                Console.print("allowed  " + words(row, ["host", "length", "by"]))
            }
            for row in result["asked"]?.elements.map({ $0 }) ?? [] {
                let waiting = row["waiting"]?.number?.int64 ?? 0
                let count = row["count"]?.number?.int64 ?? 0
                Console.print(
                    "asked    " + words(row, ["host", "reason", "last"]) + "  \(count)x"
                        + (waiting > 0 ? "  WAITS" : "")
                )
            }
            return 0
        }
    )

    private static let allow = Command(
        "egress allow",
        "SERVER HOST[:PORT]",
        "let a server connect there; for good unless a time is given",
        options: [
            Command.Option("--once", nil, "for one connection"),
            Command.Option("--for", "TIME", "for that long, such as 1h"),
            tenant, ApproverPrompt.option,
        ],
        run: { invocation, loop in
            let client = try await ControlClient.connect(try invocation.stateFolder(), on: loop)
            var params = try place(invocation)
            if invocation.has("--once") { params["once"] = JSONValue(true) }
            if let text = try invocation.value("--for") {
                guard !invocation.has("--once") else {
                    throw ControlError(.usage, "`--once` and `--for` exclude each other")
                }
                guard let time = Duration(spelling: text) else {
                    throw ControlError(.usage, "`--for` is a time such as 10min, 2h or 30d")
                }
                params["milliseconds"] = JSONValue(time.milliseconds)
            }
            let result = try await client.call(
                "egress.allow",
                params,
                credential: try ApproverPrompt.credential(invocation)
            )
            let host = result["allowed"]?.string ?? ""
            let length = result["length"]?.string ?? ""
            invocation.report(
                "allowed \(printable(host, limit: 300)) \(printable(length))",
                ["allowed": JSONValue(host), "length": JSONValue(length)]
            )
            return 0
        }
    )

    private static let refuse = Command(
        "egress refuse",
        "SERVER HOST[:PORT]",
        "take a yes back, and refuse connections that wait for it",
        options: [tenant],
        run: { invocation, loop in
            let client = try await ControlClient.connect(try invocation.stateFolder(), on: loop)
            let result = try await client.call("egress.refuse", try place(invocation))
            let host = result["refused"]?.string ?? ""
            let count = result["ended"]?.number?.int64 ?? 0
            invocation.report(
                "refused \(printable(host, limit: 300)); \(count) ended",
                ["refused": JSONValue(host), "ended": JSONValue(count)]
            )
            return 0
        }
    )

    private static func place(_ invocation: Invocation) throws -> JSONObject {
        var params = JSONObject()
        params["server"] = JSONValue(try invocation.argument(0, "the server"))
        params["host"] = JSONValue(try invocation.argument(1, "the host"))
        if let tenant = try invocation.value("--tenant") { params["tenant"] = JSONValue(tenant) }
        return params
    }

    private static func words(_ row: JSONNode, _ keys: [String]) -> String {
        let tenant = row["tenant"]?.string ?? ""
        let server = row["server"]?.string ?? ""
        let name = tenant == "main" ? server : "\(tenant)/\(server)"
        let rest = keys.compactMap { row.member($0)?.string }
        return ([name] + rest).map { printable($0, limit: 300) }.joined(separator: "  ")
    }
}
