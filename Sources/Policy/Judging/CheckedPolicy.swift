package import Base
import JSON

/// A policy whose parts were checked together and compiled; the same for every thread.
package struct CheckedPolicy: Sendable {
    package let document: PolicyDocument
    package let context: PolicyContext
    let tenants: [TenantID: TenantPolicy]
    private let hashing: any Hashing
    private let unions: PatternUnions

    /// Checks that names exist, patterns compile and every rule can change a verdict.
    package init(
        checking document: PolicyDocument,
        in context: PolicyContext,
        engine: any PatternEngine,
        hashing: any Hashing
    ) throws(PolicyLoadError) {
        var checker = PolicyChecker(document: document, context: context, engine: engine)
        tenants = checker.check(hashing)
        guard checker.problems.isEmpty else { throw PolicyLoadError(problems: checker.problems) }
        self.document = document
        self.context = context
        self.hashing = hashing
        unions = PatternUnions(engine)
    }

    /// What applies to one tool; nil when the tenant or its server is not configured.
    ///
    /// `floor` is what the published definition raises the tier to, such as T2 for a schema that
    /// closes nothing. Costs microseconds: keep the result with the catalogue entry.
    package func policy(
        for tool: ToolReference,
        tenant: TenantID,
        floor: TierRaise? = nil
    ) -> ToolPolicy? {
        guard let policy = tenants[tenant], let root = context.servers[tenant]?[tool.server] else {
            return nil
        }
        return ToolPolicy(
            tool: tool,
            tenant: tenant,
            policy: policy,
            context: context,
            root: root,
            floor: floor,
            hashing: hashing,
            unions: unions
        )
    }

    /// What no tool of a tenant is handed a path to, the standard ones first.
    package func deniedPaths(of tenant: TenantID) -> [DenyPath] {
        tenants[tenant]?.denyPaths ?? DenyPath.standard
    }

    /// What no tool of a server is handed a path to, and its cage does not show: what its tenant
    /// denies, then what it alone is not shown.
    package func deniedPaths(of server: ServerName, tenant: TenantID) -> [DenyPath] {
        tenants[tenant]?.denied[server]?.patterns ?? DenyPath.standard
    }

    /// The servers of that tenant with a tool that a file places at T3.
    package func executingServers(of tenant: TenantID) -> Set<ServerName> {
        Set(tenants[tenant]?.tools.filter { $0.value.tier == .execute }.keys.map(\.server) ?? [])
    }
}

/// The policy of one tenant: its own and what it inherits.
struct TenantPolicy: Sendable {
    var tools: [ToolReference: ToolStatement] = [:]
    var scopes: [ToolReference: ArgumentCondition] = [:]
    var rules: [CompiledRule] = []
    var limits: [CompiledLimit] = []
    var denyPaths: [DenyPath] = []
    /// What one server is not shown besides; nothing of `denyPaths` stands here again.
    var hides: [ServerName: [DenyPath]] = [:]
    /// Both together for each server, whose root relative paths begin at.
    var denied: [ServerName: DenyPaths] = [:]
    /// Servers that are handed the value of a secret.
    var holders: Set<ServerName> = []
}

/// A rule with its condition compiled; nil where it speaks about every call of its tools.
///
/// A class only because every call walks over a list of them.
final class CompiledRule: Sendable {
    let statement: RuleStatement
    let condition: ArgumentCondition?
    let direction: Direction
    /// The group of its tool's screen that rules it out.
    let group: Int?

    init(statement: RuleStatement, condition: ArgumentCondition?, group: Int? = nil) {
        self.statement = statement
        self.condition = condition
        self.group = group
        direction = statement.direction
    }

    /// Whether the rule speaks about this call.
    func matches(_ facts: ConditionFacts) -> Bool {
        guard let condition else { return true }
        return direction.counts(condition.evaluate(facts))
    }

    func rooted(at root: ServerRoot, group: Int? = nil) -> CompiledRule {
        CompiledRule(statement: statement, condition: condition?.rooted(at: root), group: group)
    }
}

extension RuleStatement {
    var direction: Direction { then == .allow ? .allowing : .restricting }
}

/// A limit with its condition compiled.
struct CompiledLimit: Sendable {
    let statement: LimitStatement
    let condition: ArgumentCondition?
    /// The same for the same statement, so that its counts outlive a reload.
    let id: UInt64
}
