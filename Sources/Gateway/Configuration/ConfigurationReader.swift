import Base
private import JSON
private import Policy
private import System

extension Configuration {
    /// The keys the policy reads; they are checked there.
    package static let policyKeys: Set<String> = ["tools", "rules", "limits", "deny_paths"]

    /// The other keys of a configuration; policy passes them over.
    package static var foreignKeys: [String] { keys.sorted() }

    private static let keys: Set<String> = [
        "gatehouse", "environment", "listen", "servers", "secrets", "tenants", "approvals",
        "audit", "self_approval",
    ]

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
        self.init(
            Parts(
                source: text,
                environment: try Self.environment(members["environment"]),
                listen: try ListenReader.read(members["listen"]),
                servers: try ServerReader.servers(
                    members["servers"],
                    tenant: .main,
                    secrets: secrets
                ),
                secrets: secrets,
                tenants: try Self.tenants(members["tenants"], secrets: secrets),
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
        secrets: [String: SecretSource]
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
            let members = try entry.members(of: Set(["servers"]).union(policyKeys))
            result[id] = Tenant(
                id: id,
                servers: try ServerReader.servers(
                    members["servers"],
                    tenant: id,
                    secrets: secrets
                )
            )
        }
        return result
    }

    private static func approvals(
        _ field: Field?,
        _ selfApproval: Field?
    ) throws(ConfigurationError) -> Approvals {
        let members = try field?.members(of: ["hold", "expiry", "self_approval"]) ?? [:]
        let hold = try members["hold"]?.duration(in: .zero ... .seconds(600)) ?? .seconds(50)
        let expiry =
            try members["expiry"]?.duration(in: .seconds(1) ... .seconds(86_400)) ?? .seconds(600)
        guard hold <= expiry else {
            throw (members["hold"] ?? members["expiry"])?.wrong(
                "`hold` must not be longer than `expiry`"
            ) ?? ConfigurationError(file: "", position: nil, problem: "`hold` exceeds `expiry`")
        }
        let allowsSelf =
            try (members["self_approval"] ?? selfApproval)?.bool() ?? false
        return Approvals(hold: hold, expiry: expiry, allowsSelf: allowsSelf)
    }

    private static func audit(_ field: Field?) throws(ConfigurationError) -> Audit {
        let members =
            try field?.members(of: ["checkpoints", "result_bytes", "bytes_per_day"]) ?? [:]
        return Audit(
            checkpointFile: try members["checkpoints"]?.string(),
            resultByteCount: try members["result_bytes"]?.integer(in: 0...65_536) ?? 2048,
            dailyByteCount: try members["bytes_per_day"]?.integer(in: 1 << 20...1 << 40) ?? 4 << 30
        )
    }

    static func warnings(
        servers: [ServerName: Server],
        tenants: [TenantID: Tenant],
        listen: Listen
    ) -> [String] {
        var lines: [String] = []
        let all = servers.values + tenants.values.flatMap { $0.servers.values }
        for server in all.sorted(by: { $0.name < $1.name }) {
            guard case .stdio(let stdio) = server.kind else { continue }
            if stdio.cage.isNone {
                lines.append("server `\(server.name)` runs without a cage (`cage: none`)")
            }
            if stdio.cage.hasHostNetwork {
                lines.append("server `\(server.name)` has the host's network (`network: host`)")
            }
            let handed = stdio.environment.filter { _, value in
                if case .secret = value { true } else { false }
            }
            for name in handed.keys.sorted() {
                lines.append(
                    "server `\(server.name)` is given a secret as `\(name)`: it can leak it"
                )
            }
        }
        if listen.isOpen {
            lines.append("`open: true`: every process on this machine is the same agent")
        }
        return lines
    }
}

