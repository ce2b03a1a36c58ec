import Base
import Gateway
import JSON
import System

/// `gatehouse servers …`.
enum ServerCommands {
    static let all = [
        list, show, profile, restart, ChangesCommand.command, BundleCommand.command,
    ]

    private static let tenant = Command.Option(
        "--tenant",
        "NAME",
        "the tenant of the server (default: main)"
    )

    private static let list = Command(
        "servers list",
        "",
        "list every server: state, cage, tools",
        run: { invocation, loop in
            let client = try await ControlClient.connect(try invocation.stateFolder(), on: loop)
            let result = try await client.call("servers.list")
            guard !invocation.wantsJSON else {
                Console.print(String(decoding: result.source, as: UTF8.self))
                return 0
            }
            for server in result.elements { Console.print(line(of: server)) }
            for room in try await client.call("servers.rooms").elements {
                Console.print(line(ofRoom: room))
            }
            return 0
        }
    )

    private static let show = Command(
        "servers show",
        "NAME",
        "show one server: what its cage holds, its tools, its last words",
        options: [tenant],
        run: { invocation, loop in
            let client = try await ControlClient.connect(try invocation.stateFolder(), on: loop)
            let result = try await client.call("servers.show", try params(invocation))
            if invocation.wantsJSON {
                Console.print(String(decoding: result.source, as: UTF8.self))
            } else {
                printWhole(result)
            }
            return 0
        }
    )

    private static let profile = Command(
        "servers profile",
        "NAME",
        "show what holds a server's cage on this machine, layer by layer",
        options: [tenant],
        run: { invocation, loop in
            let client = try await ControlClient.connect(try invocation.stateFolder(), on: loop)
            let result = try await client.call("servers.profile", try params(invocation))
            guard !invocation.wantsJSON else {
                Console.print(String(decoding: result.source, as: UTF8.self))
                return 0
            }
            for row in result["layers"]?.elements.map({ $0 }) ?? [] {
                let isRequired = row["required"]?.bool == true
                let word = row["holds"]?.bool == true ? "holds  " : "MISSING"
                Console.print("\(word) \(text(row["layer"]))\(isRequired ? " (required)" : "")")
                for detail in row["details"]?.elements.compactMap(\.string) ?? [] {
                    Console.print("          \(printable(detail, limit: 600))")
                }
            }
            let hidden = result["hide"]?.elements.compactMap(\.string).map { printable($0) } ?? []
            if !hidden.isEmpty {
                Console.print("hidden from it beside deny_paths: \(hidden.joined(separator: " "))")
            }
            return 0
        }
    )

    private static let restart = Command(
        "servers restart",
        "NAME",
        "end a server's process and start it anew; its running calls are lost",
        options: [tenant],
        run: { invocation, loop in
            let client = try await ControlClient.connect(try invocation.stateFolder(), on: loop)
            _ = try await client.call("servers.restart", try params(invocation))
            Console.print(invocation.wantsJSON ? "{}" : "restarting")
            return 0
        }
    )

    private static func params(_ invocation: Invocation) throws -> JSONObject {
        var params = JSONObject()
        params["server"] = JSONValue(try invocation.argument(0, "the server"))
        if let tenant = try invocation.value("--tenant") { params["tenant"] = JSONValue(tenant) }
        return params
    }

    // MARK: For people

    private static func name(of server: JSONNode) -> String {
        let name = text(server["server"])
        let tenant = text(server["tenant"])
        return tenant == "main" ? name : "\(tenant)/\(name)"
    }

    private static func text(_ node: JSONNode?) -> String {
        printable(node?.string ?? "", limit: 600)
    }

    private static func number(_ node: JSONNode?) -> String { node?.number?.text ?? "0" }

    private static func words(of list: JSONNode?) -> String {
        (list?.elements.compactMap(\.string) ?? []).map { printable($0) }.joined(separator: ", ")
    }

    private static func line(of server: JSONNode) -> String {
        var parts = [name(of: server), text(server["state"])]
        if let revision = server["revision"] { parts.append(text(revision)) }
        if let pid = server["pid"] { parts.append("pid \(number(pid))") }
        if let uptime = server["uptime_ms"]?.number?.int64 {
            parts.append("up \(duration(uptime))")
        }
        if let restarts = server["restarts"] { parts.append("restarts \(number(restarts))") }
        if let ended = server["health"]?["ended"], number(ended) != "0" {
            parts.append("unresponsive \(number(ended))")
        }
        if let tools = server["tools"] {
            parts.append("tools \(number(tools["offered"]))")
            if number(tools["hidden"]) != "0" { parts.append("hidden \(number(tools["hidden"]))") }
            if number(tools["drifted"]) != "0" {
                parts.append("DRIFTED \(number(tools["drifted"]))")
            }
        }
        parts += warnings(of: server)
        var line = parts.joined(separator: "  ")
        if let reason = server["reason"] { line += "\n    \(text(reason))" }
        if let absent = server["absent"], server["reason"] == nil {
            line += "\n    \(text(absent))"
        }
        if let unheard = server["unheard"] { line += "\n    \(text(unheard))" }
        return line
    }

