import Base
import Egress
import JSON
import Policy

extension Configuration {
    /// What weakens the gateway in what is written of servers and listeners.
    package var warnings: [Remark] {
        var remarks: [Remark] = []
        if let retention = audit.retention, let size = retention.byteCount,
            size / 7 < UInt64(audit.dailyByteCount)
        {
            remarks.append(
                remark(
                    at: ["audit", "retention", "bytes"],
                    "`retention.bytes` is less than 7 days of `bytes_per_day`: an agent that lets "
                        + "much be recorded pushes the oldest records out",
                    hint: "make `bytes` larger or `bytes_per_day` smaller; by size nothing goes "
                        + "that is younger than `bytes_after`"
                )
            )
        }
        for server in allServers {
            guard case .stdio(let stdio) = server.kind else { continue }
            if stdio.cage.isNone {
                remarks.append(
                    remark(
                        at: place(of: server) + ["cage"],
                        "server `\(server.name)` runs without a cage (`cage: none`)",
                        hint: "name the folders it needs under `cage` instead"
                    )
                )
            } else if stdio.cage.network == .host {
                remarks.append(
                    remark(
                        at: place(of: server) + ["cage", "network"],
                        "server `\(server.name)` has the host's network (`network: host`)",
                        hint: "leave `network` out if it needs none"
                    )
                )
            }
            for (variable, value) in stdio.environment.sorted(by: { $0.key < $1.key }) {
                guard case .exposed = value else { continue }
                remarks.append(
                    remark(
                        at: place(of: server) + ["env", variable],
                        "server `\(server.name)` is given a secret as `\(variable)`: it can leak it",
                        hint: "give it a credential that can do no more than this server needs"
                    )
                )
            }
        }
        remarks += placesInAddresses
        if listen.isOpen {
            remarks.append(
                remark(
                    at: ["listen", "open"],
                    "`open: true`: every process on this machine is the same agent",
                    hint: "leave `open` out and issue tokens: `gatehouse tokens issue OWNER`"
                )
            )
        }
        return remarks
    }

    /// Secrets in a query: hosts, and what stands before them, write addresses into their logs.
    private var placesInAddresses: [Remark] {
        allServers.flatMap { server -> [Remark] in
            guard case .stdio(let stdio) = server.kind else { return [] }
            return stdio.uses.enumerated().compactMap { index, use in
                guard case .query(let name) = use.binding.place else { return nil }
                return remark(
                    at: place(of: server) + ["secrets", String(index)],
                    "secret `\(printable(use.binding.secret))` goes out in the address, as "
                        + "`\(printable(name))`: addresses end in logs",
                    hint: "bind it to a header where the host takes one"
                )
            }
        }
    }

    /// Where a server is written; in a client's file its name may be spelled otherwise.
    func place(of server: Server) -> [String] {
        guard source.document.root["mcpServers"] == nil else {
            return ["mcpServers", server.name.rawValue]
        }
        return server.tenant == .main
            ? ["servers", server.name.rawValue]
            : ["tenants", server.tenant.rawValue, "servers", server.name.rawValue]
    }

    func remark(at place: [String], _ text: String, hint: String? = nil) -> Remark {
        Remark(
            file: file,
            position: source.position(JSONPointer(tokens: place.map { JSONString($0) })),
            text: text,
            hint: hint
        )
    }
}
