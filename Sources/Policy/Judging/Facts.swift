/// One answer to the question whether a call stays inside what was granted.
///
/// The written scope of a tool gives one; grounds of values (provenance) will give another. The
/// judge takes them as a set: one that says `outside` outweighs any that say `inside`.
package enum ScopeAnswer: Hashable, Sendable {
    case inside(Source)
    /// `fact` names the argument and what was expected of it.
    case outside(Source, fact: String, remedy: String)

    package enum Source: Hashable, Sendable {
        /// The scope the operator wrote for the tool.
        case written
        /// Provenance of every value that steers the call.
        case grounds
    }
}

/// Something known about the run that speaks against letting the call through; it only raises.
package struct TaintReason: Hashable, Sendable {
    package let name: String
    package let decision: Decision
    package let fact: String
    package let remedy: String

    package init(name: String, decision: Decision, fact: String, remedy: String) {
        self.name = name
        self.decision = decision
        self.fact = fact
        self.remedy = remedy
    }
}

/// Something found in a definition or in arguments that makes a call count as a higher tier.
package struct TierRaise: Hashable, Sendable {
    package let tier: RiskTier
    package let fact: String

    package init(to tier: RiskTier, fact: String) {
        self.tier = tier
        self.fact = fact
    }

    /// What holding the value of a secret makes of a tier; nil where it is no less already.
    ///
    /// Never T3: a server that can leak something does not execute because of that.
    static func holdingSecret(from tier: RiskTier) -> TierRaise? {
        switch tier {
        case .read:
            TierRaise(
                to: .scopedWrite,
                fact: "its server holds a secret: reading counts as writing"
            )
        case .scopedWrite:
            TierRaise(
                to: .destructive,
                fact: "its server holds a secret: what it gives away is not taken back"
            )
        case .destructive, .execute: nil
        }
    }
}

/// What was gathered about a call before it is judged; nothing in here lowers a verdict, except
/// that an answer of `grounds` counts as inside the scope where the design says so.
package struct Facts: Sendable {
    package var scope: Set<ScopeAnswer>
    package var taint: [TaintReason]
    package var raises: [TierRaise]
    package var limits: LimitAnswer

    package init(
        scope: Set<ScopeAnswer> = [],
        taint: [TaintReason] = [],
        raises: [TierRaise] = [],
        limits: LimitAnswer = .within
    ) {
        self.scope = scope
        self.taint = taint
        self.raises = raises
        self.limits = limits
    }

    /// Nothing known beyond the call itself.
    package static let none = Facts()
}
