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
