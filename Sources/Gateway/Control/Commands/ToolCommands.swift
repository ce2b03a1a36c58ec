import Storage
import Audit
import Base
import Crypto
import JSON
import MCP
import Policy
import System

extension ControlCommands {
    /// `tools list|approve`.
    static let tools: [String: ControlCommand] = [
        "tools.list": ControlCommand(level: .observe) { gateway, call in
            await gateway.toolList(seenBy: call)
        },
        "tools.proposals": ControlCommand(level: .observe) { gateway, call in
            try await gateway.proposals(call)
        },
        "tools.definition": ControlCommand(level: .observe) { gateway, call in
            try await gateway.definition(call)
        },
        "tools.approve": ControlCommand(level: .administer) { gateway, call in
            try await gateway.approveTools(call)
        },
        "tools.refresh": ControlCommand(level: .observe) { gateway, _ in
            await gateway.refreshAll()
            return JSONValue.done
        },
    ]
}

extension Gateway {
    /// Every tool of every server, offered or hidden, with the reason.
    func toolList(seenBy call: ControlCall) async -> [UInt8] {
        var list: [JSONValue] = []
        let catalogue = await door.catalogue
        let seen = catalogue.tenants.filter { call.sees($0.key) }
        for (tenant, servers) in seen.sorted(by: { $0.key < $1.key }) {
            for (_, server) in servers.sorted(by: { $0.key < $1.key }) {
                for (_, tool) in server.tools.sorted(by: { $0.key < $1.key }) {
                    var object = row(tenant, tool.reference)
                    object["state"] = JSONValue("offered")
                    object["tier"] = JSONValue(tool.policy.tier.description)
                    object["placed"] = JSONValue(tool.policy.isPlaced)
                    if let raised = tool.policy.raised { object["raised"] = JSONValue(raised.fact) }
                    object["pin"] = JSONValue(tool.pin.description)
                    list.append(.object(object))
                }
                for item in server.listed {
                    var object = row(
                        tenant,
                        ToolReference(server: server.name, tool: item.definition.name)
                    )
                    object["state"] = JSONValue("offered")
                    object["pin"] = JSONValue(item.pin.description)
                    if !item.isAccepted {
                        object["reason"] = JSONValue("not accepted; listed because of `open`")
                    }
                    list.append(.object(object))
                }
                for (name, reason) in server.hidden.sorted(by: { $0.key < $1.key }) {
                    var object = row(tenant, ToolReference(server: server.name, tool: name))
                    object["state"] = JSONValue("hidden")
                    object["reason"] = JSONValue(reason.description)
                    list.append(.object(object))
                }
                if let absence = server.absence {
                    var object = JSONObject()
                    object["tenant"] = JSONValue(tenant.rawValue)
                    object["server"] = JSONValue(server.name.rawValue)
                    object["state"] = JSONValue("absent")
                    object["reason"] = JSONValue(absence)
                    list.append(.object(object))
                }
            }
        }
        return JSONValue.array(list).serialised()
    }

    func row(_ tenant: TenantID, _ reference: ToolReference) -> JSONObject {
        var object = JSONObject()
        object["tenant"] = JSONValue(tenant.rawValue)
        object["server"] = JSONValue(reference.server.rawValue)
        object["tool"] = JSONValue(reference.tool.rawValue)
        return object
    }

    func described(
        _ call: ControlCall
    ) throws -> (Configuration.Server, ServerDescription) {
        let server = try named(call)
        let key = ServerKey(tenant: server.tenant, server: server.name)
        guard let description = descriptions[key] else {
            throw ControlError(
                .refused,
                "server `\(server.name)` was not reached: \(absences[key] ?? "it is starting")"
            )
        }
        return (server, description)
    }

    private func named(_ call: ControlCall) throws -> Configuration.Server {
        let name = try ServerName(try call.request.required("server"))
        let tenant = try TenantID(call.request.string("tenant") ?? TenantID.main.rawValue)
        try call.require(tenant)
        guard
            let server = current.configuration.allServers.first(where: {
                $0.name == name && $0.tenant == tenant
            })
        else { throw ControlError(.refused, "no server `\(name)`") }
        return server
    }

