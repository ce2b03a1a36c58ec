package import Base

/// One way in which a policy lets through, or may let through, what an earlier one did not.
package struct Loosening: Sendable, Equatable, CustomStringConvertible {
    package enum Subject: Sendable, Equatable {
        case gateway
        case tool(ToolReference)
        case rule(String)
        case limit(String)
        case deniedPath(String)
        case server(ServerName)
    }

    package let tenant: TenantID
    package let subject: Subject
    /// What changed, in words: `tier from T2 to T0`.
    package let change: String

    package var description: String {
        let name =
            switch subject {
            case .gateway: "gateway"
            case .tool(let tool): "tool `\(printable(tool.description, limit: 320))`"
            case .rule(let name): "rule `\(printable(name))`"
            case .limit(let name): "limit \(name)"
            case .deniedPath(let pattern): "deny_paths `\(printable(pattern))`"
            case .server(let name): "server `\(name)`"
            }
        return "tenant \(tenant): \(name): \(change)"
    }
}

extension CheckedPolicy {
    /// What `self` may let through that `accepted` did not; empty means it is safe to take.
    ///
    /// Careful rather than clever: a change whose effect is not plain counts as loosening.
    package func loosenings(from accepted: CheckedPolicy) -> [Loosening] {
        var comparison = PolicyComparison(before: accepted, after: self)
        return comparison.compare()
    }
}

struct PolicyComparison {
    let before: CheckedPolicy
    let after: CheckedPolicy
    private var found: [Loosening] = []

    init(before: CheckedPolicy, after: CheckedPolicy) {
        self.before = before
        self.after = after
    }

    mutating func compare() -> [Loosening] {
        for tenant in after.tenants.keys.sorted() {
            compare(tenant)
        }
        return found
    }

    private mutating func compare(_ tenant: TenantID) {
        if before.context.environment != after.context.environment {
            add(
                tenant,
                .gateway,
                "environment from \(before.context.environment) to \(after.context.environment)"
            )
        }
        if before.context.isProduction, !after.context.isProduction {
            add(tenant, .gateway, "no production any more: T3 asks one person instead of two")
        }
        // A tenant that was not there had no rules: what it may do now is all new.
        let old = before.tenants[tenant] ?? TenantPolicy()
        guard let new = after.tenants[tenant] else { return }
        compareServers(tenant)
        compareHiding(tenant, old, new)
        compareTools(tenant, old, new)
        compareRules(tenant, old.rules.map(\.statement), new.rules.map(\.statement))
        compareLimits(tenant, old.limits.map(\.statement), new.limits.map(\.statement))
        for pattern in old.denyPaths where !new.denyPaths.contains(pattern) {
            add(tenant, .deniedPath(pattern.text), "not denied any more")
        }
    }

    private mutating func add(_ tenant: TenantID, _ subject: Loosening.Subject, _ change: String) {
        found.append(Loosening(tenant: tenant, subject: subject, change: change))
    }

    private mutating func compareServers(_ tenant: TenantID) {
        let old = before.context.servers[tenant] ?? [:]
        let new = after.context.servers[tenant] ?? [:]
        for (name, root) in new.sorted(by: { $0.key < $1.key }) {
            guard let known = old[name] else {
                add(tenant, .server(name), "new")
                continue
            }
            if known != root {
                add(
                    tenant,
                    .server(name),
                    "root from \(printable(known.text)) to \(printable(root.text))"
                )
            }
        }
    }

    private mutating func compareHiding(
        _ tenant: TenantID,
        _ old: TenantPolicy,
        _ new: TenantPolicy
    ) {
        for (server, paths) in old.hides.sorted(by: { $0.key < $1.key }) {
            guard let denied = new.denied[server]?.patterns else { continue }
            for pattern in paths where !denied.contains(pattern) {
                add(tenant, .server(server), "`\(printable(pattern.text))` not hidden any more")
            }
        }
    }

    // MARK: Tools

    private mutating func compareTools(_ tenant: TenantID, _ old: TenantPolicy, _ new: TenantPolicy)
    {
        for tool in Set(old.tools.keys).union(new.tools.keys).sorted() {
            let left = old.tools[tool] ?? ToolStatement()
            let right = new.tools[tool] ?? ToolStatement()
            for change in Self.loosenings(from: left, to: right) {
                add(tenant, .tool(tool), change)
            }
        }
    }

    private static func loosenings(from old: ToolStatement, to new: ToolStatement) -> [String] {
        var changes: [String] = []
        let (oldTier, newTier) = (old.tier ?? .unplaced, new.tier ?? .unplaced)
        if newTier < oldTier { changes.append("tier from \(oldTier) to \(newTier)") }
        if newTier == .scopedWrite, let scope = new.scope, newTier >= oldTier {
            if let before = old.scope {
                if !scope.implies(before) {
                    changes.append("scope is wider, or not plainly narrower")
                }
            } else if oldTier == .scopedWrite {
                changes.append("a scope where every call asked")
            }
        }
        if new.open == true, old.open != true { changes.append("open to unnamed arguments") }
        if let result = new.result, result != .untrusted, result != old.result {
            changes.append("result counts as \(result.rawValue)")
        }
        if new.undo == .easy, old.undo != .easy { changes.append("counts as easy to undo") }
        if new.ask == .unlessGrounded, old.ask != .unlessGrounded {
            changes.append("does not ask where values have grounds")
        }
        return changes
    }

    // MARK: Rules and limits

    private mutating func compareRules(
        _ tenant: TenantID,
        _ old: [RuleStatement],
        _ new: [RuleStatement]
    ) {
        for rule in old where rule.then != .allow {
            let isKept = new.contains { other in
                other.then >= rule.then && other.tools.cover(rule.tools)
                    && rule.args.implies(other.args)
            }
            if !isKept { add(tenant, .rule(rule.name), "gone, weaker, or not plainly as wide") }
        }
        for rule in new where rule.then == .allow {
            let wasThere = old.contains { other in
                other.then == .allow && other.tools.cover(rule.tools)
                    && rule.args.implies(other.args)
            }
            if !wasThere { add(tenant, .rule(rule.name), "allows what asked before") }
        }
    }

    private mutating func compareLimits(
        _ tenant: TenantID,
        _ old: [LimitStatement],
        _ new: [LimitStatement]
    ) {
        for limit in old {
            let heirs = new.filter { other in
                other.per == limit.per && other.tools.cover(limit.tools)
                    && limit.args.implies(other.args)
            }
            // A limit over more tools counts them together, which admits less.
            let keepsCalls =
                limit.calls.map { rate in
                    heirs.contains { $0.calls.map { $0.isWithin(rate) } ?? false }
                } ?? true
            let keepsIdentical =
                limit.identical.map { rate in
                    heirs.contains { $0.identical.map { $0.isWithin(rate) } ?? false }
                } ?? true
            let keepsConcurrent =
                limit.concurrent.map { most in
                    heirs.contains { $0.concurrent.map { $0 <= most } ?? false }
                } ?? true
            if !keepsCalls || !keepsIdentical || !keepsConcurrent {
                add(tenant, .limit(limit.name), "gone, higher, or not plainly as wide")
            }
        }
    }
}
