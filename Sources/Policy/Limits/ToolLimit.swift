import Base
import JSON

/// A limit as it counts calls of one tool.
///
/// A class only because every call walks over a list of them: one reference is cheaper to hold than
/// the lists inside.
package final class ToolLimit: Sendable {
    package let statement: LimitStatement
    let condition: ArgumentCondition?
    /// Of the statement, where calls read them.
    let calls: Rate?
    let identical: Rate?
    let concurrent: Int?
    let id: UInt64
    /// What is counted together beside whose calls: nothing, one server, or one tool.
    let target: UInt64
    let tool: UInt64
    /// Whether all agents of the tenant are counted together.
    let isPerTenant: Bool

    init(
        _ limit: CompiledLimit,
        condition: ArgumentCondition?,
        tool: UInt64,
        server: UInt64
    ) {
        statement = limit.statement
        calls = statement.calls
        identical = statement.identical
        concurrent = statement.concurrent
        self.condition = condition
        id = limit.id
        self.tool = tool
        (target, isPerTenant) =
            switch limit.statement.per {
            case .agent: (0, false)
            case .agentAndServer: (server, false)
            case .agentAndTool: (tool, false)
            case .tenant: (0, true)
            case .tenantAndServer: (server, true)
            case .tenantAndTool: (tool, true)
            }
    }

    /// As a limit restricts, a call it is unsure about counts.
    func applies(to arguments: JSONNode) -> Bool {
        guard let condition else { return true }
        return condition.evaluate(ConditionFacts(arguments: arguments)) != .fails
    }

    func text(_ rate: Rate, _ what: String) -> String {
        "\(rate) \(what) per \(statement.per.rawValue)"
    }
}
