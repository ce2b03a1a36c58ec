/// What Landlock holds a server to, beneath what the mounts already do: a second wall for files, and one
/// for TCP ports and signals where the kernel knows them.
///
/// Set by gatehouse-init in the server's process, before it executes anything. What the kernel's version
/// does not know is left out of `files`, `network` and `scopes`, and so out of what `words` says.
package struct LandlockRules: Sendable, Equatable {
    /// LANDLOCK_ACCESS_FS_*.
    struct Files: OptionSet, Sendable {
        let rawValue: UInt64
        static let execute = Self(rawValue: 1 << 0)
        static let writeFile = Self(rawValue: 1 << 1)
        static let readFile = Self(rawValue: 1 << 2)
        static let readFolder = Self(rawValue: 1 << 3)
        static let makeCharacterDevice = Self(rawValue: 1 << 6)
        static let makeBlockDevice = Self(rawValue: 1 << 11)
        /// Linux 5.19, 6.2, 6.10.
        static let refer = Self(rawValue: 1 << 13)
        static let truncate = Self(rawValue: 1 << 14)
        static let controlDevice = Self(rawValue: 1 << 15)

        static let reading: Self = [.execute, .readFile, .readFolder]

        /// Every right that version knows.
        static func known(to version: Int) -> Self {
            var all = Self(rawValue: (1 << 13) - 1)
            if version >= 2 { all.insert(.refer) }
            if version >= 3 { all.insert(.truncate) }
            if version >= 5 { all.insert(.controlDevice) }
            return all
        }
    }

    /// LANDLOCK_ACCESS_NET_*, Linux 6.7.
    struct Network: OptionSet, Sendable {
        let rawValue: UInt64
        static let bind = Self(rawValue: 1 << 0)
        static let connect = Self(rawValue: 1 << 1)
    }

    /// LANDLOCK_SCOPE_*, Linux 6.12.
    struct Scopes: OptionSet, Sendable {
        let rawValue: UInt64
        static let abstractSockets = Self(rawValue: 1 << 0)
        static let signals = Self(rawValue: 1 << 1)
    }

    let version: Int
    let files: Files
    let network: Network
    let scopes: Scopes
    private(set) var paths: [(path: String, access: UInt64)] = []
    private(set) var ports: [(port: UInt16, access: UInt64)] = []

    /// Nil where the kernel has no Landlock.
    init?(_ plan: CagePlan, _ tools: CageTools) {
        let (version, host) = (tools.landlockVersion, tools.host)
        guard version >= 1 else { return nil }
        self.version = version
        files = .known(to: version)
        let ports = plan.reachablePorts(tools)
        network = version >= 4 && ports != nil ? [.bind, .connect] : []
        scopes = version >= 6 ? [.abstractSockets, .signals] : []
        if !network.isEmpty {
            self.ports = (ports ?? []).map { ($0, Network.connect.rawValue) }
        }
        // The cage's own folders between the mounts; what is in them was put there to be seen.
        allow("/", .readFolder)
        let folders = host.systemFolders.filter { $0.target == nil }.map(\.path)
        for path in ["/usr", "/etc", "/proc"] + folders { allow(path, .reading) }
        allow("/dev", [.readFile, .readFolder, .writeFile, .truncate, .controlDevice])
        for path in ["/dev/shm", "/tmp", CagePlan.home] { allow(path, Self.everything) }
        if plan.command.executable == BubblewrapArguments.victimPath {
            allow(BubblewrapArguments.victimPath, .reading)
        }
        for source in plan.sources {
            allow(source.inside, source.isWritable ? Self.everything : .reading)
        }
    }

    /// Everything but devices.
    private static let everything = Files(rawValue: .max)
        .subtracting([.makeCharacterDevice, .makeBlockDevice])

    private mutating func allow(_ path: String, _ access: Files) {
        paths.append((path, access.intersection(files).rawValue))
    }

    /// What it holds, for people.
    package var words: String {
        var parts = ["files below what is shown"]
        if !network.isEmpty {
            let numbers = ports.map { String($0.port) }.joined(separator: ", ")
            parts.append(ports.isEmpty ? "no TCP" : "TCP only to \(numbers), no listening")
        }
        if !scopes.isEmpty { parts.append("no signals and abstract sockets out of the cage") }
        return "ABI \(version): " + parts.joined(separator: "; ")
    }

    package static func == (left: Self, right: Self) -> Bool {
        left.version == right.version && left.files == right.files
            && left.network == right.network && left.scopes == right.scopes
            && left.paths.elementsEqual(right.paths, by: ==)
            && left.ports.elementsEqual(right.ports, by: ==)
    }
}

extension CagePlan {
    /// The TCP ports a cage may connect to; nil leaves them to the host.
    func reachablePorts(_ tools: CageTools) -> [UInt16]? {
        switch network {
        case .none: return []
        case .host: return nil
        case .egress:
            let captured = capturedPorts(tools)
            return [InitProtocol.egressPort] + (captured.isEmpty ? [] : [InitProtocol.namePort])
                + captured
        }
    }

    /// The ports on which every address leads to the gateway; none where nothing is captured.
    func capturedPorts(_ tools: CageTools) -> [UInt16] {
        guard network == .egress, tools.capturesNetwork else { return [] }
        return InitProtocol.webPorts.union(egressPorts)
            .subtracting([InitProtocol.egressPort, InitProtocol.namePort]).sorted()
    }
}
