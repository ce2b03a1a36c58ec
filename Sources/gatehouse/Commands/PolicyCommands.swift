import Audit
import Base
import Crypto
import Gateway
import JSON
import Storage
import System

/// `gatehouse policy …`: what holds, and why a call is answered as it is.
enum PolicyCommands {
    static let all = [explain, list]

    private static let file = Command.Option(
        "--config",
        "FILE",
        "read this file and its lock instead of asking the gateway"
    )

    private static let list = Command(
        "policy",
        "",
        "list the effective rules, limits, denied paths and tiers, with their digest",
        options: [file],
        run: { invocation, loop in
            let listing: JSONNode
            if let set = try read(invocation) {
                listing = try JSONDocument(parsing: set.listing.serialised()).root
            } else {
                let state = try invocation.stateFolder()
                listing = try await ControlClient.connect(state, on: loop).call("policy.list")
            }
            if invocation.wantsJSON {
                Console.print(String(decoding: listing.source, as: UTF8.self))
            } else {
                show(listing)
            }
            return 0
        }
    )

    private static let explain = Command(
        "policy explain",
        "SERVER.TOOL [ARGUMENTS] | CALL-ID",
        "say why a call would be answered as it would, or was",
        options: [
            file,
            Command.Option("--token", "ID", "as the credential of that id (default: anybody)"),
            Command.Option("--tenant", "NAME", "in that tenant (default: main)"),
        ],
        run: { invocation, loop in
            let name = try invocation.argument(0, "the tool, or the id of a call")
            if ToolReference(name) == nil, Hex.decode(name) != nil {
                return try await explainRecorded(name, invocation, loop)
            }
            let text = invocation.arguments.count > 1 ? invocation.arguments[1] : "{}"
            var params = JSONObject()
            params["tool"] = JSONValue(name)
            params["arguments"] = try arguments(text)
            for option in ["token", "tenant"] {
                if let value = try invocation.value("--\(option)") {
                    params[JSONString(option)] = JSONValue(value)
                }
            }
            return show(try await answer(params, invocation, loop), invocation)
        }
    )

    private static func arguments(_ text: String) throws(ControlError) -> JSONValue {
        do throws(JSONError) {
            return try JSONDocument(parsing: Array(text.utf8)).root.value
        } catch {
            throw ControlError(.usage, "the arguments are not JSON: \(error)")
        }
    }

    /// From the running gateway, or from files alone.
    private static func answer(
        _ params: JSONObject,
        _ invocation: Invocation,
        _ loop: EventLoop
    ) async throws -> JSONNode {
        guard let set = try read(invocation) else {
            let state = try invocation.stateFolder()
            return try await ControlClient.connect(state, on: loop).call("policy.explain", params)
        }
        let root = try JSONDocument(parsing: JSONValue.object(params).serialised()).root
        guard invocation.all("--token").isEmpty else {
            throw ControlError(.usage, "`--token` asks the running gateway; leave `--config` out")
        }
        guard let tool = ToolReference(root["tool"]?.string ?? "") else {
            throw ControlError(.usage, "name the tool as `server.tool`")
        }
        let tenant = try TenantID(root["tenant"]?.string ?? TenantID.main.rawValue)
        guard let node = root["arguments"],
            let answer = PolicyAnswer(set, tool, tenant: tenant, arguments: try CallForm(node))
        else {
            throw ControlError(.refused, "tenant `\(tenant)` has no server `\(tool.server)`")
        }
        return try JSONDocument(parsing: answer.value.serialised()).root
    }

    private static func read(_ invocation: Invocation) throws -> PolicySet? {
        guard let file = try invocation.value("--config") else { return nil }
        let path = Paths.join(try Process.workingDirectory(), file)
        return try ConfigurationFiles.read(path, hashing: OpenSSLHashing())
    }

    // MARK: A recorded call

