private import CTree
private import Glibc
import System

/// What an entry of a tree is, itself and not what a link leads to.
struct TreeEntry: Sendable, Equatable {
    enum Kind: Sendable { case folder, file, link, other }

    /// Which file it is, whatever its name.
    struct Identity: Hashable, Sendable {
        let device: UInt64
        let inode: UInt64
    }

    let identity: Identity
    let linkCount: UInt64
    /// Nanoseconds since 1970 of the last change of the contents, and of the inode.
    let modified: Int64
    let changed: Int64
    /// With the kind, as stat(2) has it.
    var mode: UInt32
    let owner: UInt32
    let group: UInt32
    /// Whether something is mounted here.
    let isMount: Bool

    var kind: Kind {
        switch mode & S_IFMT {
        case S_IFDIR: .folder
        case S_IFREG: .file
        case S_IFLNK: .link
        default: .other
        }
    }
}

/// An open folder and what lies beneath it, by paths from there on.
///
/// Names are bytes, as the kernel has them. Errors are those of errno.
struct TreeFolder: ~Copyable {
    struct Failure: Error, Equatable {
        let code: Int32

        /// What was there is not any more.
        var isGone: Bool { code == ENOENT || code == ENOTDIR }
    }

    private let descriptor: Descriptor
    private var number: CInt { descriptor.number }

    /// By a path of the host without links.
    init(_ path: String) throws(Failure) {
        descriptor = Descriptor(
            adopting: try Self.checked(unsafe ctree_open_folder(AT_FDCWD, path))
        )
    }

    private init(adopting descriptor: consuming Descriptor) { self.descriptor = descriptor }

    /// Follows no link and leaves the tree nowhere.
    func opened(_ path: [UInt8]) throws(Failure) -> TreeFolder {
        let result = unsafe Self.withText(path) { unsafe ctree_open_folder(number, $0) }
        return TreeFolder(adopting: Descriptor(adopting: try Self.checked(result)))
    }

    func entry(_ path: [UInt8]) throws(Failure) -> TreeEntry {
        var raw = ctree_entry()
        let result = unsafe Self.withText(path) { text in
            unsafe ctree_describe(number, text, &raw)
        }
        _ = try Self.checked(result)
        return TreeEntry(
            identity: TreeEntry.Identity(device: raw.device, inode: raw.inode),
            linkCount: raw.links,
            modified: raw.modified,
            changed: raw.changed,
            mode: raw.mode,
            owner: raw.owner,
            group: raw.group,
            isMount: raw.is_mount != 0
        )
    }

    /// The names in the folder itself; throws `EFBIG` when there are more.
    func names(atMost limit: Int) throws(Failure) -> [[UInt8]] {
        var taken = Names(limit: limit)
        let result = unsafe withUnsafeMutablePointer(to: &taken) { pointer in
            unsafe ctree_each_name(
                number,
                { context, name, length in
                    guard let context = unsafe context else { return -EINVAL }
                    // `context` is the pointer passed below, alive for the whole call.
                    let names = unsafe context.assumingMemoryBound(to: Names.self)
                    guard unsafe names.pointee.found.count < names.pointee.limit else {
                        return -EFBIG
                    }
                    let bytes = unsafe UnsafeRawBufferPointer(start: name, count: length)
                    unsafe names.pointee.found.append(Array(bytes))
                    return 0
                },
                pointer
            )
        }
        _ = try Self.checked(result)
        return taken.found
    }

    private struct Names {
        let limit: Int
        var found: [[UInt8]] = []
    }

    /// Where a link leads, as it is written.
    func target(of path: [UInt8]) throws(Failure) -> [UInt8] {
        var buffer = [UInt8](repeating: 0, count: 4096)
        let count = unsafe Self.withText(path) { text in
            unsafe buffer.withUnsafeMutableBytes { raw in
                unsafe raw.withMemoryRebound(to: CChar.self) { room in
                    guard let base = room.baseAddress else { return 0 }
                    return unsafe readlinkat(number, text, base, room.count)
                }
            }
        }
        guard count >= 0 else { throw Failure(code: errno) }
        return Array(buffer.prefix(count))
    }

    /// Whether it stands in the place of the folder an overlay would show below it.
    var isOpaque: Bool { ctree_is_opaque(number) == 1 }

    /// A file in the folder itself, for reading; never one a link leads to, and never waited for.
    func file(_ name: [UInt8]) throws(Failure) -> Descriptor {
        let flags = O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK
        let result = unsafe Self.withText(name) { unsafe openat(number, $0, flags) }
        guard result >= 0 else { throw Failure(code: errno) }
        return Descriptor(adopting: result)
    }

