/// The counts of one server's way out; see `GateTally`.
final class EgressTally: @unchecked Sendable {
    var openCount = 0
    var allowedCount: UInt64 = 0
    private(set) var refusedCounts: [String: UInt64] = [:]
    /// Requests a secret went out with.
    var usedCount: UInt64 = 0
    var sentByteCount: UInt64 = 0
    var receivedByteCount: UInt64 = 0

    /// `code` is one of `EgressRefusal`, a closed set.
    func refused(_ code: String) { refusedCounts[code, default: 0] &+= 1 }

    /// Whether there ever was a connection to count.
    var isUsed: Bool { allowedCount > 0 || !refusedCounts.isEmpty || openCount > 0 }
}

extension MetricsText {
    /// The families of the ways out; `servers` with their labels.
    mutating func writeEgress(
        _ servers: [(labels: [(String, String)], tally: EgressTally)],
        waiting: Int
    ) {
        let used = servers.filter { $0.tally.isUsed }
        family(
            "gatehouse_egress_connections_total",
            .counter,
            "Connections of hosted servers by what was decided: allowed, or the code of the refusal."
        )
        for (labels, tally) in used {
            sample(tally.allowedCount, labels + [("decision", "allowed")])
            for (code, count) in tally.refusedCounts.sorted(by: { $0.key < $1.key }) {
                sample(count, labels + [("decision", code)])
            }
        }
        family("gatehouse_egress_open", .gauge, "Connections of hosted servers that are open.")
        for (labels, tally) in used { sample(tally.openCount, labels) }
        family("gatehouse_egress_bytes_total", .counter, "Bytes of them, by direction.")
        for (labels, tally) in used {
            sample(tally.sentByteCount, labels + [("direction", "sent")])
            sample(tally.receivedByteCount, labels + [("direction", "received")])
        }
        family(
            "gatehouse_secret_uses_total",
            .counter,
            "Requests of hosted servers that a secret was put into on the way out."
        )
        for (labels, tally) in used { sample(tally.usedCount, labels) }
        family("gatehouse_egress_waiting", .gauge, "Connections that wait for a person.")
        sample(waiting)
    }
}
