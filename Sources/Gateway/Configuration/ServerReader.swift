import Base
import Egress
private import HTTP
import JSON
import MCP
import Policy
private import System

/// Reads the servers of a configuration.
enum ServerReader {
    static func servers(
        _ field: Field?,
        tenant: TenantID,
        secrets: [String: Configuration.SecretSource]
    ) throws(ConfigurationError) -> [ServerName: Configuration.Server] {
        var result: [ServerName: Configuration.Server] = [:]
        for (spelling, entry) in try field?.allMembers() ?? [] {
            let name = try serverName(spelling, entry)
            result[name] = try server(name, entry, tenant: tenant, secrets: secrets)
        }
        return result
    }

    static func serverName(
        _ spelling: String,
        _ field: Field
    ) throws(ConfigurationError) -> ServerName {
        do throws(InvalidName) {
            return try ServerName(spelling)
        } catch {
            throw field.wrong("\(error)")
        }
    }

    private static let common: Set<String> = [
        "root", "call_timeout", "start_timeout", "idle_timeout", "revision", "elicitation",
        "sampling", "roots",
    ]

    private static func server(
        _ name: ServerName,
        _ field: Field,
        tenant: TenantID,
        secrets: [String: Configuration.SecretSource]
    ) throws(ConfigurationError) -> Configuration.Server {
        let isHTTP = field.node["url"] != nil
        let own: Set<String> =
            isHTTP
            ? ["url", "credential", "ca", "addresses", "http2"]
            : ["command", "env", "folder", "cage", "health", "secrets"]
        let members = try field.members(of: own.union(common))
        let kind: Configuration.Server.Kind =
            isHTTP
            ? .http(try http(members, secrets: secrets, of: field))
            : .stdio(try stdio(members, secrets: secrets, of: field))
        let revision = try members["revision"]?.string()
        if let revision, Revision(rawValue: revision) == nil {
            throw (members["revision"] ?? field).wrong(
                "`revision` is `\(printable(revision))`",
                hint: "use one of: " + Revision.allCases.map(\.rawValue).joined(separator: ", ")
            )
        }
        let root = try members["root"]?.string()
        if let root, !root.hasPrefix("/") {
            throw (members["root"] ?? field).wrong("`root` must be an absolute path")
        }
        return Configuration.Server(
            name: name,
            tenant: tenant,
            kind: kind,
            root: root,
            callTimeout: try members["call_timeout"]?.duration(
                in: .milliseconds(100)...Limits.callMaximum
            )
                ?? Limits.callTimeout,
            startTimeout: try members["start_timeout"]?.duration(in: .seconds(1) ... .seconds(300))
                ?? Limits.serverStart,
            idleTimeout: try members["idle_timeout"]?.duration(
                in: .seconds(1) ... .seconds(86_400)
            ),
            revision: revision,
            asks: try ServerAsksReader.asks(members)
        )
    }

    private static func http(
        _ members: [String: Field],
        secrets: [String: Configuration.SecretSource],
        of field: Field
    ) throws(ConfigurationError) -> Configuration.Server.HTTP {
        let credential = try members["credential"]?.string()
        if let credential, secrets[credential] == nil {
            throw undefined(credential, secrets, members["credential"] ?? field)
        }
        return Configuration.Server.HTTP(
            url: try members["url"].map(url) ?? "",
            credential: credential,
            certificateAuthority: try members["ca"]?.string(),
            addresses: try addresses(members),
            http2: try members["http2"]?.bool() ?? true
        )
    }

    /// Where the name in `url` may lead, in the place of what is public.
    static func addresses(
        _ members: [String: Field]
    ) throws(ConfigurationError) -> [AddressRange]? {
        guard let field = members["addresses"] else { return nil }
        let url = try members["url"]?.string() ?? ""
        guard (try? HTTPURL(parsing: url))?.origin.address == nil else {
            throw field.wrong("`addresses` is for a name; `url` names an address itself")
        }
        return try NetworkReader.blocks(field)
    }

