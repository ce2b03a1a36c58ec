import Audit
import Base
import JSON

/// What a page of live calls hears: the records of calls as they come into the log, without what
/// is long in them.
///
/// The log is followed, not the calls: they cost the same whether somebody watches or not.
struct CallFeed: Sendable {
    /// A page cannot be read faster; the rest is counted, and found by a search.
    static let rowCount = 120
    static let interval: Duration = .milliseconds(500)

    private var next: UInt64?

    /// The records to read now, and how many were passed over.
    mutating func take(upTo size: UInt64) -> (range: Range<UInt64>, skipped: UInt64) {
        let from = min(next ?? size, size)
        next = size
        let first = size - min(size - from, UInt64(Self.rowCount))
        return (first..<size, first - from)
    }

    mutating func forget() { next = nil }

    private static let kinds: Set<String> = [
        "proposed", "judged", "approved", "denied", "expired", "intent", "outcome", "unknown",
    ]

    /// One row of a call's record; nil for other kinds and other tenants.
    static func row(_ leaf: StoredLeaf, of tenants: Set<TenantID>?) -> JSONValue? {
        guard let head = RecordHead(leaf: leaf.bytes), kinds.contains(head.kind),
            tenants?.contains(TenantID(unchecked: head.tenant)) ?? true
        else { return nil }
        func text(_ name: String) -> JSONValue? {
            head.detail?.member(name)?.string.map { JSONValue(printable($0, limit: 200)) }
        }
        var object = JSONObject()
        object["index"] = JSONValue(leaf.index)
        object["time"] = JSONValue(head.time)
        object["kind"] = JSONValue(head.kind)
        object["tenant"] = JSONValue(head.tenant)
        object["principal"] = head.principal.map { JSONValue($0) }
        object["server"] = head.server.map { JSONValue($0) }
        object["tool"] = head.tool.map { JSONValue($0) }
        object["call"] = head.call.map { JSONValue($0) }
        for name in [
            "tier", "verdict", "rule", "reason", "refusal", "arguments", "status", "error",
        ] {
            if let value = text(name) { object[JSONString(name)] = value }
        }
        if let time = head.detail?["durationMicroseconds"]?.number?.int64 {
            object["micros"] = JSONValue(time)
        }
        return .object(object)
    }

    static func event(
        _ leaves: [StoredLeaf],
        skipped: UInt64,
        of tenants: Set<TenantID>?
    ) -> [UInt8] {
        let answer: JSONValue = [
            "rows": .array(leaves.compactMap { row($0, of: tenants) }),
            "skipped": JSONValue(skipped),
        ]
        return answer.serialised()
    }
}
