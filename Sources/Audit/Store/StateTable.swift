package import Base

/// A table of the gateway's state; the value's form is its owner's affair.
package enum StateTable: String, Sendable, CaseIterable {
    /// Bearer tokens by the hash of their secret.
    case tokens
    /// Waiting questions and tickets: the approval machine's state.
    case approvals
    /// Encrypted arguments of waiting calls; deleted when the question is settled.
    case sealedArguments = "sealed_arguments"
    case approvers
    case lockdowns
    case grants
    /// What calls of each tool were like, for the cards of later ones.
    case usual
    /// How long clients let a call wait, as far as it was seen.
    case holds
    /// How often people were asked and how they answered, and what the plots show.
    case figures
    /// What people allowed hosted servers to connect to, by server and place.
    case egress
    /// Emergencies that are open or not reviewed.
    case breakGlass = "break_glass"
    case pins
    /// Calls whose outcome is unknown, by principal and call form: they block a blind retry.
    case unknownCalls = "unknown_calls"
    /// The last accepted policy, serials and other single values.
    case settings
}

/// A row's place.
///
/// The tenant comes first in every key.
package struct StateKey: Hashable, Sendable, CustomStringConvertible {
    package let tenant: TenantID
    package let table: StateTable
    package let name: String

    package init(_ tenant: TenantID, _ table: StateTable, _ name: String) {
        self.tenant = tenant
        self.table = table
        self.name = name
    }

    package var description: String {
        "\(tenant.rawValue)/\(table.rawValue)/\(printable(name))"
    }

    package static func == (left: Self, right: Self) -> Bool {
        left.tenant == right.tenant && left.table == right.table
            && left.name.utf8.elementsEqual(right.name.utf8)
    }

    package func hash(into hasher: inout Hasher) {
        hasher.combine(tenant)
        hasher.combine(table)
        for byte in name.utf8 { hasher.combine(byte) }
    }
}

/// A row as it was read; `version` is what a later change may insist on.
package struct StateEntry: Hashable, Sendable {
    package let key: StateKey
    /// 1 after the first write, then one more with each.
    package let version: UInt64
    package let value: [UInt8]

    package init(key: StateKey, version: UInt64, value: [UInt8]) {
        self.key = key
        self.version = version
        self.value = value
    }
}

/// What a change insists on; when it does not hold the whole transaction is refused.
package enum Expectation: Hashable, Sendable {
    case anything
    case absent
    case version(UInt64)
}

/// One step of a transaction.
package enum StateChange: Sendable {
    case put(StateKey, value: [UInt8], expecting: Expectation)
    case delete(StateKey, expecting: Expectation)
    /// Changes nothing; the transaction is refused unless the row is as expected.
    case check(StateKey, expecting: Expectation)

    package var key: StateKey {
        switch self {
        case .put(let key, _, _), .delete(let key, _), .check(let key, _): key
        }
    }

    package var expectation: Expectation {
        switch self {
        case .put(_, _, let expectation), .delete(_, let expectation), .check(_, let expectation):
            expectation
        }
    }
}
