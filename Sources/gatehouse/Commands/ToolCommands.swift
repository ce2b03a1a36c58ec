import Base
import Gateway
import JSON
import System

/// `gatehouse tools …`.
enum ToolCommands {
    static let all = [list, approve, diff, show]

    private static let tenant = Command.Option(
        "--tenant",
        "NAME",
        "the tenant of the server (default: main)"
    )

    private static let list = Command(
        "tools list",
        "",
        "list every tool, offered or hidden, with the reason",
        options: [Command.Option("--refresh", nil, "ask the servers first")],
        run: { invocation, loop in
            let client = try await ControlClient.connect(try invocation.stateFolder(), on: loop)
            if invocation.has("--refresh") { _ = try await client.call("tools.refresh") }
            let result = try await client.call("tools.list")
            guard !invocation.wantsJSON else {
                Console.print(String(decoding: result.source, as: UTF8.self))
                return 0
            }
            for tool in result.elements {
                let server = tool["server"]?.string ?? ""
                let name = tool["tool"]?.string.map { "\(server).\($0)" } ?? server
                let state = tool["state"]?.string ?? ""
                let tier = tool["tier"]?.string ?? "--"
                let note =
                    tool["reason"]?.string
                    ?? tool["raised"]?.string.map { "raised: \($0)" }
                    ?? (tool["placed"]?.bool == false ? "nobody placed it: counts as T2" : "")
                Console.print(
                    "\(tier)  \(state)  \(printable(name))  \(printable(note, limit: 200))"
                )
            }
            return 0
        }
    )

    private static let show = Command(
        "tools show",
        "SERVER TOOL",
        "print a tool's definition as the server gives it",
        options: [tenant],
        run: { invocation, loop in
            let client = try await ControlClient.connect(try invocation.stateFolder(), on: loop)
            var params = try server(invocation)
            params["tool"] = JSONValue(try invocation.argument(1, "the tool"))
            let result = try await client.call("tools.definition", params)
            Console.print(String(decoding: result.source, as: UTF8.self))
            return 0
        }
    )

    private static let approve = Command(
        "tools approve",
        "SERVER [TOOL …]",
        "accept a server's tools as they are, with proposed tiers and scopes",
        options: [
            tenant, ApproverPrompt.option,
            Command.Option("--show", nil, "only show what would be accepted"),
        ],
        run: { invocation, loop in
            let client = try await ControlClient.connect(try invocation.stateFolder(), on: loop)
            var params = try server(invocation)
            let wanted = Array(invocation.arguments.dropFirst())
            let result = try await client.call("tools.proposals", params)
            let shown = result.elements.filter { tool in
                // Instructions are the server's, not a tool's.
                wanted.isEmpty || wanted.contains(tool["tool"]?.string ?? "")
            }
            if invocation.wantsJSON, invocation.has("--show") {
                Console.print(String(decoding: result.source, as: UTF8.self))
                return 0
            }
            // With `--json` only the answer goes to standard output.
            for line in shown.flatMap(lines(of:)) + programLines(shown) {
                if invocation.wantsJSON { Console.complain(line) } else { Console.print(line) }
            }
            guard !invocation.has("--show") else { return 0 }
            var pins = JSONObject()
            var proposals = JSONObject()
            for tool in shown {
                guard let name = tool["tool"]?.string, let pin = tool["pin"]?.string else {
                    continue
                }
                pins[JSONString(name)] = JSONValue(pin)
                proposals[JSONString(name)] = JSONValue(tool["proposal"]?.string ?? "")
            }
            params["pins"] = .object(pins)
            params["proposals"] = .object(proposals)
            if let found = shown.first(where: { $0["instructions"] != nil }),
                let pin = found["pin"]?.string
            {
                params["instructions"] = JSONValue(pin)
            }
            if let program = shown.first?["program"]?.string {
                params["program"] = JSONValue(program)
            }
            if !wanted.isEmpty { params["tools"] = .array(wanted.map { JSONValue($0) }) }
            let answer = try await client.call(
                "tools.approve",
                params,
                credential: try ApproverPrompt.credential(invocation)
            )
            let count = answer["accepted"]?.number?.int64 ?? 0
            let warning = answer["warning"]?.string
            var object: JSONObject = ["accepted": JSONValue(count)]
            if let warning { object["warning"] = JSONValue(warning) }
            let program =
                answer["program"]?.bool ?? false
                ? "accepted the program; what it offers is compared with what was accepted\n" : ""
            invocation.report(
                program + "accepted \(count) tool\(count == 1 ? "" : "s")"
                    + (warning.map { "\nwarning: \(printable($0, limit: 600))" } ?? ""),
                object
            )
            return 0
        }
    )

