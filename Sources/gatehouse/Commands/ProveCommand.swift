import Audit
import Base
import Crypto
import Gateway
import JSON
import Storage
import System

/// `gatehouse prove`: tries what a server that was taken over would try, in its real cage.
enum ProveCommand {
    static let command = Command(
        "prove",
        "[SERVER]",
        "try from inside a server's real cage what it must hold, and say which layer stopped each act",
        options: [
            Command.Option("--tenant", "NAME", "the tenant of the server (default: main)"),
            Command.Option("--report", "FILE", "write the signed report there (one server)"),
            Command.Option("--verify", "FILE", "check the signature of a report instead"),
        ],
        run: { invocation, loop in
            if let file = try invocation.value("--verify") { return try verify(file, invocation) }
            let client = try await ControlClient.connect(try invocation.stateFolder(), on: loop)
            var reports: [JSONNode] = []
            for params in try await servers(invocation, client) {
                reports.append(try await client.call("servers.prove", params))
            }
            if let path = try invocation.value("--report") {
                guard reports.count == 1, let note = reports.first?["report"]?.string else {
                    throw ControlError(.usage, "`--report` is for one server; name it")
                }
                let place = Paths.join(try Process.workingDirectory(), path)
                try Files.replace(place, with: Array(note.utf8))
            }
            if invocation.wantsJSON {
                let texts = reports.map { String(decoding: $0.source, as: UTF8.self) }
                Console.print(
                    invocation.arguments.isEmpty
                        ? "[" + texts.joined(separator: ",") + "]" : texts.joined()
                )
            } else {
                for report in reports { show(report) }
            }
            return reports.allSatisfy { $0["ok"]?.bool == true } ? 0 : 1
        }
    )

    /// The one that is named, or each that has a cage.
    private static func servers(
        _ invocation: Invocation,
        _ client: ControlClient
    ) async throws -> [JSONObject] {
        let tenant = try invocation.value("--tenant")
        if let name = invocation.arguments.first {
            var params: JSONObject = ["server": JSONValue(name)]
            if let tenant { params["tenant"] = JSONValue(tenant) }
            return [params]
        }
        let list = try await client.call("servers.list")
        let caged = list.elements.filter { server in
            server["cage"]?["kind"]?.string.map { $0 != "none" } ?? false
                && (tenant == nil || server["tenant"]?.string == tenant)
        }
        guard !caged.isEmpty else {
            throw ControlError(.refused, "no server here has a cage: there is nothing to prove")
        }
        return caged.map { server in
            [
                "server": JSONValue(server["server"]?.string ?? ""),
                "tenant": JSONValue(server["tenant"]?.string ?? ""),
            ]
        }
    }

    private static func show(_ report: JSONNode) {
        func text(_ node: JSONNode?) -> String { printable(node?.string ?? "", limit: 256) }
        Console.print("server \(text(report["server"])), \(text(report["time"]))")
        var counts: [String: Int] = [:]
        for act in report["acts"]?.elements.map({ $0 }) ?? [] {
            let result = text(act["result"])
            counts[result, default: 0] += 1
            let isGood = ["works", "stopped", "open"].contains(result)
            let layer = act["layer"].map { text($0) } ?? (result == "works" ? "" : "NO LAYER")
            let columns = [
                (isGood ? result : result.uppercased(), 8), (layer, 13), (text(act["group"]), 11),
            ]
            let left = columns.map { word, width in
                word + String(repeating: " ", count: max(1, width - word.count))
            }
            let answer = result == "works" ? "" : " (\(text(act["answer"])))"
            Console.print(left.joined() + text(act["name"]) + answer)
        }
        let sums = counts.sorted { $0.key < $1.key }.map { "\($0.value) \($0.key)" }
        let missing = report["missing"]?.elements.compactMap(\.string) ?? []
        let lacks = missing.isEmpty ? "" : "; this machine lacks \(missing.joined(separator: ", "))"
        let isProven = report["ok"]?.bool == true
        Console.print(
            "\(isProven ? "proven" : "NOT PROVEN"): \(sums.joined(separator: ", "))\(lacks)"
        )
    }

    private static func verify(_ file: String, _ invocation: Invocation) throws -> Int32 {
        let place = Paths.join(try Process.workingDirectory(), file)
        let bytes = try Files.read(place, limit: 1 << 20)
        let key = try LogArchive(
            folder: try invocation.stateFolder().path,
            OpenSSLHashing()
        ).key
        guard let text = String(validating: bytes, as: UTF8.self),
            let report = ProofReport.report(of: text, key: key)
        else {
            throw ControlError(
                .broken,
                "`\(printable(file))` is no report that this gateway signed, or it was changed"
            )
        }
        if invocation.wantsJSON {
            Console.print(String(decoding: report.root.source, as: UTF8.self))
        } else {
            show(report.root)
            Console.print("signed by \(key.origin)")
        }
        return report.root["ok"]?.bool == true ? 0 : 1
    }
}