    /// The changed program of a server, which is not started because of it: what it offers is shown
    /// when it has been accepted and has said so itself.
    func changedProgram(
        _ call: ControlCall
    ) throws -> (Configuration.Server, accepted: Digest, found: Digest)? {
        let server = try named(call)
        let key = ServerKey(tenant: server.tenant, server: server.name)
        guard case .changed(let accepted, let found)? = programs[key] else { return nil }
        return (server, accepted, found)
    }

    /// The tier some file states already.
    func stated(_ reference: ToolReference, _ tenant: TenantID) -> RiskTier? {
        guard let policy = current.policy.policy(for: reference, tenant: tenant), policy.isPlaced
        else { return nil }
        return policy.tier
    }

    func definition(_ call: ControlCall) async throws -> [UInt8] {
        let (_, description) = try described(call)
        let name = try call.request.required("tool")
        guard let tool = description.tools.first(where: { $0.name.rawValue == name }) else {
            throw ControlError(.refused, "no tool `\(printable(name))`")
        }
        return Array(tool.node.source)
    }

    /// Accepts tools as they are now: pins and, where no file states one, tiers and scopes.
    func approveTools(_ call: ControlCall) async throws -> [UInt8] {
        try await inTurn(changes, for: call) { try await approveInTurn(call) }
    }

    private func approveInTurn(_ call: ControlCall) async throws -> [UInt8] {
        if let (server, _, found) = try changedProgram(call) {
            try checkProgram(call, server, found)
            try await takeOver(found, of: server, by: call.actor)
            return JSONValue.object(["accepted": 0, "program": JSONValue(true)]).serialised()
        }
        let (server, description) = try described(call)
        var wanted: Set<String>?
        if let node = call.request.params?["tools"], !node.isNull {
            wanted = Set(node.elements.compactMap(\.string))
        }
        let shown = call.request.texts("pins")
        let proposals = call.request.texts("proposals")
        let hashing = OpenSSLHashing()
        var lock = current.lock
        var tenant = lock.tenants[server.tenant] ?? LockFile.Tenant()
        var pins = tenant.servers[server.name] ?? LockFile.Server()
        var accepted: [ToolReference] = []
        var kept: [Digest: [UInt8]] = [:]
        let renames = Renames(pins, description, listed: Set(description.tools.map(\.name)))
        for tool in description.tools where wanted?.contains(tool.name.rawValue) ?? true {
            let pin = CatalogueBuilder.pin(of: tool, hashing)
            // A yes covers exactly what was shown (docs/architecture.md, rule 5).
            guard shown[tool.name.rawValue] == pin.description else {
                throw ControlError(
                    .refused,
                    "tool `\(printable(tool.name.rawValue))` changed since it was shown; look again"
                )
            }
            let reference = ToolReference(server: server.name, tool: tool.name)
            let before = pins.tools[tool.name] == nil ? renames.before(tool, hashing) : nil
            // Another tool that came or went since makes this one new, or the renamed one.
            let proposed = digest(ofProposal: tool, server, was: before)
            guard proposals[tool.name.rawValue] == proposed.description else {
                throw ControlError(
                    .refused,
                    "what is proposed for tool `\(printable(tool.name.rawValue))` changed since it "
                        + "was shown; look again"
                )
            }
            pins.tools[tool.name] = pin
            if tool.kind.isJudged, stated(reference, server.tenant) == nil {
                let proposal = self.proposed(tool, server, was: before)
                tenant.tools[reference] = ToolStatement(
                    tier: proposal.tier,
                    scope: proposal.scope
                )
            }
            if let before {
                pins.tools[before] = nil
                tenant.tools[ToolReference(server: server.name, tool: before)] = nil
            }
            accepted.append(reference)
            kept[pin] = Array(tool.node.source)
        }
        let listed = Set(description.tools.map(\.name))
        if wanted == nil {
            pins.tools = pins.tools.filter { listed.contains($0.key) }
            tenant.tools = tenant.tools.filter { reference, _ in
                reference.server != server.name || listed.contains(reference.tool)
            }
        }
        if let shown = call.request.string("instructions") {
            let digest = description.instructions.map { hashing.sha256(Array($0.utf8)) }
            guard digest?.description == shown else {
                throw ControlError(
                    .refused,
                    "the server's instructions changed since they were shown; look again"
                )
            }
            pins.instructions = digest
        }
        tenant.servers[server.name] = pins
        lock.tenants[server.tenant] = tenant
        try await accept(lock, accepted, server, keeping: kept, by: call.actor)
        var object = JSONObject()
        object["accepted"] = JSONValue(accepted.count)
        if let warning = current.executionWarning(of: server) {
            object["warning"] = JSONValue(warning)
        }
        return JSONValue.object(object).serialised()
    }

