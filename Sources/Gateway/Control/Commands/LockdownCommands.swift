import Audit
import Base
import JSON

extension ControlCommands {
    /// `lockdown`: anyone who may look may stop; only an approver lifts.
    static let lockdowns: [String: ControlCommand] = [
        "lockdown.list": ControlCommand(level: .observe) { gateway, call in
            let seen = await gateway.lockdowns(seenBy: call.person?.tenants)
            let list = seen.map { lockdown -> JSONValue in
                [
                    "target": JSONValue(lockdown.target.text),
                    "since": JSONValue(lockdown.since.description),
                    "reason": JSONValue(lockdown.reason),
                ]
            }
            return JSONValue.array(list).serialised()
        },
        "lockdown.set": ControlCommand(level: .restrict) { gateway, call in
            let lockdown = Lockdown(
                target: try target(call),
                since: gateway.parts.clock.timestamp,
                reason: String((call.request.string("reason") ?? "").prefix(500))
            )
            let stopped: Int
            do throws(StoreError) {
                stopped = try await gateway.door.lockDown(lockdown, by: call.actor)
            } catch {
                throw ControlError(
                    .refused,
                    "the stop is in force, but it could not be recorded: \(error)",
                    hint: "a restart forgets it; set it again as soon as the log can be written"
                )
            }
            let answer: JSONValue = ["stopped": JSONValue(stopped)]
            return answer.serialised()
        },
        "lockdown.lift": ControlCommand(level: .administer) { gateway, call in
            let target = try target(call)
            // A name without its tenant means all of that name.
            let meant = await gateway.door.activeLockdowns.filter {
                $0.target == target || $0.target.everywhere == target
            }
            guard !meant.isEmpty else {
                throw ControlError(.refused, "there is no lockdown of `\(target.text)`")
            }
            for lockdown in meant {
                guard try await gateway.door.lift(lockdown, by: call.actor) else {
                    throw ControlError(
                        .refused,
                        "`\(lockdown.target.text)` was lifted or locked again meanwhile",
                        hint: "look at what is locked: `gatehouse status`"
                    )
                }
            }
            return JSONValue.done
        },
    ]

    private static func target(_ call: ControlCall) throws(ControlError) -> Lockdown.Target {
        let text = try call.request.required("target")
        guard let target = Lockdown.Target(text) else {
            throw ControlError(
                .usage,
                "`\(printable(text))` is nothing that can be locked",
                hint: "use all, tenant:NAME, agent:NAME, server:NAME or tool:SERVER.TOOL; "
                    + "TENANT/NAME for one tenant's"
            )
        }
        try call.require(target.tenant)
        return target
    }
}

extension Gateway {
    /// The stops that touch somebody of those tenants; nil means all.
    func lockdowns(seenBy tenants: Set<TenantID>?) async -> [Lockdown] {
        await door.activeLockdowns.filter { lockdown in
            guard let tenants else { return true }
            if let tenant = lockdown.target.tenant { return tenants.contains(tenant) }
            switch lockdown.target {
            case .all, .tenant: return true
            case .agent(let owner, _):
                return self.tokens.all.contains { $0.owner == owner && tenants.contains($0.tenant) }
            case .server(let name, _): return self.hasServer(name, in: tenants)
            case .tool(let tool, _): return self.hasServer(tool.server, in: tenants)
            }
        }
    }

    private func hasServer(_ name: ServerName, in tenants: Set<TenantID>) -> Bool {
        current.configuration.allServers.contains {
            $0.name == name && tenants.contains($0.tenant)
        }
    }
}
