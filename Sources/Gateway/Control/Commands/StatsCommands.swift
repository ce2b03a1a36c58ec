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
    /// Who is asked for how often, and how it is answered.
    func answerFigures() async -> JSONValue {
        let now = parts.clock.timestamp
        let figures = await desk.figures
        let grants = await desk.liveGrants()
        let since = figures.rows.values.map(\.since).min() ?? started
        return [
            "since": JSONValue(since.description),
            "agents": .array(
                Self.rows(figures.rows, "agent", now) { subject in
                    if case .agent(let name) = subject { name } else { nil }
                }
            ),
            "causes": .array(
                Self.rows(figures.rows, "cause", now) { subject in
                    if case .cause(let name) = subject { name } else { nil }
                }
            ),
            "grants": [
                "live": JSONValue(grants.count),
                "used": JSONValue(grants.reduce(0) { $0 + $1.used }),
                "left": JSONValue(grants.reduce(0) { $0 + $1.left }),
            ],
        ]
    }

    /// What asks most comes first.
    private static func rows(
        _ rows: [AnswerFigures.Subject: AnswerFigures.Row],
        _ what: JSONString,
        _ now: Timestamp,
        _ name: (AnswerFigures.Subject) -> String?
    ) -> [JSONValue] {
        let named = rows.compactMap { subject, row in name(subject).map { ($0, row) } }
        return named.sorted { ($1.1.asked, $0.0) < ($0.1.asked, $1.0) }.map { name, row in
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
                    "asked \(row.asked) times, and the last \(row.yesInRow) answers were all yes: "
                        + "a scope, a rule that allows, or a standing yes would ask less"
                )
            }
            return .object(object)
        }
    }
}
