import Base
import Gateway
import JSON
import System

/// `gatehouse approvers …`.
enum ApproverCommands {
    static let all = [list, add, remove, reset]

    private static let list = Command(
        "approvers list",
        "",
        "list the people who may decide",
        run: { invocation, loop in
            let client = try await ControlClient.connect(try invocation.stateFolder(), on: loop)
            let result = try await client.call("approvers.list")
            if invocation.wantsJSON {
                Console.print(String(decoding: result.source, as: UTF8.self))
            } else {
                for person in result.elements { printLine(person) }
            }
            return 0
        }
    )

    private static let add = Command(
        "approvers add",
        "NAME",
        "give a person roles: approver, admin, auditor; needs an admin's passphrase",
        options: [
            Command.Option(
                "--role",
                "ROLE",
                "approver (default), admin or auditor; may be repeated"
            ),
            Command.Option("--tenant", "NAME", "for this tenant only; may be repeated"),
            ApproverPrompt.option,
        ],
        run: { invocation, loop in
            let client = try await ControlClient.connect(try invocation.stateFolder(), on: loop)
            let name = try invocation.argument(0, "the name")
            let credential = try ApproverPrompt.credential(invocation)
            var params = JSONObject()
            params["name"] = JSONValue(name)
            params["passphrase"] = JSONValue(try ApproverPrompt.newPassphrase(for: name))
            for (option, key) in [("--role", "roles"), ("--tenant", "tenants")]
            where invocation.has(option) {
                params[JSONString(key)] = .array(invocation.all(option).map { JSONValue($0) })
            }
            _ = try await client.call("approvers.add", params, credential: credential)
            invocation.report("\(name) may decide now", ["added": JSONValue(name)])
            return 0
        }
    )

    private static func printLine(_ person: JSONNode) {
        func texts(_ key: StaticString) -> String {
            person[key]?.elements.compactMap(\.string).joined(separator: ",") ?? ""
        }
        let tenants = person["tenants"]?.isNull == false ? "  tenants " + texts("tenants") : ""
        let locked = person["locked"]?.string.map { "  locked: \($0) is not reviewed" } ?? ""
        Console.print("\(person["name"]?.string ?? "")  \(texts("roles"))\(tenants)\(locked)")
    }

    private static let remove = Command(
        "approvers remove",
        "NAME",
        "take a person's roles away; needs an admin's passphrase",
        options: [ApproverPrompt.option],
        run: { invocation, loop in
            let client = try await ControlClient.connect(try invocation.stateFolder(), on: loop)
            let name = try invocation.argument(0, "the name")
            _ = try await client.call(
                "approvers.remove",
                ["name": JSONValue(name)],
                credential: try ApproverPrompt.credential(invocation)
            )
            invocation.report("\(name) may not decide any more", ["removed": JSONValue(name)])
            return 0
        }
    )

    private static let reset = Command(
        "approvers reset",
        "NAME",
        "as root: put NAME in the place of every approver, and end every question",
        run: { invocation, loop in
            let client = try await ControlClient.connect(try invocation.stateFolder(), on: loop)
            let name = try invocation.argument(0, "the name")
            guard Process.userID == 0 else {
                throw ControlError(.refused, "`approvers reset` works as root only")
            }
            var params = JSONObject()
            params["name"] = JSONValue(name)
            params["passphrase"] = JSONValue(try ApproverPrompt.newPassphrase(for: name))
            _ = try await client.call("approvers.reset", params)
            invocation.report(
                "\(name) may decide now, and nobody else",
                ["approvers": .array([JSONValue(name)])]
            )
            return 0
        }
    )
}
