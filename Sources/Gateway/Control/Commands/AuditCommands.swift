package import Audit
import Base
package import JSON
import Policy
package import Storage

extension ControlCommands {
    /// The log, read through the running gateway, which keeps the index of it open.
    static let audit: [String: ControlCommand] = [
        "audit.search": ControlCommand(level: .observe) { gateway, call in
            let found = try await gateway.store.search(try gateway.query(call))
            return found.bytes
        },
        // The same for the socket, a line for each record: all of them may be more than a line holds.
        "audit.find": ControlCommand(level: .observe) { gateway, call in
            let found = try await gateway.store.search(try gateway.query(call))
            for leaf in found.leaves {
                guard await call.reply.send(leaf.found) else { break }
            }
            return found.sizes
        },
        "audit.record": ControlCommand(level: .observe) { gateway, call in
            let text = try call.request.required("number")
            let number = UInt64(text)
            if let number, number < gateway.store.begin {
                throw ControlError(.refused, "record \(number) was removed; a tombstone says so")
            }
            guard let number,
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
        for leaf in leaves { writer.raw(leaf.found) }
        writer.endArray()
        writeSizes(&writer)
        writer.endObject()
        return writer.bytes
    }

    /// `{"indexed": 9, "size": 9}`.
    fileprivate var sizes: [UInt8] {
        var writer = JSONWriter()
        writer.beginObject()
        writeSizes(&writer)
        writer.endObject()
        return writer.bytes
    }

    private func writeSizes(_ writer: inout JSONWriter) {
        writer.key("indexed")
        writer.number(Int(clamping: indexedSize))
        writer.key("size")
        writer.number(Int(clamping: logSize))
    }
}

extension StoredLeaf {
    /// `{"index": 7, "record": {…}}`, with the record's own bytes.
    fileprivate var found: [UInt8] {
        var writer = JSONWriter(reservingCapacity: bytes.count + 40)
        writer.beginObject()
        writer.key("index")
        writer.number(Int(clamping: index))
        writer.key("record")
        writer.raw(bytes)
        writer.endObject()
        return writer.bytes
    }

    /// Reads what `found` wrote.
    package init?(found node: JSONNode) {
        guard let index = node["index"]?.number?.int64.flatMap({ UInt64(exactly: $0) }),
            let record = node["record"]
        else { return nil }
        self.init(index: index, bytes: Array(record.source))
    }
}

extension SearchQuery {
    /// The parameters `Gateway.query` reads it from.
    package var params: JSONObject {
        let texts: [(JSONString, String?)] = [
            ("tenant", tenant?.rawValue), ("kind", kind?.rawValue),
            ("principal", principal?.rawValue), ("server", server?.rawValue),
            ("tool", tool?.rawValue), ("call", call), ("words", words),
            ("since", since?.description), ("until", until?.description),
        ]
        var object = JSONObject()
        for (name, text) in texts { object[name] = text.map { JSONValue($0) } }
        object["before"] = before.map { JSONValue($0) }
        object["limit"] = JSONValue(limit)
        return object
    }
}
