package import Base
import JSON
import Patterns
package import Policy
import Sandbox
import System

/// A configuration with its policy checked and the lock it was checked with: all or nothing.
package struct PolicySet: Sendable {
    package let configuration: Configuration
    package let lock: LockFile
    package let policy: CheckedPolicy
    /// What made it good where a trust anchor asks for that; nil where there is none.
    package internal(set) var signed: SignedFiles?

    package var signature: ConfigurationSignature? { signed?.signature }

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
                        tenant: Configuration.tenantKeys.sorted()
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
            throw Self.placed(error, source)
        }
    }

    /// Each problem at the place of its own value, of which the checker knows the pointer.
    private static func placed(_ error: PolicyLoadError, _ source: SourceText) -> ConfigurationError
    {
        let all = error.problems.map { problem in
            // What `gatehouse.lock` states stands under the same names, and not in this text.
            let isHere =
                source.position(problem.pointer) != nil && source.holdsTool(problem.pointer)
            return ConfigurationError(
                file: isHere ? source.file : ConfigurationFiles.lockPath(of: source.file),
                position: isHere ? source.position(problem.pointer) : problem.position,
                problem: "`\(printable(problem.pointer.description))`: \(problem.text)"
            )
        }
        guard let first = all.first else {
            return ConfigurationError(file: source.file, position: nil, problem: "\(error)")
        }
        return ConfigurationError(
            file: first.file,
            position: first.position,
            problem: first.problem,
            others: Array(all.dropFirst())
        )
    }

    private static func context(
        _ configuration: Configuration,
        _ lock: LockFile
    ) -> PolicyContext {
        var servers: [TenantID: [ServerName: ServerRoot]] = [.main: [:]]
        var holders: [TenantID: Set<ServerName>] = [:]
        var hides: [TenantID: [ServerName: [DenyPath]]] = [:]
        for tenant in configuration.tenants.keys { servers[tenant] = [:] }
        for server in configuration.allServers {
            servers[server.tenant, default: [:]][server.name] = ServerRoot(
                server.startFolder(besides: configuration.file)
            )
            if case .stdio(let stdio) = server.kind, !stdio.cage.hide.isEmpty {
                hides[server.tenant, default: [:]][server.name] = stdio.cage.hide
            }
            // In a client's file any setting may be a value: what is not marked raises nothing.
            if server.exposed.values.contains(where: { configuration.isMarked($0) }) {
                holders[server.tenant, default: []].insert(server.name)
            }
        }
        return PolicyContext(
            environment: configuration.environment,
            isProduction: configuration.environment.rawValue == "production",
            servers: servers,
            lock: lock.tenants.mapValues(\.tools),
            holders: holders,
            hides: hides
        )
    }
}

extension PolicySet {
    /// What weakens the gateway because somebody wrote so: shown at every start and in `status`.
    package var warnings: [Remark] {
        configuration.warnings
            + configuration.allServers.compactMap { server in
                executionWarning(of: server).map {
                    configuration.remark(
                        at: configuration.place(of: server) + ["cage"],
                        $0,
                        hint: "give what executes to a server of its own, with nothing else in it"
                    )
                }
            }
    }

    /// What the cage of a server with a T3 tool lacks.
    func executionWarning(of server: Configuration.Server) -> String? {
        guard case .stdio(let stdio) = server.kind,
            policy.executingServers(of: server.tenant).contains(server.name)
        else { return nil }
        if stdio.cage.isNone { return "server `\(server.name)` has a T3 tool and no cage" }
        guard let minimum = stdio.cage.minimum else {
            return
                "server `\(server.name)` has a T3 tool: without a written `minimum` it starts "
                + "only where Landlock and cgroups hold it"
        }
        return "server `\(server.name)` has a T3 tool; what its cage must have is written: "
            + "\(minimum.isEmpty ? "nothing more than every cage" : minimum.joined(separator: ", "))"
    }
}

extension Configuration.Server {
    /// Where relative path arguments start, as the server sees it.
    ///
    /// Where the operator does not say so it is the folder the server starts in: judged by another
    /// one, a relative path would mean something else than it does to the server.
    package func startFolder(besides file: String) -> String {
        if let root { return root }
        // Nobody knows where a remote server starts: no absolute pattern names this folder.
        guard case .stdio(let stdio) = kind else { return CagePlan.home }
        guard stdio.cage.isNone else { return stdio.workingFolder ?? CagePlan.home }
        let folder = Files.split(file).folder
        return stdio.workingFolder.map { Paths.join(folder, $0) } ?? folder
    }
}