    private static func server(_ invocation: Invocation) throws -> JSONObject {
        var params = JSONObject()
        params["server"] = JSONValue(try invocation.argument(0, "the server"))
        if let tenant = try invocation.value("--tenant") { params["tenant"] = JSONValue(tenant) }
        return params
    }

    private static let diff = Command(
        "tools diff",
        "SERVER [TOOL …]",
        "show what differs from what was accepted: new, changed, renamed and vanished tools",
        options: [tenant],
        run: { invocation, loop in
            let client = try await ControlClient.connect(try invocation.stateFolder(), on: loop)
            let result = try await client.call("tools.proposals", try server(invocation))
            let wanted = Array(invocation.arguments.dropFirst())
            let shown = result.elements.filter { tool in
                !(tool["state"]?.isString("accepted") ?? false)
                    && (wanted.isEmpty || wanted.contains(tool["tool"]?.string ?? ""))
            }
            if invocation.wantsJSON {
                let value = JSONValue.array(shown.map(\.value))
                Console.print(String(decoding: value.serialised(), as: UTF8.self))
                return 0
            }
            let texts = shown.flatMap(lines(of:)) + programLines(Array(result.elements))
            Console.print(texts.isEmpty ? "nothing differs" : texts.joined(separator: "\n"))
            return 0
        }
    )

    /// What is said of a program that is another than the accepted one; nothing otherwise.
    private static func programLines(_ tools: [JSONNode]) -> [String] {
        guard let program = tools.first?["program"]?.string else { return [] }
        let accepted = tools.first?["program_accepted"]?.string ?? ""
        return [
            "the program behind these tools changed since it was accepted, and is not started",
            "      accepted \(printable(accepted))", "      now      \(printable(program))",
        ]
    }

    /// One tool as a person reads it before accepting.
    private static func lines(of tool: JSONNode) -> [String] {
        let state = tool["state"]?.string ?? ""
        if state == "program" { return [] }
        if let instructions = tool["instructions"]?.string {
            return ["instructions for the model  \(state)"] + textLines(instructions)
        }
        let name = tool["tool"]?.string ?? ""
        let tier = tool["stated"]?.string.map { "\($0) (stated)" } ?? tool["tier"]?.string ?? "--"
        var lines = ["\(tier)  \(state)  \(printable(name))"]
        if let scope = tool["scope"] {
            lines.append("      scope: \(String(decoding: scope.source, as: UTF8.self))")
        }
        for reason in tool["reasons"]?.elements.compactMap(\.string) ?? [] {
            lines.append("      \(printable(reason, limit: 200))")
        }
        if let difference = tool["difference"] {
            // The gateway wrote everything visible that a terminal could misread.
            return lines + difference.elements.compactMap(\.string).map { "      \($0)" }
        }
        // What a model will read of it.
        if state != "accepted", let text = tool["description"]?.string { lines += textLines(text) }
        return lines
    }

    /// A text of the server, line by line, with nothing in it that a terminal would obey.
    private static func textLines(_ text: String) -> [String] {
        let lines = text.split(whereSeparator: \.isNewline)
        let shown = lines.prefix(40).map { "      | \(printable(String($0), limit: 400))" }
        guard lines.count > 40 else { return shown }
        return shown + ["      | … \(lines.count - 40) more lines; `tools show` prints all"]
    }
}
