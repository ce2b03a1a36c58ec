import Audit
import Base
private import Egress
import JSON
import MCP
import Policy
import Sandbox
import Storage
import System

extension ControlCommands {
    /// `servers list|show|restart`.
    ///
    /// A restart opens nothing: what the new process offers is compared with what was accepted before
    /// a call goes to it. So it needs no approver, like every stop.
    static let servers: [String: ControlCommand] = [
        "servers.list": ControlCommand(level: .observe) { gateway, call in
            var list: [JSONValue] = []
            let seen = await gateway.fleet.all.filter { call.sees($0.settings.tenant) }
            let rooms = await gateway.fleet.rooms
            for member in seen {
                let row = await gateway.listing(of: member)
                guard member.hosted != nil, case .object(var object) = row,
                    let room = rooms[member.settings.tenant].flatMap(Gateway.value)
                else {
                    list.append(row)
                    continue
                }
                // What all servers of its tenant may use together, beside each of them.
                object["hosting"] = .object(room)
                list.append(.object(object))
            }
            return JSONValue.array(list).serialised()
        },
        "servers.rooms": ControlCommand(level: .observe) { gateway, call in
            JSONValue.array(await gateway.rooms(seenBy: call.sees)).serialised()
        },
        "servers.show": ControlCommand(level: .observe) { gateway, call in
            let member = try await gateway.member(call)
            return await gateway.listing(of: member, isWhole: true).serialised()
        },
        "servers.profile": ControlCommand(level: .observe) { gateway, call in
            let member = try await gateway.member(call)
            return try await gateway.account(of: member).serialised()
        },
        "servers.prove": ControlCommand(level: .restrict) { gateway, call in
            let member = try await gateway.member(call)
            return try await gateway.prove(member, by: call.actor).serialised()
        },
        // Kills its tree at once and keeps it and its tools down.
        "servers.kill": ControlCommand(level: .restrict) { gateway, call in
            try await gateway.killServer(call)
        },
        "servers.restart": ControlCommand(level: .restrict) { gateway, call in
            let member = try await gateway.member(call)
            let settings = member.settings
            guard member.hosted != nil else {
                throw ControlError(
                    .refused,
                    "server `\(settings.name)` is a remote one: there is no process to restart"
                )
            }
            try await gateway.recordRestart(of: settings, by: call.actor)
            await member.hosted?.process.restart()
            return JSONValue.done
        },
    ]
}

extension Gateway {
    func member(_ call: ControlCall) async throws -> ServerFleet.Member {
        let name = try ServerName(try call.request.required("server"))
        let tenant = try TenantID(call.request.string("tenant") ?? TenantID.main.rawValue)
        try call.require(tenant)
        guard
            let member = await fleet.all.first(where: {
                $0.settings.name == name && $0.settings.tenant == tenant
            })
        else {
            throw ControlError(
                .refused,
                "no server `\(name)` in tenant `\(tenant)`",
                hint: "`gatehouse servers list` names them"
            )
        }
        return member
    }

    func recordRestart(of server: Configuration.Server, by name: String) async throws {
        let key = ServerKey(tenant: server.tenant, server: server.name)
        _ = try await store.commit(
            serverRecord(key, [RecordField("by", name), RecordField("change", "restart")])
        )
    }

    /// One server as people and scripts see it; `isWhole` adds what needs room.
    func listing(of member: ServerFleet.Member, isWhole: Bool = false) async -> JSONValue {
        let settings = member.settings
        let key = ServerKey(tenant: settings.tenant, server: settings.name)
        var object = JSONObject()
        object["tenant"] = JSONValue(settings.tenant.rawValue)
        object["server"] = JSONValue(settings.name.rawValue)
        if let hosted = member.hosted {
            let words = await hosted.process.state.words
            object["state"] = JSONValue(words.state)
            let known = await hosted.process.left ?? words.reason
            if let reason = known ?? hosted.facts.current.postponed.map(Self.postponed) {
                object["reason"] = JSONValue(printable(reason, limit: 600))
            }
            if let pid = await hosted.process.processID { object["pid"] = JSONValue(Int(pid)) }
            describeLife(hosted, to: &object)
            await describeHealth(hosted.process, to: &object)
            await describeUse(hosted.process, to: &object)
            if case .stdio(let stdio) = settings.kind {
                object["cage"] = await cage(stdio, hosted.facts, isWhole: isWhole)
            }
            if let program = programs[key] { object["program"] = Self.value(of: program) }
            if isWhole {
                object["errors"] = .array(hosted.facts.current.errors.map { JSONValue($0) })
            }
        } else {
            object["state"] = JSONValue("remote")
            if case .http(let http) = settings.kind { object["url"] = JSONValue(http.url) }
        }
        if let description = descriptions[key] {
            object["revision"] = JSONValue(description.revision.rawValue)
        }
        if let absence = absences[key] {
            object["absent"] = JSONValue(printable(absence, limit: 600))
        }
        if let unheard = await member.client.unheard { object["unheard"] = JSONValue(unheard) }
        await describeTools(key, to: &object, isWhole: isWhole)
        return .object(object)
    }

