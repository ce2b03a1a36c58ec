import Base

/// A read-only folder put together of what may be seen in it, where no overlay can hide the rest.
///
/// A folder that holds something denied is made anew in the cage, and each entry of it that may be
/// seen is bound there; what holds nothing denied is bound whole. What is not bound does not exist.
package struct ComposedFolder: Sendable, Equatable {
    enum Failure: Error, Equatable {
        case tooManyEntries(limit: Int)
        case unreadable(Int32)
    }

    /// Folders that are made, by their places inside, from the top down.
    private(set) var folders: [String] = []
    /// What is bound in them, each whole.
    private(set) var shown: [CagePlan.Source] = []
    /// What is a link in them.
    private(set) var links: [HostPath.Link] = []
    /// How many entries are not there inside.
    package let hiddenCount: Int

    /// The user the server is, where that is another one than who looked; nil: the same.
    package struct Reader: Sendable, Equatable {
        let uid: UInt32
        let gid: UInt32

        /// Whether it could list and pass the folder by its mode bits; a folder made anew has not
        /// got them.
        func mayEnter(_ folder: TreeEntry) -> Bool {
            let shift: UInt32 = folder.owner == uid ? 6 : folder.group == gid ? 3 : 0
            return folder.mode >> shift & 5 == 5
        }
    }

    private let outside: String
    private let inside: String
    private let limit: Int

    /// Lists again what the scan looked through: what came since is judged by the same rules, or is
    /// left out.
    ///
    /// - Parameter limit: how much is bound at most; mounting is quadratic.
    init(
        _ source: CagePlan.Source,
        _ root: borrowing TreeFolder,
        _ scan: FolderScan,
        hiding hidden: [[UInt8]: FolderScan.Reason],
        files hiddenFiles: Set<TreeEntry.Identity>,
        for reader: Reader?,
        limit: Int
    ) throws(Failure) {
        outside = source.outside
        inside = source.inside
        self.limit = limit
        hiddenCount = hidden.count
        let known = Dictionary(
            scan.folders.filter { !$0.isHidden }.map { ($0.path, $0.entry.identity) }
        ) { first, _ in first }
        let parted = Self.foldersAbove(hidden.keys)
        var next: [[UInt8]] = [[]]
        while let path = next.popLast() {
            folders.append(try place(path))
            let beginning = path.isEmpty ? [] : path + [0x2f]
            for (name, entry) in try Self.entries(of: path, in: root) {
                let path = beginning + name
                guard hidden[path] == nil, !scan.denies(name: name, path: path),
                    !hiddenFiles.contains(entry.identity)
                else { continue }
                switch entry.kind {
                // Nobody looked through a folder that came since.
                case .folder where known[path] != entry.identity: continue
                case .folder where parted.contains(path):
                    if reader?.mayEnter(entry) ?? true { next.append(path) }
                case .folder, .file: try show(path, entry)
                case .link: try link(path, scan.links[path])
                case .other: continue
                }
            }
        }
    }

    /// All folders on the way to something.
    private static func foldersAbove(_ paths: some Sequence<[UInt8]>) -> Set<[UInt8]> {
        var found: Set<[UInt8]> = []
        for path in paths {
            var rest = path[...]
            while let slash = rest.lastIndex(of: 0x2f) {
                rest = rest[..<slash]
                guard found.insert(Array(rest)).inserted else { break }
            }
        }
        return found
    }

    private static func entries(
        of path: [UInt8],
        in root: borrowing TreeFolder
    ) throws(Failure) -> [(name: [UInt8], entry: TreeEntry)] {
        do throws(TreeFolder.Failure) {
            let folder = try root.opened(path)
            let names = try folder.names(atMost: HidingLimits().entryCount)
            var found: [([UInt8], TreeEntry)] = []
            for name in names.sorted(by: { $0.lexicographicallyPrecedes($1) }) {
                // What is gone again, or cannot be looked at, is not there.
                if let entry = try? folder.entry(name) { found.append((name, entry)) }
            }
            return found
        } catch {
            throw .unreadable(error.code)
        }
    }

    private mutating func show(_ path: [UInt8], _ entry: TreeEntry) throws(Failure) {
        guard let name = text(path) else { return }
        shown.append(
            CagePlan.Source(
                outside: outside + name,
                inside: inside + name,
                isWritable: false,
                device: entry.identity.device,
                inode: entry.identity.inode
            )
        )
        try check()
    }

    private mutating func link(_ path: [UInt8], _ target: [UInt8]?) throws(Failure) {
        guard let place = text(path), let target,
            let target = String(validating: target, as: UTF8.self)
        else { return }
        links.append(HostPath.Link(path: inside + place, target: target))
        try check()
    }

    private func check() throws(Failure) {
        guard folders.count + shown.count + links.count <= limit else {
            throw .tooManyEntries(limit: limit)
        }
    }

    private func place(_ path: [UInt8]) throws(Failure) -> String {
        try check()
        return inside + (text(path) ?? "")
    }

    /// With a slash before it; nil for a name that is no text, which nothing here can say.
    private func text(_ path: [UInt8]) -> String? {
        guard !path.isEmpty else { return "" }
        return String(validating: path, as: UTF8.self).map { "/" + $0 }
    }
}
