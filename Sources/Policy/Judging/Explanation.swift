package import Base
package import JSON

/// Why a call is judged as it is: every rule that names the tool, whether it spoke, and on what.
///
/// It holds values of the call, printable and cut; it is for whoever may see the call.
package struct Explanation: Sendable, Equatable {
    /// One rule, limit or scope and what it found.
    package struct Item: Sendable, Equatable {
        package enum Kind: String, Sendable {
            case scope, rule, limit
        }

        package let kind: Kind
        package let name: String
        /// What it says when it speaks: a decision, or what a limit admits.
        package let says: String
        package let applies: Bool
        package let why: String?
        package let findings: [ConditionFinding]
    }

    package let tool: ToolReference
    package let tenant: TenantID
    package let tier: RiskTier
    package let isPlaced: Bool
    package let isVisible: Bool
    package let digest: Digest
    package let items: [Item]
    /// The denied path found in the call; nil when there is none.
    package let deniedPath: String?
    package let verdict: Verdict
}

extension ToolPolicy {
    /// Judges the call and says what every part contributed.
    package func explain(_ call: CallForm, _ facts: Facts = .none) -> Explanation {
        let arguments = ConditionFacts(arguments: call.document.root)
        var items: [Explanation.Item] = []
        if let scope {
            items.append(
                Explanation.Item(
                    kind: .scope,
                    name: "scope",
                    says: "inside: no question at T1",
                    applies: scope.evaluate(arguments) == .holds,
                    why: nil,
                    findings: scope.explain(arguments)
                )
            )
        }
        for rule in restricting + lifting {
            items.append(
                Explanation.Item(
                    kind: .rule,
                    name: printable(rule.statement.name),
                    says: rule.statement.then.description,
                    applies: rule.matches(arguments),
                    why: rule.statement.why.map { printable($0, limit: 500) },
                    findings: rule.condition?.explain(arguments) ?? []
                )
            )
        }
        for limit in limits {
            items.append(
                Explanation.Item(
                    kind: .limit,
                    name: limit.statement.name,
                    says: "admits \(limit.statement.name)",
                    applies: limit.applies(to: arguments.arguments),
                    why: nil,
                    findings: limit.condition?.explain(arguments) ?? []
                )
            )
        }
        return Explanation(
            tool: tool,
            tenant: tenant,
            tier: tier,
            isPlaced: isPlaced,
            isVisible: isVisible,
            digest: digest,
            items: items,
            deniedPath: denied.firstMatch(in: call.bytes)?.text,
            verdict: judge(call, facts)
        )
    }
}

extension LimitStatement {
    /// `600/min calls, 8 at once per agent`.
    package var name: String {
        let parts = [
            calls.map { "\($0) calls" }, identical.map { "\($0) identical calls" },
            concurrent.map { "\($0) at once" },
        ]
        return parts.compactMap { $0 }.joined(separator: ", ") + " per \(per.rawValue)"
    }
}

extension Explanation {
    /// For `--json`.
    package var value: JSONValue {
        var reasons: [JSONValue] = []
        for reason in verdict.reasons {
            reasons.append([
                "name": .init(reason.name),
                "decision": .init(reason.decision.description),
                "fact": .init(reason.fact),
                "allowed": .init(reason.remedy),
            ])
        }
        return [
            "tool": .init(tool.description),
            "tenant": .init(tenant.rawValue),
            "tier": .init(tier.description),
            "placed": .init(isPlaced),
            "visible": .init(isVisible),
            "policy": .init(digest.description),
            "verdict": .init(verdict.decision.description),
            "reasons": .array(reasons),
            "lifted": .array(verdict.lifted.map { .init($0) }),
            "denied_path": deniedPath.map { .init($0) } ?? .null,
            "parts": .array(items.map(\.value)),
        ]
    }

    /// For a terminal; no line is longer than the texts the operator wrote.
    package var lines: [String] {
        let place = isPlaced ? "" : " (nobody placed it)"
        var lines = ["\(printable(tool.description, limit: 320)): \(tier)\(place)"]
        for item in items { lines += item.lines }
        if let deniedPath { lines.append("  denied path \(printable(deniedPath)): found") }
        lines.append("verdict: \(verdict.decision)")
        for reason in verdict.reasons {
            lines.append("  \(reason.decision) by \(reason.name): \(reason.fact)")
            lines.append("    \(reason.remedy)")
        }
        for lifted in verdict.lifted { lines.append("  lifted by \(lifted)") }
        lines.append("policy \(digest)")
        return lines
    }
}

extension Explanation.Item {
    fileprivate var value: JSONValue {
        [
            "kind": .init(kind.rawValue),
            "name": .init(name),
            "says": .init(says),
            "applies": .init(applies),
            "why": why.map { .init($0) } ?? .null,
            "findings": .array(
                findings.map { finding in
                    [
                        "pointer": .init(finding.pointer),
                        "demand": .init(finding.demand),
                        "found": .init(finding.found),
                        "truth": .init("\(finding.truth)"),
                    ]
                }
            ),
        ]
    }

    fileprivate var lines: [String] {
        let reason = why.map { " (\($0))" } ?? ""
        return ["  \(kind.rawValue) \(name): \(applies ? says : "does not apply")\(reason)"]
            + findings.map { finding in
                "    \(printable(finding.pointer)) \(finding.truth): wants \(finding.demand), found \(finding.found)"
            }
    }
}
