package import Audit
package import Base

/// What to look for in the log; parts that are nil match everything.
package struct SearchQuery: Sendable {
    package var tenant: TenantID?
    package var kind: RecordKind?
    package var call: String?
    package var principal: PrincipalName?
    package var server: ServerName?
    package var tool: ToolName?
    /// Words that must all occur in what the record says.
    package var words: String?
    package var since: Timestamp?
    package var until: Timestamp?
    /// Only records before this one: the next page.
    package var before: UInt64?
    /// At most 1,000.
    package var limit = 50

    package init() {}
}

/// What was found, newest first.
package struct SearchAnswer: Sendable {
    package let leaves: [StoredLeaf]
    /// Records up to here were looked at; the rest was too much to index at once.
    package let indexedSize: UInt64
    package let logSize: UInt64

    package var isComplete: Bool { indexedSize >= logSize }
}

extension SearchQuery {
    /// Whether a record at hand is one of those asked for; its words are the index's business.
    package func matches(_ leaf: StoredLeaf) -> Bool {
        guard let head = RecordHead(leaf: leaf.bytes) else { return isOpen }
        func isSame(_ wanted: String?, _ found: String?) -> Bool {
            wanted == nil || wanted == found
        }
        return isSame(kind?.rawValue, head.kind) && isSame(tenant?.rawValue, head.tenant)
            && isSame(principal?.rawValue, head.principal)
            && isSame(server?.rawValue, head.server) && isSame(tool?.rawValue, head.tool)
            && isSame(call, head.call)
            // RFC 3339 in UTC with a fixed width sorts as text.
            && (since.map { $0.description <= head.time } ?? true)
            && (until.map { head.time <= $0.description } ?? true)
    }

    /// Whether no field is asked for in particular.
    package var isOpen: Bool {
        kind == nil && tenant == nil && principal == nil && server == nil && tool == nil
            && call == nil && since == nil && until == nil
    }
}
