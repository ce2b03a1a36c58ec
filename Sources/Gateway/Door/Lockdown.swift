package import Approval
package import Audit
package import Base
import JSON
import Policy

/// A stop that a person put up: everything it covers is refused until it is lifted.
package struct Lockdown: Sendable, Equatable {
    package enum Target: Sendable, Equatable {
        case all
        case tenant(TenantID)
        /// The three below: in every tenant, or in the named one.
        case agent(PrincipalName, in: TenantID?)
        case server(ServerName, in: TenantID?)
        case tool(ToolReference, in: TenantID?)

        /// `all`, `tenant:NAME`, `agent:NAME`, `server:NAME`, `tool:SERVER.TOOL`; each of the last
        /// three with `TENANT/` before the name stops it there alone.
        package init?(_ text: String) {
            if text == "all" {
                self = .all
                return
            }
            guard let colon = text.firstIndex(of: ":") else { return nil }
            var name = String(text[text.index(after: colon)...])
            let kind = text[..<colon]
            var place: TenantID?
            // Behind its server a tool's name may hold a slash of its own: `notes.resources/read`.
            let places = kind == "tool" ? name.prefix { $0 != "." } : name[...]
            if kind != "tenant", let slash = places.firstIndex(of: "/") {
                guard let tenant = try? TenantID(String(name[..<slash])) else { return nil }
                place = tenant
                name = String(name[name.index(after: slash)...])
            }
            switch kind {
            case "tenant":
                guard let id = try? TenantID(name) else { return nil }
                self = .tenant(id)
            case "agent":
                guard let id = try? PrincipalName(name) else { return nil }
                self = .agent(id, in: place)
            case "server":
                guard let id = try? ServerName(name) else { return nil }
                self = .server(id, in: place)
            case "tool":
                guard let reference = ToolReference(name) else { return nil }
                self = .tool(reference, in: place)
            default: return nil
            }
        }

        /// The only tenant it touches; nil where it touches all.
        package var tenant: TenantID? {
            switch self {
            case .all: nil
            case .tenant(let id): id
            case .agent(_, let place), .server(_, let place), .tool(_, let place): place
            }
        }

        /// The same name in every tenant.
        package var everywhere: Self {
            switch self {
            case .all, .tenant: self
            case .agent(let name, _): .agent(name, in: nil)
            case .server(let name, _): .server(name, in: nil)
            case .tool(let reference, _): .tool(reference, in: nil)
            }
        }

        package var text: String {
            switch self {
            case .all: "all"
            case .tenant(let id): "tenant:\(id)"
            case .agent(let id, let place): "agent:\(Self.prefix(place))\(id)"
            case .server(let id, let place): "server:\(Self.prefix(place))\(id)"
            case .tool(let reference, let place): "tool:\(Self.prefix(place))\(reference)"
            }
        }

        private static func prefix(_ place: TenantID?) -> String { place.map { "\($0)/" } ?? "" }

        fileprivate func covers(
            _ caller: TenantID,
            _ owner: PrincipalName,
            _ called: ToolReference
        ) -> Bool {
            switch self {
            case .all: true
            case .tenant(let id): caller == id
            case .agent(let name, let place): owner == name && caller == place ?? caller
            case .server(let name, let place): called.server == name && caller == place ?? caller
            case .tool(let reference, let place): called == reference && caller == place ?? caller
            }
        }
    }

    package let target: Target
    package let since: Timestamp
    package let reason: String
    /// Which setting of this process it is: another of the same target is another stop.
    package fileprivate(set) var number: UInt64 = 0

    package init(target: Target, since: Timestamp, reason: String) {
        self.target = target
        self.since = since
        self.reason = reason
    }

    package func covers(_ principal: Principal, _ tool: ToolReference) -> Bool {
        target.covers(principal.tenant, principal.owner, tool)
    }

    package func covers(_ binding: Binding) -> Bool {
        target.covers(binding.tenant, binding.principal, binding.tool)
    }

    package var refusal: Refusal {
        Refusal(
            code: .lockdown,
            rule: "lockdown",
            agentText: "refused: a person has stopped calls like this one; do not try again "
                + "until you are told to",
            auditText: "lockdown \(target.text): \(reason)"
        )
    }

    package var key: StateKey { StateKey(.main, .lockdowns, target.text) }

    package var value: [UInt8] {
        var object = JSONObject()
        object["since"] = JSONValue(since.milliseconds)
        object["reason"] = JSONValue(reason)
        return JSONValue.object(object).serialised()
    }

    package init?(_ entry: StateEntry) {
        guard let target = Target(entry.key.name),
            let document = try? JSONDocument(parsing: entry.value),
            let since = document.root["since"]?.number?.int64
        else { return nil }
        self.target = target
        self.since = Timestamp(milliseconds: since)
        reason = document.root["reason"]?.string ?? ""
    }
}

