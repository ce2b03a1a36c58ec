import Base
import Egress
private import HTTP
private import JSON

/// Reads where a server's secrets may be used.
enum SecretUseReader {
    private static let known: Set<String> = [
        "secret", "host", "in", "name", "header", "value", "basic", "methods", "ca",
    ]
    private static let countLimit = 32

    static func read(
        _ field: Field?,
        cage: Configuration.Cage,
        secrets: [String: Configuration.SecretSource]
    ) throws(ConfigurationError) -> [Configuration.Server.SecretUse] {
        guard let field else { return [] }
        guard let egress = cage.egress else {
            throw field.wrong(
                "`secrets` needs a way out of the cage",
                hint: "write `cage: { network: { allow: [HOST] } }`"
            )
        }
        var uses: [Configuration.Server.SecretUse] = []
        for entry in try field.elements() {
            let members = try entry.members(of: known)
            guard let name = members["secret"] else {
                throw entry.wrong("the key `secret` is missing")
            }
            let secret = try name.string()
            guard secrets[secret] != nil else {
                throw ServerReader.undefined(secret, secrets, name)
            }
            let binding = SecretBinding(
                secret: secret,
                rule: try place(members["host"], entry, egress),
                place: try spot(members, entry),
                template: try template(members),
                methods: try RequestReader.methods(members["methods"])
            )
            uses.append(
                Configuration.Server.SecretUse(
                    binding: binding,
                    certificateAuthority: try members["ca"]?.string()
                )
            )
        }
        guard uses.count <= countLimit else {
            throw field.wrong("at most \(countLimit) uses can be named")
        }
        return uses
    }

    /// A secret in `env` is one with a place to go, or is handed over in so many words.
    static func check(
        _ field: Field?,
        _ environment: [String: Configuration.Server.Value],
        _ uses: [Configuration.Server.SecretUse]
    ) throws(ConfigurationError) {
        for (name, entry) in try field?.allMembers() ?? [] {
            guard case .secret(let secret) = environment[name],
                !uses.contains(where: { $0.binding.secret == secret })
            else { continue }
            throw entry.wrong(
                "secret `\(printable(secret))` has no place where this server may use it",
                hint: "bind it under the server's `secrets`, `{ secret: \(printable(secret)), "
                    + "host: HOST }`, or hand it over with `expose: true`"
            )
        }
    }

    private static func place(
        _ field: Field?,
        _ entry: Field,
        _ egress: Configuration.Egress
    ) throws(ConfigurationError) -> EgressRule {
        guard let field else { throw entry.wrong("the key `host` is missing") }
        let text = try field.string()
        let rule: EgressRule
        do throws(EgressRule.Problem) {
            rule = try EgressRule(text)
        } catch {
            throw field.wrong(error.text)
        }
        guard case .name(let name) = rule.subject else {
            throw field.wrong("a secret is bound to one name, not to a wildcard or an address")
        }
        let target = EgressTarget(host: .name(name), port: rule.port)
        guard (try? EgressPolicy(rules: egress.rules).allow(target)) != nil else {
            throw field.wrong(
                "`\(rule)` is not a place this server may connect to",
                hint: "name it under `network`, `allow`, too"
            )
        }
        return rule
    }

    private enum Word: String, CaseIterable { case header, query, body }
    private static let nameByteCountLimit = 256

    /// Where in the request: a header, or what `in` says in so many words.
    private static func spot(
        _ members: [String: Field],
        _ entry: Field
    ) throws(ConfigurationError) -> SecretPlace {
        let word = try members["in"]?.word(Word.self) ?? .header
        guard word != .header else {
            if let name = members["name"] {
                throw name.wrong("`name` goes with `in: query` or `in: body`; write `header: NAME`")
            }
            return .header(try header(members["header"]))
        }
        for key in ["header", "basic"] {
            guard let field = members[key] else { continue }
            throw field.wrong("`\(key)` and `in: \(word.rawValue)` exclude each other")
        }
        guard let field = members["name"] else {
            throw entry.wrong(
                "the key `name` is missing",
                hint: "write `name: PARAMETER`, or for JSON the pointer `name: /path/to/value`"
            )
        }
        let name = try field.string()
        guard (1...nameByteCountLimit).contains(name.utf8.count) else {
            throw field.wrong("`name` has 1 to \(nameByteCountLimit) bytes")
        }
        guard word == .body else { return .query(name) }
        guard name.hasPrefix("/") else { return .form(name) }
        do throws(JSONPointerError) { return .json(try JSONPointer(name)) } catch {
            throw field.wrong("\(error)")
        }
    }

    private static func header(_ field: Field?) throws(ConfigurationError) -> String {
        guard let field else { return "authorization" }
        let name = try field.string().lowercased()
        let framing = ["host", "connection", "content-length", "transfer-encoding", "upgrade"]
        guard FieldToken(name) != nil, !framing.contains(name) else {
            throw field.wrong("`\(printable(name))` is no header a secret can stand in")
        }
        return name
    }

    private static func template(
        _ members: [String: Field]
    ) throws(ConfigurationError) -> SecretBinding.Template {
        let value = members["value"]
        if let basic = members["basic"] {
            guard value == nil else {
                throw basic.wrong("`value` and `basic` exclude each other")
            }
            let user = try basic.string()
            guard user.utf8.allSatisfy({ (0x20..<0x7f).contains($0) && $0 != 0x3a }) else {
                throw basic.wrong("`basic` is a user name without a colon")
            }
            return .basic(user: user)
        }
        // A name goes with all but a header.
        guard let value else { return members["name"] == nil ? .bearer : .plain }
        guard let template = SecretBinding.Template(try value.string()) else {
            throw value.wrong(
                "`value` must hold `{secret}` once, in printable ASCII",
                hint: "write `value: \"Bearer {secret}\"`"
            )
        }
        return template
    }
}
