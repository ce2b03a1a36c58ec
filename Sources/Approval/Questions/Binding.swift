package import Base

/// A person who may answer questions, or who owns a credential.
package struct PersonName: ShortName {
    package static let kind = "person"
    package let rawValue: String
    package init(unchecked: String) { rawValue = unchecked }
}

/// Exactly what a yes covers, beside its expiry (docs/architecture.md, rule 5).
package struct Binding: Hashable, Sendable {
    package var tenant: TenantID
    package var environment: EnvironmentName
    package var principal: PrincipalName
    /// Which of the principal's credentials asked: a yes is for nobody who holds another.
    package var credential: String
    package var tool: ToolReference
    /// Digest of the definition that was published when the call was judged.
    package var pin: Digest
    /// Digest of the call form.
    package var callForm: Digest
    /// Digest of what the server is told beside the arguments; nil for nothing.
    package var answers: Digest?
    /// Digest of the policy that applies to the tool.
    package var policy: Digest

    package init(
        tenant: TenantID,
        environment: EnvironmentName,
        principal: PrincipalName,
        credential: String,
        tool: ToolReference,
        pin: Digest,
        callForm: Digest,
        answers: Digest? = nil,
        policy: Digest
    ) {
        self.tenant = tenant
        self.environment = environment
        self.principal = principal
        self.credential = credential
        self.tool = tool
        self.pin = pin
        self.callForm = callForm
        self.answers = answers
        self.policy = policy
    }

    /// What is no longer as it was shown; empty when the yes still covers the call.
    package func differences(from current: Binding) -> [BoundPart] {
        var parts: [BoundPart] = []
        if tenant != current.tenant { parts.append(.tenant) }
        if environment != current.environment { parts.append(.environment) }
        if principal != current.principal || credential != current.credential {
            parts.append(.principal)
        }
        if tool.server != current.tool.server { parts.append(.server) }
        if tool.tool != current.tool.tool { parts.append(.tool) }
        if pin != current.pin { parts.append(.pin) }
        if callForm != current.callForm { parts.append(.callForm) }
        if answers != current.answers { parts.append(.answers) }
        if policy != current.policy { parts.append(.policy) }
        return parts
    }
}

/// One part of what a yes covers.
package enum BoundPart: String, Sendable, CaseIterable, CustomStringConvertible {
    case tenant, environment, principal, server, tool
    case pin = "definition"
    case callForm = "arguments"
    case answers, policy, expiry

    package var description: String { rawValue }
}

/// The name of one question; no secret, though it has 128 random bits: it helps nobody but its
/// principal.
package struct TicketID: RandomName {
    package static let prefix = "ask-"
    package static let byteCount = 16
    package let rawValue: String
    package init(unchecked: String) { rawValue = unchecked }
}
