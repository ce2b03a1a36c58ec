package import Base
import JSON
import Patterns
package import Policy

/// A configuration with its policy checked and the lock it was checked with: all or nothing.
package struct PolicySet: Sendable {
    package let configuration: Configuration
    package let lock: LockFile
    package let policy: CheckedPolicy

    package init(
        _ configuration: Configuration,
        lock: LockFile,
        hashing: any Hashing
    ) throws(ConfigurationError) {
        self.configuration = configuration
        self.lock = lock
        let source = configuration.source
        do throws(PolicyLoadError) {
            let document =
                source.document.root["mcpServers"] == nil
                ? try PolicyDocument(
                    json: source.document.root,
                    foreign: ForeignKeys(
                        top: Configuration.foreignKeys,
                        tenant: ["servers"]
                    ),
                    positions: { source.position($0) }
                )
                : PolicyDocument()
            policy = try CheckedPolicy(
                checking: document,
                in: Self.context(configuration, lock),
                engine: RegexEngine(),
                hashing: hashing
            )
        } catch {
            let first = error.problems.first
            throw ConfigurationError(
                file: source.file,
                position: first?.position,
                problem: error.problems.map(\.description).joined(separator: "\n")
            )
        }
    }

    private static func context(
        _ configuration: Configuration,
        _ lock: LockFile
    ) -> PolicyContext {
        var servers: [TenantID: [ServerName: ServerRoot]] = [.main: [:]]
        for tenant in configuration.tenants.keys { servers[tenant] = [:] }
        for server in configuration.allServers {
            servers[server.tenant, default: [:]][server.name] = ServerRoot(server.startFolder)
        }
        return PolicyContext(
            environment: configuration.environment,
            isProduction: configuration.environment.rawValue == "production",
            servers: servers,
            lock: lock.tenants.mapValues(\.tools)
        )
    }
}

extension Configuration.Server {
    /// Where relative path arguments start, as the server sees it.
    package var startFolder: String { root ?? "/home/mcp" }
}