extension Door {
    package func load(_ lockdowns: [Lockdown]) {
        self.lockdowns = []
        for lockdown in lockdowns { hold(lockdown) }
    }

    private func hold(_ lockdown: Lockdown) {
        var lockdown = lockdown
        lockdownCount += 1
        lockdown.number = lockdownCount
        lockdowns.removeAll { $0.target == lockdown.target }
        lockdowns.append(lockdown)
    }

    package var activeLockdowns: [Lockdown] { lockdowns }

    /// Stops what the lockdown covers: at the door, and what runs and waits.
    ///
    /// It is made durable last, so that it holds even when the disk does not.
    package func lockDown(_ lockdown: Lockdown, by approver: String) async throws(StoreError) -> Int
    {
        hold(lockdown)
        generation &+= 1
        wakeEarlyCalls()
        var stopped = 0
        for call in running where lockdown.covers(call.principal, call.tool) {
            call.cancellation.cancel(.stopped)
            stopped += 1
        }
        try await lockdownTurns.take { () async throws(StoreError) in
            await endQuestions(under: lockdown)
            _ = try await store.commit(
                Transaction(
                    records: [record(of: lockdown, lifted: false, by: approver)],
                    changes: [.put(lockdown.key, value: lockdown.value, expecting: .anything)]
                )
            )
        }
        return stopped
    }

    /// Lifts that very one, once that is durable; one that was set after it holds.
    package func lift(_ lockdown: Lockdown, by approver: String) async throws(StoreError) -> Bool {
        try await lockdownTurns.take { () async throws(StoreError) in
            guard lockdowns.contains(where: { $0.number == lockdown.number }) else { return false }
            _ = try await store.commit(
                Transaction(
                    records: [record(of: lockdown, lifted: true, by: approver)],
                    changes: [.delete(lockdown.key, expecting: .anything)]
                )
            )
            lockdowns.removeAll { $0.number == lockdown.number }
            generation &+= 1
            return true
        }
    }

    private func record(of lockdown: Lockdown, lifted: Bool, by name: String) -> AuditRecord {
        AuditRecord(
            .lockdown,
            at: clock.timestamp,
            tenant: lockdown.target.tenant ?? .main,
            environment: environment,
            detail: .fields([
                RecordField("by", name),
                RecordField("change", lifted ? "lifted" : "set"),
                RecordField("reason", lockdown.reason),
                RecordField("target", lockdown.target.text),
            ])
        )
    }

    /// Calls off everything a credential runs and asks.
    package func cancelCalls(of principal: PrincipalKey) async -> Int {
        generation &+= 1
        wakeEarlyCalls()
        var stopped = 0
        for call in running where call.principal.key == principal {
            call.cancellation.cancel(.stopped)
            stopped += 1
        }
        await questions?.revoke(tenant: principal.tenant, credential: principal.token)
        return stopped
    }

    /// Questions that nobody may answer any more end at once.
    private func endQuestions(under lockdown: Lockdown) async {
        switch lockdown.target {
        case .all: await questions?.revoke(tenant: nil, owner: nil)
        case .tenant(let tenant): await questions?.revoke(tenant: tenant, owner: nil)
        case .agent(let owner, let tenant): await questions?.revoke(tenant: tenant, owner: owner)
        case .server, .tool: await rejudgeQuestions()
        }
    }
}
