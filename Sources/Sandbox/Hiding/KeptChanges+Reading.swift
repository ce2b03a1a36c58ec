private import Glibc

extension KeptChanges {
    /// Where what a server sees at a path of the folder stands.
    package enum Place: Sendable, Equatable {
        /// In the copy: by the same names below this folder.
        case copy(String)
        case original
        /// It was removed in the copy, or was never in a folder that stands for another.
        case nowhere
    }

    /// Looks for a path by its names, as overlayfs does; follows no link and blocks.
    package func place(of names: [String]) -> Place {
        // Nothing was ever written: all of it is the original's.
        guard var folder = try? TreeFolder(upper) else { return .original }
        var isOpaque = false
        for (number, name) in names.enumerated() {
            let name = Array(name.utf8)
            guard let entry = try? folder.entry(name) else {
                return isOpaque ? .nowhere : .original
            }
            // A whiteout: a character device that stands for what was removed.
            guard entry.mode & S_IFMT != S_IFCHR else { return .nowhere }
            guard number < names.count - 1, entry.kind == .folder,
                let next = try? folder.opened(name)
            else { return .copy(upper) }
            isOpaque = isOpaque || next.isOpaque
            folder = next
        }
        return .copy(upper)
    }
}
