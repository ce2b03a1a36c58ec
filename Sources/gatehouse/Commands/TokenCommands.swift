import Base
import Gateway
import JSON
import System

/// `gatehouse tokens …`.
enum TokenCommands {
    static let all = [issue, list, revoke]
    /// What ends a credential in an emergency, whoever it belongs to.
    static let stops = [revokeAny, rotate]

    private static let issue = Command(
        "tokens issue",
        "OWNER",
        "make a credential for an agent; its secret is shown once",
        options: [
            Command.Option("--tenant", "NAME", "the tenant it belongs to (default: main)"),
            Command.Option("--server", "NAME", "a server it may reach; may be repeated"),
            Command.Option("--tool", "GLOB", "tools it may see, as server.tool; may be repeated"),
            Command.Option("--tier", "T0-T3", "the highest tier it may ask for (default: T3)"),
            Command.Option(
                "--allow-from",
                "ADDRESS",
                "an address or range it may come from; repeatable"
            ),
            Command.Option(
                "--certificate",
                "NAME",
                "whoever shows the client certificate of that name: uri:…, dns:…, email:…"
            ),
            Command.Option("--expires", "TIME", "its life: 30d, 12h, 90s (default: no end)"),
            Command.Option("--to", "FILE", "write the secret to a new owner-only file"),
            ApproverPrompt.option,
        ],
        run: { invocation, loop in
            if invocation.has("--certificate"), invocation.has("--to") {
                throw ControlError(
                    .usage,
                    "a certificate is a credential without a secret; leave `--to` out"
                )
            }
            if let file = try invocation.value("--to"), Files.exists(file) {
                throw ControlError(
                    .usage,
                    "`\(printable(file))` is there already",
                    hint: "name a new file: a token is written to one of its own"
                )
            }
            let client = try await ControlClient.connect(try invocation.stateFolder(), on: loop)
            var params = JSONObject()
            params["owner"] = JSONValue(try invocation.argument(0, "the owner"))
            for (option, key) in [
                ("--tenant", "tenant"), ("--tier", "tier"), ("--certificate", "certificate"),
            ] {
                if let value = try invocation.value(option) {
                    params[JSONString(key)] = JSONValue(value)
                }
            }
            for (option, key) in [
                ("--server", "servers"), ("--tool", "tools"), ("--allow-from", "allow_from"),
            ] where invocation.has(option) {
                params[JSONString(key)] = .array(invocation.all(option).map { JSONValue($0) })
            }
            if let text = try invocation.value("--expires") {
                // A bare number is days.
                guard let life = Duration(spelling: Int(text) == nil ? text : "\(text)d"),
                    (.seconds(1) ... .seconds(3650 * 86_400)).contains(life)
                else {
                    throw ControlError(
                        .usage,
                        "`--expires` takes a time from 1s to 3650d, such as 30d, 12h or 90s"
                    )
                }
                params["seconds"] = JSONValue(life.components.seconds)
            }
            let result = try await client.call(
                "tokens.issue",
                params,
                credential: try ApproverPrompt.credential(invocation)
            )
            let id = result["id"]?.string ?? ""
            guard let secret = result["token"]?.string else {
                Console.print(
                    invocation.wantsJSON
                        ? String(decoding: result.source, as: UTF8.self)
                        : "token \(id): whoever shows that certificate"
                )
                return 0
            }
            if let file = try invocation.value("--to") {
                try Files.create(file, with: Array(secret.utf8) + [0x0a], mode: 0o600)
                Console.complain("token \(id) written to \(file)")
                if invocation.wantsJSON {
                    invocation.report("", ["id": JSONValue(id), "file": JSONValue(file)])
                }
            } else {
                Console.print(
                    invocation.wantsJSON ? String(decoding: result.source, as: UTF8.self) : secret
                )
            }
            return 0
        }
    )

    private static let list = Command(
        "tokens list",
        "",
        "list the credentials; never their secrets",
        run: { invocation, loop in
            let client = try await ControlClient.connect(try invocation.stateFolder(), on: loop)
            let result = try await client.call("tokens.list")
            guard !invocation.wantsJSON else {
                Console.print(String(decoding: result.source, as: UTF8.self))
                return 0
            }
            for token in result.elements {
                let fields = ["id", "owner", "tenant", "tier"].map {
                    token.member($0)?.string ?? ""
                }
                let servers = token["servers"]?.elements.compactMap(\.string).joined(separator: ",")
                Console.print((fields + [servers ?? "all servers"]).joined(separator: "  "))
            }
            return 0
        }
    )

