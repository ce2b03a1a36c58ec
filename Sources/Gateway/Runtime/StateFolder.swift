import Base
import Crypto
import System

/// The folder that holds what must outlive the process: the log, keys, sockets.
///
/// `$GATEHOUSE_STATE`, else `$XDG_STATE_HOME/gatehouse`, else `~/.local/state/gatehouse`, as root
/// `/var/lib/gatehouse`. It is 0700, its owner's alone, and no cage may hold it.
package struct StateFolder: Sendable {
    package let path: String

    package struct Problem: Error, CustomStringConvertible, Sendable {
        package let description: String
    }

    package init(path: String) { self.path = path }

    /// The place the environment asks for.
    package static func place(
        environment: (String) -> String?,
        isRoot: Bool
    ) throws(Problem) -> StateFolder {
        if let path = environment("GATEHOUSE_STATE"), !path.isEmpty { return try checked(path) }
        if let base = environment("XDG_STATE_HOME"), !base.isEmpty {
            return try checked(base + "/gatehouse")
        }
        if isRoot { return StateFolder(path: "/var/lib/gatehouse") }
        guard let home = environment("HOME"), home.hasPrefix("/") else {
            throw Problem(description: "neither GATEHOUSE_STATE nor HOME is set; set one of them")
        }
        return StateFolder(path: home + "/.local/state/gatehouse")
    }

    private static func checked(_ path: String) throws(Problem) -> StateFolder {
        guard path.hasPrefix("/") else {
            throw Problem(description: "the state folder `\(path)` must be an absolute path")
        }
        return StateFolder(path: path)
    }

    /// Makes the folder where it is missing; refuses one that others may enter.
    package func prepare(user: UInt32) throws {
        if !Files.exists(path) { try Self.makeAll(path) }
        let facts = try FileFacts(path)
        guard facts.kind == .folder, facts.userID == user, facts.isPrivate else {
            throw Problem(
                description:
                    "the state folder `\(path)` must be a folder of its own user with mode 0700; "
                    + "run `chmod 700 \(path)`"
            )
        }
    }

    private static func makeAll(_ path: String) throws {
        let parent = Files.split(path).folder
        if !parent.isEmpty, parent != "/", !Files.exists(parent) { try makeAll(parent) }
        try Files.makeFolder(path)
    }

    package var controlSocket: String { path + "/control.sock" }
    package var agentSocket: String { path + "/agents.sock" }
    /// Layers that hide denied paths from hosted servers; made anew by every process.
    package var layers: String { path + "/layers" }
    /// What servers changed in folders they have a copy on write of, until somebody settles it.
    package var changes: String { path + "/changes" }
    package var lockFile: String { path + "/lock" }
    package var signingKey: String { path + "/signing.key" }
    package var sealingKey: String { path + "/sealing.key" }
    /// Where the MCP listener is, for commands and scripts.
    package var addressFile: String { path + "/address" }
}