    /// What was said then, and, where the record holds the whole arguments, what is said now.
    private static func explainRecorded(
        _ id: String,
        _ invocation: Invocation,
        _ loop: EventLoop
    ) async throws -> Int32 {
        let (head, detail) = try recorded(id, try invocation.stateFolder())
        let wasRedacted = (detail["redacted"]?.count ?? 0) > 0
        let text = detail["arguments"]?.string
        var then = JSONObject()
        then["call"] = JSONValue(id)
        then["time"] = JSONValue(head.time)
        for key in ["verdict", "tier", "rule", "reason", "refusal", "approval", "policy", "pin"] {
            if let value = detail.member(key) { then[JSONString(key)] = value.value }
        }
        if !invocation.wantsJSON {
            for (key, value) in then.members {
                let text = String(decoding: value.serialised(), as: UTF8.self)
                Console.print("then \(key.text): \(printable(text, limit: 600))")
            }
        }
        guard !wasRedacted, let text, let whole = try? arguments(text) else {
            if invocation.wantsJSON {
                let answer: JSONValue = ["then": .object(then), "now": .null]
                Console.print(String(decoding: answer.serialised(), as: UTF8.self))
            } else {
                Console.print(
                    "the record does not hold the whole arguments (redacted or cut): "
                        + "what would be said now cannot be told"
                )
            }
            return 0
        }
        var params = JSONObject()
        params["tool"] = JSONValue("\(head.server ?? "").\(head.tool ?? "")")
        params["arguments"] = whole
        params["tenant"] = JSONValue(head.tenant)
        if let owner = head.principal { params["owner"] = JSONValue(owner) }
        let now = try await answer(params, invocation, loop)
        if invocation.wantsJSON {
            let answer: JSONValue = ["then": .object(then), "now": now.value]
            Console.print(String(decoding: answer.serialised(), as: UTF8.self))
            return 0
        }
        let isSame = now["policy"]?.string == detail["policy"]?.string
        Console.print(isSame ? "now, under the same policy:" : "now, under another policy:")
        return show(now, invocation)
    }

    /// The judgement of a call in the log, the last one where there are several.
    private static func recorded(
        _ id: String,
        _ state: StateFolder
    ) throws -> (RecordHead, JSONNode) {
        let archive: LogArchive
        do {
            archive = try LogArchive(folder: state.path, OpenSSLHashing())
        } catch {
            throw ControlError(.unreachable, "the log in \(state.path) cannot be read: \(error)")
        }
        var found: (RecordHead, JSONNode)?
        try archive.eachLeaf { leaf in
            if let head = RecordHead(leaf: leaf.bytes), head.call == id,
                head.kind == "intent" || head.kind == "judged", let detail = head.detail
            {
                found = (head, detail)
            }
            return true
        }
        guard let found else { throw ControlError(.refused, "no judged call `\(id)` in the log") }
        return found
    }

    // MARK: Showing

    private static func show(_ answer: JSONNode, _ invocation: Invocation) -> Int32 {
        if invocation.wantsJSON {
            Console.print(String(decoding: answer.source, as: UTF8.self))
        } else {
            for line in answer["lines"]?.elements.compactMap(\.string) ?? [] {
                Console.print(line)
            }
        }
        return 0
    }

    private static func show(_ listing: JSONNode) {
        Console.print("configuration \(printable(listing["configuration"]?.string ?? ""))")
        Console.print("environment \(listing["environment"]?.string ?? "")")
        Console.print("digest \(listing["digest"]?.string ?? "")")
        for tenant in listing["tenants"]?.elements.map({ $0 }) ?? [] {
            Console.print("tenant \(tenant["tenant"]?.string ?? "")")
            for (section, word) in [("rules", "rule"), ("limits", "limit")] {
                for row in tenant.member(section)?.elements.map({ $0 }) ?? [] {
                    let place =
                        row["inherited"]?.bool == true
                        ? "inherited" : "line \(row["line"]?.number?.text ?? "?")"
                    Console.print("  \(word) (\(place)): \(text(row["statement"]))")
                }
            }
            let denied = tenant["deny_paths"]?.elements.compactMap(\.string) ?? []
            Console.print("  deny_paths: \(denied.map { printable($0) }.joined(separator: " "))")
            for (server, paths) in tenant["hide"]?.members.map({ $0 }) ?? [] {
                let texts = paths.elements.compactMap(\.string).map { printable($0) }
                Console.print("  hide of \(server.text): \(texts.joined(separator: " "))")
            }
            for row in tenant["tools"]?.elements.map({ $0 }) ?? [] {
                let by = row["stated"]?["by"]?.string ?? ""
                let name = printable(row["tool"]?.string ?? "", limit: 320)
                Console.print("  tool \(name) (\(by)): \(text(row["statement"]))")
            }
        }
    }

    private static func text(_ node: JSONNode?) -> String {
        guard let node else { return "" }
        return printable(String(decoding: node.source, as: UTF8.self), limit: 1000)
    }
}
