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
                budget: try budget(members["budget"]),
                authorities: try members["allow"].map(authorities) ?? [:]
            )
        )
    }

    private static func rules(_ field: Field) throws(ConfigurationError) -> [EgressRule] {
        var rules: [EgressRule] = []
        for element in try field.elements() {
            let rule = try rule(element)
            for other in rules where "\(other)" == "\(rule)" {
                guard rule.requests != nil, other.requests != nil, rule.blocks == other.blocks
                else {
                    throw element.wrong(
                        "`\(rule)` is named twice",
                        hint:
                            "only entries with `methods` or `paths`, and the same `addresses`, may "
                            + "name one host together"
                    )
                }
            }
            rules.append(rule)
        }
        guard rules.count <= Limits.egressRuleCount else {
            throw field.wrong("at most \(Limits.egressRuleCount) places can be named")
        }
        guard Set(rules.map(\.port)).count <= Limits.egressPortCount else {
            throw field.wrong("at most \(Limits.egressPortCount) different ports can be named")
        }
        return rules
    }

    private static let keys: Set<String> = ["host", "addresses", "methods", "paths", "ca"]

    /// `host[:port]`, or a mapping where more is said of it.
    private static func rule(_ field: Field) throws(ConfigurationError) -> EgressRule {
        guard field.node.kind == .object else {
            return try rule(try field.string(), nil, nil, field)
        }
        let members = try field.members(of: keys)
        guard let host = members["host"] else {
            throw field.wrong("the key `host` is missing", hint: "write `host: NAME[:PORT]`")
        }
        let requests = try RequestReader.read(members["methods"], members["paths"])
        if let authority = members["ca"], requests == nil {
            throw authority.wrong(
                "`ca` is for hosts whose requests are looked at: name `methods` or `paths`"
            )
        }
        return try rule(try host.string(), try blocks(members["addresses"]), requests, host)
    }

    /// By place, the file of `ca`.
    private static func authorities(
        _ field: Field
    ) throws(ConfigurationError) -> [String: String] {
        var files: [String: String] = [:]
        for element in try field.elements() where element.node.kind == .object {
            guard let file = try element.members(of: keys)["ca"] else { continue }
            let place = try rule(element).description
            let path = try file.string()
            guard files[place] == nil || files[place] == path else {
                throw file.wrong("`\(place)` is held against another file already")
            }
            files[place] = path
        }
        return files
    }

    static func blocks(_ field: Field?) throws(ConfigurationError) -> [AddressRange]? {
        guard let addresses = field else { return nil }
        var blocks: [AddressRange] = []
        for element in try addresses.elements() {
            let text = try element.string()
            guard let block = AddressRange(text) else {
                throw element.wrong(EgressRule.Problem.badAddresses(text).text)
            }
            blocks.append(block)
        }
        guard (1...32).contains(blocks.count) else {
            throw addresses.wrong("`addresses` names 1 to 32 addresses or blocks")
        }
        return blocks
    }

    private static func rule(
        _ text: String,
        _ blocks: [AddressRange]?,
        _ requests: RequestRule?,
        _ field: Field
    ) throws(ConfigurationError) -> EgressRule {
        do throws(EgressRule.Problem) {
            return try EgressRule(text, blocks: blocks, requests: requests)
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
