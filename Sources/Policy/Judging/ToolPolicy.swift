package import Base
package import JSON

/// Everything that applies to one tool of one tenant, picked out and compiled once.
package final class ToolPolicy: Sendable {
    package let tool: ToolReference
    package let tenant: TenantID
    /// The tier its calls start at.
    package let tier: RiskTier
    /// Whether a file states the tier; otherwise it is the one of an unplaced tool.
    package let isPlaced: Bool
    package let isOpen: Bool
    package let result: ResultTrust
    package let undo: Undo
    package let ask: AskMode
    /// SHA-256 over the canonical form of all that applies to this tool.
    package let digest: Digest
    /// False for a tool that every call of is refused: it is not shown (phase `list`).
    package let isVisible: Bool

    /// What the published definition, or the secret its server holds, raised the tier to, where that
    /// is above what is stated.
    package let raised: TierRaise?
    let restricting: [CompiledRule]
    let lifting: [CompiledRule]
    let scope: ArgumentCondition?
    /// What no argument may name, and no result lists.
    package let denied: DenyPaths
    /// Those of `denied` that hold for this server alone.
    private let hides: [DenyPath]
    package let limits: [ToolLimit]
    /// Looks once for what restricting rules of this tool ask of its arguments.
    private let screen: ArgumentScreen
    let isProduction: Bool

    init(
        tool: ToolReference,
        tenant: TenantID,
        policy: TenantPolicy,
        context: PolicyContext,
        root: ServerRoot,
        floor: TierRaise?,
        hashing: any Hashing,
        unions: PatternUnions
    ) {
        let statement = policy.tools[tool] ?? ToolStatement()
        let rules = policy.rules.filter { $0.statement.tools.matches(tool) }
        let limits = policy.limits.filter { $0.statement.tools.matches(tool) }
        self.tool = tool
        self.tenant = tenant
        isPlaced = statement.tier != nil
        let stated = statement.tier ?? .unplaced
        let isHolder = policy.holders.contains(tool.server)
        let holding = isHolder ? TierRaise.holdingSecret(from: stated) : nil
        raised = [floor, holding].compactMap(\.self).filter { $0.tier > stated }
            .max { $0.tier < $1.tier }
        tier = raised?.tier ?? stated
        isOpen = statement.open ?? false
        result = statement.result ?? .untrusted
        undo = statement.undo ?? .never
        ask = statement.ask ?? .always
        isProduction = context.isProduction
        var builder = ArgumentScreen.Builder()
        restricting = rules.filter { $0.statement.then != .allow }.map { rule in
            rule.rooted(at: root, group: builder.group(of: rule.statement.args))
        }
        screen = builder.screen { unions.union($0) }
        lifting =
            rules
            .filter { $0.statement.then == .allow && $0.condition != nil }
            .map { $0.rooted(at: root) }
        isVisible = !restricting.contains { $0.condition == nil && $0.statement.then == .refuse }
        scope = policy.scopes[tool]?.rooted(at: root)
        // Shared by all tools of a server: the table inside has 8 KiB.
        denied = policy.denied[tool.server] ?? DenyPaths(policy.denyPaths, root: root)
        hides = policy.hides[tool.server] ?? []
        let toolID = hashing.sha256(Array("\(tenant)\n\(tool)".utf8)).prefix64
        let serverID = hashing.sha256(Array("\(tenant)\n\(tool.server)".utf8)).prefix64
        self.limits = limits.map {
            ToolLimit(
                $0,
                condition: $0.condition?.rooted(at: root),
                tool: toolID,
                server: serverID
            )
        }
        digest = hashing.sha256(
            Self.form(
                statement: statement,
                tier: tier,
                rules: rules,
                limits: limits,
                denyPaths: denied.patterns,
                root: root,
                identity: (tenant, tool, context)
            ).serialised()
        )
    }

    /// What the digest covers; every key sorted, numbers in the spelling of the call form.
    private static func form(
        statement: ToolStatement,
        tier: RiskTier,
        rules: [CompiledRule],
        limits: [CompiledLimit],
        denyPaths: [DenyPath],
        root: ServerRoot,
        identity: (tenant: TenantID, tool: ToolReference, context: PolicyContext)
    ) -> JSONValue {
        [
            "deny_paths": .array(denyPaths.map { .init($0.text) }),
            "environment": .init(identity.context.environment.rawValue),
            "limits": .array(limits.map(\.statement.value)),
            "policy": 1,
            "production": .init(identity.context.isProduction),
            "root": .init(root.text),
            "rules": .array(rules.map(\.statement.value)),
            "statement": statement.value,
            "tenant": .init(identity.tenant.rawValue),
            "tier": .init(tier.description),
            "tool": .init(identity.tool.description),
        ]
    }
}

