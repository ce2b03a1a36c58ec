import JSON

extension ControlCommands {
    /// `check --accept`.
    static let configuration: [String: ControlCommand] = [
        "configuration.pending": ControlCommand(level: .observe) { gateway, _ in
            JSONValue.array((await gateway.pending?.loosens ?? []).map { JSONValue($0) })
                .serialised()
        },
        "configuration.accept": ControlCommand(level: .decide) { gateway, call in
            let lines = try await gateway.acceptPending(by: call.actor)
            return JSONValue.array(lines.map { JSONValue($0) }).serialised()
        },
    ]
}
