package import Base

/// Who called and what: all that the records of a principal's calls of one tool have in common.
///
/// A class, and with its JSON written beforehand, because nearly every record is one of many with
/// the same parties.
package final class RecordParties: Sendable {
    package let tenant: TenantID
    package let environment: EnvironmentName
    package let principal: PrincipalName?
    package let run: String?
    package let server: ServerName?
    package let tool: ToolName?

    /// What a leaf has between its detail and its kind, between kind and time, and after the time:
    /// the order of names that RFC 8785 asks for.
    let beforeKind: [UInt8]
    let beforeTime: [UInt8]
    let afterTime: [UInt8]

    package init(
        tenant: TenantID,
        environment: EnvironmentName,
        principal: PrincipalName? = nil,
        run: String? = nil,
        server: ServerName? = nil,
        tool: ToolName? = nil
    ) {
        self.tenant = tenant
        self.environment = environment
        self.principal = principal
        self.run = run
        self.server = server
        self.tool = tool

        var head = RecordWriter(capacity: 64)
        head.name("environment")
        head.plain(environment.rawValue)
        head.name("kind")
        beforeKind = head.written()

        var middle = RecordWriter(capacity: 128)
        if let principal {
            middle.name("principal")
            middle.plain(principal.rawValue)
        }
        if let run {
            middle.name("run")
            middle.string(run)
        }
        if let server {
            middle.name("server")
            middle.plain(server.rawValue)
        }
        middle.name("tenant")
        middle.plain(tenant.rawValue)
        middle.name("time")
        beforeTime = middle.written()

        var end = RecordWriter(capacity: 64)
        if let tool {
            end.name("tool")
            end.string(tool.rawValue)
        }
        end.name("v")
        end.integer(1)
        afterTime = end.written()
    }
}
