import Audit
package import Base
package import Egress
import JSON

/// A yes of a person to one place a server may connect to.
package struct EgressGrant: Sendable, Hashable {
    package enum Length: Sendable, Hashable {
        case once
        case until(Deadline)
        case forGood
    }

    package let tenant: TenantID
    package let server: ServerName
    package let rule: EgressRule
    package let length: Length
    package let by: String
    package let since: Timestamp

    package func holds(at now: Moment) -> Bool {
        if case .until(let end) = length { !end.isOver(at: now) } else { true }
    }

    /// For people: `once`, `until 2026-…`, `for good`.
    package var lengthText: String {
        switch length {
        case .once: "once"
        case .until(let end): "until \(end.timestamp.description)"
        case .forGood: "for good"
        }
    }

    var key: StateKey { StateKey(tenant, .egress, "\(server)/\(rule)") }

    var value: [UInt8] {
        var object = JSONObject()
        object["by"] = JSONValue(by)
        object["since"] = JSONValue(since.milliseconds)
        switch length {
        case .once: object["once"] = JSONValue(true)
        case .until(let end): object["until"] = JSONValue(end.timestamp.milliseconds)
        case .forGood: break
        }
        return JSONValue.object(object).serialised()
    }

    init(
        tenant: TenantID,
        server: ServerName,
        rule: EgressRule,
        length: Length,
        by: String,
        since: Timestamp
    ) {
        self.tenant = tenant
        self.server = server
        self.rule = rule
        self.length = length
        self.by = by
        self.since = since
    }

    /// A kept one; for a time it holds no longer than it was given for.
    init?(_ entry: StateEntry, at now: Moment) {
        let parts = entry.key.name.split(separator: "/", maxSplits: 1).map(String.init)
        guard parts.count == 2, let server = try? ServerName(parts[0]),
            let rule = try? EgressRule(parts[1]),
            let document = try? JSONDocument(parsing: entry.value),
            let since = document.root["since"]?.number?.int64
        else { return nil }
        tenant = entry.key.tenant
        self.server = server
        self.rule = rule
        self.since = Timestamp(milliseconds: since)
        by = document.root["by"]?.string ?? ""
        if let end = document.root["until"]?.number?.int64 {
            let end = Timestamp(milliseconds: end)
            let whole = end.duration(since: self.since)
            length = .until(Deadline(kept: end, atMost: whole, from: now))
        } else {
            length = document.root["once"]?.bool == true ? .once : .forGood
        }
    }
}

/// A place a server asked for and no rule names.
package struct EgressQuestion: Sendable, Hashable {
    package let tenant: TenantID
    package let server: ServerName
    package let target: EgressTarget
    package let code: String
    package var count = 1
    package var last: Timestamp
    /// How many connections wait for an answer right now.
    package var waitingCount = 0
}
