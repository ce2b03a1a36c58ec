import Base
import Gateway
import JSON
import System

/// `gatehouse grants …`: standing yeses, listed and taken back.
enum GrantCommands {
    static let all = [list, revoke]

    private static let list = Command(
        "grants list",
        "",
        "list the standing yeses, what each covers, and how many uses are left",
        run: { invocation, loop in
            let client = try await ControlClient.connect(try invocation.stateFolder(), on: loop)
            let result = try await client.call("grants.list")
            if invocation.wantsJSON {
                Console.print(String(decoding: result.source, as: UTF8.self))
            } else if result.count == 0 {
                Console.print("nothing is granted")
            } else {
                for grant in result.elements {
                    let uses = grant["uses"]?.number?.int64 ?? 0
                    let used = grant["used"]?.number?.int64 ?? 0
                    let id = printable(grant["id"]?.string ?? "")
                    let by = printable(grant["by"]?.string ?? "")
                    Console.print("\(id)  used \(used) of \(uses)  by \(by)")
                    Console.print("  " + printable(grant["sentence"]?.string ?? "", limit: 4000))
                }
            }
            return 0
        }
    )

    private static let revoke = Command(
        "grants revoke",
        "ID",
        "take a standing yes back; needs no passphrase",
        run: { invocation, loop in
            let client = try await ControlClient.connect(try invocation.stateFolder(), on: loop)
            let id = try invocation.argument(0, "the grant")
            let result = try await client.call("grants.revoke", ["id": JSONValue(id)])
            let revoked = result["revoked"]?.string ?? id
            invocation.report("\(revoked) is revoked", ["revoked": JSONValue(revoked)])
            return 0
        }
    )

    /// What `approvals grant` asks for.
    static func proposal(_ invocation: Invocation) throws -> JSONObject {
        try proposal(
            vary: invocation.all("--vary"),
            uses: try invocation.value("--uses"),
            life: try invocation.value("--for")
        )
    }

    /// The same from what was typed; nil stands for the default.
    static func proposal(vary texts: [String], uses: String?, life: String?) throws -> JSONObject {
        var vary = JSONObject()
        for text in texts {
            let parts = text.split(separator: "=", maxSplits: 1).map(String.init)
            let pointer = parts.first ?? ""
            guard parts.count == 2 else {
                vary[JSONString(pointer)] = true
                continue
            }
            guard let document = try? JSONDocument(parsing: Array(parts[1].utf8)) else {
                throw ControlError(
                    .usage,
                    "`--vary \(printable(text))` has no JSON after `=`",
                    hint:
                        #"write --vary '/path={"glob": "/data/out/**"}', or --vary /path for any value"#
                )
            }
            vary[JSONString(pointer)] = document.root.value
        }
        guard let count = Int(uses ?? "10"), (1...1000).contains(count) else {
            throw ControlError(.usage, "`--uses` takes a number from 1 to 1000")
        }
        guard let time = Duration(spelling: life ?? "15min"),
            (.seconds(1) ... .seconds(8 * 3600)).contains(time)
        else {
            throw ControlError(
                .usage,
                "`--for` takes a time from 1s to 8h, such as 90s, 15min or 2h"
            )
        }
        return [
            "vary": .object(vary), "uses": JSONValue(count),
            "seconds": JSONValue(time.components.seconds),
        ]
    }
}
