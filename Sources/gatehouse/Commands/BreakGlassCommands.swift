import Base
import Gateway
import JSON
import System

/// `gatehouse break-glass …`: answering alone at T3 in an emergency, in front of everybody.
enum BreakGlassCommands {
    static let all = [open, list, close, review]

    private static let open = Command(
        "break-glass open",
        "",
        "in an emergency: answer alone, for a while, what needs two people at T3",
        options: [
            Command.Option("--reason", "TEXT", "what is on fire; everybody reads it"),
            Command.Option("--for", "TIME", "how long, from 1s to 1h (default: 15min)"),
            Command.Option("--tenant", "NAME", "for this tenant (default: main)"),
            Command.Option("--to", "FILE", "write the token to a new owner-only file"),
            ApproverPrompt.option,
        ],
        run: { invocation, loop in
            let client = try await ControlClient.connect(try invocation.stateFolder(), on: loop)
            guard let reason = try invocation.value("--reason"),
                let file = try invocation.value("--to")
            else { throw ControlError(.usage, "`--reason TEXT` and `--to FILE` are needed") }
            guard !Files.exists(file) else {
                throw ControlError(.usage, "`\(printable(file))` exists already")
            }
            guard let life = Duration(spelling: try invocation.value("--for") ?? "15min"),
                (.seconds(1) ... .seconds(3600)).contains(life)
            else { throw ControlError(.usage, "`--for` takes a time from 1s to 1h, such as 15min") }
            var params: JSONObject = [
                "reason": JSONValue(reason), "seconds": JSONValue(life.components.seconds),
            ]
            if let tenant = try invocation.value("--tenant") {
                params["tenant"] = JSONValue(tenant)
            }
            let result = try await client.call(
                "breakglass.open",
                params,
                credential: try ApproverPrompt.credential(invocation)
            )
            try Files.create(
                file,
                with: Array((result["token"]?.string ?? "").utf8) + [0x0a],
                mode: 0o600
            )
            let id = result["id"]?.string ?? ""
            let ends = result["ends"]?.string ?? ""
            let due = result["due"]?.string ?? ""
            invocation.report(
                "\(id) is open until \(ends); another person must review it by \(due)\n"
                    + "answer with `gatehouse approvals approve TICKET --break-glass \(file)`",
                [
                    "id": JSONValue(id), "ends": JSONValue(ends), "due": JSONValue(due),
                    "token": JSONValue(file),
                ]
            )
            return 0
        }
    )

    private static let list = Command(
        "break-glass list",
        "",
        "list what is open or waits for review, and what was done with it",
        run: { invocation, loop in
            let client = try await ControlClient.connect(try invocation.stateFolder(), on: loop)
            let result = try await client.call("breakglass.list")
            if invocation.wantsJSON {
                Console.print(String(decoding: result.source, as: UTF8.self))
            } else if result.count == 0 {
                Console.print("no glass is broken")
            } else {
                for glass in result.elements {
                    Console.print(line(glass))
                    for use in glass["uses"]?.elements.map({ $0 }) ?? [] {
                        Console.print("  used " + words(ofUse: use))
                    }
                }
            }
            return 0
        }
    )

    private static let close = Command(
        "break-glass close",
        "ID",
        "end one before its time; needs no passphrase",
        run: { invocation, loop in
            let client = try await ControlClient.connect(try invocation.stateFolder(), on: loop)
            let id = try invocation.argument(0, "the break-glass")
            _ = try await client.call("breakglass.close", ["id": JSONValue(id)])
            invocation.report("\(id) is closed", ["closed": JSONValue(id)])
            return 0
        }
    )

    private static let review = Command(
        "break-glass review",
        "ID",
        "as another person: say what you found when you looked at what was done",
        options: [
            Command.Option("--comment", "TEXT", "what you found, for the record"),
            ApproverPrompt.option,
        ],
        run: { invocation, loop in
            let client = try await ControlClient.connect(try invocation.stateFolder(), on: loop)
            let id = try invocation.argument(0, "the break-glass")
            guard let comment = try invocation.value("--comment") else {
                throw ControlError(.usage, "`--comment TEXT` is needed")
            }
            _ = try await client.call(
                "breakglass.review",
                ["id": JSONValue(id), "comment": JSONValue(comment)],
                credential: try ApproverPrompt.credential(invocation)
            )
            invocation.report("\(id) is reviewed", ["reviewed": JSONValue(id)])
            return 0
        }
    )

    /// When, what, and which question.
    static func words(ofUse use: JSONNode) -> String {
        ["at", "tool", "ticket"].map { printable(use.member($0)?.string ?? "") }
            .joined(separator: "  ")
    }

    /// One emergency in one line.
    static func line(_ glass: JSONNode) -> String {
        func text(_ key: StaticString) -> String { printable(glass[key]?.string ?? "", limit: 600) }
        let state =
            glass["open"]?.bool == true
            ? "open until \(text("ends"))" : "waits for review until \(text("due"))"
        let uses = glass["uses"]?.count ?? 0
        return "BREAK-GLASS \(text("id")) by \(text("by")), tenant \(text("tenant")), \(state), "
            + "used \(uses) times: \(text("reason"))"
    }
}
