import Approval
import Base
import JSON

extension Gateway {
    /// What a page shows of a question beside its summary: the same facts as the card's lines, apart.
    nonisolated func details(of card: Card, to object: inout JSONObject) {
        let binding = card.question.binding
        object["environment"] = JSONValue(binding.environment.rawValue)
        object["definition"] = JSONValue(binding.pin.description)
        object["policy"] = JSONValue(binding.policy.description)
        object["call"] = JSONValue(binding.callForm.description)
        if let answers = binding.answers { object["answers"] = JSONValue(answers.description) }
        object["sections"] = card.value
    }
}
