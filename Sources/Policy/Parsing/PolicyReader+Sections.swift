import Base
import JSON

extension PolicyReader {
    mutating func section(_ place: Place, beside foreign: [String]) -> PolicySection {
        closeKeys(place, known: PolicySection.keys, beside: foreign)
        var section = PolicySection()
        if let tools = child(place, "tools") { section.tools = self.tools(tools) }
        if let rules = child(place, "rules") {
            section.rules = elements(rules, limit: Self.ruleLimit, of: "rules")
                .compactMap { rule($0) }
        }
        if let limits = child(place, "limits") {
            section.limits = elements(limits, limit: Self.limitLimit, of: "limits")
                .compactMap { limit($0) }
        }
        if let paths = child(place, "deny_paths") {
            section.denyPaths = elements(paths, limit: Self.patternLimit, of: "patterns")
                .compactMap { denyPath($0) }
        }
        return section
    }

    private mutating func denyPath(_ place: Place) -> DenyPath? {
        guard let text = text(place) else { return nil }
        do throws(DenyPath.Problem) {
            return try DenyPath(text)
        } catch {
            report(.badGlob(text, reason: error.text), at: place)
            return nil
        }
    }

    private mutating func tools(_ place: Place) -> [ToolReference: ToolStatement] {
        var statements: [ToolReference: ToolStatement] = [:]
        let members = members(place)
        guard members.count <= Self.toolLimit else {
            report(.tooMany(what: "tools", limit: Self.toolLimit), at: place)
            return [:]
        }
        for (key, child) in members {
            guard let reference = reference(key, at: child) else { continue }
            statements[reference] = tool(child, beside: [])
        }
        return statements
    }

    /// `server.tool`; the first dot separates.
    private mutating func reference(_ text: String, at place: Place) -> ToolReference? {
        guard let dot = text.utf8.firstIndex(of: UInt8(ascii: ".")) else {
            report(.badName("`\(printable(text))` names no tool; write `server.tool`"), at: place)
            return nil
        }
        do throws(InvalidName) {
            return ToolReference(
                server: try ServerName(String(text[..<dot])),
                tool: try ToolName(String(text[text.index(after: dot)...]))
            )
        } catch {
            report(.badName(error.description), at: place)
            return nil
        }
    }

    mutating func tool(_ place: Place, beside foreign: [String]) -> ToolStatement {
        closeKeys(
            place,
            known: ["tier", "scope", "open", "result", "undo", "ask"],
            beside: foreign
        )
        var statement = ToolStatement(position: positions(place.pointer))
        if let tier = child(place, "tier") {
            statement.tier = word(tier, RiskTier.allCases.map(\.description)) {
                RiskTier(spelling: $0)
            }
        }
        if let scope = child(place, "scope") {
            statement.scope = constraints(scope, what: "the scope")
        }
        if let open = child(place, "open") { statement.open = flag(open) }
        if let result = child(place, "result") {
            if result.node.kind == .object {
                report(.notAvailable("`result` with facts of flow"), at: result)
            } else {
                statement.result = rawWord(result)
            }
        }
        if let undo = child(place, "undo") { statement.undo = rawWord(undo) }
        if let ask = child(place, "ask") { statement.ask = rawWord(ask) }
        if let scope = child(place, "scope"), statement.scope != nil {
            switch statement.tier {
            case .scopedWrite?: break
            case nil:
                report(.missingKey("tier"), at: place)
            case .read?, .destructive?, .execute?:
                report(
                    .noEffect("a scope decides only at T1; use `tier: T1`, or write a rule"),
                    at: scope
                )
            }
        }
        if let ask = child(place, "ask"), statement.ask == .unlessGrounded,
            let tier = statement.tier, tier != .destructive
        {
            report(.noEffect("`unless-grounded` decides only at T2; leave it out"), at: ask)
        }
        return statement
    }

    private mutating func rawWord<Word: RawRepresentable & CaseIterable>(
        _ place: Place
    ) -> Word? where Word.RawValue == String {
        word(place, Word.allCases.map(\.rawValue)) { text in
            Word.allCases.first { $0.rawValue.utf8.elementsEqual(text.utf8) }
        }
    }

