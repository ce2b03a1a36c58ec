import Approval
import Base
import JSON

extension Gateway {
    /// What a page shows of a question beside its summary: the same facts as the card's lines, apart.
    nonisolated func details(of question: Question, to object: inout JSONObject) {
        let binding = question.binding
        object["owner"] = JSONValue(question.owner.rawValue)
        object["environment"] = JSONValue(binding.environment.rawValue)
        object["definition"] = JSONValue(binding.pin.description)
        object["policy"] = JSONValue(binding.policy.description)
        object["call"] = JSONValue(binding.callForm.description)
        let shown = Card.arguments(question.callForm)
        object["lines"] = .array(shown.lines.map { JSONValue($0) })
        if let warning = shown.warning { object["warning"] = JSONValue(warning) }
    }
}
