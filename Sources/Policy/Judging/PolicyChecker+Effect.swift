import Base

extension PolicyChecker {
    /// Reports rules that can never change a verdict, as far as that can be decided at load.
    ///
    /// What depends on tools that no file places is left alone: they can be placed later.
    mutating func checkEffect(_ policy: TenantPolicy, places: [[String]]) {
        for (index, rule) in policy.rules.enumerated() where index < places.count {
            let statement = rule.statement
            let place = places[index]
            if policy.rules[..<index].contains(where: {
                $0.statement.name.utf8.elementsEqual(statement.name.utf8)
            }) {
                report(
                    .duplicate(
                        "another rule is named `\(printable(statement.name))` too; rename one"
                    ),
                    at: place + ["name"],
                    statement.position
                )
            }
            if statement.then == .allow {
                checkAllow(statement, policy, at: place)
            } else {
                checkTierAlready(statement, policy, at: place)
            }
            checkShadow(index, policy, at: place)
        }
    }

    /// An allowing rule names exact tools, constrains an argument, and has a question to lift.
    private mutating func checkAllow(
        _ rule: RuleStatement,
        _ policy: TenantPolicy,
        at place: [String]
    ) {
        if rule.args.isEmpty {
            report(
                .noEffect(
                    "a rule that allows must constrain at least one argument; add `args`, or give the tool a lower tier"
                ),
                at: place,
                rule.position
            )
        }
        for (index, pattern) in rule.tools.enumerated() {
            let place = place + ["tools", String(index)]
            guard let tool = pattern.exactTool else {
                report(
                    .noEffect(
                        "a rule that allows must name exact tools; name each without `*` and `?`"
                    ),
                    at: place,
                    rule.position
                )
                continue
            }
            switch policy.tools[tool]?.tier {
            // What it asks because its server holds a secret can be lifted.
            case .read? where policy.holders.contains(tool.server): break
            case .read?:
                report(
                    .noEffect(
                        "`\(printable(tool.description))` is T0 and is allowed without this rule"
                    ),
                    at: place,
                    rule.position
                )
            case .execute?:
                report(
                    .noEffect(
                        "`\(printable(tool.description))` is T3 and no rule lifts its question"
                    ),
                    at: place,
                    rule.position
                )
            case .scopedWrite?, .destructive?, nil: break
            }
        }
    }

    /// An asking rule over tools that ask that much anyway, with nothing that could lift it.
    private mutating func checkTierAlready(
        _ rule: RuleStatement,
        _ policy: TenantPolicy,
        at place: [String]
    ) {
        let asksAnyway = rule.tools.allSatisfy { pattern in
            guard let tool = pattern.exactTool, let statement = policy.tools[tool],
                let tier = statement.tier
            else { return false }
            switch tier {
            case .read, .scopedWrite: return false
            case .destructive:
                let isLifted =
                    statement.ask == .unlessGrounded
                    || policy.rules.contains {
                        $0.statement.then == .allow && $0.statement.tools.matches(tool)
                    }
                return rule.then == .ask && !isLifted
            case .execute:
                return rule.then <= (context.isProduction ? .askTwo : .ask)
            }
        }
        guard asksAnyway else { return }
        report(
            .noEffect("every tool it names asks like this already by its tier; leave the rule out"),
            at: place,
            rule.position
        )
    }

    /// A rule that says nothing another rule does not say for all its calls.
    private mutating func checkShadow(_ index: Int, _ policy: TenantPolicy, at place: [String]) {
        let rule = policy.rules[index].statement
        for (otherIndex, other) in policy.rules.enumerated() where otherIndex != index {
            let other = other.statement
            guard other.tools.cover(rule.tools), rule.args.implies(other.args) else { continue }
            let isTwin = rule.tools.cover(other.tools) && other.args.implies(rule.args)
            // Of two that say the same the later one is reported.
            if isTwin, otherIndex > index, rule.then == other.then { continue }
            if rule.then == .allow, other.then != .allow {
                // What the other says of every such call outweighs any allow.
                guard other.args.isEmpty else { continue }
            } else if rule.then == .allow || other.then == .allow || other.then < rule.then {
                guard rule.then == .allow, other.then == .allow else { continue }
            }
            report(
                .noEffect(
                    "rule `\(printable(rule.name))` changes nothing: `\(printable(other.name))` already says `\(other.then)` for all its calls"
                ),
                at: place,
                rule.position
            )
            return
        }
    }
}
