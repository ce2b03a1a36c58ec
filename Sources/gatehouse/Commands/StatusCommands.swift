import Base
import Gateway
import JSON
import System

enum StatusCommands {
    static let status = Command(
        "status",
        "",
        "show what the gateway is and does",
        run: { invocation, loop in
            let client = try await ControlClient.connect(try invocation.stateFolder(), on: loop)
            let result = try await client.call("status")
            if invocation.wantsJSON {
                Console.print(String(decoding: result.source, as: UTF8.self))
            } else {
                show(result)
            }
            return 0
        }
    )

    private static func show(_ result: JSONNode) {
        for key in ["version", "environment", "mcp", "control", "configuration", "started", "log"] {
            if let text = result.member(key)?.string { Console.print("\(key): \(printable(text))") }
        }
        if let key = result["trust"]?.string {
            let serial = result["serial"]?.number.map { ", serial \($0)" } ?? ""
            Console.print("signed: by \(printable(key))\(serial)")
        }
        for line in result["notes"]?.elements.compactMap(\.string) ?? [] {
            Console.print("note: \(printable(line, limit: 400))")
        }
        if let refused = result["refused"]?.string {
            Console.print("configuration not taken: \(printable(refused, limit: 400))")
        }
        if let calls = result["calls"] {
            let counts = ["allowed", "approved", "waiting", "refused"].compactMap { name in
                calls.member(name)?.number.map { "\($0) \(name)" }
            }
            Console.print("calls: \(counts.joined(separator: ", "))")
        }
        if let waiting = result["waiting"]?.number {
            Console.print("waiting for people: \(waiting)")
        }
        for (name, server) in result["servers"]?.members.map({ $0 }) ?? [] {
            let state = server["state"]?.string ?? ""
            let absent = server["absent"]?.string.map { " (\(printable($0, limit: 200)))" } ?? ""
            Console.print("server \(name.text): \(printable(state))\(absent)")
        }
        for line in result["pending"]?.elements.compactMap(\.string) ?? [] {
            Console.print("waits for an approver: \(printable(line, limit: 300))")
        }
        for warning in result["warnings"]?.elements.compactMap(\.string) ?? [] {
            Console.print("warning: \(printable(warning, limit: 300))")
        }
    }
}