extension ToolPolicy {
    /// The most restrictive of the tier's default, every matching rule, limits and taint.
    ///
    /// Pure: the same call, facts and policy give the same verdict.
    ///
    /// - Parameter answers: what the server is told beside the arguments, by its own keys.
    package func judge(
        _ call: CallForm,
        _ facts: Facts = .none,
        answers: CallForm? = nil
    ) -> Verdict {
        let arguments = ConditionFacts(arguments: call.document.root)
        let ruledOut = screen.ruledOut(by: arguments.arguments)
        var reasons: [Reason] = []
        if let pattern = denied.firstMatch(in: call.bytes)
            ?? answers.flatMap({ denied.firstMatch(in: $0.bytes) })
        {
            reasons.append(Self.denied(pattern, isOwn: hides.contains(pattern)))
        }
        if case .exceeded(let excess) = facts.limits { reasons.append(Self.exceeded(excess)) }
        for rule in restricting where !ruledOut.contains(rule.group) && rule.matches(arguments) {
            reasons.append(Self.matched(rule))
        }
        for taint in facts.taint where taint.decision != .allow {
            reasons.append(Self.tainted(taint))
        }
        if !facts.scope.isEmpty { reasons += Self.ungrounded(facts.scope) }
        var lifted: [String] = []
        var tier = tier
        // What a finding raised the tier to is a finding: no rule lifts its question.
        var isRaised = false
        for raise in facts.raises where raise.tier > tier {
            tier = raise.tier
            isRaised = true
        }
        // No scope and no rule speaks of what is no argument.
        if tier > .read, let answers, Self.isFree(answers) { reasons.append(Self.answering) }
        if let question = question(at: tier, arguments, facts.scope, lifted: &lifted) {
            let lifter =
                isRaised || tier > .destructive ? nil : lifting.first { $0.matches(arguments) }
            if let lifter {
                lifted.append("rule \(printable(lifter.statement.name))")
            } else {
                reasons.append(question)
            }
        }
        return Verdict(tier: tier, reasons: reasons, lifted: lifted)
    }

    /// Whether the answers hold anything but yes, no and nothing: a text or a number that the agent
    /// chose.
    private static func isFree(_ answers: CallForm) -> Bool {
        answers.document.root.members.contains { _, answer in
            answer["content"]?.members.contains { _, value in
                value.bool == nil && !value.isNull
            } ?? false
        }
    }

    /// What the tier alone asks; nil when it lets the call through.
    private func question(
        at tier: RiskTier,
        _ arguments: ConditionFacts,
        _ answers: Set<ScopeAnswer>,
        lifted: inout [String]
    ) -> Reason? {
        switch tier {
        case .read: return nil
        case .scopedWrite:
            if let outside = outside(arguments, answers) { return outside }
            // Whoever answered at all and did not say inside has said so above.
            return scope == nil && answers.isEmpty ? raised.map(Self.raised) ?? Self.unscoped : nil
        case .destructive:
            let isGrounded =
                ask == .unlessGrounded && answers.contains(.inside(.grounds))
                && !answers.contains { !$0.isInside }
            guard !isGrounded else {
                lifted.append("grounds")
                return nil
            }
            if let raised, raised.tier == tier { return Self.raised(raised) }
            return isPlaced ? Self.destructive : Self.unplaced
        case .execute: return isProduction ? Self.executeTwo : Self.execute
        }
    }

    /// A value without a ground is a finding: it raises at every tier and no rule lifts it.
    private static func ungrounded(_ answers: Set<ScopeAnswer>) -> [Reason] {
        answers.sorted(by: ScopeAnswer.isBefore).compactMap { answer in
            guard case .outside(.grounds, let fact, let remedy) = answer else { return nil }
            return outside(.grounds, fact: fact, remedy: remedy)
        }
    }

    /// The first written answer, computed or given, that says the call is outside.
    private func outside(_ arguments: ConditionFacts, _ answers: Set<ScopeAnswer>) -> Reason? {
        if let scope, scope.evaluate(arguments) != .holds,
            let finding = scope.firstFailure(arguments)
        {
            return Self.outside(
                fact: "`\(printable(finding.pointer))` is outside the written scope",
                remedy: "allowed without a question: \(finding.demand)"
            )
        }
        guard !answers.isEmpty else { return nil }
        for case .outside(.written, let fact, let remedy) in answers.sorted(
            by: ScopeAnswer.isBefore
        ) {
            return Self.outside(fact: fact, remedy: remedy)
        }
        return nil
    }
}

extension ScopeAnswer {
    package var isInside: Bool {
        if case .inside = self { return true }
        return false
    }

    /// Any fixed order, so that equal sets give equal texts.
    fileprivate static func isBefore(_ left: ScopeAnswer, _ right: ScopeAnswer) -> Bool {
        "\(left)" < "\(right)"
    }
}
