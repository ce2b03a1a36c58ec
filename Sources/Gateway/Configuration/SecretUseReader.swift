import Base
import Egress
private import HTTP
private import JSON

/// Reads where a server's secrets may be used.
enum SecretUseReader {
    private static let known: Set<String> = [
        "secret", "host", "header", "value", "basic", "methods", "ca",
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
                header: try header(members["header"]),
                template: try template(members["value"], members["basic"]),
                methods: try methods(members["methods"])
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
        _ value: Field?,
        _ basic: Field?
    ) throws(ConfigurationError) -> SecretBinding.Template {
        if let basic {
            guard value == nil else {
                throw basic.wrong("`value` and `basic` exclude each other")
            }
            let user = try basic.string()
            guard user.utf8.allSatisfy({ (0x20..<0x7f).contains($0) && $0 != 0x3a }) else {
                throw basic.wrong("`basic` is a user name without a colon")
            }
            return .basic(user: user)
        }
        guard let value else { return .bearer }
        guard let template = SecretBinding.Template(try value.string()) else {
            throw value.wrong(
                "`value` must hold `{secret}` once, in printable ASCII",
                hint: "write `value: \"Bearer {secret}\"`"
            )
        }
        return template
    }

    private static func methods(_ field: Field?) throws(ConfigurationError) -> Set<String> {
        guard let field else { return [] }
        let known: Set<String> = ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
        var methods: Set<String> = []
        for element in try field.elements() {
            let method = try element.string()
            guard known.contains(method) else {
                throw element.wrong(
                    "`\(printable(method))` is not carried",
                    hint: "use some of: " + known.sorted().joined(separator: ", ")
                )
            }
            methods.insert(method)
        }
        guard !methods.isEmpty else { throw field.wrong("`methods` is empty") }
        return methods
    }
}