    private static func postponed(_ reason: String) -> String {
        "not started when it was last called: \(reason)"
    }

    /// What the hosted servers of each tenant with caps have taken of what they may use together.
    func rooms(seenBy sees: (TenantID) -> Bool) async -> [JSONValue] {
        var rows: [JSONValue] = []
        for (tenant, room) in await fleet.rooms.sorted(by: { $0.key < $1.key }) where sees(tenant) {
            guard var row = Self.value(of: room) else { continue }
            row["tenant"] = JSONValue(tenant.rawValue)
            rows.append(.object(row))
        }
        return rows
    }

    /// What is taken of each cap; nil where nothing is capped.
    fileprivate static func value(of room: TenantRoom) -> JSONObject? {
        let (caps, use) = (room.caps, room.use)
        guard caps != Configuration.Hosting() else { return nil }
        var row = JSONObject()
        func add(_ name: JSONString, _ used: Int, _ cap: Int?) {
            guard let cap else { return }
            row[name] = ["taken": JSONValue(used), "cap": JSONValue(cap)]
        }
        add("servers", use.serverCount, caps.serverCount)
        add(
            "processes",
            Int(clamping: use.processCount),
            caps.processCount.map { Int(clamping: $0) }
        )
        add(
            "memory_bytes",
            Int(clamping: use.memoryByteCount),
            caps.memoryByteCount.map { Int(clamping: $0) }
        )
        return row
    }

    private func describeLife(_ hosted: ServerFleet.Hosted, to object: inout JSONObject) {
        let facts = hosted.facts.current
        object["starts"] = JSONValue(facts.startCount)
        object["restarts"] = JSONValue(max(0, facts.startCount - 1))
        object["crashes"] = JSONValue(facts.crashCount)
        guard object["pid"] != nil, let since = facts.lastStart else { return }
        object["uptime_ms"] = JSONValue(Int(loop.now.duration(since: since).milliseconds))
    }

    private func describeHealth(_ process: ServerProcess, to object: inout JSONObject) async {
        let health = await process.health
        var row = JSONObject()
        if let settings = process.healthSettings {
            row["every_ms"] = JSONValue(Int(settings.interval.milliseconds))
            row["timeout_ms"] = JSONValue(Int(settings.timeout.milliseconds))
        }
        if process.healthSettings == nil || health.isUnanswered {
            row["probed"] = JSONValue(false)
        }
        row["ended"] = JSONValue(health.endedCount)
        if object["pid"] != nil, let answered = health.answered {
            let since = loop.now.duration(since: answered.at)
            row["answered_ms_ago"] = JSONValue(Int(since.milliseconds))
            row["took_ms"] = JSONValue(Int(answered.after.milliseconds))
        }
        object["health"] = .object(row)
    }

    private func describeUse(_ process: ServerProcess, to object: inout JSONObject) async {
        guard let use = await process.use() else { return }
        var row = JSONObject()
        row["memory_bytes"] = JSONValue(Int(clamping: use.memoryByteCount))
        row["processes"] = JSONValue(use.processCount)
        row["cpu_ms"] = JSONValue(Int(clamping: use.processorMilliseconds))
        if let bounds = await process.bounds {
            row["memory_limit_bytes"] = JSONValue(Int(clamping: bounds.memoryByteCount))
            row["process_limit"] = JSONValue(Int(clamping: bounds.processCount))
        }
        object["use"] = .object(row)
    }

    // MARK: The cage

