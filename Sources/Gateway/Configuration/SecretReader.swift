import Base
private import JSON

/// Reads where the configuration's secrets come from.
enum SecretReader {
    private static let sources: Set<String> = ["env", "file", "stored", "command", "vault"]

    static func read(
        _ field: Field?
    ) throws(ConfigurationError) -> [String: Configuration.SecretSource] {
        var result: [String: Configuration.SecretSource] = [:]
        for (name, entry) in try field?.allMembers() ?? [] {
            let members = try entry.members(of: sources)
            guard members.count == 1, let (key, value) = members.first else {
                throw entry.wrong(
                    "secret `\(name)` needs exactly one source",
                    hint: "write one of `{ file: PATH }`, `{ env: NAME }`, `{ stored: true }`, "
                        + "`{ command: [PROGRAM] }`, `{ vault: { … } }`"
                )
            }
            result[name] = try source(key, value)
        }
        return result
    }

    private static func source(
        _ key: String,
        _ value: Field
    ) throws(ConfigurationError) -> Configuration.SecretSource {
        switch key {
        case "env": return .environment(try value.string())
        case "file": return .file(try value.string())
        case "stored":
            guard try value.bool() else {
                throw value.wrong("`stored` is true, or not written at all")
            }
            return .stored
        case "command":
            let command = try value.strings()
            guard let program = command.first, program.hasPrefix("/"), command.count <= 64 else {
                throw value.wrong(
                    "`command` is a list: the absolute path of a program, and its arguments"
                )
            }
            return .command(command)
        default: return .vault(try vault(value))
        }
    }

    private static func vault(
        _ field: Field
    ) throws(ConfigurationError) -> Configuration.VaultSource {
        let members = try field.members(
            of: ["url", "mount", "path", "key", "token", "namespace", "ca", "addresses"]
        )
        func needed(_ key: String) throws(ConfigurationError) -> Field {
            guard let field = members[key] else {
                throw field.wrong("the key `\(key)` is missing")
            }
            return field
        }
        let tokenField = try needed("token")
        let token = try tokenField.members(of: ["env", "file"])
        let source: Configuration.VaultSource.Token
        switch (token["env"], token["file"]) {
        case (let variable?, nil): source = .environment(try variable.string())
        case (nil, let file?): source = .file(try file.string())
        default:
            throw tokenField.wrong("`token` is `{ env: NAME }` or `{ file: PATH }`")
        }
        return Configuration.VaultSource(
            url: try ServerReader.url(try needed("url")),
            mount: try members["mount"].map(path) ?? "secret",
            path: try path(try needed("path")),
            key: try members["key"]?.string() ?? "value",
            token: source,
            namespace: try members["namespace"]?.string(),
            certificateAuthority: try members["ca"]?.string(),
            addresses: try ServerReader.addresses(members)
        )
    }

    /// What can stand in a URL's path as it is.
    private static func path(_ field: Field) throws(ConfigurationError) -> String {
        let text = try field.string()
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        let isPlain = parts.allSatisfy { part in
            !part.isEmpty && part != "." && part != ".."
                && part.utf8.allSatisfy { byte in
                    (0x30...0x39).contains(byte) || (0x41...0x5a).contains(byte)
                        || (0x61...0x7a).contains(byte) || [0x2d, 0x2e, 0x5f].contains(byte)
                }
        }
        guard isPlain, text.utf8.count <= 512 else {
            throw field.wrong("`\(printable(text))` is no path; use letters, digits, `-_.` and `/`")
        }
        return text
    }
}