    /// A URL that is connected to: https, or http on loopback.
    static func url(_ field: Field) throws(ConfigurationError) -> String {
        let text = try field.string()
        let url: HTTPURL
        do throws(HTTPURLError) {
            url = try HTTPURL(parsing: text)
        } catch {
            throw field.wrong("\(error)")
        }
        let isLoopback = url.origin.address?.isLoopback ?? (url.origin.host == "localhost")
        guard url.origin.isSecure || isLoopback else {
            throw field.wrong(
                "`\(printable(text))` is not encrypted; http is for loopback addresses only",
                hint: "write `https://…`"
            )
        }
        return text
    }

    /// `none`, or how often it is asked and how long it has to answer.
    private static func health(_ field: Field?) throws(ConfigurationError) -> HealthSettings? {
        guard let field else { return .standard }
        if field.node.isString("none") { return nil }
        let members = try field.members(of: ["every", "timeout"])
        return HealthSettings(
            interval: try members["every"]?.duration(in: .seconds(1) ... .seconds(3600))
                ?? Limits.healthInterval,
            timeout: try members["timeout"]?.duration(in: .seconds(1) ... .seconds(300))
                ?? Limits.healthTimeout
        )
    }

    private static func stdio(
        _ members: [String: Field],
        secrets: [String: Configuration.SecretSource],
        of field: Field
    ) throws(ConfigurationError) -> Configuration.Server.Stdio {
        guard let commandField = members["command"] else {
            throw field.wrong(
                "server `\(field.name)` has neither `command` nor `url`",
                hint: "write `command: [PROGRAM, ARGUMENT, …]` or `url: https://…`"
            )
        }
        let command = try commandField.strings()
        guard !command.isEmpty, command.allSatisfy({ !$0.isEmpty }) else {
            throw commandField.wrong("`command` must be a list of at least one word, none empty")
        }
        let cage = try CageReader.cage(members["cage"])
        let uses = try SecretUseReader.read(members["secrets"], cage: cage, secrets: secrets)
        let environment = try environment(members["env"], secrets: secrets)
        try SecretUseReader.check(members["env"], environment, uses)
        return Configuration.Server.Stdio(
            command: command,
            environment: environment,
            workingFolder: try members["folder"]?.string(),
            cage: cage,
            health: try health(members["health"]),
            uses: uses
        )
    }

    static func undefined(
        _ name: String,
        _ secrets: [String: Configuration.SecretSource],
        _ field: Field
    ) -> ConfigurationError {
        field.wrong(
            "secret `\(printable(name))` is not defined"
                + Spelling.suggestion(for: name, in: secrets.keys.sorted()),
            hint: "add it under `secrets`"
        )
    }

    /// Variables that change what an interpreter or the loader runs; never taken from a file.
    private static let refusedVariables = [
        "LD_", "PYTHON", "NODE_OPTIONS", "BASH_ENV", "ENV", "PERL5", "RUBYOPT", "GCONV_PATH",
    ]

    static func environment(
        _ field: Field?,
        secrets: [String: Configuration.SecretSource]
    ) throws(ConfigurationError) -> [String: Configuration.Server.Value] {
        var result: [String: Configuration.Server.Value] = [:]
        for (name, entry) in try field?.allMembers() ?? [] {
            try checkVariable(name, entry)
            if entry.node.kind == .object {
                let members = try entry.members(of: ["secret", "expose"])
                let secret = try members["secret"]?.string() ?? ""
                guard secrets[secret] != nil else { throw undefined(secret, secrets, entry) }
                let isExposed = try members["expose"]?.bool() ?? false
                result[name] = isExposed ? .exposed(secret) : .secret(secret)
            } else {
                result[name] = .plain(try entry.string())
            }
        }
        return result
    }

    static func checkVariable(_ name: String, _ field: Field) throws(ConfigurationError) {
        let isName =
            !name.isEmpty && name.utf8.count <= 128
            && name.utf8.allSatisfy {
                (0x41...0x5a).contains($0) || (0x61...0x7a).contains($0)
                    || (0x30...0x39).contains($0) || $0 == 0x5f
            }
        guard isName else { throw field.wrong("`\(name)` is no name of a variable") }
        let refused = refusedVariables.contains { prefix in
            prefix == "ENV" || prefix.contains("_OPTIONS") || prefix.hasSuffix("_PATH")
                ? name == prefix : name.hasPrefix(prefix)
        }
        guard !refused else {
            throw field.wrong("`\(name)` changes what the server runs and is not taken")
        }
    }
}
