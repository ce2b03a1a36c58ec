import Base
package import JSON
import Policy

/// How a question is kept: everything but the arguments, which the store seals on their own.
extension Question {
    /// Without the call form.
    package var value: JSONValue {
        var object: JSONObject = [
            "asked": .init(asked.milliseconds),
            "call": .init(binding.callForm.description),
            "causes": .array(causes.map { .init($0) }),
            "credential": .init(binding.credential),
            "environment": .init(binding.environment.rawValue),
            "expires": .init(expires.milliseconds),
            "owner": .init(owner.rawValue),
            "people": .init(people),
            "pin": .init(binding.pin.description),
            "policy": .init(binding.policy.description),
            "principal": .init(binding.principal.rawValue),
            "question": 1,
            "reasons": .array(reasons.map { .init($0) }),
            "revision": .init(revision),
            "run": .init(run),
            "server": .init(binding.tool.server.rawValue),
            "state": .init(state.word),
            "tenant": .init(binding.tenant.rawValue),
            "ticket": .init(ticket.rawValue),
            "tier": .init(tier.description),
            "tool": .init(binding.tool.tool.rawValue),
            "votes": .array(
                votes.map {
                    ["at": .init($0.at.milliseconds), "person": .init($0.person.rawValue)]
                }
            ),
        ]
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

    /// Reads a kept question back; `callForm` is what the store unsealed for it.
    package init(json node: JSONNode, callForm: [UInt8]) throws {
        func text(_ key: String) throws(QuestionFormError) -> String {
            guard let text = node.member(key)?.string else { throw QuestionFormError(key: key) }
            return text
        }
        func whole(_ key: String) throws(QuestionFormError) -> Int64 {
            guard let value = node.member(key)?.number?.int64 else {
                throw QuestionFormError(key: key)
            }
            return value
        }
        func digest(_ key: String) throws(QuestionFormError) -> Digest {
            guard let bytes = Hex.decode(try text(key)), let digest = Digest(bytes: bytes) else {
                throw QuestionFormError(key: key)
            }
            return digest
        }
        guard try whole("question") == 1 else { throw QuestionFormError(key: "question") }
        guard let ticket = TicketID(try text("ticket")) else {
            throw QuestionFormError(key: "ticket")
        }
        guard let tier = RiskTier(spelling: try text("tier")) else {
            throw QuestionFormError(key: "tier")
        }
        let people = try whole("people")
        guard people == 1 || people == 2 else { throw QuestionFormError(key: "people") }
        guard let revision = Int(exactly: try whole("revision")), revision > 0, revision < 1 << 32
        else { throw QuestionFormError(key: "revision") }
        self.init(
            ticket: ticket,
            binding: Binding(
                tenant: try TenantID(try text("tenant")),
                environment: try EnvironmentName(try text("environment")),
                principal: try PrincipalName(try text("principal")),
                credential: try text("credential"),
                tool: ToolReference(
                    server: try ServerName(try text("server")),
                    tool: try ToolName(try text("tool"))
                ),
                pin: try digest("pin"),
                callForm: try digest("call"),
                policy: try digest("policy")
            ),
            owner: try PersonName(try text("owner")),
            people: people == 2 ? 2 : 1,
            tier: tier,
            reasons: node["reasons"]?.elements.compactMap(\.string) ?? [],
            causes: node["causes"]?.elements.compactMap(\.string) ?? [],
            callForm: callForm,
            run: try text("run"),
            asked: Timestamp(milliseconds: try whole("asked")),
            expires: Timestamp(milliseconds: try whole("expires")),
            revision: revision,
            votes: try Self.votes(node["votes"]),
            state: try State(word: try text("state"), node),
            edit: try node["editedBy"].map { editor in
                guard let name = editor.string else { throw QuestionFormError(key: "editedBy") }
                return Edit(original: try digest("original"), by: try PersonName(name))
            }
        )
    }

    private static func votes(_ node: JSONNode?) throws -> [Vote] {
        var votes: [Vote] = []
        for vote in node?.elements.map({ $0 }) ?? [] {
            guard let person = vote["person"]?.string, let at = vote["at"]?.number?.int64 else {
                throw QuestionFormError(key: "votes")
            }
            let name = try PersonName(person)
            guard !votes.contains(where: { $0.person == name }) else {
                throw QuestionFormError(key: "votes")
            }
            votes.append(Vote(person: name, at: Timestamp(milliseconds: at)))
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

    fileprivate init(word: String, _ node: JSONNode) throws {
        switch word {
        case "waiting": self = .waiting
        case "approved": self = .approved
        case "spent": self = .spent
        case "settled": self = .settled
        case "unknown": self = .unknown
        case "expired": self = .expired
        case "denied":
            guard let person = node["by"]?.string else { throw QuestionFormError(key: "by") }
            self = .denied(by: try PersonName(person), reason: node["reason"]?.string)
        case "withdrawn":
            guard let why = node["why"]?.string.flatMap(Question.Withdrawal.init(rawValue:)) else {
                throw QuestionFormError(key: "why")
            }
            self = .withdrawn(why)
        case "changed":
            self = .changed(
                node["parts"]?.elements.compactMap { $0.string.flatMap(BoundPart.init(rawValue:)) }
                    ?? []
            )
        default: throw QuestionFormError(key: "state")
        }
    }
}

/// A kept question that cannot be read; it counts as gone, and its agent asks anew.
package struct QuestionFormError: Error, Equatable, Sendable, CustomStringConvertible {
    package let key: String

    package var description: String {
        "a kept question cannot be read at `\(key)`; it is dropped, and the agent must ask again"
    }
}
