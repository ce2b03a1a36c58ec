import Base
import Gateway
import JSON
import System

/// `gatehouse secrets …`.
enum SecretCommands {
    static let all = [set, list, test, rotate, remove]

    private static let set = Command(
        "secrets set",
        "NAME",
        "store a secret, or a new value for it; it is asked on the terminal",
        options: [
            Command.Option("--from", "FILE", "take the value from this file instead"),
            ApproverPrompt.option,
        ],
        run: { invocation, loop in
            let name = try invocation.argument(0, "the name")
            let client = try await ControlClient.connect(try invocation.stateFolder(), on: loop)
            var params = JSONObject()
            params["name"] = JSONValue(name)
            params["value"] = JSONValue(Base64.encode(try value(name, invocation)))
            _ = try await client.call(
                "secrets.set",
                params,
                credential: try ApproverPrompt.credential(invocation)
            )
            invocation.report("stored \(printable(name))", ["stored": JSONValue(name)])
            return 0
        }
    )

    private static let list = Command(
        "secrets list",
        "",
        "list secrets: where each comes from, who uses it, who holds it",
        run: { invocation, loop in
            let client = try await ControlClient.connect(try invocation.stateFolder(), on: loop)
            let result = try await client.call("secrets.list")
            guard !invocation.wantsJSON else {
                Console.print(String(decoding: result.source, as: UTF8.self))
                return 0
            }
            for row in result["secrets"]?.elements.map({ $0 }) ?? [] {
                let holders = words(row["held_by"])
                let users = words(row["servers"])
                let parts = [
                    text(row["name"]), text(row["source"]), text(row["changed"]),
                    users.isEmpty ? "unused" : "used by \(users)",
                    holders.isEmpty ? "" : "HELD BY \(holders)",
                    row["since"].map { "in force since \(text($0))" } ?? "",
                ]
                Console.print(parts.filter { !$0.isEmpty }.joined(separator: "  "))
            }
            return 0
        }
    )

    private static let test = Command(
        "secrets test",
        "NAME",
        "read a secret from its source now and say what came of it",
        run: { invocation, loop in
            let client = try await ControlClient.connect(try invocation.stateFolder(), on: loop)
            var params = JSONObject()
            params["name"] = JSONValue(try invocation.argument(0, "the name"))
            let result = try await client.call("secrets.test", params)
            let isGood = result["ok"]?.bool == true
            if invocation.wantsJSON {
                Console.print(String(decoding: result.source, as: UTF8.self))
            } else if isGood {
                let notes = [
                    "\(result["bytes"]?.number?.int64 ?? 0) bytes",
                    result["in_force"]?.bool == true ? "" : "not in force: rotate it",
                    result["findable"]?.bool == true ? "" : "too short to be looked for",
                ]
                let list = notes.filter { !$0.isEmpty }.joined(separator: ", ")
                Console.print("\(text(result["source"])): \(list)")
            } else {
                Console.print("\(text(result["source"])): \(text(result["reason"]))")
            }
            return isGood ? 0 : 1
        }
    )

    private static let rotate = Command(
        "secrets rotate",
        "NAME",
        "read a secret's source again; servers that only use it are not restarted",
        options: [ApproverPrompt.option],
        run: { invocation, loop in
            let name = try invocation.argument(0, "the name")
            let client = try await ControlClient.connect(try invocation.stateFolder(), on: loop)
            var params = JSONObject()
            params["name"] = JSONValue(name)
            let result = try await client.call(
                "secrets.rotate",
                params,
                credential: try ApproverPrompt.credential(invocation)
            )
            let isChanged = result["changed"]?.bool == true
            invocation.report(
                isChanged ? "the new value is in force" : "the value is the same as before",
                ["changed": JSONValue(isChanged)]
            )
            return 0
        }
    )

    private static let remove = Command(
        "secrets remove",
        "NAME",
        "forget a stored secret that the configuration does not name",
        options: [ApproverPrompt.option],
        run: { invocation, loop in
            let name = try invocation.argument(0, "the name")
            let client = try await ControlClient.connect(try invocation.stateFolder(), on: loop)
            var params = JSONObject()
            params["name"] = JSONValue(name)
            _ = try await client.call(
                "secrets.remove",
                params,
                credential: try ApproverPrompt.credential(invocation)
            )
            invocation.report("removed \(printable(name))", ["removed": JSONValue(name)])
            return 0
        }
    )

    private static func value(_ name: String, _ invocation: Invocation) throws -> [UInt8] {
        if let file = try invocation.value("--from") {
            let base = try Process.workingDirectory()
            return try Files.read(Paths.join(base, file), limit: 64 << 10)
        }
        let terminal = try Terminal()
        let value = try terminal.ask("value of \(printable(name)): ", isSecret: true) ?? []
        guard !value.isEmpty else { throw ControlError(.usage, "the value is empty") }
        return value
    }

    private static func text(_ node: JSONNode?) -> String {
        printable(node?.string ?? "", limit: 600)
    }

    private static func words(_ node: JSONNode?) -> String {
        (node?.elements.compactMap(\.string) ?? []).map { printable($0) }.joined(separator: ", ")
    }
}
