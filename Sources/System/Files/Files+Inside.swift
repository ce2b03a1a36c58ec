import CLinux

extension Files {
    /// A regular file below a folder, at most `limit` bytes, its way given by names.
    ///
    /// Each name is opened in the folder before it and no link is followed, so that nothing outside
    /// of `folder` is ever opened, whatever happens beside. ELOOP for a link, EACCES for what is no
    /// regular file or has a second name somewhere, EFBIG beyond the limit.
    package static func read(
        _ names: [String],
        inside folder: String,
        limit: Int
    ) throws(SystemError) -> [UInt8] {
        guard let last = names.last,
            names.allSatisfy({ !$0.isEmpty && $0 != "." && $0 != ".." && !$0.contains("/") })
        else { throw SystemError(call: "open", code: Errno.invalidArgument, subject: folder) }
        var place = try open(folder, [.read, .folder, .followLinks])
        for name in names.dropLast() { place = try open(name, [.read, .folder], in: place) }
        let file = try open(last, .read, in: place)
        let facts = try FileFacts(file)
        guard facts.kind == .regular, facts.linkCount == 1 else {
            throw SystemError(call: "open", code: Errno.access, subject: last)
        }
        return try read(file, limit: limit, name: last)
    }

    private static func open(
        _ name: String,
        _ access: Access,
        in folder: borrowing Descriptor
    ) throws(SystemError) -> Descriptor {
        try refuseNUL(name, call: "open")
        let number = unsafe cgate_open(folder.number, name, access.rawValue, 0)
        return Descriptor(adopting: try checked("open", number, subject: name))
    }
}
