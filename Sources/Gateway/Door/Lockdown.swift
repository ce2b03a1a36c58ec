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
        case agent(PrincipalName)
        case server(ServerName)
        case tool(ToolReference)

        /// `all`, `tenant:NAME`, `agent:NAME`, `server:NAME`, `tool:SERVER.TOOL`.
        package init?(_ text: String) {
            if text == "all" {
                self = .all
                return
            }
            guard let colon = text.firstIndex(of: ":") else { return nil }
            let name = String(text[text.index(after: colon)...])
            switch text[..<colon] {
            case "tenant":
                guard let id = try? TenantID(name) else { return nil }
                self = .tenant(id)
            case "agent":
                guard let id = try? PrincipalName(name) else { return nil }
                self = .agent(id)
            case "server":
                guard let id = try? ServerName(name) else { return nil }
                self = .server(id)
            case "tool":
                guard let reference = ToolReference(name) else { return nil }
                self = .tool(reference)
            default: return nil
            }
        }

        package var text: String {
            switch self {
            case .all: "all"
            case .tenant(let id): "tenant:\(id)"
            case .agent(let id): "agent:\(id)"
            case .server(let id): "server:\(id)"
            case .tool(let reference): "tool:\(reference)"
            }
        }
    }

    package let target: Target
    package let since: Timestamp
    package let reason: String

    package init(target: Target, since: Timestamp, reason: String) {
        self.target = target
        self.since = since
        self.reason = reason
    }

    package func covers(_ principal: Principal, _ tool: ToolReference) -> Bool {
        switch target {
        case .all: true
        case .tenant(let id): principal.tenant == id
        case .agent(let name): principal.owner == name
        case .server(let name): tool.server == name
        case .tool(let reference): tool == reference
        }
    }

    package func covers(_ binding: Binding) -> Bool {
        switch target {
        case .all: true
        case .tenant(let id): binding.tenant == id
        case .agent(let name): binding.principal == name
        case .server(let name): binding.tool.server == name
        case .tool(let reference): binding.tool == reference
        }
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
    package func load(_ lockdowns: [Lockdown]) { self.lockdowns = lockdowns }

    package var activeLockdowns: [Lockdown] { lockdowns }

    /// Stops what the lockdown covers: at the door, and what runs and waits.
    ///
    /// It is made durable last, so that it holds even when the disk does not.
    package func lockDown(_ lockdown: Lockdown, by approver: String) async throws(StoreError) -> Int
    {
        lockdowns.removeAll { $0.target == lockdown.target }
        lockdowns.append(lockdown)
        generation &+= 1
        wakeEarlyCalls()
        var stopped = 0
        for call in running.values where lockdown.covers(call.principal, call.tool) {
            call.cancellation.cancel(.stopped)
            stopped += 1
        }
        await endQuestions(under: lockdown)
        _ = try await store.commit(
            Transaction(
                records: [record(of: lockdown, lifted: false, by: approver)],
                changes: [.put(lockdown.key, value: lockdown.value, expecting: .anything)]
            )
        )
        return stopped
    }

    /// Lifts it, once that is durable.
    package func lift(
        _ target: Lockdown.Target,
        by approver: String
    ) async throws(StoreError) -> Bool {
        guard let lockdown = lockdowns.first(where: { $0.target == target }) else { return false }
        _ = try await store.commit(
            Transaction(
                records: [record(of: lockdown, lifted: true, by: approver)],
                changes: [.delete(lockdown.key, expecting: .anything)]
            )
        )
        lockdowns.removeAll { $0.target == target }
        generation &+= 1
        return true
    }

    private func record(of lockdown: Lockdown, lifted: Bool, by name: String) -> AuditRecord {
        AuditRecord(
            .lockdown,
            at: clock.timestamp,
            tenant: .main,
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
        for call in running.values where call.principal.key == principal {
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
        case .agent(let owner): await questions?.revoke(tenant: nil, owner: owner)
        case .server, .tool: await rejudgeQuestions()
        }
    }
}
