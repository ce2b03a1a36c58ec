/// One of the things that hold a cage closed.
package enum CageLayer: String, Sendable, CaseIterable, Comparable {
    /// User, PID, IPC, UTS, cgroup and (with `network: none`) network namespaces.
    case namespaces
    /// A file system made for this start: read-only system and code, private folders, nothing else.
    case mounts
    /// No gain of rights by executing, no capabilities, not root.
    case noNewPrivileges = "no-new-privs"
    /// The system call filter.
    case seccomp
    /// Bounds on processes, descriptors, file sizes, core dumps.
    case rlimits
    /// File and network rules of the kernel's own, below what the mounts already do.
    case landlock
    /// Bounds on memory, processor time and processes of the whole tree.
    case cgroup
    /// Denied paths are not there in the folders the server is given (overlayfs).
    case overlay
    /// A user of the host that no other server and no person shares.
    case ownUser = "own-uid"

    /// What a server needs unless its configuration states something else.
    package static let standardMinimum: Set<CageLayer> = [
        .namespaces, .mounts, .noNewPrivileges, .seccomp, .rlimits,
    ]

    /// What a server with a tool that executes what it is given (T3) needs unless its configuration
    /// states something else.
    package static let executeMinimum = standardMinimum.union([.landlock, .cgroup])

    /// What a cage has whatever is written: it is made whole or not at all.
    package static let always = standardMinimum

    /// What every cage is given where the machine has it.
    package static let whereverFound = always.union([.landlock, .cgroup])

    /// What a start must have: what every cage has, and what is written, or follows from a T3 tool
    /// where nothing is.
    package static func required(
        written: [String]?,
        executes: Bool,
        hasFolders: Bool = false
    ) -> Set<CageLayer> {
        if let written { return always.union(written.compactMap { CageLayer(rawValue: $0) }) }
        return (executes ? executeMinimum : always).union(hasFolders ? [.overlay] : [])
    }

    package static func < (left: CageLayer, right: CageLayer) -> Bool {
        left.position < right.position
    }

    private var position: Int { CageLayer.allCases.firstIndex(of: self) ?? 0 }
}
