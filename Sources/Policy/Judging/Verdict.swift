package import Base

/// How strict an answer is; the most restrictive of all that speak wins.
package enum Decision: Int, Sendable, Comparable, CaseIterable, CustomStringConvertible {
    case allow = 0
    case ask = 1
    case askTwo = 2
    case refuse = 3

    /// As rules spell it.
    package init?(spelling: String) {
        guard
            let decision = Self.allCases.first(where: {
                $0.description.utf8.elementsEqual(spelling.utf8)
            })
        else { return nil }
        self = decision
    }

    package var description: String {
        switch self {
        case .allow: "allow"
        case .ask: "ask"
        case .askTwo: "ask-two"
        case .refuse: "refuse"
        }
    }

    package static func < (left: Decision, right: Decision) -> Bool {
        left.rawValue < right.rawValue
    }
}

/// One thing that spoke against letting a call through unasked.
package struct Reason: Sendable, Equatable {
    /// What spoke.
    package enum Source: Sendable, Equatable {
        case tier(RiskTier)
        case scope
        case grounds
        case rule(String)
        case limit(String)
        case taint(String)
        case deniedPath(String)
        /// The same, by `hide` of the server's cage.
        case hiddenPath(String)
        /// What the server is told beside the arguments.
        case answers
    }

    package let source: Source
    package let decision: Decision
    /// The fact it rests on, of this call only; one line, printable.
    package let fact: String
    /// What would have been allowed, or what to do instead; one line, printable.
    package let remedy: String
    /// The word programs read when this reason refuses.
    package let code: Refusal.Code
    /// The operator's own words beside a rule; for people and records, never for the agent.
    package let why: String?

    package init(
        source: Source,
        decision: Decision,
        fact: String,
        remedy: String,
        code: Refusal.Code,
        why: String? = nil
    ) {
        self.source = source
        self.decision = decision
        self.fact = fact
        self.remedy = remedy
        self.code = code
        self.why = why
    }

    /// The rule, limit or fact by its own name.
    package var name: String {
        switch source {
        case .tier(let tier): "tier \(tier)"
        case .scope: "scope"
        case .grounds: "grounds"
        case .rule(let name): "rule \(printable(name))"
        case .limit(let text): "limit \(text)"
        case .answers: "answers"
        case .taint(let name): "taint \(printable(name))"
        case .deniedPath(let pattern): "deny_paths \(printable(pattern))"
        case .hiddenPath(let pattern): "hide \(printable(pattern))"
        }
    }
}

/// What the policy says about one call.
package struct Verdict: Sendable, Equatable {
    package enum Outcome: Sendable, Equatable {
        case allow
        /// A person must say yes; `people` of them, all distinct.
        case ask(people: Int)
        case refuse(Refusal)
    }

    package let outcome: Outcome
    /// The tier the call was judged at, after everything that raised it.
    package let tier: RiskTier
    /// Everything that spoke against, the strictest first; empty for a call allowed by default.
    package let reasons: [Reason]
    /// The rules or grounds that lifted the tier's own question.
    package let lifted: [String]

    package var decision: Decision {
        switch outcome {
        case .allow: .allow
        case .ask(let people): people > 1 ? .askTwo : .ask
        case .refuse: .refuse
        }
    }

    /// The most restrictive of all reasons; none is an allow.
    init(tier: RiskTier, reasons: [Reason], lifted: [String]) {
        self.tier = tier
        self.lifted = lifted
        guard let strictest = reasons.max(by: { $0.decision < $1.decision }) else {
            outcome = .allow
            self.reasons = []
            return
        }
        // A stable order keeps equal calls at equal texts.
        self.reasons =
            reasons.enumerated()
            .sorted { ($1.element.decision, $0.offset) < ($0.element.decision, $1.offset) }
            .map(\.element)
        switch strictest.decision {
        case .allow: outcome = .allow
        case .ask: outcome = .ask(people: 1)
        case .askTwo: outcome = .ask(people: 2)
        case .refuse: outcome = .refuse(Self.refusal(for: self.reasons[0]))
        }
    }

    private static func refusal(for reason: Reason) -> Refusal {
        let text = "refused by \(reason.name): \(reason.fact); \(reason.remedy)"
        return Refusal(
            code: reason.code,
            rule: reason.name,
            agentText: text,
            auditText: reason.why.map { "\(text) (\(printable($0, limit: 500)))" }
        )
    }
}
