import Audit
import Base
import JSON
import Policy
import Storage

extension ControlCommands {
    /// The log, read through the running gateway; the command line reads its files itself.
    static let audit: [String: ControlCommand] = [
        "audit.search": ControlCommand(level: .observe) { gateway, call in
            let found = try await gateway.store.search(try gateway.query(call))
            return found.bytes
        },
        "audit.record": ControlCommand(level: .observe) { gateway, call in
            let text = try call.request.required("number")
            guard let number = UInt64(text),
                let leaf = try await gateway.store.leaves(from: number, limit: 1).first
            else { throw ControlError(.refused, "the log has no record `\(printable(text))`") }
            let tenant = RecordHead(leaf: leaf.bytes)?.tenant
            try call.require(tenant.map { TenantID(unchecked: $0) })
            return leaf.bytes
        },
    ]
}

extension Gateway {
    /// What a request looks for; parts that are not given match everything.
    nonisolated func query(_ call: ControlCall) throws(ControlError) -> SearchQuery {
        let request = call.request
        var query = SearchQuery()
        query.tenant = try Self.part(request, "tenant", "a tenant") { try? TenantID($0) }
        if let own = call.person?.tenants {
            query.tenant = query.tenant ?? (own.count == 1 ? own.first : nil)
            guard let tenant = query.tenant else {
                throw ControlError(
                    .usage,
                    "name the tenant: you have roles for several, not for all"
                )
            }
            try call.require(tenant)
        }
        query.kind = try Self.part(request, "kind", "a kind of record") {
            RecordKind(rawValue: $0)
        }
        query.principal = try Self.part(request, "principal", "an owner") {
            try? PrincipalName($0)
        }
        query.server = try Self.part(request, "server", "a server") { try? ServerName($0) }
        query.tool = try Self.part(request, "tool", "a tool") { try? ToolName($0) }
        query.call = request.string("call")
        query.words = request.string("words")
        query.since = try moment(request, "since")
        query.until = try moment(request, "until")
        query.before = request.int("before").flatMap { UInt64(exactly: $0) }
        query.limit = min(max(request.int("limit") ?? 100, 1), Limits.auditPageCount)
        return query
    }

    private static func part<Value>(
        _ request: ControlRequest,
        _ key: StaticString,
        _ what: String,
        _ read: (String) -> Value?
    ) throws(ControlError) -> Value? {
        guard let text = request.string(key) else { return nil }
        guard let value = read(text) else {
            throw ControlError(.usage, "`\(printable(text))` is not \(what) (`\(key)`)")
        }
        return value
    }

    private nonisolated func moment(
        _ request: ControlRequest,
        _ key: StaticString
    ) throws(ControlError) -> Timestamp? {
        let now = parts.clock.timestamp
        return try Self.part(request, key, "a time, such as 2026-08-01, 2026-08-01T12:00Z or 2h") {
            Timestamp($0) ?? Duration(spelling: $0).map { now.advanced(by: .zero - $0) }
        }
    }

    /// What a search finds, page after page, as a file: JSON lines are the records' own bytes.
    func export(_ call: ControlCall, asCSV isCSV: Bool) async throws -> [UInt8] {
        var query = try query(call)
        query.limit = Limits.auditPageCount
        var file = isCSV ? RecordExport.csvHeader : []
        var count = 0
        while true {
            let found = try await store.search(query)
            for leaf in found.leaves {
                file += isCSV ? RecordExport.csvRow(leaf) : RecordExport.jsonLine(leaf)
            }
            count += found.leaves.count
            guard let last = found.leaves.last, found.leaves.count == query.limit else {
                return file
            }
            guard count < Limits.auditExportCount, file.count < Limits.auditExportByteCount else {
                throw ControlError(
                    .refused,
                    "more than \(Limits.auditExportCount) records or "
                        + "\(Limits.auditExportByteCount >> 20) MiB match",
                    hint: "narrow the times, or run `gatehouse audit export`, which has no limit"
                )
            }
            query.before = last.index
        }
    }
}

extension SearchAnswer {
    /// `{"records": [{"index": 7, "record": {…}}, …], "indexed": 9, "size": 9}`; newest first.
    fileprivate var bytes: [UInt8] {
        var writer = JSONWriter()
        writer.beginObject()
        writer.key("records")
        writer.beginArray()
        for leaf in leaves {
            writer.beginObject()
            writer.key("index")
            writer.number(Int(clamping: leaf.index))
            writer.key("record")
            writer.raw(leaf.bytes)
            writer.endObject()
        }
        writer.endArray()
        writer.key("indexed")
        writer.number(Int(clamping: indexedSize))
        writer.key("size")
        writer.number(Int(clamping: logSize))
        writer.endObject()
        return writer.bytes
    }
}
