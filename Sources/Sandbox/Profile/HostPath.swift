private import Glibc

/// Questions about paths of the host; all of them block, so call them off the loop.
enum HostPath {
    /// A symbolic link that was followed on the way to a file.
    struct Link: Hashable, Sendable {
        let path: String
        let target: String
    }

    struct Walk: Sendable, Equatable {
        /// The path without any symbolic link.
        let real: String
        let links: [Link]
    }

    struct Status: Sendable, Equatable {
        enum Kind: Sendable { case folder, file, link, other }
        let kind: Kind
        let mode: UInt32
        let owner: UInt32
        let group: UInt32
        let device: UInt64
        let inode: UInt64
        let byteCount: Int64
        /// Nanoseconds since 1970 of the last change of the contents, and of the inode.
        let modified: Int64
        let changed: Int64
    }

    /// Without empty components and `.`; nil when relative, with NUL, or with `..`.
    static func normalised(_ path: String) -> String? {
        guard path.utf8.first == 0x2f, !path.utf8.contains(0), path.utf8.count < 4096 else {
            return nil
        }
        let parts = components(path)
        guard !parts.contains("..") else { return nil }
        return "/" + parts.joined(separator: "/")
    }

    static func components(_ path: String) -> [Substring] {
        path.split(separator: "/").filter { $0 != "." }
    }

    static func joined(_ folder: String, _ path: String) -> String {
        if path.utf8.first == 0x2f { return path }
        return folder.utf8.last == 0x2f ? folder + path : folder + "/" + path
    }

    static func parent(of path: String) -> String {
        guard let slash = path.utf8.lastIndex(of: 0x2f), slash != path.startIndex else {
            return "/"
        }
        return String(path[..<slash])
    }

    static func name(of path: String) -> Substring {
        guard let slash = path.utf8.lastIndex(of: 0x2f) else { return Substring(path) }
        return path[path.utf8.index(after: slash)...]
    }

    /// Whether `path` is `folder` or lies in it; both normalised.
    static func lies(_ path: String, in folder: String) -> Bool {
        if folder == "/" || path == folder { return true }
        return path.utf8.starts(with: folder.utf8)
            && path.utf8.dropFirst(folder.utf8.count).first == 0x2f
    }

    static func overlap(_ first: String, _ second: String) -> Bool {
        lies(first, in: second) || lies(second, in: first)
    }

    /// What `path` itself is, without following it when it is a link, unless that is wanted.
    static func status(_ path: String, following: Bool = false) -> Status? {
        var raw = stat()
        let flags = following ? 0 : AT_SYMLINK_NOFOLLOW
        guard unsafe fstatat(AT_FDCWD, path, &raw, flags) == 0 else { return nil }
        let kind: Status.Kind =
            switch raw.st_mode & S_IFMT {
            case S_IFDIR: .folder
            case S_IFREG: .file
            case S_IFLNK: .link
            default: .other
            }
        return Status(
            kind: kind,
            mode: raw.st_mode & 0o7777,
            owner: raw.st_uid,
            group: raw.st_gid,
            device: UInt64(raw.st_dev),
            inode: UInt64(raw.st_ino),
            byteCount: Int64(raw.st_size),
            modified: nanoseconds(raw.st_mtim),
            changed: nanoseconds(raw.st_ctim)
        )
    }

    private static func nanoseconds(_ time: timespec) -> Int64 {
        Int64(time.tv_sec) &* 1_000_000_000 &+ Int64(time.tv_nsec)
    }

    static func isFolder(_ path: String) -> Bool {
        walk(path).flatMap { status($0.real) }?.kind == .folder
    }

    static func isFile(_ path: String) -> Bool {
        walk(path).flatMap { status($0.real) }?.kind == .file
    }

    /// Follows an absolute path as the kernel does and remembers each link on the way; nil when
    /// something on it is missing, or after 40 links.
    static func walk(_ path: String) -> Walk? {
        guard path.utf8.first == 0x2f, !path.utf8.contains(0), path.utf8.count < 4096 else {
            return nil
        }
        var pending = Array(components(path).reversed())
        var real: [Substring] = []
        var links: [Link] = []
        while let next = pending.popLast() {
            if next == ".." {
                _ = real.popLast()
                continue
            }
            let here = "/" + (real + [next]).joined(separator: "/")
            guard let found = status(here) else { return nil }
            guard found.kind == .link else {
                real.append(next)
                continue
            }
            guard links.count < 40, let target = target(of: here) else { return nil }
            links.append(Link(path: here, target: target))
            if target.utf8.first == 0x2f { real = [] }
            pending += components(target).reversed()
        }
        return Walk(real: "/" + real.joined(separator: "/"), links: links)
    }

    static func target(of link: String) -> String? {
        var buffer = [UInt8](repeating: 0, count: 4096)
        let count = unsafe buffer.withUnsafeMutableBytes { raw in
            unsafe raw.withMemoryRebound(to: CChar.self) { text in
                guard let base = text.baseAddress else { return 0 }
                return unsafe readlink(link, base, text.count)
            }
        }
        guard count > 0, count < buffer.count else { return nil }
        return String(validating: buffer[..<count], as: UTF8.self)
    }

    /// The first bytes of a file, or nil when it cannot be read.
    static func beginning(of path: String, limit: Int) -> [UInt8]? {
        let file = unsafe open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard file >= 0 else { return nil }
        defer { close(file) }
        var bytes = [UInt8](repeating: 0, count: limit)
        let count = unsafe bytes.withUnsafeMutableBytes { raw in
            unsafe read(file, raw.baseAddress, raw.count)
        }
        return count < 0 ? nil : Array(bytes.prefix(count))
    }

    /// The names in a folder; none where it cannot be listed, for callers that look for something.
    static func names(in folder: String, limit: Int = 4096) -> [String] {
        listing(of: folder, limit: limit) ?? []
    }

    /// The names in a folder; nil where it cannot be listed, for callers to whom empty means something.
    static func listing(of folder: String, limit: Int = 4096) -> [String]? {
        guard let directory = unsafe opendir(folder) else { return nil }
        defer { unsafe closedir(directory) }
        var names: [String] = []
        while names.count < limit {
            // readdir(3): an error and the end are told apart by errno alone.
            errno = 0
            guard let entry = unsafe readdir(directory) else {
                guard errno == 0 else { return nil }
                break
            }
            let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                unsafe pointer.withMemoryRebound(to: CChar.self, capacity: 256) {
                    unsafe String(cString: $0)
                }
            }
            if name != ".", name != ".." { names.append(name) }
        }
        return names.sorted()
    }

    /// Whether a user without capabilities could pass (`execute`) or use a file by its mode bits.
    static func permits(_ status: Status, uid: UInt32, gid: UInt32, bits: UInt32) -> Bool {
        let shift: UInt32 = status.owner == uid ? 6 : status.group == gid ? 3 : 0
        return (status.mode >> shift) & bits == bits
    }
}