    private static let revoke = Command(
        "tokens revoke",
        "ID",
        "end a credential at once, with everything it runs",
        options: [Command.Option("--tenant", "NAME", "the tenant it belongs to (default: main)")],
        run: { invocation, loop in
            let client = try await ControlClient.connect(try invocation.stateFolder(), on: loop)
            var params = JSONObject()
            params["id"] = JSONValue(try invocation.argument(0, "the token's id"))
            if let tenant = try invocation.value("--tenant") {
                params["tenant"] = JSONValue(tenant)
            }
            return show(try await client.call("tokens.revoke", params), invocation)
        }
    )

    private static let revokeAny = Command(
        "revoke",
        "agent:OWNER | token:ID",
        "end one credential, or all of an owner's, at once, with everything they run and ask",
        options: [Command.Option("--tenant", "NAME", "in that tenant alone")],
        run: { invocation, loop in
            let target = try invocation.argument(0, "what to revoke")
            var params = JSONObject()
            if target.hasPrefix("agent:") {
                params["owner"] = JSONValue(String(target.dropFirst(6)))
            } else if target.hasPrefix("token:") {
                params["id"] = JSONValue(String(target.dropFirst(6)))
            } else {
                throw ControlError(
                    .usage,
                    "`\(printable(target))` is nothing that can be revoked",
                    hint: "use agent:OWNER or token:ID"
                )
            }
            if let tenant = try invocation.value("--tenant") {
                params["tenant"] = JSONValue(tenant)
            }
            let client = try await ControlClient.connect(try invocation.stateFolder(), on: loop)
            return show(try await client.call("tokens.revoke", params), invocation)
        }
    )

    private static let rotate = Command(
        "rotate",
        "token:ID",
        "put a new secret in the place of a credential's, and end what runs under the old one",
        options: [
            Command.Option("--to", "FILE", "write the secret to a new owner-only file"),
            Command.Option("--tenant", "NAME", "the tenant it belongs to (default: main)"),
            ApproverPrompt.option,
        ],
        run: { invocation, loop in
            let target = try invocation.argument(0, "what to rotate")
            guard target.hasPrefix("token:") else {
                throw ControlError(
                    .usage,
                    "`\(printable(target))` is nothing that can be rotated",
                    hint: "use token:ID; `gatehouse tokens list` names them"
                )
            }
            let file = try invocation.value("--to")
            if let file, Files.exists(file) {
                throw ControlError(.usage, "`\(printable(file))` exists already")
            }
            var params: JSONObject = ["id": JSONValue(String(target.dropFirst(6)))]
            if let tenant = try invocation.value("--tenant") {
                params["tenant"] = JSONValue(tenant)
            }
            let client = try await ControlClient.connect(try invocation.stateFolder(), on: loop)
            let result = try await client.call(
                "tokens.rotate",
                params,
                credential: try ApproverPrompt.credential(invocation)
            )
            let secret = result["token"]?.string ?? ""
            let id = result["id"]?.string ?? ""
            if let file {
                try Files.create(file, with: Array(secret.utf8) + [0x0a], mode: 0o600)
                let stopped = result["stopped"]?.number?.text ?? "0"
                Console.complain("token \(id) written to \(file); \(stopped) running calls stopped")
                if invocation.wantsJSON {
                    let count = result["stopped"]?.value ?? 0
                    invocation.report(
                        "",
                        ["id": JSONValue(id), "file": JSONValue(file), "stopped": count]
                    )
                }
            } else {
                Console.print(
                    invocation.wantsJSON ? String(decoding: result.source, as: UTF8.self) : secret
                )
            }
            return 0
        }
    )

    private static func show(_ result: JSONNode, _ invocation: Invocation) -> Int32 {
        if invocation.wantsJSON {
            Console.print(String(decoding: result.source, as: UTF8.self))
        } else {
            let count = result["revoked"]?.number?.text ?? "0"
            let stopped = result["stopped"]?.number?.text ?? "0"
            Console.print("revoked \(count); \(stopped) running calls stopped")
        }
        return 0
    }
}
