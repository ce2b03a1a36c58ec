import Base
import Egress
private import JSON

/// Reads what a cage has of the network.
enum NetworkReader {
    private enum Word: String, CaseIterable { case none, host }
    private enum Unknown: String, CaseIterable { case refuse, ask }

    static func read(_ field: Field) throws(ConfigurationError) -> Configuration.Cage.Network {
        guard field.node.kind == .object else {
            guard field.node.string != nil else {
                throw field.wrong(
                    "`network` is none, host or a mapping",
                    hint: "write `network: { allow: [api.example.com] }`"
                )
            }
            return try field.word(Word.self) == .host ? .host : .none
        }
        let members = try field.members(of: ["allow", "unknown", "budget"])
        return .egress(
            Configuration.Egress(
                rules: try members["allow"].map(rules) ?? [],
                asks: try members["unknown"]?.word(Unknown.self) == .ask,
                budget: try budget(members["budget"])
            )
        )
    }

    private static func rules(_ field: Field) throws(ConfigurationError) -> [EgressRule] {
        var rules: [EgressRule] = []
        for element in try field.elements() {
            let rule = try rule(element)
            guard !rules.contains(where: { "\($0)" == "\(rule)" }) else {
                throw element.wrong("`\(rule)` is named twice")
            }
            rules.append(rule)
        }
        guard rules.count <= Limits.egressRuleCount else {
            throw field.wrong("at most \(Limits.egressRuleCount) places can be named")
        }
        return rules
    }

    /// `host[:port]`, or a mapping where the host's addresses are named, too.
    private static func rule(_ field: Field) throws(ConfigurationError) -> EgressRule {
        guard field.node.kind == .object else { return try rule(try field.string(), nil, field) }
        let members = try field.members(of: ["host", "addresses"])
        guard let host = members["host"] else {
            throw field.wrong("the key `host` is missing", hint: "write `host: NAME[:PORT]`")
        }
        guard let addresses = members["addresses"] else {
            return try rule(try host.string(), nil, host)
        }
        var blocks: [NetworkBlock] = []
        for element in try addresses.elements() {
            let text = try element.string()
            guard let block = NetworkBlock(text) else {
                throw element.wrong(EgressRule.Problem.badAddresses(text).text)
            }
            blocks.append(block)
        }
        guard (1...32).contains(blocks.count) else {
            throw addresses.wrong("`addresses` names 1 to 32 addresses or blocks")
        }
        return try rule(try host.string(), blocks, host)
    }

    private static func rule(
        _ text: String,
        _ blocks: [NetworkBlock]?,
        _ field: Field
    ) throws(ConfigurationError) -> EgressRule {
        do throws(EgressRule.Problem) {
            return try EgressRule(text, blocks: blocks)
        } catch {
            throw field.wrong(error.text)
        }
    }

    private static func budget(_ field: Field?) throws(ConfigurationError) -> EgressBudget.Limits {
        var limits = EgressBudget.Limits()
        let members =
            try field?.members(
                of: ["connections", "per_minute", "hosts_per_minute", "sent_per_hour"]
            ) ?? [:]
        if let field = members["connections"] {
            limits.connectionCount = try field.integer(in: 1...1024)
        }
        if let field = members["per_minute"] {
            limits.perMinute = try field.integer(in: 1...100_000)
        }
        if let field = members["hosts_per_minute"] {
            limits.hostsPerMinute = try field.integer(in: 1...10_000)
        }
        if let field = members["sent_per_hour"] {
            limits.sentPerHour = try field.integer(in: 1...1 << 40)
        }
        return limits
    }
}
