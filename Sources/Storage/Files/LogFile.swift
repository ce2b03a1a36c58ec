package import Base
import Glibc

/// What went wrong with a file of the state folder.
package struct FileFailure: Error, Equatable, Sendable, CustomStringConvertible {
    package let path: String
    package let step: String
    package let code: Int32

    package var description: String {
        "cannot \(step) `\(path)`: \(unsafe String(cString: strerror(code)))"
    }
}

/// The few ways in which the log uses files besides its database.
package enum LogFile {
    /// The whole file, nil when there is none; at most 1 MiB.
    package static func read(_ path: String) throws(FileFailure) -> [UInt8]? {
        let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            if errno == ENOENT { return nil }
            throw FileFailure(path: path, step: "open", code: errno)
        }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let count = unsafe Glibc.read(descriptor, &chunk, chunk.count)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw FileFailure(path: path, step: "read", code: errno) }
            guard count > 0 else { return bytes }
            bytes += chunk[..<count]
            guard bytes.count <= 1 << 20 else {
                throw FileFailure(path: path, step: "read", code: EFBIG)
            }
        }
    }

    /// The last bytes of a file, nil when there is none; refuses what is no file.
    static func end(of path: String, byteCount: Int) throws(FileFailure) -> [UInt8]? {
        // Nonblocking, because a pipe without a writer would hold up the start.
        let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else {
            if errno == ENOENT { return nil }
            throw FileFailure(path: path, step: "open", code: errno)
        }
        defer { close(descriptor) }
        var status = stat()
        guard unsafe fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            throw FileFailure(path: path, step: "read (it is no file)", code: EINVAL)
        }
        var bytes = [UInt8](repeating: 0, count: min(byteCount, Int(clamping: status.st_size)))
        let start = Int(clamping: status.st_size) - bytes.count
        let count = unsafe pread(descriptor, &bytes, bytes.count, start)
        guard count >= 0 else { throw FileFailure(path: path, step: "read", code: errno) }
        return Array(bytes.prefix(count))
    }

    /// The file's size; 0 when there is none.
    static func byteCount(_ path: String) -> UInt64 {
        var status = stat()
        guard unsafe stat(path, &status) == 0 else { return 0 }
        return UInt64(clamping: status.st_size)
    }

    /// What an ordinary user may still write to the file system of a folder; 0 when nobody knows.
    static func freeByteCount(_ folder: String) -> UInt64 {
        var status = statvfs()
        guard unsafe statvfs(folder, &status) == 0 else { return 0 }
        return UInt64(clamping: status.f_bavail) &* UInt64(clamping: status.f_frsize)
    }

    /// Puts `bytes` in place of the file so that a crash leaves the old or the new one, whole.
    package static func replace(_ path: String, with bytes: [UInt8]) throws(FileFailure) {
        let temporary = path + ".new"
        try write(bytes, to: temporary, flags: O_CREAT | O_TRUNC, mode: 0o600)
        guard unsafe rename(temporary, path) == 0 else {
            throw FileFailure(path: path, step: "rename", code: errno)
        }
        syncFolder(of: path)
    }

    /// Appends and syncs; makes the file when it is not there.
    ///
    /// A pipe nobody reads is a failure. What a full disk took the beginning of is taken away again,
    /// as far as the file allows it.
    package static func append(_ bytes: [UInt8], to path: String) throws(FileFailure) {
        let before = byteCount(path)
        do throws(FileFailure) {
            try write(bytes, to: path, flags: O_CREAT | O_APPEND | O_NONBLOCK, mode: 0o644)
        } catch {
            if byteCount(path) > before { unsafe truncate(path, Int(clamping: before)) }
            throw error
        }
    }

    /// The secret kept in an owner-only file; made from `random` on first use.
    ///
    /// Refuses a file others may read, of another owner, or of another length.
    package static func secret(
        _ path: String,
        byteCount: Int,
        random: any RandomSource
    ) throws(FileFailure) -> [UInt8] {
        guard let bytes = try read(path) else {
            let fresh = random.bytes(count: byteCount)
            try write(fresh, to: path, flags: O_CREAT | O_EXCL, mode: 0o600)
            syncFolder(of: path)
            return fresh
        }
        var status = stat()
        guard unsafe lstat(path, &status) == 0 else {
            throw FileFailure(path: path, step: "examine", code: errno)
        }
        guard status.st_mode & 0o077 == 0, status.st_uid == geteuid(),
            status.st_mode & S_IFMT == S_IFREG
        else {
            throw FileFailure(path: path, step: "trust (make it 0600 and your own)", code: EPERM)
        }
        guard bytes.count == byteCount else {
            throw FileFailure(path: path, step: "use (wrong length)", code: EINVAL)
        }
        return bytes
    }

    /// Fills the file with zeros up to `byteCount`, so that later writes need no new blocks.
    ///
    /// What is there stays. Written, not only allocated: writing into allocated but unwritten
    /// blocks makes each sync update the file's extents and costs three times as much.
    package static func fill(_ path: String, to byteCount: Int) throws(FileFailure) {
        let descriptor = unsafe open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw FileFailure(path: path, step: "open", code: errno) }
        defer { close(descriptor) }
        var offset = Int(lseek(descriptor, 0, SEEK_END))
        guard offset < byteCount else { return }
        let zeros = [UInt8](repeating: 0, count: 1 << 20)
        while offset < byteCount {
            let count = unsafe pwrite(
                descriptor,
                zeros,
                min(zeros.count, byteCount - offset),
                offset
            )
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw FileFailure(path: path, step: "write", code: errno) }
            offset += count
        }
        guard fsync(descriptor) == 0 else {
            throw FileFailure(path: path, step: "sync", code: errno)
        }
    }

    private static func write(
        _ bytes: [UInt8],
        to path: String,
        flags: Int32,
        mode: mode_t
    ) throws(FileFailure) {
        let descriptor = unsafe open(path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW | flags, mode)
        guard descriptor >= 0 else { throw FileFailure(path: path, step: "open", code: errno) }
        defer { close(descriptor) }
        var offset = 0
        while offset < bytes.count {
            let count = unsafe bytes.withUnsafeBytes { buffer in
                unsafe Glibc.write(
                    descriptor,
                    UnsafeRawBufferPointer(rebasing: buffer[offset...]).baseAddress,
                    buffer.count - offset
                )
            }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw FileFailure(path: path, step: "write", code: errno) }
            offset += count
        }
        guard fsync(descriptor) == 0 else {
            throw FileFailure(path: path, step: "sync", code: errno)
        }
    }

    /// Makes a new name durable; a folder that cannot be synced is left to the file system.
    private static func syncFolder(of path: String) {
        let folder = path.lastIndex(of: "/").map { String(path[..<$0]) } ?? "."
        let descriptor = unsafe open(folder.isEmpty ? "/" : folder, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return }
        fsync(descriptor)
        close(descriptor)
    }
}
