import Base
import System

extension Configuration.SecretSource {
    /// Whether reading it asks nothing but a file or a variable.
    var isLocal: Bool {
        switch self {
        case .literal, .environment, .file, .stored: true
        case .command, .vault: false
        }
    }

    /// Reads a source that `isLocal`; it blocks as long as a file takes.
    func localValue(
        _ name: String,
        folder: String,
        environment: (String) -> String?,
        _ vault: SecretVault
    ) throws(SecretProblem) -> [UInt8] {
        switch self {
        case .literal(let text): return Array(text.utf8)
        case .environment(let variable):
            guard let text = environment(variable) else {
                throw SecretProblem(text: "the variable `\(variable)` is not set")
            }
            return Array(text.utf8)
        case .file(let path): return try SecretFile.read(Paths.join(folder, path))
        case .stored:
            guard let value = try vault.value(name) else {
                throw SecretProblem(
                    text:
                        "nothing is stored under its name; `gatehouse secrets set \(printable(name))`",
                    isMissing: true
                )
            }
            return value
        case .command, .vault: throw SecretProblem(text: "it is not on this machine")
        }
    }
}

extension Gateway {
    /// Without the line ends that files and programs put behind a value.
    static func trimmed(_ value: [UInt8]) -> [UInt8] {
        Array(value.reversed().drop { $0 == 0x0a || $0 == 0x0d }.reversed())
    }

    /// Every secret of a configuration, from wherever it comes; throws and names the first that cannot
    /// be read.
    func secretValues(_ configuration: Configuration) async throws -> SecretValues {
        var values = SecretValues()
        for (name, source) in configuration.secrets.sorted(by: { $0.key < $1.key }) {
            do {
                try values.take(name, try await secretValue(source, name))
            } catch let problem as SecretProblem {
                if problem.isMissing, !configuration.holds(name) {
                    parts.log("secret \(name): \(problem.text)")
                    continue
                }
                throw SecretValues.problem(configuration, name, problem.text)
            }
        }
        return values
    }

    /// The value of one source as it is now.
    func secretValue(
        _ source: Configuration.SecretSource,
        _ name: String
    ) async throws -> [UInt8] {
        let (folder, environment, vault) = (folder, parts.environment, vault)
        let value: [UInt8]
        switch source {
        case .literal, .environment, .file, .stored:
            value = try await parts.pool.run {
                try source.localValue(name, folder: folder, environment: environment, vault)
            }
        case .command(let command):
            value = try await parts.pool.run { try SecretProgram.value(command) }
        case .vault(let place):
            let reader = VaultReader(
                loop: loop,
                ways: waysOut,
                folder: folder,
                environment: environment
            )
            value = try await reader.value(place)
        }
        return Self.trimmed(value)
    }
}
