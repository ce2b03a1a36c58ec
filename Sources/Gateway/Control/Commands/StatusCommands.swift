import Storage
import Base
import JSON

extension ControlCommands {
    static let status: [String: ControlCommand] = [
        "status": ControlCommand(level: .observe) { gateway, _ in await gateway.statusText() }
    ]
}

extension Gateway {
    func statusText() async -> [UInt8] {
        var object = JSONObject()
        object["version"] = JSONValue(parts.version)
        object["environment"] = JSONValue(current.configuration.environment.rawValue)
        object["started"] = JSONValue(started.description)
        object["configuration"] = JSONValue(current.configuration.file)
        if let address { object["mcp"] = JSONValue(url(of: address)) }
        if let controlAddress { object["control"] = JSONValue("http://\(controlAddress)/metrics") }
        if let consoleAddress { object["console"] = JSONValue(consoleAddress) }
        let readiness = readiness()
        object["ready"] = JSONValue(readiness.isReady)
        object["notes"] = .array((readiness.reasons + readiness.notes).map { JSONValue($0) })
        if let reloadFailure { object["refused"] = JSONValue(reloadFailure) }
        object["log"] = JSONValue("\(store.health)")
        object["records"] = JSONValue(store.size)
        object["warnings"] = .array(current.warnings.map { JSONValue($0.text) })
        var calls = JSONObject()
        for verdict in ServerTally.Verdict.allCases {
            calls[JSONString("\(verdict.label)")] = JSONValue(tally.count(verdict))
        }
        object["calls"] = .object(calls)
        object["waiting"] = JSONValue(await desk.waiting().count)
        object["lockdowns"] = .array(
            await door.activeLockdowns.map { JSONValue($0.target.text) }
        )
        if let pending { object["pending"] = .array(pending.loosens.map { JSONValue($0) }) }
        var servers = JSONObject()
        for status in await fleet.states() {
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
}
