package import Base
import Sandbox

extension Configuration {
    /// What the hosted servers of one tenant may use together; nil where nothing is written.
    package struct Hosting: Sendable, Equatable {
        /// So many of them run at once.
        package var serverCount: Int?
        /// The sum of their `processes`.
        package var processCount: UInt64?
        /// The sum of their `memory`.
        package var memoryByteCount: UInt64?

        package init() {}

        /// What is written here, and what is not as `other` has it.
        func completed(by other: Self) -> Self {
            var result = self
            result.serverCount = serverCount ?? other.serverCount
            result.processCount = processCount ?? other.processCount
            result.memoryByteCount = memoryByteCount ?? other.memoryByteCount
            return result
        }

        /// What `other` did not let them use.
        package func loosenings(from other: Self) -> [String] {
            func isWider<Number: Comparable>(_ new: Number?, _ old: Number?) -> Bool {
                guard let old else { return false }
                return new.map { $0 > old } ?? true
            }
            var found: [String] = []
            if isWider(serverCount, other.serverCount) { found.append("hosting.servers") }
            if isWider(processCount, other.processCount) { found.append("hosting.processes") }
            if isWider(memoryByteCount, other.memoryByteCount) { found.append("hosting.memory") }
            return found
        }
    }

    /// What the hosted servers of each tenant may use together.
    package var hostingByTenant: [TenantID: Hosting] {
        tenants.mapValues(\.hosting).merging([.main: hosting]) { first, _ in first }
    }
}

/// Reads `hosting`, and holds the servers against it.
enum HostingReader {
    /// - Parameter inherited: what holds where a key is not written.
    static func hosting(
        _ field: Field?,
        inherited: Configuration.Hosting = Configuration.Hosting()
    ) throws(ConfigurationError) -> Configuration.Hosting {
        guard let members = try field?.members(of: ["servers", "processes", "memory"]) else {
            return inherited
        }
        var written = Configuration.Hosting()
        written.serverCount = try members["servers"]?.integer(in: 1...4096)
        if let count = try members["processes"]?.integer(in: 2...1_048_576) {
            written.processCount = UInt64(clamping: count)
        }
        if let size = try members["memory"]?.integer(in: 16...16_777_216) {
            written.memoryByteCount = UInt64(clamping: size) << 20
        }
        return written.completed(by: inherited)
    }

    /// A server that could never start under its tenant's caps, or that nothing bounds, is an error
    /// now and not a refused call later.
    ///
    /// - Parameter field: where the servers stand.
    static func check(
        _ servers: [ServerName: Configuration.Server],
        in field: Field?,
        against caps: Configuration.Hosting
    ) throws(ConfigurationError) {
        for (name, entry) in try field?.allMembers() ?? [] {
            guard let server = try? ServerName(name),
                case .stdio(let stdio)? = servers[server]?.kind
            else { continue }
            let (limits, isBare) = (stdio.cage.limits, stdio.cage.isNone)
            if isBare, caps.processCount != nil || caps.memoryByteCount != nil {
                throw entry.wrong(
                    "nothing bounds what server `\(server)` uses (`cage: none`), and `hosting` caps it",
                    hint: "give it a cage, or leave `processes` and `memory` out of `hosting`"
                )
            }
            if let cap = caps.memoryByteCount, limits.memoryByteCount > cap {
                throw entry.wrong(
                    "server `\(server)` may use \(limits.memoryByteCount >> 20) MiB of memory, "
                        + "`hosting` lets all of its tenant use \(cap >> 20): it would never start",
                    hint: "lower `memory` in its `cage`, or raise it in `hosting`"
                )
            }
            if let cap = caps.processCount, limits.processCount > cap {
                throw entry.wrong(
                    "server `\(server)` may have \(limits.processCount) processes, `hosting` lets all "
                        + "of its tenant have \(cap): it would never start",
                    hint: "lower `processes` in its `cage`, or raise it in `hosting`"
                )
            }
        }
    }
}
