import CLinux

extension Files {
    /// Replaces a file so that at every moment, a power cut included, either the old or the new
    /// content is there, whole: temporary file, fsync, rename, fsync of the folder.
    ///
    /// The temporary file lies beside it as `.NAME.new`; one writer at a time (hold the lock).
    package static func replace(
        _ path: String,
        with bytes: [UInt8],
        mode: UInt32 = 0o600
    ) throws(SystemError) {
        let (folder, name) = split(path)
        let temporary = join(folder, ".\(name).new")
        // Left by a crash, or put there by somebody else: never opened, only removed.
        try? remove(temporary)
        do throws(SystemError) {
            let file = try open(temporary, [.write, .create, .exclusive], mode: mode)
            // The umask has no say in the mode of what we keep.
            _ = try checked("fchmod", cgate_change_mode(file.number, mode), subject: temporary)
            try write(bytes, to: file)
            try synchronise(file)
            let status = unsafe cgate_rename(-1, temporary, path)
            _ = try checked("rename", status, subject: path)
        } catch {
            try? remove(temporary)
            throw error
        }
        try synchroniseFolder(folder)
    }

    /// Makes a file that must not exist yet, with its folder entry on disk when it returns.
    package static func create(
        _ path: String,
        with bytes: [UInt8],
        mode: UInt32 = 0o600
    ) throws(SystemError) {
        let file = try open(path, [.write, .create, .exclusive], mode: mode)
        _ = try checked("fchmod", cgate_change_mode(file.number, mode), subject: path)
        try write(bytes, to: file)
        try synchronise(file)
        try synchroniseFolder(split(path).folder)
    }

    /// Waits until the file's content is on disk; `dataOnly` leaves out times (fdatasync).
    package static func synchronise(
        _ file: borrowing Descriptor,
        dataOnly: Bool = false
    ) throws(SystemError) {
        _ = try checked("fsync", cgate_fsync(file.number, dataOnly ? 1 : 0))
    }

    /// Sets the mode of what is open, whatever the umask.
    package static func changeMode(
        of file: borrowing Descriptor,
        to mode: UInt32
    ) throws(SystemError) {
        _ = try checked("fchmod", cgate_change_mode(file.number, mode))
    }

    /// Waits until the names in a folder are on disk.
    package static func synchroniseFolder(_ path: String) throws(SystemError) {
        let folder = try open(path, [.read, .folder, .followLinks])
        try synchronise(folder)
    }

    /// Makes a folder with mode 0700 and all that lead to it; one that exists is left as it is.
    package static func makeFolder(_ path: String, mode: UInt32 = 0o700) throws(SystemError) {
        try refuseNUL(path, call: "mkdir")
        let status = unsafe cgate_make_directory(-1, path, mode)
        if status == 0 || status == -Errno.exists { return }
        let parent = split(path).folder
        guard status == -Errno.noEntry, parent != path, parent != "." else {
            throw SystemError(call: "mkdir", code: -status, subject: path)
        }
        try makeFolder(parent, mode: mode)
        let second = unsafe cgate_make_directory(-1, path, mode)
        if second == -Errno.exists { return }
        _ = try checked("mkdir", second, subject: path)
    }

    /// The folder and the last component; `.` for a bare name.
    package static func split(_ path: String) -> (folder: String, name: String) {
        guard let slash = path.utf8.lastIndex(of: 0x2f) else { return (".", path) }
        let folder = String(path[..<slash])
        let name = String(path[path.utf8.index(after: slash)...])
        return (folder.isEmpty ? "/" : folder, name)
    }

    package static func join(_ folder: String, _ name: String) -> String {
        folder.utf8.last == 0x2f ? folder + name : folder + "/" + name
    }
}

/// Somebody else holds the lock file.
package struct AlreadyLocked: Error, Equatable, Sendable, CustomStringConvertible {
    package let path: String
    /// What the holder wrote into it, such as its process id.
    package let holder: String
    package var description: String {
        "`\(path)` is locked" + (holder.isEmpty ? "" : " by \(holder)")
    }
}

/// An exclusive lock for the life of this value, by flock: it ends with the process, however that
/// ends, so that no stale lock is left.
package struct LockFile: ~Copyable, Sendable {
    private let file: Descriptor

    /// Takes the lock and writes `note` (who holds it) into the file; does not wait.
    package init(_ path: String, note: String) throws {
        let opened = try Files.open(path, [.read, .write, .create])
        let status = cgate_lock_exclusively(opened.number)
        guard status == 0 else {
            let known = (try? Files.read(opened, limit: 256, name: path)) ?? []
            throw AlreadyLocked(path: path, holder: String(decoding: known, as: UTF8.self))
        }
        _ = try checked("ftruncate", cgate_truncate(opened.number, 0), subject: path)
        try Files.write(note.utf8, to: opened)
        file = opened
    }
}
