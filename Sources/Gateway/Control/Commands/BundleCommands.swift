import Base
import JSON
import Sandbox

extension ControlCommands {
    /// `servers bundle`: what a server's cage is, for an OCI runtime.
    static let bundles: [String: ControlCommand] = [
        "servers.bundle": ControlCommand(level: .observe) { gateway, call in
            let member = try await gateway.member(call)
            return try await gateway.bundle(of: member).serialised()
        }
    ]
}

extension Gateway {
    /// The bundle of a server's next cage on this machine; the command writes it where it was told.
    func bundle(of member: ServerFleet.Member) async throws -> JSONValue {
        let recipe = try recipe(of: member)
        // A bundle is a file, and a file is copied: no value of a secret is written into one.
        if case .stdio(let stdio) = member.settings.kind,
            let variable = stdio.environment.keys.sorted().first(where: { name in
                if case .plain = stdio.environment[name] { false } else { true }
            })
        {
            throw ControlError(
                .refused,
                "server `\(member.settings.name)` is given a secret as `\(variable)`, which is written "
                    + "into no file",
                hint: "leave it out of `env` and give it to the runtime yourself"
            )
        }
        let executes = member.hosted?.facts.current.executes ?? false
        let bundle: OCIBundle
        do {
            bundle = try await fleet.planning {
                let (plan, tools, _) = try recipe.plan(executes: executes)
                return try OCIBundle(plan, tools: tools)
            }
        } catch let error as CageError {
            throw ControlError(.refused, "\(error)")
        }
        return bundle.value
    }
}
