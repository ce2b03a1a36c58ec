import Storage
import Base
import JSON

extension ControlCommands {
    static let status: [String: ControlCommand] = [
        "status": ControlCommand(level: .observe) { gateway, call in
            await gateway.statusText(for: call.person?.tenants)
        }
    ]
}

extension Gateway {
    /// How the gateway is; for people of some tenants without what is said of others, and of the
    /// gateway as a whole only what stops everybody.
    func statusText(for tenants: Set<TenantID>?) async -> [UInt8] {
        func isSeen(_ tenant: TenantID) -> Bool { tenants?.contains(tenant) ?? true }
        var object = JSONObject()
        object["version"] = JSONValue(parts.version)
        object["environment"] = JSONValue(current.configuration.environment.rawValue)
        object["started"] = JSONValue(started.description)
        if let address { object["mcp"] = JSONValue(url(of: address)) }
        if let controlAddress { object["control"] = JSONValue("http://\(controlAddress)/metrics") }
        if let consoleAddress { object["console"] = JSONValue(consoleAddress) }
        let readiness = readiness()
        object["ready"] = JSONValue(readiness.isReady)
        let notes = tenants == nil ? readiness.notes : await desk.emergencyNotes(seenBy: tenants)
        object["notes"] = .array((readiness.reasons + notes).map { JSONValue($0) })
        if tenants == nil { describeWhole(&object) }
        object["log"] = JSONValue("\(store.health)")
        object["records"] = JSONValue(store.size)
        var calls = JSONObject()
        for verdict in ServerTally.Verdict.allCases {
            calls[JSONString("\(verdict.label)")] = JSONValue(tally.count(verdict, of: tenants))
        }
        object["calls"] = .object(calls)
        object["waiting"] = JSONValue(await desk.waiting(seenBy: tenants).count)
        let asked = await egress.allQuestions.filter { isSeen($0.tenant) }
        object["egress_waiting"] = JSONValue(asked.reduce(0) { $0 + $1.waitingCount })
        object["lockdowns"] = .array(
            await lockdowns(seenBy: tenants).map { JSONValue($0.target.text) }
        )
        var servers = JSONObject()
        for status in await fleet.states() where isSeen(status.tenant) {
            let (name, tenant) = (status.server, status.tenant)
            var server = JSONObject()
            let words = status.state?.words ?? (state: "remote", reason: nil)
            server["state"] = JSONValue(words.state)
            if let reason = words.reason {
                server["reason"] = JSONValue(printable(reason, limit: 600))
            }
            if let pid = status.processID { server["pid"] = JSONValue(pid) }
            if let absence = absences[ServerKey(tenant: tenant, server: name)] {
                server["absent"] = JSONValue(absence)
            }
            let key = tenant == .main ? name.rawValue : "\(tenant)/\(name)"
            servers[JSONString(key)] = .object(server)
        }
        object["servers"] = .object(servers)
        return JSONValue.object(object).serialised()
    }

    /// What is about every tenant's configuration.
    private func describeWhole(_ object: inout JSONObject) {
        object["configuration"] = JSONValue(current.configuration.file)
        if let trust { object["trust"] = JSONValue(trust.text) }
        if let signature = current.signature { object["serial"] = JSONValue(signature.serial) }
        if let reloadFailure { object["refused"] = JSONValue(reloadFailure) }
        object["warnings"] = .array(current.warnings.map { JSONValue($0.text) })
        if let pending { object["pending"] = .array(pending.loosens.map { JSONValue($0) }) }
    }
}