    private func cage(
        _ stdio: Configuration.Server.Stdio,
        _ facts: ServerFacts,
        isWhole: Bool
    ) async -> JSONValue {
        let values = facts.current
        var object = JSONObject()
        object["kind"] = JSONValue(stdio.cage.isNone ? "none" : "bubblewrap")
        object["network"] = JSONValue(stdio.cage.network.word)
        let exposed = stdio.exposed.keys.sorted()
        if isWhole || !exposed.isEmpty {
            object["exposed"] = .array(exposed.map { JSONValue($0) })
        }
        if values.executes { object["executes"] = JSONValue(true) }
        if let uid = values.cage?.user { object["uid"] = JSONValue(Int(uid)) }
        guard !stdio.cage.isNone else { return .object(object) }
        if let minimum = stdio.cage.minimum {
            object["minimum"] = .array(minimum.map { JSONValue($0) })
        }
        let findings: [CageLayer: CageProbe.Finding]
        if let known = values.cage?.layers {
            findings = known
        } else {
            findings = (try? await fleet.machine.findings) ?? [:]
        }
        let required = CageLayer.required(
            written: stdio.cage.minimum,
            executes: values.executes,
            hasFolders: !stdio.cage.read.isEmpty || !stdio.cage.write.isEmpty
        )
        var layers = JSONObject()
        var lacking: [JSONValue] = []
        for layer in CageLayer.allCases {
            let finding = findings[layer] ?? .missing("not looked for yet")
            var row = JSONObject()
            row["required"] = JSONValue(required.contains(layer))
            row["present"] = JSONValue(finding.isPresent)
            row["detail"] = JSONValue(finding.description)
            layers[JSONString(layer.rawValue)] = .object(row)
            if !finding.isPresent { lacking.append(JSONValue(layer.rawValue)) }
        }
        object["lacks"] = .array(lacking)
        guard isWhole else { return .object(object) }
        if let egress = stdio.cage.egress {
            object["allow"] = .array(egress.rules.map { JSONValue($0.words) })
        }
        object["secrets"] = .array(stdio.uses.map { .object(Self.row(of: $0.binding)) })
        object["layers"] = .object(layers)
        object["read"] = Self.value(of: stdio.cage.read)
        object["write"] = Self.value(of: stdio.cage.write)
        object["code"] = .array((values.command?.roots ?? []).map { JSONValue($0) })
        object["notes"] = .array((values.command?.notes ?? []).map { JSONValue($0) })
        return .object(object)
    }

    private static func value(of folders: [Configuration.Cage.Folder]) -> JSONValue {
        var object = JSONObject()
        for folder in folders { object[JSONString(folder.inside)] = JSONValue(folder.outside) }
        return .object(object)
    }

    private static func value(of program: ProgramStanding) -> JSONValue {
        var object = JSONObject()
        switch program {
        case .accepted(let digest):
            object["state"] = JSONValue("accepted")
            object["digest"] = JSONValue(digest.description)
        case .changed(let accepted, let found):
            object["state"] = JSONValue("changed")
            object["digest"] = JSONValue(found.description)
            object["accepted"] = JSONValue(accepted.description)
        case .unidentified: object["state"] = JSONValue("unidentified")
        }
        if let refusal = program.refusal { object["reason"] = JSONValue(refusal) }
        return .object(object)
    }

    // MARK: The tools

    private func describeTools(
        _ key: ServerKey,
        to object: inout JSONObject,
        isWhole: Bool
    ) async {
        guard let entry = await door.catalogue.tenants[key.tenant]?[key.server] else { return }
        var counts = JSONObject()
        counts["offered"] = JSONValue(entry.tools.count)
        counts["hidden"] = JSONValue(entry.hidden.count)
        counts["drifted"] = JSONValue(entry.hidden.values.filter { $0.isDrift }.count)
        object["tools"] = .object(counts)
        guard isWhole else { return }
        var pinned = JSONObject()
        for (name, tool) in entry.tools.sorted(by: { $0.key < $1.key }) {
            pinned[JSONString(name.rawValue)] = JSONValue(tool.policy.tier.description)
        }
        object["pinned"] = .object(pinned)
        var hidden = JSONObject()
        for (name, reason) in entry.hidden.sorted(by: { $0.key < $1.key }) {
            hidden[JSONString(name.rawValue)] = JSONValue(reason.description)
        }
        object["hidden"] = .object(hidden)
    }
}
