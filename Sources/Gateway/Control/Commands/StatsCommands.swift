import Approval
import Base
import JSON

extension ControlCommands {
    /// `approvals stats`.
    static let answers: [String: ControlCommand] = [
        "approvals.stats": ControlCommand(level: .observe) { gateway, call in
            // Causes are those of every tenant together.
            try call.require(nil)
            return await gateway.answerFigures().serialised()
        }
    ]
}

extension Gateway {
    /// Who is asked for how often, and how it is answered, since this start.
    func answerFigures() async -> JSONValue {
        let now = parts.clock.timestamp
        let figures = await desk.figures
        let grants = await desk.liveGrants()
        return [
            "since": JSONValue(started.description),
            "agents": .array(Self.rows(figures.agents, "agent", now)),
            "causes": .array(Self.rows(figures.causes, "cause", now)),
            "grants": [
                "live": JSONValue(grants.count),
                "used": JSONValue(grants.reduce(0) { $0 + $1.used }),
                "left": JSONValue(grants.reduce(0) { $0 + $1.left }),
            ],
        ]
    }

    /// What asks most comes first.
    private static func rows(
        _ rows: [String: AnswerFigures.Row],
        _ what: JSONString,
        _ now: Timestamp
    ) -> [JSONValue] {
        rows.sorted { ($1.value.asked, $0.key) < ($0.value.asked, $1.key) }.map { name, row in
            var object = JSONObject()
            object[what] = JSONValue(name)
            object["asked"] = JSONValue(row.asked)
            object["last_hour"] = JSONValue(row.askedInHour(before: now))
            object["yes"] = JSONValue(row.yes)
            object["no"] = JSONValue(row.no)
            object["unanswered"] = JSONValue(row.unanswered)
            object["median_ms"] = row.medianWait.map { JSONValue($0) } ?? .null
            if what == "cause", row.isAlwaysYes {
                object["hint"] = JSONValue(
                    "asked \(row.asked) times and always answered yes: "
                        + "a scope, a rule that allows, or a standing yes would ask less"
                )
            }
            return .object(object)
        }
    }
}
