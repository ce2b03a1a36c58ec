import Base
package import JSON
import Policy

/// How a question is kept: everything but the words of the call, which the store seals on their own.
extension Question {
    /// The call form and, in a line of their own, the answers; empty once the question is closed.
    package var words: [UInt8] { answers.isEmpty ? callForm : callForm + [0x0a] + answers }

    /// Without its words.
    package var value: JSONValue {
        var object: JSONObject = [
            "asked": .init(asked.milliseconds),
            "causes": .array(causes.map { .init($0) }),
            "expires": .init(expires.milliseconds),
            "owner": .init(owner.rawValue),
            "people": .init(people),
            "question": 1,
            "reasons": .array(reasons.map { .init($0) }),
            "revision": .init(revision),
            "run": .init(run),
            "state": .init(state.word),
            "ticket": .init(ticket.rawValue),
            "tier": .init(tier.description),
            "votes": .array(
                votes.map {
                    ["at": .init($0.at.milliseconds), "person": .init($0.person.rawValue)]
                }
            ),
        ]
        binding.write(to: &object)
        if let edit {
            object["editedBy"] = .init(edit.by.rawValue)
            object["original"] = .init(edit.original.description)
        }
        switch state {
        case .denied(let person, let reason):
            object["by"] = .init(person.rawValue)
            if let reason { object["reason"] = .init(reason) }
        case .withdrawn(let withdrawal): object["why"] = .init(withdrawal.rawValue)
        case .changed(let parts): object["parts"] = .array(parts.map { .init($0.rawValue) })
        case .waiting, .approved, .spent, .settled, .unknown, .expired: break
        }
        return .object(object)
    }

    /// Reads a kept question back; `words` is what the store unsealed for it.
    package init(json node: JSONNode, words: [UInt8]) throws(KeptFormError) {
        let form = try KeptForm(node, of: "question")
        let people = try form.whole("people")
        guard people == 1 || people == 2 else { throw form.fault("people") }
        guard let revision = Int(exactly: try form.whole("revision")),
            revision > 0, revision < 1 << 32
        else { throw form.fault("revision") }
        var edit: Edit?
        if form["editedBy"] != nil {
            edit = Edit(original: try form.digest("original"), by: try form.name("editedBy"))
        }
        // A call form holds no line feed.
        let parts = words.split(separator: 0x0a, maxSplits: 1).map { Array($0) }
        let binding = try form.binding()
        guard words.isEmpty || parts.count == (binding.answers == nil ? 1 : 2) else {
            throw form.fault("answers")
        }
        self.init(
            ticket: try form.text("ticket", as: TicketID.init),
            binding: binding,
            owner: try form.name("owner"),
            people: people == 2 ? 2 : 1,
            tier: try form.text("tier", as: RiskTier.init(spelling:)),
            reasons: form.texts("reasons"),
            causes: form.texts("causes"),
            callForm: parts.first ?? [],
            answers: parts.count > 1 ? parts[1] : [],
            run: try form.text("run"),
            asked: try form.time("asked"),
            expires: try form.time("expires"),
            revision: revision,
            votes: try Self.votes(form),
            state: try State(form),
            edit: edit
        )
    }

    private static func votes(_ form: KeptForm) throws(KeptFormError) -> [Vote] {
        var votes: [Vote] = []
        for part in form.parts("votes") {
            let vote = Vote(person: try part.name("person"), at: try part.time("at"))
            guard !votes.contains(where: { $0.person == vote.person }) else {
                throw form.fault("votes")
            }
            votes.append(vote)
        }
        return votes
    }
}

extension Question.State {
    /// As it is stored and shown.
    package var word: String {
        switch self {
        case .waiting: "waiting"
        case .approved: "approved"
        case .spent: "spent"
        case .settled: "settled"
        case .unknown: "unknown"
        case .denied: "denied"
        case .expired: "expired"
        case .withdrawn: "withdrawn"
        case .changed: "changed"
        }
    }

    fileprivate init(_ form: KeptForm) throws(KeptFormError) {
        switch try form.text("state") {
        case "waiting": self = .waiting
        case "approved": self = .approved
        case "spent": self = .spent
        case "settled": self = .settled
        case "unknown": self = .unknown
        case "expired": self = .expired
        case "denied":
            self = .denied(by: try form.name("by"), reason: form["reason"]?.string)
        case "withdrawn":
            self = .withdrawn(try form.text("why", as: Question.Withdrawal.init(rawValue:)))
        case "changed": self = .changed(form.texts("parts").compactMap(BoundPart.init(rawValue:)))
        default: throw form.fault("state")
        }
    }
}