    private mutating func rule(_ place: Place) -> RuleStatement? {
        closeKeys(place, known: ["name", "tools", "args", "then", "why"])
        var name: String?
        if let place = child(place, "name") {
            name = line(place, limit: 120)
        } else {
            report(.missingKey("name"), at: place)
        }
        let tools = patterns(place, required: true)
        let args =
            child(place, "args").flatMap { constraints($0, what: "`args`") } ?? .none
        var then: Decision?
        if let place = child(place, "then") {
            then = word(place, Decision.allCases.map(\.description)) { Decision(spelling: $0) }
        } else {
            report(.missingKey("then"), at: place)
        }
        let why = child(place, "why").flatMap { line($0, limit: 500) }
        guard let name, let then, let tools else { return nil }
        return RuleStatement(
            name: name,
            tools: tools,
            args: args,
            then: then,
            why: why,
            position: positions(place.pointer)
        )
    }

    /// One line that a terminal and a model can be shown.
    private mutating func line(_ place: Place, limit: Int) -> String? {
        guard let text = text(place) else { return nil }
        let isPlain = text.unicodeScalars.allSatisfy { $0.value >= 0x20 && $0.value != 0x7f }
        guard isPlain, (1...limit).contains(text.utf8.count) else {
            report(.badRange("one line of 1 to \(limit) bytes"), at: place)
            return nil
        }
        return text
    }

    /// The `tools` of a rule or limit; nil when something was wrong or a required one is missing.
    private mutating func patterns(_ place: Place, required: Bool) -> [ToolPattern]? {
        guard let list = child(place, "tools") else {
            guard required else { return (try? ToolPattern("*")).map { [$0] } }
            report(.missingKey("tools"), at: place)
            return nil
        }
        let places = elements(list, limit: Self.patternLimit, of: "tool patterns")
        if places.isEmpty { report(.empty(what: "`tools`"), at: list) }
        var patterns: [ToolPattern] = []
        for place in places {
            guard let text = text(place) else { continue }
            do throws(ToolPattern.Problem) {
                let pattern = try ToolPattern(text)
                if patterns.contains(pattern) {
                    report(.duplicate("`\(printable(text))` stands here twice"), at: place)
                }
                patterns.append(pattern)
            } catch {
                report(.badGlob(text, reason: error.text), at: place)
            }
        }
        return patterns.count == places.count && !patterns.isEmpty ? patterns : nil
    }

    private mutating func limit(_ place: Place) -> LimitStatement? {
        closeKeys(place, known: ["per", "tools", "args", "calls", "identical", "concurrent"])
        var per: LimitScope?
        if let place = child(place, "per") {
            per = rawWord(place)
        } else {
            report(.missingKey("per"), at: place)
        }
        let tools = patterns(place, required: false)
        let args = child(place, "args").flatMap { constraints($0, what: "`args`") } ?? .none
        let calls = child(place, "calls").flatMap { rate($0) }
        let identical = child(place, "identical").flatMap { rate($0) }
        let concurrent = child(place, "concurrent").flatMap { whole($0, 1...100_000) }
        if ["calls", "identical", "concurrent"].allSatisfy({ child(place, $0) == nil }) {
            report(
                .noEffect("a limit without `calls`, `identical` or `concurrent` limits nothing"),
                at: place
            )
        }
        guard let per, let tools else { return nil }
        return LimitStatement(
            per: per,
            tools: tools,
            args: args,
            calls: calls,
            identical: identical,
            concurrent: concurrent,
            position: positions(place.pointer)
        )
    }

    private mutating func rate(_ place: Place) -> Rate? {
        guard let text = text(place) else { return nil }
        guard let rate = Rate(text) else {
            report(.badRate(text), at: place)
            return nil
        }
        return rate
    }
}

extension DenyPath.Problem {
    package var text: String {
        switch self {
        case .empty: "is empty; write a name such as `.env`"
        case .negated: "begins with `!`, but the list can only grow; leave it out"
        case .parent: "has `..` in it; write the path it leads to"
        case .unsupported(let character):
            "has `\(printable(String(character)))`, which is not supported; use only `*`, `?` and `**`"
        case .tooLong: "is too long; use at most 1024 bytes and 32 components"
        }
    }
}

extension ToolPattern.Problem {
    var text: String {
        switch self {
        case .noDot: "has no dot; write `server.tool`, `server.*`, `*.tool` or `*`"
        case .emptyPart: "has nothing before or after its first dot; write `server.tool`"
        case .unsupported(let character):
            "has `\(printable(String(character)))`, which is not supported; use only `*` and `?`"
        case .badName(let reason): "is not usable: \(reason)"
        }
    }
}
