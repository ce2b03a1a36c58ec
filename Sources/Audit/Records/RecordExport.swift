import Base
import JSON

/// The forms in which records leave the log.
package enum RecordExport {
    /// A record and a newline: the leaf's own bytes, so that the file can be verified.
    package static func jsonLine(_ leaf: StoredLeaf) -> [UInt8] { leaf.bytes + [0x0a] }

    private static let columns = [
        "index", "time", "kind", "tenant", "environment", "principal", "run", "server", "tool",
        "call", "tier", "verdict", "rule", "status", "arguments", "reason", "detail",
    ]

    /// The first line of a CSV file (RFC 4180).
    package static var csvHeader: [UInt8] { Array((columns.joined(separator: ",") + "\r\n").utf8) }

    /// A record as a line of CSV; what has no column of its own is in `detail`, as JSON.
    ///
    /// A cell that a spreadsheet would take for a formula gets an apostrophe in front, because its
    /// text may come from an agent.
    package static func csvRow(_ leaf: StoredLeaf) -> [UInt8] {
        guard let head = RecordHead(leaf: leaf.bytes) else {
            let rest = Array(repeating: "", count: columns.count - 2)
            let text = String(decoding: leaf.bytes, as: UTF8.self)
            return row([String(leaf.index)] + rest + [text])
        }
        func detail(_ name: String) -> String? { head.detail?.member(name)?.string }
        return row([
            String(leaf.index), head.time, head.kind, head.tenant, head.environment,
            head.principal ?? "", head.run ?? "", head.server ?? "", head.tool ?? "",
            head.call ?? "", detail("tier") ?? "", detail("verdict") ?? "", detail("rule") ?? "",
            detail("status") ?? "", detail("arguments") ?? "",
            detail("reason") ?? detail("error") ?? "",
            head.detail.map { String(decoding: $0.source, as: UTF8.self) } ?? "",
        ])
    }

    private static func row(_ cells: [String]) -> [UInt8] {
        let quoted = cells.map { cell in
            var text: [UInt8] = [0x22]
            if let first = cell.utf8.first, [0x3d, 0x2b, 0x2d, 0x40, 0x09, 0x0d].contains(first) {
                text.append(0x27)
            }
            for byte in cell.utf8 {
                text.append(byte)
                if byte == 0x22 { text.append(0x22) }
            }
            return text + [0x22]
        }
        return Array(quoted.joined(separator: [0x2c])) + [0x0d, 0x0a]
    }
}

extension RecordHead {
    /// The record in one line for a terminal: everything in it is escaped.
    package var line: String {
        func detail(_ name: String) -> String? { self.detail?.member(name)?.string }
        let target = [server, tool].compactMap { $0 }.joined(separator: ".")
        let parts: [String?] = [
            time, kind, tenant == "main" ? nil : "tenant " + tenant, principal,
            target.isEmpty ? nil : target, detail("verdict"), detail("tier"), detail("status"),
            detail("rule").map { "rule " + $0 }, detail("reason") ?? detail("error"),
            detail("arguments"), call.map { "[\($0)]" },
        ]
        return parts.compactMap { $0 }.map { printable($0, limit: 160) }.joined(separator: "  ")
    }
}
