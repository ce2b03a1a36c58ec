import Base
import JSON

extension ControlCommands {
    /// `check --accept`.
    static let configuration: [String: ControlCommand] = [
        "configuration.pending": ControlCommand(level: .observe) { gateway, _ in
            let waiting = await gateway.pending
            let answer: JSONValue = [
                "digest": waiting.map { JSONValue($0.digest.description) } ?? .null,
                "loosens": .array((waiting?.loosens ?? []).map { JSONValue($0) }),
            ]
            return answer.serialised()
        },
        "configuration.accept": ControlCommand(level: .administer) { gateway, call in
            let lines = try await gateway.acceptPending(
                try call.request.required("digest"),
                by: call.actor
            )
            return JSONValue.array(lines.map { JSONValue($0) }).serialised()
        },
    ]
}
