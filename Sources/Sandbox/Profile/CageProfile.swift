/// What a server is given, as the configuration says it; nothing in here was checked yet.
///
/// `CagePlan` checks it against this machine; a renderer turns the plan into a running cage. Later
/// parts (egress, hidden paths, gVisor) add fields here and read them there.
package struct CageProfile: Sendable, Equatable {
    package enum Network: String, Sendable {
        /// A network namespace with nothing but its own loopback.
        case none
        /// Its own loopback as well, and on it the gateway's way out: a listener PID 1 makes and
        /// hands over, so that there is a door and no route.
        case egress
        /// The host's network: written by hand, shown in every listing.
        case host
    }

    /// Who the server is outside its cage; inside it is always uid 1000.
    package enum Identity: Sendable, Equatable {
        /// The gateway's own user, which must not be root.
        case gateway
        /// A user of its own, which only a gateway that runs as root can give.
        case own(uid: UInt32, gid: UInt32)
    }

    package enum Seccomp: String, Sendable, CaseIterable {
        /// What a tool server never needs is denied.
        case standard
        /// Besides, only what is listed is allowed.
        case strict
    }

    /// The server's argument vector; the first is a path or a name looked up in `searchPath`.
    package var command: [String]
    /// The folder outside that relative paths in `command` are relative to.
    package var baseFolder: String
    /// Folders outside in which a bare command name is looked up.
    package var searchPath: [String] = ["/usr/local/bin", "/usr/bin", "/bin"]
    /// Folders or files outside that are shown read-only at their own path, beside those the command
    /// was found to need.
    package var code: [String] = []
    /// Path inside to folder outside.
    package var read: [String: String] = [:]
    package var write: [String: String] = [:]
    /// Where the server starts, as a path inside; its private home when nil.
    package var workingFolder: String?
    package var network: Network = .none
    /// Ports of hosts it may connect to, which are captured like 80 and 443.
    package var egressPorts: Set<UInt16> = []
    package var seccomp: Seccomp = .standard
    package var environment: [String: String] = [:]
    /// Certificates the programs inside shall trust, in PEM form; nil: those of the machine.
    package var authorities: [UInt8]?
    package var identity: Identity = .gateway
    package var limits = CageLimits()
    package var minimum: Set<CageLayer> = CageLayer.standardMinimum
    /// What no cage may see or hold: the state folder and every configuration file.
    package var protectedPaths: [String] = []
    /// What of `read` and `write` is not there for the server; nil shows all of it.
    package var hiding: HiddenFolders?
    /// Whether anything can be laid over folders here; where not, one that holds what is denied is put
    /// together, or not shown.
    package var overlay = Trial.works

    package init(command: [String], baseFolder: String) {
        self.command = command
        self.baseFolder = baseFolder
    }
}
