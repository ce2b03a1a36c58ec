package import Base
import JSON

/// What a person may do at this gateway.
package enum Role: String, Sendable, CaseIterable {
    /// Answers questions.
    case approver
    /// Changes who may do what: people, tokens, tools, configuration; lifts stops.
    case admin
    /// Looks, and reviews what was done in an emergency.
    case auditor
}

/// Somebody who proved who they are, with their roles in this environment.
package struct Person: Sendable, Equatable {
    package let name: PrincipalName
    package let roles: Set<Role>
    /// The tenants they see and decide for; nil means all.
    package let tenants: Set<TenantID>?

    package init(name: PrincipalName, roles: Set<Role>, tenants: Set<TenantID>?) {
        self.name = name
        self.roles = roles
        self.tenants = tenants
    }

    package func sees(_ tenant: TenantID) -> Bool { tenants?.contains(tenant) ?? true }

    /// As `value` wrote them; nil for what cannot be read.
    init?(_ name: PrincipalName, row: JSONNode) {
        guard let roles = row["roles"], roles.kind == .array, let tenants = row["tenants"] else {
            return nil
        }
        self.name = name
        self.roles = Set(roles.elements.compactMap { $0.string.flatMap(Role.init(rawValue:)) })
        if tenants.isNull {
            self.tenants = nil
        } else {
            self.tenants = Set(
                tenants.elements.compactMap { $0.string.flatMap { try? TenantID($0) } }
            )
        }
    }

    /// As lists show them.
    var value: JSONValue {
        [
            "name": JSONValue(name.rawValue),
            "roles": .array(roles.map(\.rawValue).sorted().map { JSONValue($0) }),
            "tenants": tenants.map { .array($0.sorted().map { JSONValue($0.rawValue) }) } ?? .null,
        ]
    }
}
