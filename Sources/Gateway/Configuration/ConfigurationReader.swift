import Base
private import JSON
private import Policy

extension Configuration {
    /// The keys the policy reads; they are checked there.
    package static let policyKeys: Set<String> = ["tools", "rules", "limits", "deny_paths"]

    /// The other keys of a configuration; policy passes them over.
    package static var foreignKeys: [String] { keys.sorted() }

    private static let keys: Set<String> = [
        "gatehouse", "environment", "listen", "servers", "secrets", "tenants", "approvals",
        "audit", "self_approval", "console", "hosting",
    ]

    /// The keys of a tenant that are not its policy's.
    package static let tenantKeys: Set<String> = ["servers", "hosting"]

    /// Reads a configuration: ours, or an existing `mcpServers` file.
    package init(_ text: SourceText) throws(ConfigurationError) {
        let root = Field(root: text)
        if text.document.root["mcpServers"] != nil {
            try self.init(clientFile: root)
            return
        }
        let members = try root.members(of: Self.keys.union(Self.policyKeys))
        guard let version = members["gatehouse"] else {
            throw root.wrong(
                "the key `gatehouse` is missing",
                hint: "start the file with `gatehouse: 1`"
            )
        }
        _ = try version.integer(in: 1...1)
        let secrets = try SecretReader.read(members["secrets"])
        let hosting = try HostingReader.hosting(members["hosting"])
        let servers = try ServerReader.servers(members["servers"], tenant: .main, secrets: secrets)
        try HostingReader.check(servers, in: members["servers"], against: hosting)
        self.init(
            Parts(
                source: text,
                environment: try Self.environment(members["environment"]),
                listen: try ListenReader.read(members["listen"]),
                console: try ConsoleReader.read(members["console"]),
                servers: servers,
                secrets: secrets,
                tenants: try Self.tenants(members["tenants"], secrets: secrets, hosting),
                hosting: hosting,
                approvals: try Self.approvals(members["approvals"], members["self_approval"]),
                audit: try Self.audit(members["audit"])
            )
        )
    }

    private static func environment(
        _ field: Field?
    ) throws(ConfigurationError) -> EnvironmentName {
        guard let field else { return EnvironmentName(unchecked: "local") }
        let text = try field.string()
        do throws(InvalidName) {
            return try EnvironmentName(text)
        } catch {
            throw field.wrong("\(error)")
        }
    }

    private static func tenants(
        _ field: Field?,
        secrets: [String: SecretSource],
        _ inherited: Hosting
    ) throws(ConfigurationError) -> [TenantID: Tenant] {
        var result: [TenantID: Tenant] = [:]
        for (name, entry) in try field?.allMembers() ?? [] {
            let id: TenantID
            do throws(InvalidName) {
                id = try TenantID(name)
            } catch {
                throw entry.wrong("\(error)")
            }
            guard id != .main else {
                throw entry.wrong(
                    "`main` is the tenant of everything outside `tenants`",
                    hint: "choose another name"
                )
            }
            let members = try entry.members(of: tenantKeys.union(policyKeys))
            let hosting = try HostingReader.hosting(members["hosting"], inherited: inherited)
            let servers = try ServerReader.servers(members["servers"], tenant: id, secrets: secrets)
            try HostingReader.check(servers, in: members["servers"], against: hosting)
            result[id] = Tenant(id: id, servers: servers, hosting: hosting)
        }
        return result
    }

    private static func approvals(
        _ field: Field?,
        _ selfApproval: Field?
    ) throws(ConfigurationError) -> Approvals {
        let members =
            try field?.members(of: ["hold", "adaptive", "expiry", "self_approval", "review"]) ?? [:]
        let hold = try members["hold"]?.duration(in: .zero ... .seconds(600)) ?? .seconds(50)
        let expiry =
            try members["expiry"]?.duration(in: .seconds(1) ... .seconds(86_400)) ?? .seconds(600)
        guard hold <= expiry else {
            throw (members["hold"] ?? members["expiry"])?.wrong(
                "`hold` must not be longer than `expiry`"
            ) ?? ConfigurationError(file: "", position: nil, problem: "`hold` exceeds `expiry`")
        }
        if let selfApproval, members["self_approval"] != nil {
            throw selfApproval.wrong(
                "`self_approval` is given twice, here and under `approvals`",
                hint: "keep one"
            )
        }
        let allowsSelf =
            try (members["self_approval"] ?? selfApproval)?.bool() ?? false
        let review =
            try members["review"]?.duration(in: .seconds(1) ... .seconds(7 * 86_400))
            ?? Approvals.defaultReview
        return Approvals(
            hold: hold,
            adapts: try members["adaptive"]?.bool() ?? true,
            expiry: expiry,
            allowsSelf: allowsSelf,
            review: review
        )
    }

    private static func audit(_ field: Field?) throws(ConfigurationError) -> Audit {
        let members =
            try field?.members(of: ["checkpoints", "result_bytes", "bytes_per_day", "retention"])
            ?? [:]
        return Audit(
            checkpointFiles: try members["checkpoints"].map(checkpointFiles) ?? [],
            resultByteCount: try members["result_bytes"]?
                .integer(in: 0...Limits.recordedResultMostByteCount)
                ?? Limits.recordedResultByteCount,
            dailyByteCount: try members["bytes_per_day"]?.integer(in: 1 << 20...1 << 40) ?? 4 << 30,
            retention: try members["retention"].map(retention)
        )
    }

    private static func retention(_ field: Field) throws(ConfigurationError) -> Retention {
        let members = try field.members(of: ["age", "bytes", "bytes_after"])
        guard members["age"] != nil || members["bytes"] != nil else {
            throw field.wrong(
                "`retention` says neither `age` nor `bytes`",
                hint: "leave it out to keep every record"
            )
        }
        return Retention(
            age: try members["age"]?.duration(in: Limits.retentionAge),
            byteCount: try members["bytes"].map { bytes throws(ConfigurationError) in
                UInt64(try bytes.integer(in: Limits.retentionByteCount))
            },
            byteAge: try members["bytes_after"]?.duration(in: Limits.retentionByteAge)
                ?? Retention.defaultByteAge
        )
    }

    /// One file, or a list of them.
    private static func checkpointFiles(_ field: Field) throws(ConfigurationError) -> [String] {
        guard field.node.kind == .array else { return [try field.string()] }
        let files = try field.strings()
        guard files.count <= Limits.checkpointFileCount else {
            throw field.wrong("at most \(Limits.checkpointFileCount) files can be named")
        }
        return files
    }
}