private enum ListenReader {
    static func read(_ field: Field?) throws(ConfigurationError) -> Configuration.Listen {
        let members =
            try field?.members(
                of: ["mcp", "open", "hosts", "origins", "tls", "control", "control_from"]
            ) ?? [:]
        let mcp = try members["mcp"]?.string() ?? "127.0.0.1:8930"
        let isOpen = try members["open"]?.bool() ?? false
        let tls = try members["tls"]?.members(of: ["terminated_by"]) ?? [:]
        let terminatedBy = try tls["terminated_by"].map(peers) ?? []
        if let field = members["mcp"], mcp != "none" {
            try check(
                mcp,
                field,
                open: isOpen ? members["open"] : nil,
                isBehind: !terminatedBy.isEmpty
            )
        }
        if let control = members["control"], members["control_from"] == nil,
            let text = try Self.control(control),
            (try? SocketAddress(parsing: text))?.isLoopback == false
        {
            throw control.wrong(
                "`\(text)` is not a loopback address",
                hint: "listen on 127.0.0.1, or say who may ask: `control_from: [ADDRESS, …]`"
            )
        }
        return Configuration.Listen(
            mcp: mcp == "none" ? nil : mcp,
            isOpen: isOpen,
            hosts: try members["hosts"]?.strings() ?? [],
            origins: try members["origins"]?.strings() ?? [],
            terminatedBy: terminatedBy,
            control: try members["control"].flatMap(control),
            controlFrom: try members["control_from"].map(ranges) ?? []
        )
    }

    /// A listener that others can reach needs credentials, and TLS that a named peer ends for us.
    private static func check(
        _ mcp: String,
        _ field: Field,
        open: Field?,
        isBehind: Bool
    ) throws(ConfigurationError) {
        let address: SocketAddress
        do throws(InvalidAddress) { address = try SocketAddress(parsing: mcp) } catch {
            throw field.wrong("\(error)", hint: "write `ADDRESS:PORT`, or `none`")
        }
        guard !address.isLoopback else { return }
        if let open { throw open.wrong("`open: true` is for loopback addresses only") }
        guard isBehind else {
            throw field.wrong(
                "`\(address)` is not a loopback address and has no TLS",
                hint: "listen on 127.0.0.1, or name the proxy that ends TLS: "
                    + "`tls: { terminated_by: [ADDRESS] }`"
            )
        }
    }

    /// Single addresses; any other spelling would never match a peer.
    private static func peers(_ field: Field) throws(ConfigurationError) -> [String] {
        var addresses: [String] = []
        for element in try field.elements() {
            let text = try element.string()
            guard let address = IPAddress(text) else {
                throw element.wrong(
                    "`\(printable(text))` is no address",
                    hint: "write the proxy's own, such as `10.0.0.7`"
                )
            }
            addresses.append(address.description)
        }
        return addresses
    }

    private static func control(_ field: Field) throws(ConfigurationError) -> String? {
        let text = try field.string()
        guard text != "none" else { return nil }
        do throws(InvalidAddress) { _ = try SocketAddress(parsing: text) } catch {
            throw field.wrong("\(error)")
        }
        return text
    }

    private static func ranges(_ field: Field) throws(ConfigurationError) -> [String] {
        let texts = try field.strings()
        if let wrong = texts.first(where: { AddressRange($0) == nil }) {
            throw field.wrong(
                "`\(printable(wrong))` is no address and no range of addresses",
                hint: "write `10.0.0.7` or `10.0.0.0/24`"
            )
        }
        return texts
    }
}

private enum SecretReader {
    static func read(
        _ field: Field?
    ) throws(ConfigurationError) -> [String: Configuration.SecretSource] {
        var result: [String: Configuration.SecretSource] = [:]
        for (name, entry) in try field?.allMembers() ?? [] {
            let members = try entry.members(of: ["env", "file"])
            switch (members["env"], members["file"]) {
            case (let variable?, nil): result[name] = .environment(try variable.string())
            case (nil, let file?): result[name] = .file(try file.string())
            default:
                throw entry.wrong(
                    "secret `\(name)` needs exactly one source",
                    hint: "write `{ file: PATH }` or `{ env: NAME }`"
                )
            }
        }
        return result
    }
}
