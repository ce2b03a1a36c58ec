import Base

extension ResolvedCommand {
    /// With a note for each path that the command seems to need and the cage does not show.
    ///
    /// Notes only: what an argument or an installed package names is shown when the operator says so.
    func noting(what sources: [CagePlan.Source]) -> ResolvedCommand {
        var command = self
        func isShown(_ path: String) -> Bool {
            // The cage's /tmp is its own: what lies in this machine's is not in it.
            path == "/tmp"
                || ["/usr", "/bin", "/dev", "/proc", CagePlan.home]
                    .contains { HostPath.lies(path, in: $0) }
                || sources.contains { HostPath.lies(path, in: $0.inside) }
        }
        for argument in arguments.dropFirst() {
            guard let path = HostPath.normalised(argument), path != "/", !isShown(path),
                HostPath.status(path) != nil
            else { continue }
            command.notes.append(
                "argument `\(printable(path))` names a path of this machine that the cage does not "
                    + "show; if the server needs it, give it under `read` or `write`"
            )
        }
        for (file, folder) in editableInstalls where !isShown(folder) {
            command.notes.append(
                "`\(printable(file))` names `\(printable(folder))`, which the cage does not show; if "
                    + "the server was installed from there, give it under `code`"
            )
        }
        return command
    }

    /// Folders that path files of virtual environments name (Python's `site`: a line that is a path
    /// is added to `sys.path`), as `pip install -e` writes them.
    private var editableInstalls: [(file: String, folder: String)] {
        var found: [(String, String)] = []
        for root in roots where HostPath.isFile(root + "/pyvenv.cfg") {
            for version in HostPath.names(in: root + "/lib") where version.hasPrefix("python") {
                let packages = "\(root)/lib/\(version)/site-packages"
                for name in HostPath.names(in: packages) where name.hasSuffix(".pth") {
                    let bytes = HostPath.beginning(of: "\(packages)/\(name)", limit: 4096) ?? []
                    for line in bytes.split(separator: 0x0a) {
                        let text = String(decoding: line, as: UTF8.self)
                        guard let folder = HostPath.normalised(text), HostPath.isFolder(folder)
                        else { continue }
                        found.append((name, folder))
                    }
                }
            }
        }
        return Array(found.prefix(16))
    }
}
