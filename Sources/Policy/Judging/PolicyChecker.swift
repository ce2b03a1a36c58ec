import Base
import JSON

/// Checks the parts of a policy against each other and compiles them.
struct PolicyChecker {
    let document: PolicyDocument
    let context: PolicyContext
    let engine: any PatternEngine
    private(set) var problems: [PolicyProblem] = []

    init(document: PolicyDocument, context: PolicyContext, engine: any PatternEngine) {
        self.document = document
        self.context = context
        self.engine = engine
    }

    mutating func report(_ cause: PolicyProblem.Cause, at path: [String], _ position: Position?) {
        guard problems.count < PolicyReader.problemLimit else { return }
        let pointer = JSONPointer(tokens: path.map { JSONString($0) })
        let problem = PolicyProblem(cause, at: pointer, position: position)
        // A rule that several tenants inherit is checked for each and reported once.
        if !problems.contains(problem) { problems.append(problem) }
    }

    mutating func check(_ hashing: any Hashing) -> [TenantID: TenantPolicy] {
        var result: [TenantID: TenantPolicy] = [:]
        let topRules = compile(document.top.rules, at: ["rules"])
        let topLimits = compile(document.top.limits, at: ["limits"], hashing)
        let everyServer = Set(context.servers.values.flatMap(\.keys))
        checkServers(document.top, at: [], known: everyServer)
        for tenant in allTenants {
            let isTop = tenant == .main
            let section = isTop ? PolicySection() : document.tenants[tenant] ?? PolicySection()
            let path = ["tenants", tenant.rawValue]
            var policy = TenantPolicy()
            policy.holders = context.holders[tenant] ?? []
            let written = isTop ? document.top.tools : section.tools
            statements(written, of: tenant, at: isTop ? [] : path, into: &policy)
            policy.rules = topRules + compile(section.rules, at: path + ["rules"])
            policy.limits = topLimits + compile(section.limits, at: path + ["limits"], hashing)
            policy.denyPaths = DenyPath.standard
            for pattern in document.top.denyPaths + section.denyPaths
            where !policy.denyPaths.contains(pattern) {
                policy.denyPaths.append(pattern)
            }
            for (server, root) in context.servers[tenant] ?? [:] {
                let own = (context.hides[tenant]?[server] ?? []).filter {
                    !policy.denyPaths.contains($0)
                }
                policy.hides[server] = own.isEmpty ? nil : own
                policy.denied[server] = DenyPaths(policy.denyPaths + own, root: root)
            }
            checkServers(section, at: path, known: Set((context.servers[tenant] ?? [:]).keys))
            let places =
                document.top.rules.indices.map { ["rules", String($0)] }
                + section.rules.indices.map { path + ["rules", String($0)] }
            checkEffect(policy, places: places)
            result[tenant] = policy
        }
        return result
    }

    private var allTenants: [TenantID] {
        Set(context.servers.keys).union(document.tenants.keys).union([.main]).sorted()
    }

    // MARK: Tools

    private mutating func statements(
        _ written: [ToolReference: ToolStatement],
        of tenant: TenantID,
        at path: [String],
        into policy: inout TenantPolicy
    ) {
        let servers = context.servers[tenant] ?? [:]
        let lock = context.lock[tenant] ?? [:]
        for (tool, statement) in written.sorted(by: { $0.key < $1.key }) {
            let place = path + ["tools", tool.description]
            if servers[tool.server] == nil {
                report(
                    .unknownServer(
                        tool.server.rawValue,
                        known: servers.keys.map(\.rawValue).sorted()
                    ),
                    at: place,
                    statement.position
                )
            }
            if statement.ask == .unlessGrounded, !context.features.contains(.grounds) {
                report(
                    .notAvailable("`ask: unless-grounded`"),
                    at: place + ["ask"],
                    statement.position
                )
            }
        }
        for tool in Set(written.keys).union(lock.keys) {
            let statement = (written[tool] ?? ToolStatement()).over(lock[tool])
            policy.tools[tool] = statement
            guard let scope = statement.scope else { continue }
            policy.scopes[tool] = condition(
                scope,
                .allowing,
                at: path + ["tools", tool.description, "scope"],
                statement.position
            )
        }
    }

    private mutating func checkServers(
        _ section: PolicySection,
        at path: [String],
        known: Set<ServerName>
    ) {
        let named =
            section.rules.enumerated().map { (["rules", "\($0)"], $1.tools, $1.position) }
            + section.limits.enumerated().map { (["limits", "\($0)"], $1.tools, $1.position) }
        for (place, tools, position) in named {
            for (index, pattern) in tools.enumerated() {
                guard let server = pattern.exactServer, !known.contains(server) else { continue }
                report(
                    .unknownServer(server.rawValue, known: known.map(\.rawValue).sorted()),
                    at: path + place + ["tools", String(index)],
                    position
                )
            }
        }
    }

    // MARK: Conditions

    private mutating func compile(_ rules: [RuleStatement], at path: [String]) -> [CompiledRule] {
        var compiled: [CompiledRule] = []
        for (index, rule) in rules.enumerated() {
            let place = path + [String(index), "args"]
            let condition =
                rule.args.isEmpty
                ? nil : condition(rule.args, rule.direction, at: place, rule.position)
            compiled.append(CompiledRule(statement: rule, condition: condition))
        }
        return compiled
    }

    private mutating func compile(
        _ limits: [LimitStatement],
        at path: [String],
        _ hashing: any Hashing
    ) -> [CompiledLimit] {
        var compiled: [CompiledLimit] = []
        for (index, limit) in limits.enumerated() {
            let place = path + [String(index)]
            if limits[..<index].contains(where: { $0.value == limit.value }) {
                report(.duplicate("this limit stands here twice"), at: place, limit.position)
            }
            let condition =
                limit.args.isEmpty
                ? nil : condition(limit.args, .restricting, at: place + ["args"], limit.position)
            let id = hashing.sha256(limit.value.serialised()).prefix64
            compiled.append(CompiledLimit(statement: limit, condition: condition, id: id))
        }
        return compiled
    }

    private mutating func condition(
        _ source: ArgumentConstraints,
        _ direction: Direction,
        at path: [String],
        _ position: Position?
    ) -> ArgumentCondition? {
        do throws(ConditionProblem) {
            return try ArgumentCondition.compile(
                source,
                phase: .call,
                direction: direction,
                engine: engine
            )
        } catch {
            switch error {
            case .badPattern(let pointer, let reason):
                report(.badPattern(reason: reason), at: path + [pointer.description], position)
            case .notVisible:
                report(.contradiction(error.description), at: path, position)
            }
            return nil
        }
    }
}

extension Digest {
    /// Its first eight bytes, for tables.
    var prefix64: UInt64 { words.0 }
}
