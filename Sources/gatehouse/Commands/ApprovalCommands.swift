import Base
import Gateway
import JSON
import System

/// `gatehouse approvals …`: where people answer what agents ask.
enum ApprovalCommands {
    static let all = [list, show, approve, grant, edit, deny, watch, stats]

    private static let list = Command(
        "approvals list",
        "",
        "list the questions that wait for people",
        run: { invocation, loop in
            let client = try await ControlClient.connect(try invocation.stateFolder(), on: loop)
            let result = try await client.call("approvals.list")
            if invocation.wantsJSON {
                Console.print(String(decoding: result.source, as: UTF8.self))
            } else if result.count == 0 {
                Console.print("nothing waits")
            } else {
                for question in result.elements { printLine(question) }
            }
            return 0
        }
    )

    private static let show = Command(
        "approvals show",
        "TICKET",
        "show a question whole, with the exact arguments",
        run: { invocation, loop in
            let client = try await ControlClient.connect(try invocation.stateFolder(), on: loop)
            let result = try await client.call("approvals.show", try ticket(invocation))
            if invocation.wantsJSON {
                Console.print(String(decoding: result.source, as: UTF8.self))
            } else {
                printCard(result)
            }
            return 0
        }
    )

    private static let approve = Command(
        "approvals approve",
        "TICKET",
        "say yes to exactly what is shown, once",
        options: [
            Command.Option(
                "--break-glass",
                "FILE",
                "answer alone at T3, with the token in FILE (`break-glass open`)"
            ),
            ApproverPrompt.option,
        ],
        run: { try await answer($0, $1, isYes: true) }
    )

    private static let grant = Command(
        "approvals grant",
        "TICKET",
        "say yes to what is shown, and to more calls of its shape",
        options: [
            Command.Option(
                "--vary",
                "POINTER[=JSON]",
                "an argument that may differ: any value, or {\"glob\": …}, {\"one_of\": […]}, {\"max\": …}"
            ),
            Command.Option("--uses", "N", "how many more calls, up to 1000 (default: 10)"),
            Command.Option("--for", "TIME", "how long, from 1s to 8h (default: 15min)"),
            ApproverPrompt.option,
        ],
        run: { invocation, loop in
            let client = try await ControlClient.connect(try invocation.stateFolder(), on: loop)
            var params = try await show(client, invocation)
            params["grant"] = .object(try GrantCommands.proposal(invocation))
            let preview = try await client.call("grants.preview", params)
            if !invocation.wantsJSON {
                Console.print(
                    "grant      " + printable(preview["sentence"]?.string ?? "", limit: 4000)
                )
            }
            params["yes"] = true
            return try await decide("approvals.vote", params, client, invocation)
        }
    )

    private static let edit = Command(
        "approvals edit",
        "TICKET [ARGUMENTS]",
        "say yes to other arguments instead: a JSON object, judged anew",
        options: [
            Command.Option("--from", "FILE", "read the arguments from a file"),
            ApproverPrompt.option,
        ],
        run: { invocation, loop in
            let bytes: [UInt8]
            if let path = try invocation.value("--from") {
                bytes = try Files.read(path, limit: 1 << 20)
            } else {
                bytes = Array(try invocation.argument(1, "the new arguments").utf8)
            }
            let arguments: JSONDocument
            do {
                arguments = try JSONDocument(parsing: bytes)
            } catch {
                throw ControlError(.usage, "the arguments are not JSON: \(error)")
            }
            let client = try await ControlClient.connect(try invocation.stateFolder(), on: loop)
            var params = try await show(client, invocation)
            params["arguments"] = arguments.root.value
            return try await decide("approvals.edit", params, client, invocation)
        }
    )

    private static let deny = Command(
        "approvals deny",
        "TICKET",
        "say no",
        options: [
            Command.Option("--reason", "TEXT", "what the agent is told, up to 500 bytes"),
            ApproverPrompt.option,
        ],
        run: { try await answer($0, $1, isYes: false) }
    )

    private static let watch = Command(
        "approvals watch",
        "",
        "show each question as it comes, and answer it by one key on a terminal",
        options: [ApproverPrompt.option],
        run: { invocation, loop in
            if !invocation.wantsJSON, Terminal.isTerminal(1), let terminal = try? Terminal() {
                return try await ApprovalWatch(invocation, terminal, on: loop).run()
            }
            let client = try await ControlClient.connect(try invocation.stateFolder(), on: loop)
            _ = try await client.call("approvals.watch") { event in
                guard let waiting = event["waiting"] else { return }
                if invocation.wantsJSON {
                    Console.print(String(decoding: event.source, as: UTF8.self))
                } else {
                    Console.print("-- \(waiting.count) waiting")
                    for glass in event["emergencies"]?.elements.map({ $0 }) ?? [] {
                        Console.print("!! " + BreakGlassCommands.line(glass))
                    }
                    for question in waiting.elements { printLine(question) }
                }
            }
            return 0
        }
    )

