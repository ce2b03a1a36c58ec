import Base
import JSON

/// The texts of reasons. They name pointers, rules and demands, never the values of a call: an
/// agent knows those, and a record must keep them redacted.
extension ToolPolicy {
    static let approvalRemedy =
        "a person must approve it; keep the call waiting or send it again unchanged"

    static let unscoped = Reason(
        source: .tier(.scopedWrite),
        decision: .ask,
        fact: "this tool writes and no scope is written for it",
        remedy: approvalRemedy,
        code: .outOfScope
    )
    static let destructive = Reason(
        source: .tier(.destructive),
        decision: .ask,
        fact: "this tool can destroy or cannot be undone",
        remedy: approvalRemedy,
        code: .tier
    )
    static let unplaced = Reason(
        source: .tier(.unplaced),
        decision: .ask,
        fact: "nobody has said what this tool may do",
        remedy: approvalRemedy,
        code: .tier
    )
    /// The question of a tier that the tool has by what was found, not by what is stated.
    static func raised(_ raise: TierRaise) -> Reason {
        Reason(
            source: .tier(raise.tier),
            decision: .ask,
            fact: raise.fact,
            remedy: approvalRemedy,
            code: .tier
        )
    }

    static let answering = Reason(
        source: .answers,
        decision: .ask,
        fact: "what is answered to the server is no argument: no scope and no rule covers it",
        remedy: approvalRemedy,
        code: .outOfScope
    )

    static let execute = Reason(
        source: .tier(.execute),
        decision: .ask,
        fact: "this tool executes what it is given",
        remedy: approvalRemedy,
        code: .tier
    )
    static let executeTwo = Reason(
        source: .tier(.execute),
        decision: .askTwo,
        fact: "this tool executes what it is given, in production",
        remedy: "two people must approve it; keep the call waiting or send it again unchanged",
        code: .tier
    )

    static func outside(
        _ source: Reason.Source = .scope,
        fact: String,
        remedy: String
    ) -> Reason {
        Reason(source: source, decision: .ask, fact: fact, remedy: remedy, code: .outOfScope)
    }

    /// - Parameter isOwn: whether it is denied by `hide` of the server, and not by the tenant.
    static func denied(_ pattern: DenyPath, isOwn: Bool) -> Reason {
        Reason(
            source: isOwn ? .hiddenPath(pattern.text) : .deniedPath(pattern.text),
            decision: .refuse,
            fact: "a text of this call reads as a path that is never given to tools",
            remedy: "use another path; this refusal cannot be approved",
            code: .deniedPath
        )
    }

    static func exceeded(_ excess: LimitExcess) -> Reason {
        let fact =
            switch excess.kind {
            case .calls: "too many calls"
            case .identical: "the same call was sent too often"
            case .concurrent: "too many calls are running at once"
            case .bookFull: "too many callers are counted at once"
            }
        let remedy =
            excess.retryAfter.map { "try again in \(seconds($0)) s" }
            ?? "try again when a running call has ended"
        return Reason(
            source: .limit(excess.limit),
            decision: .refuse,
            fact: fact,
            remedy: remedy,
            code: excess.code
        )
    }

    /// Rounded up, so that a caller who waits so long is not too early.
    static func seconds(_ duration: Duration) -> Int64 { (duration.milliseconds + 999) / 1000 }

    static func matched(_ rule: CompiledRule) -> Reason {
        let statement = rule.statement
        let demands = statement.args.entries.map { entry in
            "`\(printable(entry.pointer.description))` \(Constraint.demand(entry.constraints))"
        }
        let remedy =
            demands.isEmpty
            ? "this tool is not for use without that"
            : "it leaves out calls where one of them is given and is otherwise"
        return Reason(
            source: .rule(statement.name),
            decision: statement.then,
            fact: demands.isEmpty
                ? "the rule speaks about every call of this tool"
                : "the rule speaks about calls with \(demands.joined(separator: " and ")), or without",
            remedy: statement.then == .refuse ? remedy : approvalRemedy,
            code: .rule,
            why: statement.why
        )
    }

    static func tainted(_ taint: TaintReason) -> Reason {
        Reason(
            source: .taint(taint.name),
            decision: taint.decision,
            fact: taint.fact,
            remedy: taint.remedy,
            code: .rule
        )
    }
}
