import Base
private import Glibc

/// What one look through a folder found.
struct FolderScan: Sendable {
    /// Why an entry is not there inside.
    enum Reason: Sendable, Equatable {
        case denied
        /// Another name of a denied file.
        case hardLink
        /// It leads to a denied file.
        case link
        /// Nobody could look into it, or its path is too long to be matched.
        case unreadable
    }

    struct Folder: Sendable, Equatable {
        let path: [UInt8]
        let entry: TreeEntry
        /// Whether it lies in what is hidden; it is looked through for other names of its files.
        let isHidden: Bool
    }

    enum Failure: Error, Equatable {
        case tooManyEntries
        case tookTooLong
        case unreadable(Int32)
        /// Something is mounted in it: an overlay would show what lies beneath, where nobody looked.
        case mountInside([UInt8])
    }

    /// From the top down: a folder stands after the one it lies in.
    private(set) var folders: [Folder] = []
    private(set) var hidden: [[UInt8]: Reason] = [:]
    private(set) var links: [[UInt8]: [UInt8]] = [:]
    /// Visible files with more than one name.
    private(set) var named: [(path: [UInt8], identity: TreeEntry.Identity)] = []
    /// Hidden files with more than one name.
    private(set) var hiddenFiles: Set<TreeEntry.Identity> = []
    /// All hidden files.
    private(set) var deniedFiles: [DeniedFiles.File] = []
    private(set) var entryCount = 0
    /// Nanoseconds since 1970.
    let began: Int64

    private let denies: HidingRules.Denies
    private let limits: HidingLimits
    private let pathByteCount: Int
    /// When looking, and making the layer from what was seen, must be over.
    let end: ContinuousClock.Instant

    /// Looks through a folder; blocks, for about a second per 100,000 entries.
    ///
    /// - Parameter roots: what the folder is called, outside and inside.
    init(
        _ root: borrowing TreeFolder,
        roots: [String],
        rules: HidingRules,
        limits: HidingLimits
    ) throws(Failure) {
        began = Self.now()
        denies = rules.denies(roots)
        self.limits = limits
        pathByteCount = limits.pathByteCount - (roots.map(\.utf8.count).max() ?? 0)
        end = .now + limits.time
        do throws(TreeFolder.Failure) {
            let entry = try root.entry([])
            folders.append(Folder(path: [], entry: entry, isHidden: false))
        } catch {
            throw .unreadable(error.code)
        }
        var next = 0
        while next < folders.count {
            try look(into: folders[next], root)
            next += 1
        }
    }

    private static func now() -> Int64 {
        var time = timespec()
        unsafe clock_gettime(CLOCK_REALTIME, &time)
        return Int64(time.tv_sec) &* 1_000_000_000 &+ Int64(time.tv_nsec)
    }

    private mutating func look(
        into folder: Folder,
        _ root: borrowing TreeFolder
    ) throws(Failure) {
        let opened: TreeFolder
        do throws(TreeFolder.Failure) {
            opened = try root.opened(folder.path)
        } catch { return try miss(folder, error) }
        let names: [[UInt8]]
        do throws(TreeFolder.Failure) {
            names = try opened.names(atMost: limits.entryCount)
        } catch { return try miss(folder, error) }
        for name in names {
            entryCount += 1
            guard entryCount <= limits.entryCount else { throw .tooManyEntries }
            if entryCount % 256 == 0, .now > end { throw .tookTooLong }
            let path = folder.path.isEmpty ? name : folder.path + [0x2f] + name
            let entry: TreeEntry
            do throws(TreeFolder.Failure) {
                entry = try opened.entry(name)
            } catch {
                if !error.isGone, !folder.isHidden { hide(path, .unreadable) }
                continue
            }
            guard !entry.isMount else { throw .mountInside(path) }
            take(entry, name, path, opened, isInHidden: folder.isHidden)
        }
    }

    /// What is gone is not there; what may be there and cannot be looked at is hidden whole.
    private mutating func miss(
        _ folder: Folder,
        _ error: TreeFolder.Failure
    ) throws(Failure) {
        if error.code == EFBIG { throw .tooManyEntries }
        if folder.path.isEmpty { throw .unreadable(error.code) }
        if !error.isGone, !folder.isHidden { hide(folder.path, .unreadable) }
    }

