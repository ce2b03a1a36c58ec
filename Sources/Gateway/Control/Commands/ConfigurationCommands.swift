import Base
import JSON

extension ControlCommands {
    /// `check --accept`.
    static let configuration: [String: ControlCommand] = [
        "configuration.pending": ControlCommand(level: .observe) { gateway, call in
            // It says what changes for every tenant, and only who has a role for all accepts it.
            let seesAll = call.person.map { $0.tenants == nil } ?? true
            let waiting = seesAll ? await gateway.pending : nil
            let answer: JSONValue = [
                "digest": waiting.map { JSONValue($0.digest.description) } ?? .null,
                "loosens": .array((waiting?.loosens ?? []).map { JSONValue($0) }),
            ]
            return answer.serialised()
        },
        "configuration.accept": ControlCommand(level: .administer) { gateway, call in
            try call.require(nil)
            let lines = try await gateway.acceptPending(
                try call.request.required("digest"),
                for: call
            )
            return JSONValue.array(lines.map { JSONValue($0) }).serialised()
        },
    ]
}
