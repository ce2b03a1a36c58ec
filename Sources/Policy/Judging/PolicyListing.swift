package import Base
package import JSON

/// The effective policy as people read it: what is written, where, and for whom it holds.
extension CheckedPolicy {
    /// Who says what tier a tool has.
    package enum Placement: Sendable, Equatable {
        case configuration(Position?)
        case lock
        case nobody
    }

    /// Where the tier of a tool is stated.
    package func placement(of tool: ToolReference, tenant: TenantID) -> Placement {
        let section = tenant == .main ? document.top : document.tenants[tenant]
        if let statement = section?.tools[tool], statement.tier != nil {
            return .configuration(statement.position)
        }
        return context.lock[tenant]?[tool]?.tier != nil ? .lock : .nobody
    }

    /// The rules and limits of the tenant that do not name this tool, by their names.
    package func bystanders(of tool: ToolReference, tenant: TenantID) -> [String] {
        guard let policy = tenants[tenant] else { return [] }
        let rules = policy.rules.map(\.statement).filter { !$0.tools.matches(tool) }
        let limits = policy.limits.map(\.statement).filter { !$0.tools.matches(tool) }
        return rules.map { "rule \(printable($0.name))" } + limits.map { "limit \($0.name)" }
    }

    /// Every tenant with its rules, limits, denied paths and stated tools.
    package func listing(of isSeen: (TenantID) -> Bool) -> JSONValue {
        .array(
            tenants.keys.filter(isSeen).sorted().map { tenant in
                let policy = tenants[tenant] ?? TenantPolicy()
                let inherited = document.top
                let isTop = tenant == .main
                return [
                    "tenant": .init(tenant.rawValue),
                    "servers": .array(
                        (context.servers[tenant] ?? [:]).keys.sorted().map { .init($0.rawValue) }
                    ),
                    "rules": .array(
                        policy.rules.map(\.statement).map { rule in
                            Self.row(
                                rule.value,
                                rule.position,
                                isInherited: !isTop && inherited.rules.contains(rule)
                            )
                        }
                    ),
                    "limits": .array(
                        policy.limits.map(\.statement).map { limit in
                            Self.row(
                                limit.value,
                                limit.position,
                                isInherited: !isTop && inherited.limits.contains(limit)
                            )
                        }
                    ),
                    "deny_paths": .array(policy.denyPaths.map { .init($0.text) }),
                    "hide": .object(
                        JSONObject(
                            policy.hides.sorted { $0.key < $1.key }.map { server, paths in
                                (
                                    JSONString(server.rawValue),
                                    .array(paths.map { .init($0.text) })
                                )
                            }
                        )
                    ),
                    "tools": .array(
                        policy.tools.sorted { $0.key < $1.key }.map { tool, statement in
                            var object = JSONObject()
                            object["tool"] = .init(tool.description)
                            object["statement"] = statement.value
                            object["stated"] = placement(of: tool, tenant: tenant).value
                            return .object(object)
                        }
                    ),
                ]
            }
        )
    }

    private static func row(
        _ value: JSONValue,
        _ position: Position?,
        isInherited: Bool
    ) -> JSONValue {
        [
            "statement": value,
            "line": position.map { .init($0.line) } ?? .null,
            "inherited": .init(isInherited),
        ]
    }
}

extension CheckedPolicy.Placement {
    package var value: JSONValue {
        switch self {
        case .configuration(let position):
            [
                "by": "configuration",
                "line": position.map { .init($0.line) } ?? .null,
                "column": position.map { .init($0.column) } ?? .null,
            ]
        case .lock: ["by": "lock"]
        case .nobody: ["by": "nobody"]
        }
    }

    package var text: String {
        switch self {
        case .configuration(let position):
            "stated in the configuration" + (position.map { ", \($0)" } ?? "")
        case .lock: "stated in gatehouse.lock"
        case .nobody: "nobody stated it"
        }
    }
}
