import Base
private import Egress
import Screening
import System

/// The values of the configuration's secrets, read at a start, at a reload and when one is rotated.
struct SecretValues: Sendable {
    private var values: [String: [UInt8]] = [:]

    init() {}

    /// Reads what lies on this machine; what a program or a vault has to say is read when the gateway
    /// runs.
    init(
        local configuration: Configuration,
        folder: String,
        environment: (String) -> String?,
        vault: SecretVault
    ) throws(ConfigurationError) {
        for (name, source) in configuration.secrets where source.isLocal {
            do throws(SecretProblem) {
                try self.take(
                    name,
                    try source.localValue(name, folder: folder, environment: environment, vault)
                )
            } catch {
                if error.isMissing, !configuration.holds(name) { continue }
                throw Self.problem(configuration, name, error.text)
            }
        }
    }

    mutating func take(_ name: String, _ value: [UInt8]) throws(SecretProblem) {
        let trimmed = Gateway.trimmed(value)
        guard !trimmed.isEmpty else { throw SecretProblem(text: "it is empty") }
        values[name] = trimmed
    }

    subscript(name: String) -> [UInt8]? { values[name] }
    var all: [(name: String, value: [UInt8])] { values.map { ($0.key, $0.value) } }

    static func problem(
        _ configuration: Configuration,
        _ name: String,
        _ reason: String
    ) -> ConfigurationError {
        let remark = configuration.remark(
            at: ["secrets", name],
            "secret `\(printable(name))` cannot be read: \(reason)"
        )
        return ConfigurationError(
            file: remark.file,
            position: remark.position,
            problem: remark.text
        )
    }
}

/// Why a file does not give a secret.
struct SecretProblem: Error {
    let text: String
    /// It is not there yet, and can be set while the gateway runs.
    var isMissing = false
}

/// A file that holds one secret.
enum SecretFile {
    static let byteCountLimit = 64 << 10

    /// Its bytes, as long as it is a file of which nobody but its owner knows more than the name.
    static func read(_ path: String) throws(SecretProblem) -> [UInt8] {
        let facts: FileFacts
        do throws(SystemError) { facts = try FileFacts(path) } catch {
            throw SecretProblem(text: "\(error)")
        }
        guard facts.kind != .link else {
            throw SecretProblem(text: "`\(path)` is a symbolic link; name the file it leads to")
        }
        guard facts.isPrivate else {
            throw SecretProblem(text: "`\(path)` may be read by others; chmod 600 it")
        }
        do throws(SystemError) { return try Files.read(path, limit: byteCountLimit) } catch {
            throw SecretProblem(text: "\(error)")
        }
    }
}

/// The values that are looked for in texts: those of the configuration, and what they were before.
///
/// A secret that was changed may still stand in files, logs and servers.
struct KnownSecrets {
    private var values: [(name: String, value: [UInt8])] = []

    static let limit = 256

    mutating func take(_ secrets: SecretValues, log: (String) -> Void) -> [KnownSecret] {
        let new = secrets.all
        let old = values.filter { old in !new.contains { $0.value == old.value } }
        values = new + old.prefix(max(0, Self.limit - new.count))
        return values.compactMap { name, value in
            let known = KnownSecret(name: name, value: value)
            if known == nil {
                log("secret \(name): too short to be looked for in what servers say")
            }
            return known
        }
    }
}

extension Configuration.Server {
    /// The secrets it is given, is called with, or uses without holding them.
    var secretNames: Set<String> {
        switch kind {
        case .http: heldSecretNames
        case .stdio(let stdio): heldSecretNames.union(stdio.uses.map(\.binding.secret))
        }
    }

    /// Those whose value goes into its process, or its client: another value is another server.
    var heldSecretNames: Set<String> {
        switch kind {
        case .http(let http): Set(http.credential.map { [$0] } ?? [])
        case .stdio: Set(exposed.values)
        }
    }

    /// The variables it is handed the value of a secret in, with the secret's name.
    var exposed: [String: String] {
        guard case .stdio(let stdio) = kind else { return [:] }
        return stdio.exposed
    }
}

extension Configuration.Server.Stdio {
    var exposed: [String: String] {
        environment.compactMapValues { value in
            if case .exposed(let name) = value { name } else { nil }
        }
    }
}

extension SecretValues {
    /// Refuses a server that is handed the value of a secret in any other way than `expose: true`.
    func checkPlain(_ configuration: Configuration) throws(ConfigurationError) {
        // What is too short to be looked for anywhere says nothing here either.
        let known = values.filter { KnownSecret(name: $0.key, value: $0.value) != nil }
        for server in configuration.allServers {
            guard case .stdio(let stdio) = server.kind else { continue }
            for (variable, value) in stdio.environment.sorted(by: { $0.key < $1.key }) {
                guard case .plain(let text) = value,
                    let name = known.first(where: { text.utf8.contains($0.value) })?.key
                else { continue }
                let remark = configuration.remark(
                    at: configuration.place(of: server) + ["env", variable],
                    "`\(variable)` holds the value of secret `\(printable(name))`"
                )
                throw ConfigurationError(
                    file: remark.file,
                    position: remark.position,
                    problem: remark.text,
                    hint:
                        "write `{ secret: \(printable(name)), expose: true }`, or bind it under `secrets`"
                )
            }
        }
    }
}

extension Configuration {
    /// Whether somebody said of it that it is a secret; every value of a client's file is one.
    func isMarked(_ secret: String) -> Bool {
        if case .literal? = secrets[secret] { false } else { true }
    }

    /// Whether some server cannot be made without the value.
    func holds(_ secret: String) -> Bool {
        allServers.contains { $0.heldSecretNames.contains(secret) }
    }

    /// What no cage may show: the state, the configuration, what was accepted, files of secrets
    /// and keys.
    func protectedPaths(folder: String, state: String?) -> [String] {
        let secrets = secrets.values.compactMap { source -> String? in
            switch source {
            case .file(let path): return Paths.join(folder, path)
            case .vault(let vault):
                if case .file(let path) = vault.token { return Paths.join(folder, path) }
                return nil
            case .environment, .literal, .stored, .command: return nil
            }
        }
        let keys = listen.tls?.identities.map { Paths.join(folder, $0.key) } ?? []
        return (state.map { [$0] } ?? []) + [
            file, ConfigurationFiles.lockPath(of: file), ConfigurationFiles.signaturePath(of: file),
        ] + secrets + keys
    }
}

/// Paths of a configuration are relative to the folder of its file.
package enum Paths {
    package static func join(_ folder: String, _ path: String) -> String {
        if path.hasPrefix("/") { return path }
        var rest = Substring(path)
        while rest.hasPrefix("./") { rest = rest.dropFirst(2) }
        return folder + "/" + rest
    }
}