    /// What a tenant's servers have taken of what they may use together.
    private static func line(ofRoom room: JSONNode) -> String {
        func part(_ key: String, _ unit: Int64, _ word: String) -> String? {
            guard let entry = room.member(key), let taken = entry["taken"]?.number?.int64,
                let cap = entry["cap"]?.number?.int64
            else { return nil }
            return "\(taken / unit) of \(cap / unit) \(word)"
        }
        let parts = [
            part("servers", 1, "servers"), part("processes", 1, "processes"),
            part("memory_bytes", 1 << 20, "MiB of memory"),
        ]
        return "tenant \(text(room["tenant"])): "
            + parts.compactMap(\.self).joined(separator: ", ") + " taken (`hosting`)"
    }

    /// What must not be overlooked.
    private static func warnings(of server: JSONNode) -> [String] {
        var found: [String] = []
        if let cage = server["cage"] {
            if cage["kind"]?.string == "none" {
                found.append("NO CAGE")
            } else {
                if cage["network"]?.string == "host" { found.append("NETWORK: HOST") }
                let executes = cage["executes"]?.bool == true
                let lacks = (cage["lacks"]?.elements.compactMap(\.string) ?? [])
                    .filter { $0 != "own-uid" || !executes }
                if executes, !lacks.isEmpty {
                    found.append("T3 WITHOUT \(lacks.joined(separator: ", ").uppercased())")
                } else if !lacks.isEmpty {
                    found.append("lacks \(words(of: cage["lacks"]))")
                }
            }
        }
        if server["cage"]?["exposed"]?.count ?? 0 > 0 { found.append("HOLDS A SECRET") }
        if let program = server["program"], program["state"]?.string != "accepted" {
            found.append("PROGRAM \(text(program["state"]).uppercased())")
        }
        return found
    }

    private static func duration(_ milliseconds: Int64) -> String {
        let seconds = milliseconds / 1000
        switch seconds {
        case ..<60: return "\(seconds)s"
        case ..<3600: return "\(seconds / 60)min"
        case ..<86_400: return "\(seconds / 3600)h"
        default: return "\(seconds / 86_400)d"
        }
    }

    private static func printWhole(_ server: JSONNode) {
        Console.print(line(of: server))
        for key in ["starts", "crashes"] {
            if let node = server.member(key) { Console.print("  \(key): \(number(node))") }
        }
        if let use = server["use"] { Console.print("  uses \(words(ofUse: use))") }
        if let url = server["url"] { Console.print("  url: \(text(url))") }
        if let program = server["program"] {
            Console.print("  program: \(text(program["state"])) \(text(program["digest"]))")
            if let reason = program["reason"] { Console.print("    \(text(reason))") }
        }
        if let cage = server["cage"] { show(cage) }
        for (title, key) in [("tool", "pinned"), ("hidden", "hidden")] {
            for (name, value) in server.member(key)?.members.map({ $0 }) ?? [] {
                Console.print("  \(title) \(printable(name.text)): \(text(value))")
            }
        }
        let errors = server["errors"]?.elements.compactMap(\.string) ?? []
        if !errors.isEmpty { Console.print("  last lines of its standard error:") }
        for line in errors { Console.print("    \(printable(line, limit: 512))") }
    }

    private static func words(ofUse use: JSONNode) -> String {
        func bound(_ key: StaticString, _ unit: Int64 = 1) -> String {
            use[key]?.number?.int64.map { " of \($0 / unit)" } ?? ""
        }
        let memory = (use["memory_bytes"]?.number?.int64 ?? 0) >> 20
        var parts = [
            "\(memory)\(bound("memory_limit_bytes", 1 << 20)) MiB of memory",
            "\(number(use["processes"]))\(bound("process_limit")) processes",
        ]
        if let time = use["cpu_ms"]?.number?.int64 { parts.append("\(time) ms of processor time") }
        return parts.joined(separator: ", ")
    }

    private static func show(_ cage: JSONNode) {
        let kind = text(cage["kind"])
        Console.print(kind == "none" ? "  cage: NONE" : "  cage: \(kind)")
        let network = text(cage["network"])
        Console.print("  network: \(network == "host" ? "HOST" : network)")
        for node in cage["allow"]?.elements.map({ $0 }) ?? [] {
            Console.print("  may connect to \(text(node))")
        }
        for node in cage["exposed"]?.elements.map({ $0 }) ?? [] {
            Console.print("  HOLDS A SECRET as \(text(node))")
        }
        for use in cage["secrets"]?.elements.map({ $0 }) ?? [] {
            let place = "\(text(use["host"])) in \(text(use["place"]))"
            Console.print("  uses secret \(text(use["secret"])) at \(place)")
        }
        if let uid = cage["uid"] { Console.print("  uid: \(number(uid))") }
        if let minimum = cage["minimum"] {
            Console.print("  minimum (written): \(words(of: minimum))")
        }
        for (name, layer) in cage["layers"]?.members.map({ $0 }) ?? [] {
            let isThere = layer["present"]?.bool == true
            let isRequired = layer["required"]?.bool == true
            Console.print(
                "    \(isThere ? "yes" : "no ") \(printable(name.text))"
                    + "\(isRequired ? " (required)" : ""): \(text(layer["detail"]))"
            )
        }
        for key in ["read", "write"] {
            for (inside, outside) in cage.member(key)?.members.map({ $0 }) ?? [] {
                Console.print("  \(key) \(printable(inside.text)) = \(text(outside))")
            }
        }
        for node in cage["code"]?.elements.map({ $0 }) ?? [] {
            Console.print("  code \(text(node))")
        }
        for node in cage["notes"]?.elements.map({ $0 }) ?? [] {
            Console.print("  note: \(text(node))")
        }
    }
}
