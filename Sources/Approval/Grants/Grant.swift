package import Base
package import JSON
package import Policy

/// A standing yes to calls of one shape: of one credential, to one tool as it is now, so many
/// times, until then.
package struct Grant: Sendable, Equatable {
    /// How long one may last, and how often it may be used.
    package static let longest = Duration.seconds(8 * 3600)
    package static let mostUses = 1000

    package let id: GrantID
    /// What was shown when it was given; its call form is that of the shown call.
    package let binding: Binding
    package let run: String
    package let tier: RiskTier
    /// What spoke against the shown call; a call something else speaks against is not covered.
    package let causes: [String]
    package let shape: Shape
    package let by: PersonName
    /// The question it was given with.
    package let ticket: TicketID
    package let given: Timestamp
    package let expires: Timestamp
    package let uses: Int
    package internal(set) var used: Int

    package var left: Int { max(0, uses - used) }

    /// What it covers, in one sentence.
    package var sentence: String {
        Self.sentence(of: binding, uses: uses, until: expires, shape)
    }

    package static func sentence(
        of binding: Binding,
        uses: Int,
        until end: Timestamp,
        _ shape: Shape
    ) -> String {
        "\(binding.principal) may call \(binding.tool) \(uses) \(uses == 1 ? "time" : "times") "
            + "until \(end.description), \(shape.words)"
    }

    /// Whether it covers the call, apart from time and count.
    func covers(_ use: GrantUse) -> Bool {
        let now = use.binding
        return binding.tenant == now.tenant && binding.environment == now.environment
            && binding.principal == now.principal && binding.credential == now.credential
            && run == use.run && binding.tool == now.tool && binding.pin == now.pin
            && binding.policy == now.policy && tier == use.tier
            && use.causes.allSatisfy { causes.contains($0) } && shape.covers(use.callForm)
    }
}

/// The name of one grant; no secret.
package struct GrantID: RandomName {
    package static let prefix = "grant-"
    package static let byteCount = 8
    package let rawValue: String
    package init(unchecked: String) { rawValue = unchecked }
}

/// What a person asks for beside their yes.
package struct GrantProposal: Sendable, Equatable {
    package let id: GrantID
    package let shape: Shape
    package let uses: Int
    package let lasts: Duration

    package init(id: GrantID, shape: Shape, uses: Int, lasts: Duration) {
        self.id = id
        self.shape = shape
        self.uses = uses
        self.lasts = lasts
    }
}

/// A judged call that would be asked about, looking for a grant.
package struct GrantUse: Sendable {
    package let binding: Binding
    package let run: String
    package let tier: RiskTier
    package let causes: [String]
    package let people: Int
    package let callForm: CallForm

    package init(
        binding: Binding,
        run: String,
        tier: RiskTier,
        causes: [String],
        people: Int,
        callForm: CallForm
    ) {
        self.binding = binding
        self.run = run
        self.tier = tier
        self.causes = causes
        self.people = people
        self.callForm = callForm
    }
}

/// Evidence of one step of a grant.
package struct GrantRecord: Sendable, Equatable {
    package enum Step: Sendable, Equatable {
        case given
        case revoked(by: String)
        case expired
        case usedUp
        /// Something it was bound to is gone or different.
        case ended(String)
    }

    package let step: Step
    package let grant: Grant

    package init(step: Step, grant: Grant) {
        self.step = step
        self.grant = grant
    }
}
