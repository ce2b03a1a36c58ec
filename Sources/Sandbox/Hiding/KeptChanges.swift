import Base
private import Glibc
import System

/// What a server changed in one writable folder it has a copy on write of, kept from start to start
/// until a person takes it over or drops it.
package struct KeptChanges: Sendable, Equatable {
    /// The folder of ours that holds `upper` and `work`, overlayfs' two.
    let slot: String
    /// The folder of the host.
    package let outside: String
    package let inside: String

    var upper: String { slot + "/upper" }

    /// One folder's place among those of its server, by where it is shown and which folder it is.
    init(of source: CagePlan.Source, in place: String) {
        let name = source.inside.split(separator: "/").joined(separator: "+").prefix(48)
        slot = "\(place)/\(name)@\(source.device)-\(source.inode)"
        outside = source.outside
        inside = source.inside
    }

    /// Whether nothing is kept; a server may have closed its folder to us, which says nothing.
    var isEmpty: Bool {
        guard HostPath.status(upper) != nil else { return true }
        return HostPath.listing(of: upper, limit: 3)?.isEmpty == true
    }

    /// Makes the place, with the folder's own mode and owner on top.
    func prepare(like root: borrowing TreeFolder) throws(TreeFolder.Failure) {
        for path in [slot, upper, slot + "/work"] where HostPath.status(path) == nil {
            guard unsafe mkdir(path, 0o755) == 0 else { throw TreeFolder.Failure(code: errno) }
        }
        let user = geteuid()
        var entry = try root.entry([])
        if user != 0, entry.owner != user { entry.mode |= 0o700 }
        try TreeFolder(slot).dress(Array("upper".utf8), like: root, entry, owns: user == 0)
    }

    /// What was changed; blocks.
    ///
    /// The server may run: then it is what is there at the moment.
    func list(
        hashing: any Hashing,
        isHidden: @escaping (_ name: [UInt8], _ path: [UInt8]) -> Bool
    ) throws(ChangeFailure) -> ChangeList {
        guard HostPath.status(upper) != nil else {
            return ChangeList(digest: hashing.sha256([]))
        }
        return try ChangeReader(
            upper: try folder(upper),
            lower: try folder(outside),
            hashing: hashing,
            isHidden: isHidden
        ).read()
    }

    private func folder(_ path: String) throws(ChangeFailure) -> TreeFolder {
        do throws(TreeFolder.Failure) { return try TreeFolder(path) } catch {
            throw .unreadable(path: path, code: error.code)
        }
    }

    /// Forgets all of it; no cage may be using it.
    func drop() {
        if let folder = try? TreeFolder(slot) { folder.empty() }
        unsafe rmdir(slot)
    }

    /// Makes the changes in the folder itself, and forgets them.
    ///
    /// No cage may be using them. What is denied or unusable is left out. A folder that was removed stays while something hidden
    /// is in it.
    func commit(
        _ list: ChangeList,
        isHidden: (_ name: [UInt8], _ path: [UInt8]) -> Bool
    ) throws(ChangeFailure) {
        let from = try folder(upper)
        let to = try folder(outside)
        // In the order of their paths a folder comes before what is in it.
        for change in list.changes where change.kind.isCommitted {
            let text = String(decoding: change.path, as: UTF8.self)
            let (parent, name) = ChangeReader.split(change.path)
            do throws(TreeFolder.Failure) {
                let target = try to.opened(parent)
                if change.kind == .removed {
                    try Self.remove(name, change.path, in: target, isHidden)
                    continue
                }
                let source = try from.opened(parent)
                let isFolder = try source.entry(name).kind == .folder
                if !isFolder, (try? target.entry(name))?.kind == .folder {
                    try Self.remove(name, change.path, in: target, isHidden)
                }
                try Self.make(name, source, target)
            } catch {
                throw .failed(path: text, code: error.code)
            }
        }
        drop()
    }

    private static func remove(
        _ name: [UInt8],
        _ path: [UInt8],
        in folder: borrowing TreeFolder,
        _ isHidden: (_ name: [UInt8], _ path: [UInt8]) -> Bool
    ) throws(TreeFolder.Failure) {
        let entry: TreeEntry
        do throws(TreeFolder.Failure) { entry = try folder.entry(name) } catch {
            if error.isGone { return }
            throw error
        }
        guard entry.kind == .folder else { return try folder.remove(name) }
        let opened = try folder.opened(name)
        var isKept = false
        for child in try opened.names(atMost: .max) {
            let path = path + [0x2f] + child
            if isHidden(child, path) {
                isKept = true
            } else {
                try remove(child, path, in: opened, isHidden)
            }
        }
        if isKept { return }
        do throws(TreeFolder.Failure) { try folder.remove(name, isFolder: true) } catch {
            // It holds a folder that holds what is hidden.
            guard error.code == ENOTEMPTY else { throw error }
        }
    }

    private static func make(
        _ name: [UInt8],
        _ source: borrowing TreeFolder,
        _ target: borrowing TreeFolder
    ) throws(TreeFolder.Failure) {
        let entry = try source.entry(name)
        let old = try? target.entry(name)
        let isRoot = geteuid() == 0
        // What it replaces keeps its owner; no bits that make others run it as somebody else.
        let (owner, group) = (old?.owner ?? entry.owner, old?.group ?? entry.group)
        if entry.kind == .folder {
            if let old, old.kind != .folder { try target.remove(name) }
            if old?.kind != .folder { try target.makeFolder(name) }
            if isRoot { try target.changeOwner(of: name, to: owner, group) }
            return try target.changeMode(of: name, to: entry.mode & 0o777)
        }
        let part = Array(".gatehouse-\(UInt64.random(in: 0 ... .max))".utf8)
        if entry.kind == .link {
            try target.makeLink(part, to: try source.target(of: name))
        } else {
            let file = try target.newFile(part)
            var isWritten = true
            do throws(ChangeFailure) {
                _ = try ChangeCopy.read(name, name, in: source) { piece in
                    isWritten = write(piece, to: file)
                    return isWritten
                }
            } catch { isWritten = false }
            guard isWritten, fsync(file.number) == 0 else {
                let code = errno
                try? target.remove(part)
                throw TreeFolder.Failure(code: code)
            }
            try target.changeMode(of: part, to: entry.mode & 0o777)
        }
        if isRoot { try target.changeOwner(of: part, to: owner, group) }
        try target.rename(part, to: name)
    }

    private static func write(_ piece: [UInt8], to file: borrowing Descriptor) -> Bool {
        var rest = piece[...]
        while !rest.isEmpty {
            let count = unsafe rest.withUnsafeBytes {
                unsafe Glibc.write(file.number, $0.baseAddress, $0.count)
            }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return false }
            rest = rest.dropFirst(count)
        }
        return true
    }
}
