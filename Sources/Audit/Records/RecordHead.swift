package import Base
package import JSON

/// The common members of a leaf, read back: for recovery, lists and the search index.
package struct RecordHead: Sendable {
    package let kind: String
    /// RFC 3339, as written.
    package let time: String
    package let tenant: String
    package let environment: String
    package let call: String?
    package let principal: String?
    package let run: String?
    package let server: String?
    package let tool: String?
    package let detail: JSONNode?

    /// Nil for a leaf that is not a record of this format.
    package init?(leaf: [UInt8]) {
        guard let document = try? JSONDocument(parsing: leaf, limits: .result) else { return nil }
        let root = document.root
        guard let kind = root["kind"]?.string, let time = root["time"]?.string,
            let tenant = root["tenant"]?.string,
            let environment = root["environment"]?.string
        else { return nil }
        self.kind = kind
        self.time = time
        self.tenant = tenant
        self.environment = environment
        call = root["call"]?.string
        principal = root["principal"]?.string
        run = root["run"]?.string
        server = root["server"]?.string
        tool = root["tool"]?.string
        detail = root["detail"]
    }

    package var timestamp: Timestamp? { Timestamp(time) }

    /// The record that closes this intent when its outcome was never written.
    ///
    /// Nil when the names in it are not usable, which our own writer never produces.
    package func unknownRecord(intent leaf: UInt64, at time: Timestamp) -> AuditRecord? {
        guard let tenant = try? TenantID(tenant),
            let environment = try? EnvironmentName(environment)
        else { return nil }
        return AuditRecord(
            .unknown,
            at: time,
            tenant: tenant,
            environment: environment,
            call: call,
            principal: principal.flatMap { try? PrincipalName($0) },
            run: run,
            server: server.flatMap { try? ServerName($0) },
            tool: tool.flatMap { try? ToolName($0) },
            detail: .fields([
                RecordField("intent", .integer(Int64(clamping: leaf))),
                RecordField("reason", "the gateway stopped before the outcome was recorded"),
            ])
        )
    }
}
