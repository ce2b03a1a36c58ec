import Base

/// The files that were found hidden in the folders of one start, to see right before its cage is made
/// that none of them got another name.
///
/// A name made since the look stands where nobody judged it: in a folder that is shown whole, or where
/// an overlay has no whiteout for it. The count of a file's names is the kernel's own, so that one more
/// shows, wherever it was made; that one of several was moved shows by the change of the inode, which
/// every name's making, removal and move leaves there, at a time nobody can set.
struct DeniedFiles: Sendable {
    struct File: Sendable, Equatable {
        let path: [UInt8]
        let identity: TreeEntry.Identity
        let linkCount: UInt64
        /// Nanoseconds since 1970; changes with each name that is made, removed or moved.
        let changed: Int64

        init(path: [UInt8], _ entry: TreeEntry) {
            self.path = path
            identity = entry.identity
            linkCount = entry.linkCount
            changed = entry.changed
        }

        /// Whether it is there under the same name, and has no other that was not there.
        ///
        /// Where it has several, writing to it looks like a move of one of them.
        func isNamedAsBefore(in root: borrowing TreeFolder) -> Bool {
            guard let entry = try? root.entry(path), entry.identity == identity else {
                return false
            }
            if entry.linkCount == 1 { return true }
            return entry.linkCount == linkCount && entry.changed == changed
        }

        /// Whether no name was made or removed; a file that was written counts as changed where it
        /// has several names.
        func isUnchanged(in root: borrowing TreeFolder) -> Bool {
            guard let entry = try? root.entry(path), entry.identity == identity else {
                return false
            }
            return entry.linkCount == linkCount && (linkCount == 1 || entry.changed == changed)
        }
    }

    let files: [(source: CagePlan.Source, files: [File])]

    /// Blocks, for about a second per 200,000 files.
    func check() throws(CageError) {
        for (source, files) in files where !files.isEmpty {
            let root = try TreeFolder.of(source)
            for file in files where !file.isNamedAsBefore(in: root) {
                throw .changedSinceLook(
                    source.outside,
                    String(decoding: file.path, as: UTF8.self)
                )
            }
        }
    }
}

extension TreeFolder {
    /// The folder of a source, and no other that stands in its place by now.
    static func of(_ source: CagePlan.Source) throws(CageError) -> TreeFolder {
        let found: TreeEntry.Identity
        let root: TreeFolder
        do throws(TreeFolder.Failure) {
            root = try TreeFolder(source.outside)
        } catch { throw unreadable(source, error) }
        do throws(TreeFolder.Failure) {
            found = try root.entry([]).identity
        } catch { throw unreadable(source, error) }
        guard found.device == source.device, found.inode == source.inode else {
            throw .sourceReplaced(source.outside)
        }
        return root
    }

    private static func unreadable(_ source: CagePlan.Source, _ error: Failure) -> CageError {
        .sourceMissing(
            source.outside,
            reason: "it cannot be looked through (errno \(error.code))"
        )
    }
}
