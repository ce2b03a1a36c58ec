/// What no cage may see, compared by name and by inode, because a bind mount has two names.
struct ProtectedPaths {
    private struct Entry {
        let path: String
        let status: HostPath.Status?
        /// The folders above it, by device and inode.
        let above: [HostPath.Status]
    }

    private let entries: [Entry]

    init(_ paths: [String]) {
        entries = paths.compactMap { path in
            // A file not made yet is protected by its name.
            let real = HostPath.walk(path)?.real ?? HostPath.normalised(path)
            return real.map { real in
                Entry(
                    path: real,
                    status: HostPath.status(real),
                    above: Self.above(real).compactMap { HostPath.status($0) }
                )
            }
        }
    }

    private static func above(_ path: String) -> [String] {
        var list: [String] = []
        var folder = path
        while folder != "/" {
            folder = HostPath.parent(of: folder)
            list.append(folder)
        }
        return list
    }

    private static func isSame(_ left: HostPath.Status, _ right: HostPath.Status) -> Bool {
        left.device == right.device && left.inode == right.inode
    }

    func check(_ source: String) throws(CageError) {
        let status = HostPath.status(source)
        let above = Self.above(source).compactMap { HostPath.status($0) }
        for entry in entries {
            var isShown = HostPath.overlap(source, entry.path)
            if let status {
                isShown = isShown || entry.above.contains { Self.isSame($0, status) }
                if let own = entry.status {
                    isShown =
                        isShown || Self.isSame(own, status)
                        || own.kind == .folder && above.contains { Self.isSame($0, own) }
                }
            }
            guard !isShown else { throw .protected(source: source, protected: entry.path) }
        }
    }
}
