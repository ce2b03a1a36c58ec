import Base

/// What a command turned out to be on this machine.
package struct ResolvedCommand: Sendable, Equatable {
    /// The file that is executed, by the path it has inside the cage too.
    package var executable: String
    /// The argument vector; a relative script was made absolute.
    package var arguments: [String]
    /// Read-only sources the program needs and those the operator named, without links, shown at their
    /// own path; none lies in another.
    package var roots: [String] = []
    /// What makes the program what it is: the executable, its interpreter, its script.
    package var identityFiles: [String] = []
    /// Folders outside `/usr` that `PATH` needs inside.
    package var searchFolders: [String] = []
    /// For the operator: what was seen and not shown in the cage.
    package var notes: [String] = []
    /// Links on the way to any of these.
    var links: [HostPath.Link] = []
}

/// Finds what must be visible so that a command runs: its virtual environment, the installation of
/// its interpreter, its `node_modules`.
///
/// Nothing is taken from what an installed package says (`.pth` files, `direct_url.json`): a package
/// could name a folder there and see it after the next start.
struct CommandResolver {
    let baseFolder: String
    let searchPath: [String]
    let protectedPaths: [String]
    private let hasNetwork: Bool
    private var result: ResolvedCommand

    init(_ profile: CageProfile) {
        baseFolder = profile.baseFolder
        searchPath = profile.searchPath
        protectedPaths = profile.protectedPaths
        hasNetwork = profile.network == .host
        result = ResolvedCommand(executable: "", arguments: profile.command)
    }

    static func resolve(_ profile: CageProfile) throws(CageError) -> ResolvedCommand {
        var resolver = CommandResolver(profile)
        return try resolver.resolve()
    }

    /// The program alone, for a server without a cage: nothing has to be made visible to it.
    static func find(_ profile: CageProfile) throws(CageError) -> ResolvedCommand {
        let resolver = CommandResolver(profile)
        guard let name = profile.command.first, !name.isEmpty else { throw .emptyCommand }
        var found = resolver.result
        found.executable = try resolver.find(name)
        return found
    }

    /// What the command is made of, where nothing has to be made visible to it: containers and
    /// downloaders, which run other code than their own, are known by themselves alone.
    static func identify(_ profile: CageProfile) throws(CageError) -> ResolvedCommand {
        let found = try find(profile)
        var resolver = CommandResolver(profile)
        resolver.result.executable = found.executable
        try resolver.add(program: found.executable, depth: 0)
        try resolver.addScript()
        resolver.result.roots = outermost(resolver.result.roots)
        return resolver.result
    }

    private mutating func resolve() throws(CageError) -> ResolvedCommand {
        guard let name = result.arguments.first, !name.isEmpty else { throw .emptyCommand }
        let program = String(HostPath.name(of: name))
        if Self.containerEngines.contains(program) { throw .containerEngine(program) }
        if Self.downloaders.contains(program), !hasNetwork { throw .downloader(program) }
        let path = try find(name)
        result.executable = path
        try add(program: path, depth: 0)
        try addScript()
        result.roots = Self.outermost(result.roots)
        return result
    }

    private static let downloaders: Set<String> = ["uvx", "npx", "pipx", "bunx", "pnpx"]
    private static let containerEngines: Set<String> = ["docker", "podman", "nerdctl"]

    // MARK: Finding

    private func find(_ name: String) throws(CageError) -> String {
        if name.utf8.contains(0x2f) {
            let path = try lexical(HostPath.joined(baseFolder, name))
            guard HostPath.isFile(path) else {
                throw .commandNotFound(name, searched: [HostPath.parent(of: path)])
            }
            return path
        }
        guard let path = search(name, in: searchPath) else {
            throw .commandNotFound(name, searched: searchPath)
        }
        return path
    }

    private func search(_ name: String, in folders: [String]) -> String? {
        folders.lazy.map { HostPath.joined($0, name) }
            .first { path in
                guard path.utf8.first == 0x2f, let walk = HostPath.walk(path),
                    let status = HostPath.status(walk.real)
                else { return false }
                return status.kind == .file && status.mode & 0o111 != 0
            }
    }

    /// The path as written where possible, because a virtual environment is found by it; with `..`
    /// the folder is resolved first, as the kernel would.
    private func lexical(_ path: String) throws(CageError) -> String {
        if let plain = HostPath.normalised(path) { return plain }
        guard let folder = HostPath.walk(HostPath.parent(of: path)),
            let plain = HostPath.normalised(
                HostPath.joined(folder.real, String(HostPath.name(of: path)))
            )
        else { throw .sourceMissing(path, reason: "it does not exist") }
        return plain
    }