    private mutating func hide(_ path: [UInt8], _ reason: Reason) { hidden[path] = reason }

    private mutating func take(
        _ entry: TreeEntry,
        _ name: [UInt8],
        _ path: [UInt8],
        _ folder: borrowing TreeFolder,
        isInHidden: Bool
    ) {
        var isHidden = isInHidden
        if !isHidden, let reason = reason(name, path) {
            hide(path, reason)
            isHidden = true
        }
        switch entry.kind {
        case .folder:
            guard path.count <= pathByteCount else { return }
            folders.append(Folder(path: path, entry: entry, isHidden: isHidden))
        case .link where !isHidden: links[path] = try? folder.target(of: name)
        default: break
        }
        guard entry.kind != .folder else { return }
        if isHidden { deniedFiles.append(DeniedFiles.File(path: path, entry)) }
        guard entry.linkCount > 1 else { return }
        if isHidden {
            hiddenFiles.insert(entry.identity)
        } else {
            named.append((path, entry.identity))
        }
    }

    /// Whether an entry that was not there, or not looked at, is denied.
    func denies(name: [UInt8], path: [UInt8]) -> Bool { reason(name, path) != nil }

    private func reason(_ name: [UInt8], _ path: [UInt8]) -> Reason? {
        if path.count > pathByteCount { return .unreadable }
        return denies(name, path) ? .denied : nil
    }

    // MARK: What follows

    /// All that is hidden, once it is known which files every folder of the server hides.
    func concluded(
        with files: Set<TreeEntry.Identity>,
        roots: [String]
    ) -> [[UInt8]: Reason] {
        var all = hidden
        for (path, identity) in named where files.contains(identity) { all[path] = .hardLink }
        for (path, target) in links where all[path] == nil {
            if leadsToHidden(path, target, all, roots) { all[path] = .link }
        }
        return all
    }

    /// Follows a link as the kernel would, as far as it stays in the tree.
    private func leadsToHidden(
        _ path: [UInt8],
        _ target: [UInt8],
        _ hidden: [[UInt8]: Reason],
        _ roots: [String]
    ) -> Bool {
        var pending = Array(Self.parts(target).reversed())
        if denies(pending.first.map { Array($0) } ?? [], Array(target)) { return true }
        var here = Self.parts(path).dropLast()
        var followed = 1
        func enter(_ text: [UInt8]) -> Bool {
            guard text.first == 0x2f else { return true }
            for root in roots where text.starts(with: root.utf8) {
                let rest = text.dropFirst(root.utf8.count)
                guard rest.first == 0x2f || rest.isEmpty else { continue }
                pending.removeLast(Self.parts(Array(root.utf8)).count)
                here = []
                return true
            }
            return false
        }
        guard enter(target) else { return false }
        while let part = pending.popLast() {
            if part == Array("..".utf8)[...] {
                guard here.popLast() != nil else { return false }
                continue
            }
            here.append(part)
            let path = Array(here.joined(separator: [0x2f]))
            if hidden[path] != nil { return true }
            guard let next = links[path], followed < 40 else { continue }
            followed += 1
            here.removeLast()
            pending += Self.parts(next).reversed()
            guard enter(next) else { return false }
        }
        return false
    }

    private static func parts(_ path: [UInt8]) -> [ArraySlice<UInt8>] {
        path.split(separator: 0x2f).filter { $0 != [0x2e] }
    }

    // MARK: Later

    /// Whether nothing was made, removed or renamed in the tree since: a folder's inode changes with
    /// each, at a time nobody can set.
    ///
    /// What changed less than a second before it was looked at may have changed again in the same tick.
    func isUnchanged(_ root: borrowing TreeFolder) -> Bool {
        for folder in folders {
            guard folder.entry.changed < began - 1_000_000_000,
                let entry = try? root.entry(folder.path), entry == folder.entry
            else { return false }
        }
        // Another name may have been made in another folder of the same server.
        return deniedFiles.allSatisfy { $0.isUnchanged(in: root) }
    }
}