    /// Makes a changed program the accepted one, and starts it.
    private func takeOver(
        _ program: Digest,
        of server: Configuration.Server,
        by name: String
    ) async throws {
        let key = ServerKey(tenant: server.tenant, server: server.name)
        try await programTurns.take {
            // Another one may have been found since this one was shown.
            guard case .changed(_, program)? = programs[key] else {
                throw ControlError(
                    .refused,
                    "the program of `\(server.name)` changed since it was shown",
                    hint: "look again: `gatehouse tools approve \(server.name)`"
                )
            }
            try await accept(program, of: key, change: "program-accepted", by: name)
            programs[key] = .accepted(program)
            // Calls wait for what it says of itself.
            absences[key] = nil
            await clients.first { ($0.0.tenant, $0.0.name) == (key.tenant, key.server) }?.1
                .hold(nil)
        }
        await fleet.startRefused(ServerFleet.Key(tenant: key.tenant, server: key.server))
        await rebuild()
        refresh.request(server.name, server.tenant)
    }

    /// Refuses a yes to a part of the program, or to another one than was found.
    private func checkProgram(
        _ call: ControlCall,
        _ server: Configuration.Server,
        _ found: Digest
    ) throws(ControlError) {
        guard call.request.params?["tools"]?.isNull ?? true else {
            throw ControlError(
                .refused,
                "the program of `\(server.name)` changed since it was accepted",
                hint: "look at all of it: `gatehouse tools approve \(server.name)`"
            )
        }
        guard call.request.string("program") == found.description else {
            throw ControlError(
                .refused,
                "the program of `\(server.name)` changed since it was shown; look again"
            )
        }
    }

    /// Records what was accepted, writes `gatehouse.lock` and takes it over.
    private func accept(
        _ lock: LockFile,
        _ tools: [ToolReference],
        _ server: Configuration.Server,
        keeping definitions: [Digest: [UInt8]],
        by name: String
    ) async throws {
        guard trust == nil || lock == current.lock else {
            throw ControlError(
                .refused,
                "`gatehouse.lock` is signed here, and the gateway does not hold the key",
                hint:
                    "accept on a gateway without a trust anchor, sign with `gatehouse config sign`, "
                    + "and bring all three files here"
            )
        }
        var set = try PolicySet(current.configuration, lock: lock, hashing: OpenSSLHashing())
        set.signed = current.signed
        let records = tools.map { reference in
            AuditRecord(
                .tool,
                at: parts.clock.timestamp,
                tenant: server.tenant,
                environment: current.configuration.environment,
                server: reference.server,
                tool: reference.tool,
                detail: .fields([
                    RecordField("by", name),
                    RecordField("change", "accepted"),
                    RecordField(
                        "pin",
                        lock.pins(of: reference.server, server.tenant).tools[reference.tool]?
                            .description ?? ""
                    ),
                ])
            )
        }
        let changes = AcceptedDefinitions.changes(
            keeping: definitions,
            of: (server.tenant, server.name),
            from: current.lock,
            to: lock
        )
        _ = try await store.commit(Transaction(records: records, changes: changes))
        if trust == nil {
            try Files.replace(
                ConfigurationFiles.lockPath(of: current.configuration.file),
                with: Array(lock.text.utf8),
                mode: 0o644
            )
        }
        try await keep(set, by: name)
        current = set
        await rebuild()
    }
}