    // MARK: Changing, in the folder itself

    /// A new file for writing.
    func newFile(_ name: [UInt8]) throws(Failure) -> Descriptor {
        let flags = O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW
        let result = unsafe Self.withText(name) { unsafe openat(number, $0, flags, 0o600) }
        guard result >= 0 else { throw Failure(code: errno) }
        return Descriptor(adopting: result)
    }

    func rename(_ name: [UInt8], to new: [UInt8]) throws(Failure) {
        let result = unsafe Self.withText(name) { from in
            unsafe Self.withText(new) { to in unsafe renameat(number, from, number, to) }
        }
        guard result == 0 else { throw Failure(code: errno) }
    }

    func makeLink(_ name: [UInt8], to target: [UInt8]) throws(Failure) {
        let result = unsafe Self.withText(target) { to in
            unsafe Self.withText(name) { unsafe symlinkat(to, number, $0) }
        }
        guard result == 0 else { throw Failure(code: errno) }
    }

    /// Removes a file, or a folder that is empty.
    func remove(_ name: [UInt8], isFolder: Bool = false) throws(Failure) {
        let flags = isFolder ? AT_REMOVEDIR : 0
        let result = unsafe Self.withText(name) { unsafe unlinkat(number, $0, flags) }
        guard result == 0 else { throw Failure(code: errno) }
    }

    func changeOwner(of name: [UInt8], to owner: UInt32, _ group: UInt32) throws(Failure) {
        let result = unsafe Self.withText(name) {
            unsafe fchownat(number, $0, owner, group, AT_SYMLINK_NOFOLLOW)
        }
        guard result == 0 else { throw Failure(code: errno) }
    }

    func changeMode(of name: [UInt8], to mode: UInt32) throws(Failure) {
        let result = unsafe Self.withText(name) { unsafe fchmodat(number, $0, mode, 0) }
        guard result == 0 else { throw Failure(code: errno) }
    }

    /// Removes everything in the folder, whatever the names; what cannot be removed stays.
    func empty() {
        for name in (try? names(atMost: .max)) ?? [] {
            if (try? remove(name)) != nil { continue }
            if (try? entry(name))?.kind == .folder {
                try? changeMode(of: name, to: 0o700)
                if let folder = try? opened(name) { folder.empty() }
            }
            try? remove(name, isFolder: true)
        }
    }

    // MARK: Making layers

    func makeFolder(_ path: [UInt8]) throws(Failure) {
        let result = unsafe Self.withText(path) { unsafe mkdirat(number, $0, 0o700) }
        guard result == 0 else { throw Failure(code: errno) }
    }

    func makeWhiteout(_ path: [UInt8]) throws(Failure) {
        let result = unsafe Self.withText(path) { unsafe ctree_make_whiteout(number, $0) }
        _ = try Self.checked(result)
    }

    func link(_ path: [UInt8], to new: [UInt8]) throws(Failure) {
        let result = unsafe Self.withText(path) { from in
            unsafe Self.withText(new) { to in unsafe linkat(number, from, number, to, 0) }
        }
        guard result == 0 else { throw Failure(code: errno) }
    }

    /// Gives a folder what another has: mode, access list, times and, where `owns`, owner.
    func dress(
        _ path: [UInt8],
        like other: borrowing TreeFolder,
        _ entry: TreeEntry,
        owns: Bool
    ) throws(Failure) {
        var raw = ctree_entry()
        raw.modified = entry.modified
        raw.mode = entry.mode
        raw.owner = entry.owner
        raw.group = entry.group
        let like = other.number
        let result = unsafe Self.withText(path) { text in
            unsafe ctree_dress(number, text, like, &raw, owns ? 1 : 0)
        }
        _ = try Self.checked(result)
    }

    private static func withText<Result>(
        _ path: [UInt8],
        _ body: (UnsafePointer<CChar>) -> Result
    ) -> Result {
        let text = path.map { CChar(bitPattern: $0) } + [0]
        return unsafe text.withUnsafeBufferPointer { buffer in
            // Never empty: it ends with a NUL.
            unsafe buffer.baseAddress.map { unsafe body($0) } ?? body("")
        }
    }

    private static func checked(_ result: CInt) throws(Failure) -> CInt {
        guard result >= 0 else { throw Failure(code: -result) }
        return result
    }
}