    // MARK: What a program needs

    private mutating func add(program path: String, depth: Int) throws(CageError) {
        guard let walk = HostPath.walk(path), let status = HostPath.status(walk.real) else {
            throw .sourceMissing(path, reason: "it does not exist")
        }
        guard status.kind == .file else { throw .notExecutable(path, reason: "it is no file") }
        guard status.mode & 0o111 != 0 else {
            throw .notExecutable(path, reason: "its mode does not allow it; run chmod +x")
        }
        guard depth < 5 else {
            throw .notExecutable(
                path,
                reason: "its interpreters never end; name the program itself"
            )
        }
        remember(walk)
        result.identityFiles.append(walk.real)
        let isEnvironment = addEnvironment(of: [path] + walk.links.map(\.path) + [walk.real])
        addInstallation(of: walk.real, isCovered: isEnvironment)
        try addInterpreter(of: path, at: walk.real, depth: depth)
    }

    private mutating func remember(_ walk: HostPath.Walk) {
        for link in walk.links where !result.links.contains(link) { result.links.append(link) }
    }

    /// A Python virtual environment (PEP 405): `pyvenv.cfg` beside the `bin` folder.
    private mutating func addEnvironment(of paths: [String]) -> Bool {
        var isFound = false
        for path in paths {
            let bin = HostPath.parent(of: path)
            let root = HostPath.parent(of: bin)
            let settings = root + "/pyvenv.cfg"
            guard root != "/", HostPath.isFile(settings), let walk = HostPath.walk(root) else {
                continue
            }
            isFound = true
            remember(walk)
            addRoot(walk.real)
            if !result.searchFolders.contains(bin) { result.searchFolders.append(bin) }
            guard let bytes = HostPath.beginning(of: settings, limit: 4096) else { continue }
            for line in bytes.split(separator: 0x0a) {
                let text = String(decoding: line, as: UTF8.self)
                guard let equals = text.firstIndex(of: "=") else { continue }
                guard text[..<equals].filter({ $0 != " " }) == "home" else { continue }
                let home = text[text.index(after: equals)...].drop { $0 == " " }
                if let base = HostPath.walk(String(home)) {
                    remember(base)
                    addInstallation(of: base.real + "/python3", isCovered: false)
                }
            }
        }
        return isFound
    }

    /// The installation a program outside `/usr` belongs to, or otherwise the file alone.
    ///
    /// It is known by what its kind always carries: `~/.local` is none only because it has a `bin`.
    private mutating func addInstallation(of real: String, isCovered: Bool) {
        guard !isSystem(real) else { return }
        let parts = real.split(separator: "/")
        if let modules = parts.firstIndex(of: "node_modules") {
            addRoot("/" + parts[...modules].joined(separator: "/"))
            let package = HostPath.parent(of: "/" + parts[...modules].joined(separator: "/"))
            let description = package + "/package.json"
            if HostPath.isFile(description) { addRoot(description) }
            return
        }
        let prefix = HostPath.parent(of: HostPath.parent(of: real))
        let hasPython = HostPath.names(in: prefix + "/lib")
            .contains { $0.hasPrefix("python") && HostPath.isFile("\(prefix)/lib/\($0)/os.py") }
        let hasNode = HostPath.isFile(prefix + "/include/node/node.h")
        if prefix != "/", hasPython || hasNode {
            addRoot(prefix)
            let bin = HostPath.parent(of: real)
            if !result.searchFolders.contains(bin) { result.searchFolders.append(bin) }
        } else if !isCovered, HostPath.isFile(real) {
            addRoot(real)
        }
    }

    private mutating func addRoot(_ real: String) {
        guard !isSystem(real), !result.roots.contains(real) else { return }
        result.roots.append(real)
    }

    private func isSystem(_ path: String) -> Bool {
        ["/usr", "/bin", "/sbin", "/lib", "/lib64"].contains { HostPath.lies(path, in: $0) }
    }

