import Base
private import Glibc

/// A tree of whiteouts that, laid over a folder, hides parts of it.
///
/// A running cage rests on it: it must stay whole while one does. `HiddenFolders` removes it when
/// nobody holds it any more.
package final class HiddenLayer: Sendable, Equatable {
    /// The tree that is laid over.
    let tree: String
    /// What holds the tree, and is removed with it.
    let folder: String
    /// How many entries of the folder are not there inside.
    package let hiddenCount: Int

    package static func == (left: HiddenLayer, right: HiddenLayer) -> Bool { left === right }

    /// A layer that is there already, for a trial.
    init(existing tree: String) {
        self.tree = tree
        folder = tree
        hiddenCount = 0
    }

    /// Makes the layer for what was found in `root`.
    ///
    /// - Parameter folder: where it is made; must not exist yet.
    init(
        in folder: String,
        over root: borrowing TreeFolder,
        _ scan: FolderScan,
        hiding hidden: [[UInt8]: FolderScan.Reason],
        literalNames: [[UInt8]]
    ) throws(TreeFolder.Failure) {
        self.folder = folder
        tree = folder + "/tree"
        hiddenCount = hidden.count
        // Who may pass the folders above is who may look.
        guard unsafe mkdir(folder, 0o755) == 0 else { throw TreeFolder.Failure(code: errno) }
        var maker = LayerMaker(try TreeFolder(folder), end: scan.end)
        do throws(TreeFolder.Failure) {
            try maker.make(scan, hiding: hidden, literalNames: literalNames, over: root)
        } catch {
            Self.remove(folder)
            throw error
        }
    }

    /// Removes a layer that nobody rests on; blocks.
    static func remove(_ folder: String) {
        if let folder = try? TreeFolder(folder) { folder.empty() }
        unsafe rmdir(folder)
    }
}

/// Puts the folders and whiteouts of one layer in their places.
private struct LayerMaker: ~Copyable {
    private let base: TreeFolder
    private let end: ContinuousClock.Instant
    /// The whiteout that further ones are links to: a file system allows 65,000 to one inode, or so.
    private var whiteout: [UInt8]?
    private var madeCount = 0

    init(_ base: consuming TreeFolder, end: ContinuousClock.Instant) {
        self.base = base
        self.end = end
    }

    mutating func make(
        _ scan: FolderScan,
        hiding hidden: [[UInt8]: FolderScan.Reason],
        literalNames: [[UInt8]],
        over root: borrowing TreeFolder
    ) throws(TreeFolder.Failure) {
        let shown = scan.folders.filter { !$0.isHidden && hidden[$0.path] == nil }
        for folder in shown { try base.makeFolder(Self.place(folder.path)) }
        for path in hidden.keys { try hide(Self.place(path)) }
        for folder in shown {
            let beginning = folder.path.isEmpty ? [] : folder.path + [0x2f]
            for name in literalNames where hidden[beginning + name] == nil {
                try hide(Self.place(beginning + name))
            }
        }
        // From the bottom up: a folder that is shut cannot be entered any more.
        let user = geteuid()
        for folder in shown.reversed() {
            var entry = folder.entry
            // Its owner here is whoever could look into it there.
            if user != 0, entry.owner != user { entry.mode |= 0o500 }
            let like = try root.opened(folder.path)
            try base.dress(Self.place(folder.path), like: like, entry, owns: user == 0)
        }
    }

    private static func place(_ path: [UInt8]) -> [UInt8] {
        Array("tree".utf8) + (path.isEmpty ? [] : [0x2f] + path)
    }

    private mutating func hide(_ path: [UInt8]) throws(TreeFolder.Failure) {
        madeCount += 1
        if madeCount % 256 == 0, .now > end { throw TreeFolder.Failure(code: ETIMEDOUT) }
        if let whiteout {
            do throws(TreeFolder.Failure) {
                return try base.link(whiteout, to: path)
            } catch {
                guard error.code == EMLINK else { throw error }
            }
        }
        try base.makeWhiteout(path)
        whiteout = path
    }
}
