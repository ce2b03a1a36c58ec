import CLinux

/// What a path or descriptor is, and whose.
package struct FileFacts: Hashable, Sendable {
    package enum Kind: Hashable, Sendable { case regular, folder, link, socket, other }

    package let kind: Kind
    package let byteCount: UInt64
    package let userID: UInt32
    package let groupID: UInt32
    /// The permission bits, `0o7777`.
    package let mode: UInt32
    package let device: UInt64
    package let inode: UInt64
    package let linkCount: UInt32
    /// Nanoseconds of the wall clock.
    package let modified: Int64

    /// Of the path itself; a link is not followed.
    package init(_ path: String) throws(SystemError) {
        try refuseNUL(path, call: "stat")
        var facts = cgate_facts()
        _ = try checked("stat", unsafe cgate_facts_at(-1, path, &facts), subject: path)
        self.init(facts)
    }

    /// Of an open file.
    package init(_ descriptor: borrowing Descriptor) throws(SystemError) {
        var facts = cgate_facts()
        _ = try checked("fstat", unsafe cgate_facts_of(descriptor.number, &facts))
        self.init(facts)
    }

    private init(_ facts: cgate_facts) {
        // inode(7): the file type is in the upper bits of the mode.
        kind =
            switch facts.mode & 0o170000 {
            case 0o100000: .regular
            case 0o040000: .folder
            case 0o120000: .link
            case 0o140000: .socket
            default: .other
            }
        byteCount = facts.size
        userID = facts.user
        groupID = facts.group
        mode = facts.mode & 0o7777
        device = facts.device
        inode = facts.inode
        linkCount = facts.link_count
        modified =
            facts.modified_seconds.multipliedReportingOverflow(by: 1_000_000_000).partialValue
            &+ facts.modified_nanoseconds
    }

    /// Whether nobody but the owner may read or write it.
    package var isPrivate: Bool { mode & 0o077 == 0 }
}

/// Files of ours: state, configuration, `/proc`.
///
/// Everything blocks; keep it off the data path.
package enum Files {
    /// How to open a file; a symbolic link as last component is refused unless followed.
    package struct Access: OptionSet, Sendable {
        package let rawValue: CInt
        package init(rawValue: CInt) { self.rawValue = rawValue }
        package static let read = Access(rawValue: CInt(CGATE_READ))
        package static let write = Access(rawValue: CInt(CGATE_WRITE))
        package static let create = Access(rawValue: CInt(CGATE_CREATE))
        package static let exclusive = Access(rawValue: CInt(CGATE_EXCLUSIVE))
        package static let append = Access(rawValue: CInt(CGATE_APPEND))
        package static let folder = Access(rawValue: CInt(CGATE_DIRECTORY))
        package static let followLinks = Access(rawValue: CInt(CGATE_FOLLOW))
        package static let truncate = Access(rawValue: CInt(CGATE_TRUNCATE))
    }

    /// Opens a file, closed on exec; `mode` is for a new one, less the umask.
    package static func open(
        _ path: String,
        _ access: Access,
        mode: UInt32 = 0o600
    ) throws(SystemError) -> Descriptor {
        try refuseNUL(path, call: "open")
        let number = unsafe cgate_open(-1, path, access.rawValue, mode)
        return Descriptor(adopting: try checked("open", number, subject: path))
    }

    /// The whole file, at most `limit` bytes; EFBIG beyond it.
    ///
    /// Links are followed when asked.
    package static func read(
        _ path: String,
        limit: Int,
        followsLinks: Bool = true
    ) throws(SystemError) -> [UInt8] {
        let file = try open(path, followsLinks ? [.read, .followLinks] : .read)
        return try read(file, limit: limit, name: path)
    }

    /// The rest of an open file, at most `limit` bytes; EFBIG beyond it.
    package static func read(
        _ file: borrowing Descriptor,
        limit: Int,
        name: String
    ) throws(SystemError) -> [UInt8] {
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: min(64 << 10, max(1, limit + 1)))
        while true {
            let number = file.number
            let count = try checked(
                "read",
                unsafe chunk.withUnsafeMutableBytes { buffer in
                    guard let base = buffer.baseAddress else { return 0 }
                    return unsafe cgate_read(number, base, buffer.count)
                },
                subject: name
            )
            guard count > 0 else { return bytes }
            guard count <= limit - bytes.count else {
                throw SystemError(call: "read", code: Errno.tooLarge, subject: name)
            }
            bytes += chunk[..<count]
        }
    }

    /// Writes everything at the descriptor's position.
    package static func write(
        _ bytes: some Collection<UInt8>,
        to file: borrowing Descriptor
    ) throws(SystemError) {
        try write(Array(bytes), to: file.number)
    }

    static func write(_ bytes: [UInt8], to number: CInt) throws(SystemError) {
        var written = 0
        while written < bytes.count {
            written += try checked(
                "write",
                unsafe bytes.withUnsafeBytes { buffer in
                    guard let base = buffer.baseAddress else { return 0 }
                    return unsafe cgate_write(number, base + written, buffer.count - written)
                }
            )
        }
    }

    /// The names in a folder, sorted by their bytes; `limit` of them, ENOSPC beyond it.
    package static func names(
        in folder: String,
        limit: Int = 1 << 20
    ) throws(SystemError) -> [String] {
        let opened = try open(folder, [.read, .folder, .followLinks])
        var list = (names: [String](), limit: limit)
        let status = unsafe withUnsafeMutablePointer(to: &list) { pointer in
            unsafe cgate_each_entry(
                opened.number,
                { context, name in
                    // `context` is the pointer passed below, alive for the whole call.
                    let list = unsafe context?.assumingMemoryBound(
                        to: (names: [String], limit: Int).self
                    )
                    guard let list = unsafe list else { return -Errno.invalidArgument }
                    guard unsafe list.pointee.names.count < list.pointee.limit else {
                        return -Errno.noSpace
                    }
                    unsafe list.pointee.names.append(String(cString: name))
                    return 0
                },
                pointer
            )
        }
        _ = try checked("readdir", status, subject: folder)
        return list.names.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    }

    package static func exists(_ path: String) -> Bool { (try? FileFacts(path)) != nil }

    package static func remove(_ path: String) throws(SystemError) {
        try refuseNUL(path, call: "unlink")
        _ = try checked("unlink", unsafe cgate_unlink(-1, path, 0), subject: path)
    }

    /// Makes a symbolic link where nothing is yet.
    package static func makeLink(to target: String, at path: String) throws(SystemError) {
        try refuseNUL(path, call: "symlink")
        try refuseNUL(target, call: "symlink")
        _ = try checked("symlink", unsafe cgate_make_link(target, path), subject: path)
    }

    /// What a symbolic link says.
    package static func target(ofLink path: String) throws(SystemError) -> String {
        try refuseNUL(path, call: "readlink")
        var text = [CChar](repeating: 0, count: 4096)
        let count = try checked(
            "readlink",
            unsafe cgate_read_link(path, &text, text.count),
            subject: path
        )
        return String(decoding: text.prefix(count).map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}