    private mutating func addInterpreter(
        of path: String,
        at real: String,
        depth: Int
    ) throws(CageError) {
        guard let bytes = HostPath.beginning(of: real, limit: 4096) else {
            throw .notExecutable(path, reason: "it cannot be read")
        }
        guard let line = Shebang(bytes) else { return }
        if line.isVersionShim { throw .versionShim(path) }
        let beside = [HostPath.parent(of: path)]
        guard
            let interpreter = line.program.utf8.contains(0x2f)
                ? line.program : search(line.program, in: beside + searchPath),
            HostPath.isFile(interpreter)
        else { throw .interpreterNotFound(script: path, interpreter: line.program) }
        if line.isByName, !isSystem(interpreter) {
            let folder = HostPath.parent(of: interpreter)
            if !result.searchFolders.contains(folder) { result.searchFolders.append(folder) }
        }
        try add(program: interpreter, depth: depth + 1)
    }

    // MARK: The script of an interpreter

    private static let interpreters = [
        "python", "node", "deno", "bun", "ruby", "perl", "php", "bash", "sh", "dash",
    ]

    /// `python server.py`: the script, and the project it stands in.
    private mutating func addScript() throws(CageError) {
        let name = HostPath.name(of: result.executable)
        guard Self.interpreters.contains(where: { name.hasPrefix($0) }) else { return }
        guard
            let index = result.arguments.indices.dropFirst()
                .first(where: { result.arguments[$0].utf8.first != 0x2d })
        else { return }
        // An option may take a value (`-X dev`, `-m module`): then the first word is no file.
        let written = HostPath.joined(baseFolder, result.arguments[index])
        guard HostPath.isFile(written) else { return }
        let path = try lexical(written)
        guard let walk = HostPath.walk(path) else { return }
        result.arguments[index] = path
        remember(walk)
        result.identityFiles.append(walk.real)
        guard !isSystem(walk.real) else { return }
        addInstallation(of: walk.real, isCovered: true)
        addRoot(project(of: walk.real) ?? walk.real)
    }

    private static let projectFiles = [
        "package.json", "pyproject.toml", "setup.py", "requirements.txt", "deno.json", "Gemfile",
    ]

    /// What tells a person's home from a project: a stray `package.json` there must not show it.
    private static let homeFiles = [".ssh", ".bashrc", ".profile", ".zshrc", ".gnupg"]

    /// The nearest folder above, at most four up, that describes a project and hides nothing.
    private func project(of file: String) -> String? {
        var folder = HostPath.parent(of: file)
        for _ in 0..<4 where folder != "/" {
            guard !protectedPaths.contains(where: { HostPath.lies($0, in: folder) }),
                !Self.homeFiles.contains(where: { HostPath.status("\(folder)/\($0)") != nil })
            else { return nil }
            if Self.projectFiles.contains(where: { HostPath.isFile("\(folder)/\($0)") }) {
                return folder
            }
            folder = HostPath.parent(of: folder)
        }
        return nil
    }

    /// Without those that lie in another.
    static func outermost(_ paths: [String]) -> [String] {
        paths.filter { path in !paths.contains { $0 != path && HostPath.lies(path, in: $0) } }
    }
}

/// The first line of a script, as execve(2) and `env` read it.
struct Shebang: Equatable {
    /// A path, or a name that `env` would look up.
    var program: String
    var isByName = false
    var isVersionShim = false

    init?(_ bytes: [UInt8]) {
        guard bytes.starts(with: [0x23, 0x21]) else { return nil }
        let lines = bytes.dropFirst(2).split(separator: 0x0a, omittingEmptySubsequences: false)
            .prefix(40).map { String(decoding: $0, as: UTF8.self) }
        guard let first = lines.first else { return nil }
        var words = first.split { $0 == " " || $0 == "\t" || $0 == "\r" }.map(String.init)
        guard let path = words.first else { return nil }
        program = path
        let text = lines.joined(separator: "\n")
        isVersionShim = [
            "pyenv\" exec", "pyenv exec", "asdf exec", "rbenv\" exec", "nodenv\" exec",
        ]
        .contains { text.contains($0) }
        if HostPath.name(of: path) == "env" {
            words.removeFirst()
            if words.first == "-S" { words.removeFirst() }
            // `env A=B name`
            guard let name = words.first(where: { !$0.contains("=") }) else { return }
            program = name
            isByName = !name.utf8.contains(0x2f)
            return
        }
        // What pip writes where the path of the interpreter has a blank or is longer than 127 bytes:
        // a shell that executes line 2, which Python reads as a string.
        if HostPath.name(of: path) == "sh", lines.count > 1, lines[1].hasPrefix("'''exec' ") {
            let rest = lines[1].dropFirst("'''exec' ".count)
            if rest.first == "\"" {
                program = String(rest.dropFirst().prefix { $0 != "\"" })
            } else {
                program = String(rest.prefix { $0 != " " })
            }
        }
    }
}
