import Base
import Screening
import System

/// The values of the configuration's secrets, read once at a start or reload.
struct SecretValues: Sendable {
    private var values: [String: [UInt8]] = [:]

    static let byteCountLimit = 64 << 10

    init(
        _ configuration: Configuration,
        folder: String,
        environment: (String) -> String?
    ) throws(ConfigurationError) {
        for (name, source) in configuration.secrets {
            let value: [UInt8]
            switch source {
            case .literal(let text): value = Array(text.utf8)
            case .environment(let variable):
                guard let text = environment(variable) else {
                    throw Self.problem(configuration, name, "the variable `\(variable)` is not set")
                }
                value = Array(text.utf8)
            case .file(let path):
                value = try Self.read(Paths.join(folder, path), name, configuration)
            }
            let trimmed = value.reversed().drop { $0 == 0x0a || $0 == 0x0d }.reversed()
            guard !trimmed.isEmpty else { throw Self.problem(configuration, name, "it is empty") }
            values[name] = Array(trimmed)
        }
    }

    subscript(name: String) -> [UInt8]? { values[name] }
    var all: [(name: String, value: [UInt8])] { values.map { ($0.key, $0.value) } }

    private static func read(
        _ path: String,
        _ name: String,
        _ configuration: Configuration
    ) throws(ConfigurationError) -> [UInt8] {
        do {
            guard try FileFacts(path).isPrivate else {
                throw problem(configuration, name, "`\(path)` may be read by others; chmod 600 it")
            }
            return try Files.read(path, limit: byteCountLimit)
        } catch let error as ConfigurationError {
            throw error
        } catch {
            throw problem(configuration, name, "\(error)")
        }
    }

    private static func problem(
        _ configuration: Configuration,
        _ name: String,
        _ reason: String
    ) -> ConfigurationError {
        ConfigurationError(
            file: configuration.file,
            position: nil,
            problem: "secret `\(name)` cannot be read: \(reason)"
        )
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
    /// The secrets it is given, or is called with.
    var secretNames: Set<String> {
        switch kind {
        case .http(let http): Set(http.credential.map { [$0] } ?? [])
        case .stdio(let stdio):
            Set(
                stdio.environment.values.compactMap { value in
                    if case .secret(let name) = value { name } else { nil }
                }
            )
        }
    }
}

/// Paths of a configuration are relative to the folder of its file.
package enum Paths {
    package static func join(_ folder: String, _ path: String) -> String {
        path.hasPrefix("/") ? path : folder + "/" + path
    }
}
