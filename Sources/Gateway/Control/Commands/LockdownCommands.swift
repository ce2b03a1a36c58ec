import Audit
import Base
import JSON

extension ControlCommands {
    /// `lockdown`: anyone who may look may stop; only an approver lifts.
    static let lockdowns: [String: ControlCommand] = [
        "lockdown.list": ControlCommand(level: .observe) { gateway, _ in
            let list = await gateway.door.activeLockdowns.map { lockdown -> JSONValue in
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
            guard try await gateway.door.lift(target, by: call.actor) else {
                throw ControlError(.refused, "there is no lockdown of `\(target.text)`")
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
                hint: "use all, tenant:NAME, agent:NAME, server:NAME or tool:SERVER.TOOL"
            )
        }
        if case .tenant(let tenant) = target {
            try call.require(tenant)
        } else {
            try call.require(nil)
        }
        return target
    }
}
