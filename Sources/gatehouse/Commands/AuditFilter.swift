import Audit
import Base
import Gateway
import Storage

/// Which records an audit command is about; parts that were not given match everything.
struct AuditFilter: Sendable {
    static let options = [
        Command.Option("--kind", "KIND", "records of that kind, such as intent or lockdown"),
        Command.Option("--tenant", "NAME", "records of that tenant"),
        Command.Option("--principal", "NAME", "records of that owner"),
        Command.Option("--server", "NAME", "records of that server"),
        Command.Option("--tool", "SERVER.TOOL", "records of that tool"),
        Command.Option("--call", "ID", "records of that call"),
        Command.Option(
            "--since",
            "TIME",
            "from then on: 2026-08-01, 2026-08-01T12:00Z, or 2h (ago)"
        ),
        Command.Option("--until", "TIME", "up to then, written the same way"),
    ]

    private var query = SearchQuery()

    init(_ invocation: Invocation, now: Timestamp) throws {
        query.kind = try Self.value(invocation, "--kind", "a kind of record") {
            RecordKind(rawValue: $0)
        }
        query.tenant = try Self.value(invocation, "--tenant", "a tenant") { try? TenantID($0) }
        query.principal = try Self.value(invocation, "--principal", "an owner") {
            try? PrincipalName($0)
        }
        query.server = try Self.value(invocation, "--server", "a server") { try? ServerName($0) }
        if let tool = try Self.value(
            invocation,
            "--tool",
            "a tool, as server.tool",
            { ToolReference($0) }
        ) {
            if let server = query.server, server != tool.server {
                throw ControlError(.usage, "`--server` and `--tool` name different servers")
            }
            query.server = tool.server
            query.tool = tool.tool
        }
        query.call = try invocation.value("--call")
        query.since = try Self.time(invocation, "--since", now)
        query.until = try Self.time(invocation, "--until", now)
    }

    private static func value<Value>(
        _ invocation: Invocation,
        _ option: String,
        _ what: String,
        _ read: (String) -> Value?
    ) throws -> Value? {
        guard let text = try invocation.value(option) else { return nil }
        guard let value = read(text) else {
            throw ControlError(.usage, "`\(printable(text))` is not \(what) (`\(option)`)")
        }
        return value
    }

    private static func time(
        _ invocation: Invocation,
        _ option: String,
        _ now: Timestamp
    ) throws -> Timestamp? {
        try value(invocation, option, "a time, such as 2026-08-01, 2026-08-01T12:00Z or 2h") {
            Timestamp($0) ?? Duration(spelling: $0).map { now.advanced(by: .zero - $0) }
        }
    }

    /// Whether every record is meant.
    var isOpen: Bool { query.isOpen }

    /// What to ask the index for.
    func query(words: [String] = [], limit: Int, before: UInt64? = nil) -> SearchQuery {
        var query = query
        query.words = words.isEmpty ? nil : words.joined(separator: " ")
        query.limit = limit
        query.before = before
        return query
    }

    /// The same question asked of one record that is at hand.
    func matches(_ leaf: StoredLeaf) -> Bool { query.matches(leaf) }
}
