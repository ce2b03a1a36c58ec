import Base

/// A profile that was checked against this machine: everything a renderer needs, nothing to decide.
///
/// Making one reads the file system and blocks. It is a value: it can be compared, shown and kept,
/// and is made anew for each start, because folders and programs change in between.
package struct CagePlan: Sendable, Equatable {
    /// A file or folder of the host that is shown in the cage.
    package struct Source: Sendable, Equatable {
        package let outside: String
        package let inside: String
        package let isWritable: Bool
        /// What stood there when it was checked; another one is refused at the start.
        package let device: UInt64
        package let inode: UInt64
        package internal(set) var view = View.whole

        /// How much is mounted for it.
        var mountCount: Int {
            if case .composed(let folder) = view { folder.shown.count } else { 1 }
        }
    }

    /// How much of a source is there inside.
    package enum View: Sendable, Equatable {
        case whole
        /// All but what the layer hides; read-only.
        case hiding(HiddenLayer)
        /// The same, and what the server changes is kept apart.
        case copying(HiddenLayer, KeptChanges)
        /// What may be seen of it, entry by entry; where no overlay can be.
        case composed(ComposedFolder)

        /// Whether gatehouse-stage has to lay something over it.
        var isOverlaid: Bool {
            switch self {
            case .whole, .composed: false
            case .hiding, .copying: true
            }
        }
    }

    package internal(set) var command: ResolvedCommand
    /// In the order of mounting; none lies in another.
    package internal(set) var sources: [Source]
    /// The files the program is identified by, each shown at its own path over what stands there: the
    /// very file that was looked at is executed, whatever the path leads to by then.
    package internal(set) var program: [Source]
    package let workingFolder: String
    package internal(set) var network: CageProfile.Network
    /// Ports the rules of its way out name.
    package let egressPorts: Set<UInt16>
    package let seccomp: CageProfile.Seccomp
    package let environment: [(name: String, value: String)]
    package let authorities: [UInt8]?
    package let identity: CageProfile.Identity
    package let limits: CageLimits
    package let minimum: Set<CageLayer>
    /// What of the sources is hidden, as it was when they were looked through.
    let denied: DeniedFiles?
    /// Links to make in the cage's root, so that paths with links work as outside.
    let links: [HostPath.Link]

    package static let home = "/home/mcp"
    /// Where `CageProfile.authorities` stand.
    package static let authoritiesPath = "/etc/gatehouse-ca.pem"
    package static let argumentCountLimit = 512
    package static let variableCountLimit = 512
    package static let textByteCountLimit = 128 << 10
    /// Mounting is quadratic: 100 take 31 ms, 500 take 380 ms.
    package static let sourceCountLimit = 100

    /// Checks `profile`; `isRoot` says whether the gateway runs as root.
    package init(_ profile: CageProfile, isRoot: Bool) throws(CageError) {
        try Self.checkIdentity(profile.identity, isRoot: isRoot)
        try Self.checkTexts(profile)
        var command = try CommandResolver.resolve(profile)
        let protected = ProtectedPaths(profile.protectedPaths)
        for path in profile.code {
            guard let walk = HostPath.walk(HostPath.joined(profile.baseFolder, path)) else {
                throw .sourceMissing(path, reason: "it does not exist")
            }
            command.roots.append(walk.real)
        }
        // What is shown as code is what the server is known by.
        command.roots = CommandResolver.outermost(Self.withoutDuplicates(command.roots))
        var sources: [Source] = []
        for path in command.roots {
            let place = try Self.codePlace(path)
            sources.append(try Self.source(place, at: place, isWritable: false, protected))
        }
        let maps = try Self.folders(profile, protected)
        try Self.checkOverlaps(code: sources, maps: maps)
        let shown = try profile.hiding?.showing(
            maps,
            overlay: profile.overlay,
            needsOverlay: profile.minimum.contains(.overlay),
            reader: Self.reader(profile.identity)
        )
        denied = shown?.denied
        sources += shown?.sources ?? maps
        guard sources.reduce(0, { $0 + $1.mountCount }) <= Self.sourceCountLimit else {
            throw .tooMany(what: "folders shown in the cage", limit: Self.sourceCountLimit)
        }
        if case .own(let uid, let gid) = profile.identity {
            for source in sources { try Self.checkReach(source, uid: uid, gid: gid) }
        }
        self.command = command.noting(what: sources)
        self.sources = sources
        program = try Self.withoutDuplicates(command.identityFiles).map { path throws(CageError) in
            try Self.source(path, at: path, isWritable: false, protected)
        }
        workingFolder = try Self.workingFolder(profile, sources)
        links = try Self.links(command.links, sources)
        network = profile.network
        egressPorts = profile.egressPorts
        seccomp = profile.seccomp
        authorities = profile.authorities
        identity = profile.identity
        limits = profile.limits
        minimum = profile.minimum
        environment = Self.environment(profile, command)
    }

    package static func == (left: CagePlan, right: CagePlan) -> Bool {
        left.command == right.command && left.sources == right.sources
            && left.program == right.program
            && left.workingFolder == right.workingFolder && left.network == right.network
            && left.egressPorts == right.egressPorts
            && left.environment.elementsEqual(right.environment, by: ==)
            && left.authorities == right.authorities
            && left.identity == right.identity && left.limits == right.limits
            && left.minimum == right.minimum && left.links == right.links
            && left.seccomp == right.seccomp
    }

    /// Whether gatehouse-stage mounts the sources, before bubblewrap does: for a user who may not pass
    /// the folders above them, and where one is not shown whole.
    var isStaged: Bool {
        if case .own = identity { return true }
        return sources.contains { $0.view.isOverlaid }
    }

    private static func reader(_ identity: CageProfile.Identity) -> ComposedFolder.Reader? {
        guard case .own(let uid, let gid) = identity else { return nil }
        return ComposedFolder.Reader(uid: uid, gid: gid)
    }

    // MARK: Checks

    private static func checkIdentity(
        _ identity: CageProfile.Identity,
        isRoot: Bool
    ) throws(CageError) {
        switch identity {
        // As root the user inside would be root's own number outside (the class of CVE-2019-5736).
        case .gateway where isRoot, .own(uid: 0, gid: _), .own(uid: _, gid: 0): throw .runsAsRoot
        case .own where !isRoot: throw .cannotSwitchUser
        default: break
        }
    }

    private static func checkTexts(_ profile: CageProfile) throws(CageError) {
        guard !profile.command.isEmpty else { throw .emptyCommand }
        guard profile.command.count <= argumentCountLimit else {
            throw .tooMany(what: "arguments", limit: argumentCountLimit)
        }
        guard profile.environment.count <= variableCountLimit else {
            throw .tooMany(what: "environment variables", limit: variableCountLimit)
        }
        var byteCount = 0
        for text in profile.command {
            guard !text.utf8.contains(0) else {
                throw .textNotUsable(what: "an argument", reason: "has a NUL byte; remove it")
            }
            byteCount += text.utf8.count + 1
        }
        for (name, value) in profile.environment {
            let isName = name.utf8.enumerated().allSatisfy { index, byte in
                (0x41...0x5a).contains(byte) || (0x61...0x7a).contains(byte) || byte == 0x5f
                    || index > 0 && (0x30...0x39).contains(byte)
            }
            guard isName, !name.isEmpty else {
                throw .textNotUsable(
                    what: "environment variable `\(printable(name))`",
                    reason: "is no name; use letters, digits and `_`"
                )
            }
            guard !value.utf8.contains(0) else {
                throw .textNotUsable(
                    what: "environment variable `\(name)`",
                    reason: "has a NUL byte; remove it"
                )
            }
            byteCount += name.utf8.count + value.utf8.count + 2
        }
        guard byteCount <= textByteCountLimit else {
            throw .tooMany(
                what: "bytes of arguments and environment",
                limit: textByteCountLimit
            )
        }
    }

    private static func withoutDuplicates(_ paths: [String]) -> [String] {
        var seen: Set<String> = []
        return paths.filter { seen.insert($0).inserted }
    }

    private static func source(
        _ outside: String,
        at inside: String,
        isWritable: Bool,
        _ protected: ProtectedPaths
    ) throws(CageError) -> Source {
        guard let status = HostPath.status(outside) else {
            throw .sourceMissing(outside, reason: "it does not exist")
        }
        guard status.kind == .folder || status.kind == .file else {
            throw .sourceMissing(outside, reason: "it is neither a folder nor a file")
        }
        try protected.check(outside)
        return Source(
            outside: outside,
            inside: inside,
            isWritable: isWritable,
            device: status.device,
            inode: status.inode
        )
    }

    /// The `read` and `write` folders, sorted by their place inside.
    private static func folders(
        _ profile: CageProfile,
        _ protected: ProtectedPaths
    ) throws(CageError) -> [Source] {
        let wanted =
            profile.read.map { ($0.key, $0.value, false) }
            + profile.write.map { ($0.key, $0.value, true) }
        var sources: [Source] = []
        for (inside, outside, isWritable) in wanted.sorted(by: { $0.0 < $1.0 }) {
            let place = try insidePlace(inside)
            guard let walk = HostPath.walk(HostPath.joined(profile.baseFolder, outside)) else {
                throw .sourceMissing(outside, reason: "it does not exist; create it first")
            }
            let source = try source(walk.real, at: place, isWritable: isWritable, protected)
            guard HostPath.status(walk.real)?.kind == .folder else { throw .notAFolder(outside) }
            guard walk.real != "/" else {
                throw .insideNotUsable(outside, reason: "it is the whole file system")
            }
            sources.append(source)
        }
        return sources
    }

    /// Places the cage makes itself; nothing may be put on, below or above them.
    ///
    /// INVARIANT: a mount point lies in a file system made for this start, never in a folder of the
    /// host that the server can write or could write in an earlier run.
    private static let reservedPlaces = [
        "/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/etc", "/proc", "/sys",
        "/dev", "/tmp", "/run", "/var", home, "/gatehouse-init",
    ]

    /// Code has the same path inside as outside, because programs keep absolute paths in themselves.
    private static func codePlace(_ path: String) throws(CageError) -> String {
        guard let place = HostPath.normalised(path), place != "/" else {
            throw .insideNotUsable(path, reason: "it is the whole file system")
        }
        for reserved in reservedPlaces where HostPath.lies(reserved, in: place) {
            throw .insideNotUsable(path, reason: "the cage has its own \(reserved); name less")
        }
        for own in ["/proc", "/sys", "/dev"] where HostPath.lies(place, in: own) {
            throw .insideNotUsable(path, reason: "the cage has its own \(own)")
        }
        return place
    }

    private static func insidePlace(_ inside: String) throws(CageError) -> String {
        guard let place = HostPath.normalised(inside), place != "/" else {
            throw .insideNotUsable(inside, reason: "write an absolute path without `..`")
        }
        for reserved in reservedPlaces where HostPath.overlap(place, reserved) {
            throw .insideNotUsable(
                inside,
                reason: "\(reserved) is the cage's own; use a place such as /data"
            )
        }
        return place
    }

    /// Where a folder is to be shown, beside others; the part of the check that needs no disk.
    package static func place(
        _ inside: String,
        beside others: [String]
    ) throws(CageError) -> String {
        let place = try insidePlace(inside)
        if let other = others.first(where: { HostPath.overlap($0, place) }) {
            throw .foldersOverlap(other, place)
        }
        return place
    }

    private static func checkOverlaps(code: [Source], maps: [Source]) throws(CageError) {
        for (index, first) in maps.enumerated() {
            for second in maps[(index + 1)...] {
                guard !HostPath.overlap(first.inside, second.inside) else {
                    throw .foldersOverlap(first.inside, second.inside)
                }
                guard !HostPath.overlap(first.outside, second.outside) else {
                    throw .foldersOverlap(first.outside, second.outside)
                }
            }
            for root in code {
                guard !HostPath.overlap(first.inside, root.inside) else {
                    throw .foldersOverlap(first.inside, root.inside)
                }
                guard !first.isWritable || !HostPath.overlap(first.outside, root.outside) else {
                    throw .codeIsWritable(code: root.outside, folder: first.outside)
                }
            }
            for system in ["/usr", "/etc", "/proc", "/sys", "/dev", "/boot"]
            where first.isWritable && HostPath.overlap(first.outside, system) {
                throw .codeIsWritable(code: system, folder: first.outside)
            }
        }
    }

    /// The folders above a source need not be open to the server's user, because gatehouse-stage
    /// mounts it elsewhere; the source itself has to be.
    private static func checkReach(
        _ source: Source,
        uid: UInt32,
        gid: UInt32
    ) throws(CageError) {
        guard let status = HostPath.status(source.outside) else {
            throw .sourceMissing(source.outside, reason: "it does not exist")
        }
        let isFolder = status.kind == .folder
        guard HostPath.permits(status, uid: uid, gid: gid, bits: isFolder ? 5 : 4) else {
            throw .notReachable(source.outside, uid: uid, need: "readable")
        }
        guard !source.isWritable || HostPath.permits(status, uid: uid, gid: gid, bits: 7) else {
            throw .notReachable(source.outside, uid: uid, need: "writable")
        }
    }

    private static func workingFolder(
        _ profile: CageProfile,
        _ sources: [Source]
    ) throws(CageError) -> String {
        guard let wanted = profile.workingFolder else { return home }
        guard let place = HostPath.normalised(wanted) else {
            throw .insideNotUsable(wanted, reason: "write an absolute path without `..`")
        }
        let isShown =
            ["/", "/usr", "/tmp", home].contains { place == $0 }
            || sources.contains { HostPath.lies(place, in: $0.inside) }
        guard isShown else {
            throw .insideNotUsable(wanted, reason: "the cage has no such folder to start in")
        }
        return place
    }

    private static func links(
        _ links: [HostPath.Link],
        _ sources: [Source]
    ) throws(CageError) -> [HostPath.Link] {
        var kept: [HostPath.Link] = []
        for link in links {
            let places = ["/usr", "/etc", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/proc"]
            let isThere =
                (places + sources.map(\.inside)).contains { HostPath.lies(link.path, in: $0) }
            guard !isThere else { continue }
            // A link above something the cage makes would have to be followed while making it.
            let made = [home, "/tmp", "/dev"] + sources.map(\.inside)
            guard !made.contains(where: { HostPath.lies($0, in: link.path) }) else {
                throw .linkInTheWay(link: link.path, target: link.target)
            }
            kept.append(link)
        }
        return kept
    }

    private static func environment(
        _ profile: CageProfile,
        _ command: ResolvedCommand
    ) -> [(name: String, value: String)] {
        let path = command.searchFolders + ["/usr/local/bin", "/usr/bin", "/bin"]
        var variables = [
            "PATH": path.joined(separator: ":"), "HOME": home, "USER": "mcp", "LOGNAME": "mcp",
            "LANG": "C.UTF-8", "TMPDIR": "/tmp", "SHELL": "/bin/sh",
        ]
        variables.merge(profile.environment) { $1 }
        return variables.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
    }
}
