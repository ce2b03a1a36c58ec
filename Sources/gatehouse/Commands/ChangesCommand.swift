import Base
import Gateway
import JSON
import System

/// `gatehouse servers changes`: what a server changed in folders it has a copy on write of.
enum ChangesCommand {
    static let command = Command(
        "servers changes",
        "NAME",
        "show what a server changed in folders it has a copy of; take it over or drop it",
        options: [
            Command.Option("--commit", nil, "make what is shown in the folders themselves"),
            Command.Option("--drop", nil, "forget all of it"),
            Command.Option("--tenant", "NAME", "the tenant of the server (default: main)"),
            ApproverPrompt.option,
        ],
        run: { invocation, loop in
            let (commits, drops) = (invocation.has("--commit"), invocation.has("--drop"))
            guard !commits || !drops else {
                throw ControlError(.usage, "`--commit` and `--drop` exclude each other")
            }
            let client = try await ControlClient.connect(try invocation.stateFolder(), on: loop)
            var params = JSONObject()
            params["server"] = JSONValue(try invocation.argument(0, "the server"))
            if let tenant = try invocation.value("--tenant") {
                params["tenant"] = JSONValue(tenant)
            }
            let folders = try await client.call("servers.changes", params)
            if invocation.wantsJSON {
                Console.print(String(decoding: folders.source, as: UTF8.self))
            } else {
                show(folders)
            }
            guard commits || drops, folders.count > 0 else { return 0 }
            if commits {
                params["digests"] = .array(
                    folders.elements.compactMap { $0["digest"]?.string }.map { JSONValue($0) }
                )
            }
            _ = try await client.call(
                commits ? "servers.commit" : "servers.drop",
                params,
                credential: try ApproverPrompt.credential(invocation)
            )
            if !invocation.wantsJSON { Console.print(commits ? "committed" : "dropped") }
            return 0
        }
    )

    private static func show(_ folders: JSONNode) {
        if folders.count == 0 { Console.print("it has a copy of no folder") }
        for folder in folders.elements {
            let place = printable(folder["folder"]?.string ?? "", limit: 600)
            let outside = printable(folder["outside"]?.string ?? "", limit: 600)
            Console.print("\(place) (\(outside))")
            let changes = folder["changes"]?.elements.map { $0 } ?? []
            if changes.isEmpty { Console.print("  nothing changed") }
            for change in changes {
                var line = "  \(printable(change["kind"]?.string ?? ""))  "
                line += printable(change["path"]?.string ?? "", limit: 4096)
                if let bytes = change["bytes"]?.number?.text { line += "  \(bytes) bytes" }
                if let target = change["target"]?.string {
                    line += "  -> \(printable(target, limit: 4096))"
                }
                Console.print(line)
            }
        }
    }
}
