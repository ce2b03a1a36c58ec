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
    package var features: PolicyFeatures

    package init(
        environment: EnvironmentName,
        isProduction: Bool,
        servers: [TenantID: [ServerName: ServerRoot]],
        lock: [TenantID: [ToolReference: ToolStatement]] = [:],
        features: PolicyFeatures = []
    ) {
        self.environment = environment
        self.isProduction = isProduction
        self.servers = servers
        self.lock = lock
        self.features = features
    }
}