    private static let stats = Command(
        "approvals stats",
        "",
        "how often people are asked, how they answer and how fast",
        run: { invocation, loop in
            let client = try await ControlClient.connect(try invocation.stateFolder(), on: loop)
            let result = try await client.call("approvals.stats")
            guard !invocation.wantsJSON else {
                Console.print(String(decoding: result.source, as: UTF8.self))
                return 0
            }
            for (key, name) in [("agents", "agent"), ("causes", "cause")] {
                for row in result.member(key)?.elements.map({ $0 }) ?? [] {
                    let counts = ["asked", "last_hour", "yes", "no", "unanswered"].map {
                        "\($0) \(row.member($0)?.number?.text ?? "0")"
                    }
                    let wait = row["median_ms"]?.number.map { ["median \($0.text) ms"] } ?? []
                    let what = printable(row.member(name)?.string ?? "", limit: 200)
                    Console.print("\(name) \(what): " + (counts + wait).joined(separator: ", "))
                    if let hint = row["hint"]?.string { Console.print("  hint: \(hint)") }
                }
            }
            let grants = result["grants"]
            Console.print(
                "standing yeses: \(grants?["live"]?.number?.text ?? "0") live, "
                    + "\(grants?["used"]?.number?.text ?? "0") uses, "
                    + "\(grants?["left"]?.number?.text ?? "0") left"
            )
            return 0
        }
    )

    /// Shows the question before it asks for the passphrase: a yes covers what was shown.
    private static func answer(
        _ invocation: Invocation,
        _ loop: EventLoop,
        isYes: Bool
    ) async throws -> Int32 {
        let client = try await ControlClient.connect(try invocation.stateFolder(), on: loop)
        var params = try await show(client, invocation)
        params["yes"] = JSONValue(isYes)
        if isYes, let path = try invocation.value("--break-glass") {
            let bytes = try Files.read(path, limit: 1024)
            let token = String(decoding: bytes, as: UTF8.self)
            params["break_glass"] = JSONValue(String(token.prefix { !$0.isWhitespace }))
        }
        if !isYes, let reason = try invocation.value("--reason") {
            params["reason"] = JSONValue(reason)
        }
        return try await decide("approvals.vote", params, client, invocation)
    }

    /// Prints the question; its ticket and the revision that was shown.
    private static func show(
        _ client: ControlClient,
        _ invocation: Invocation
    ) async throws -> JSONObject {
        var params = try ticket(invocation)
        let shown = try await client.call("approvals.show", params)
        if invocation.wantsJSON {
            Console.print(String(decoding: shown.source, as: UTF8.self))
        } else {
            printCard(shown)
        }
        params["ticket"] = JSONValue(shown["ticket"]?.string ?? "")
        params["revision"] = JSONValue(shown["revision"]?.number?.int64 ?? 0)
        return params
    }

    /// Asks for the passphrase and sends what was decided.
    private static func decide(
        _ method: String,
        _ params: JSONObject,
        _ client: ControlClient,
        _ invocation: Invocation
    ) async throws -> Int32 {
        let result = try await client.call(
            method,
            params,
            credential: try ApproverPrompt.credential(invocation)
        )
        let answer = result["answer"]?.string ?? ""
        var object: JSONObject = ["answer": JSONValue(answer)]
        let grant = result["grant"]?.string
        if let grant { object["grant"] = JSONValue(grant) }
        invocation.report(grant.map { "\(answer): \($0)" } ?? answer, object)
        return 0
    }

    private static func ticket(_ invocation: Invocation) throws -> JSONObject {
        var params = JSONObject()
        params["ticket"] = JSONValue(try invocation.argument(0, "the ticket"))
        return params
    }

    private static func printLine(_ question: JSONNode) {
        let words = ["ticket", "tier", "principal", "tool", "expires"].map {
            printable(question.member($0)?.string ?? "")
        }
        // What has its yes and waits for its agent is in the list, too.
        let state = question.member("state")?.string ?? "waiting"
        Console.print((words + (state == "waiting" ? [] : [state])).joined(separator: "  "))
    }

    private static func printCard(_ question: JSONNode) {
        for line in question["card"]?.elements.compactMap(\.string) ?? [] { Console.print(line) }
    }
}
