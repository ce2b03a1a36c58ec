package import Base

/// Parts of the policy language that this build may or may not have.
package struct PolicyFeatures: OptionSet, Sendable {
    package let rawValue: Int
    package init(rawValue: Int) { self.rawValue = rawValue }

    /// Grounds of values: without them `ask: unless-grounded` could never take effect.
    package static let grounds = PolicyFeatures(rawValue: 1)
}

/// What a policy is checked against: the rest of the configuration and the lock file.
package struct PolicyContext: Sendable, Equatable {
    package var environment: EnvironmentName
    /// At T3 two people are asked instead of one.
    package var isProduction: Bool
    /// Each tenant's servers and the folder their relative paths begin at.
    package var servers: [TenantID: [ServerName: ServerRoot]]
    /// What `gatehouse.lock` states; the configuration stands before it.
    package var lock: [TenantID: [ToolReference: ToolStatement]]
    /// Servers that are handed the value of a secret: what their tools do counts one tier higher.
    package var holders: [TenantID: Set<ServerName>]
    /// What one server is not shown and not handed a path to, beside its tenant's `deny_paths`.
    package var hides: [TenantID: [ServerName: [DenyPath]]]
    package var features: PolicyFeatures

    package init(
        environment: EnvironmentName,
        isProduction: Bool,
        servers: [TenantID: [ServerName: ServerRoot]],
        lock: [TenantID: [ToolReference: ToolStatement]] = [:],
        holders: [TenantID: Set<ServerName>] = [:],
        hides: [TenantID: [ServerName: [DenyPath]]] = [:],
        features: PolicyFeatures = []
    ) {
        self.environment = environment
        self.isProduction = isProduction
        self.servers = servers
        self.lock = lock
        self.holders = holders
        self.hides = hides
        self.features = features
    }
}
