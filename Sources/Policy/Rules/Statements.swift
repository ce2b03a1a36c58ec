import Base
package import JSON

/// Whether a result may be trusted not to carry text of strangers.
package enum ResultTrust: String, Sendable, CaseIterable {
    /// No third party can write it.
    case own
    case untrusted
    /// Short names of the operator's own realm; still untrusted as text.
    case directory
}

/// Whether what a tool did can be undone.
package enum Undo: String, Sendable, CaseIterable {
    case easy, never
}

/// When a T2 tool asks.
package enum AskMode: String, Sendable, CaseIterable {
    case always
    /// Not where every value that steers the call has a ground; never at T3.
    case unlessGrounded = "unless-grounded"
}

/// What a person stated about one tool; nil is what they did not write.
package struct ToolStatement: Sendable, Equatable {
    package var tier: RiskTier?
    package var scope: ArgumentConstraints?
    /// Whether arguments that the schema does not name are let through.
    package var open: Bool?
    package var result: ResultTrust?
    package var undo: Undo?
    package var ask: AskMode?
    package var position: Position?

    package init(
        tier: RiskTier? = nil,
        scope: ArgumentConstraints? = nil,
        open: Bool? = nil,
        result: ResultTrust? = nil,
        undo: Undo? = nil,
        ask: AskMode? = nil,
        position: Position? = nil
    ) {
        self.tier = tier
        self.scope = scope
        self.open = open
        self.result = result
        self.undo = undo
        self.ask = ask
        self.position = position
    }

    /// This statement with what it leaves open taken from the lock; tier and scope go together.
    package func over(_ lock: ToolStatement?) -> ToolStatement {
        guard let lock else { return self }
        let isPlaced = tier != nil || scope != nil
        return ToolStatement(
            tier: isPlaced ? tier : lock.tier,
            scope: isPlaced ? scope : lock.scope,
            open: open ?? lock.open,
            result: result ?? lock.result,
            undo: undo ?? lock.undo,
            ask: ask ?? lock.ask,
            position: position ?? lock.position
        )
    }

    /// As policy files write it, keys sorted.
    package var value: JSONValue {
        var object = JSONObject()
        if let ask { object["ask"] = .init(ask.rawValue) }
        if let open { object["open"] = .init(open) }
        if let result { object["result"] = .init(result.rawValue) }
        if let scope { object["scope"] = scope.value }
        if let tier { object["tier"] = .init(tier.description) }
        if let undo { object["undo"] = .init(undo.rawValue) }
        return .object(object)
    }
}

/// A rule as it was written.
package struct RuleStatement: Sendable, Equatable {
    package let name: String
    package let tools: [ToolPattern]
    package let args: ArgumentConstraints
    package let then: Decision
    package let why: String?
    package let position: Position?

    /// As policy files write it, keys sorted.
    package var value: JSONValue {
        var object = JSONObject()
        if !args.isEmpty { object["args"] = args.value }
        object["name"] = .init(name)
        object["then"] = .init(then.description)
        object["tools"] = .array(tools.map { .init($0.text) })
        if let why { object["why"] = .init(why) }
        return .object(object)
    }
}

/// Whose calls a limit counts together; the tenant always comes first.
package enum LimitScope: String, Sendable, CaseIterable {
    case agent
    case agentAndServer = "agent+server"
    case agentAndTool = "agent+tool"
    case tenant
    case tenantAndServer = "tenant+server"
    case tenantAndTool = "tenant+tool"
}

/// So many in any stretch of that length.
package struct Rate: Hashable, Sendable, CustomStringConvertible {
    package let count: Int
    package let period: Period

    package enum Period: String, Sendable, CaseIterable {
        case second = "s"
        case minute = "min"
        case hour = "h"
        case day = "d"

        package var duration: Duration { .nanoseconds(Int64(nanoseconds)) }

        var nanoseconds: UInt64 {
            switch self {
            case .second: 1_000_000_000
            case .minute: 60_000_000_000
            case .hour: 3_600_000_000_000
            case .day: 86_400_000_000_000
            }
        }
    }

    package init(count: Int, period: Period) {
        self.count = count
        self.period = period
    }

    /// Nil unless the text is a number from 1 to 1,000,000,000, a slash and a unit.
    package init?(_ text: String) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 2, (1...10).contains(parts[0].utf8.count),
            parts[0].utf8.allSatisfy({ $0 &- 0x30 < 10 }), parts[0].utf8.first != 0x30,
            let count = Int(parts[0]), count <= 1_000_000_000,
            let period = Period.allCases.first(where: {
                $0.rawValue.utf8.elementsEqual(parts[1].utf8)
            })
        else { return nil }
        self.count = count
        self.period = period
    }

    package var description: String { "\(count)/\(period.rawValue)" }

    /// Whether everything this admits is admitted by `other` too, as far as it is plain to see.
    package func isWithin(_ other: Rate) -> Bool {
        count <= other.count && period.duration >= other.period.duration
    }
}

/// A limit as it was written.
package struct LimitStatement: Sendable, Equatable {
    package let per: LimitScope
    package let tools: [ToolPattern]
    package let args: ArgumentConstraints
    package let calls: Rate?
    package let identical: Rate?
    package let concurrent: Int?
    package let position: Position?

    /// As policy files write it, keys sorted.
    package var value: JSONValue {
        var object = JSONObject()
        if !args.isEmpty { object["args"] = args.value }
        if let calls { object["calls"] = .init(calls.description) }
        if let concurrent { object["concurrent"] = .init(concurrent) }
        if let identical { object["identical"] = .init(identical.description) }
        object["per"] = .init(per.rawValue)
        object["tools"] = .array(tools.map { .init($0.text) })
        return .object(object)
    }
}
