import Base
private import Glibc

/// Digests of code trees that were read once, so that a server that wakes up does not pay for
/// reading its whole virtual environment again.
///
/// A tree counts as untouched while name, inode, mode, length and both times of every file in it are
/// the same. The time of the last change of an inode cannot be set by whoever changes it.
package final class TreeDigests: Sendable {
    private struct Entry {
        let stamp: Digest
        let digest: Digest
    }

    private let entries = Lock<[String: Entry]>([:])

    package init() {}

    /// The digest of a tree; blocks.
    ///
    /// It covers names, modes, link targets and contents.
    func digest(
        of root: borrowing TreeRoot,
        hashing: any Hashing
    ) throws(LaunchIdentity.Failure) -> Digest {
        var reader = TreeReader(hashing: hashing)
        let path = root.path
        let stamp = try reader.stamp(of: root)
        if let known = entries.withLock({ $0[path] }), known.stamp == stamp { return known.digest }
        let digest = try reader.digest(of: root)
        // What changed while it was read is noticed the next time: the older stamp is kept.
        entries.withLock { $0[path] = Entry(stamp: stamp, digest: digest) }
        return digest
    }
}

/// Reads files and trees into digests, inside the bounds of `LaunchIdentity`.
struct TreeReader {
    let hashing: any Hashing
    private var byteCount: Int64 = 0
    private var buffer = [UInt8](repeating: 0, count: Self.pieceByteCount)

    private static let pieceByteCount = 1 << 20

    init(hashing: any Hashing) { self.hashing = hashing }

    /// The digest of the file at a path, or of the one that was opened there.
    mutating func digest(
        ofFile path: String,
        opened: CInt? = nil
    ) throws(LaunchIdentity.Failure) -> Digest {
        guard let opened else { return try digest(ofFile: path, at: path, following: false) }
        return try digest(ofFile: path, at: "/proc/self/fd/\(opened)", following: true)
    }

    private mutating func digest(
        ofFile path: String,
        at place: String,
        following: Bool
    ) throws(LaunchIdentity.Failure) -> Digest {
        let flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | (following ? 0 : O_NOFOLLOW)
        let file = unsafe open(place, flags)
        guard file >= 0 else { throw .unreadable(path) }
        defer { close(file) }
        var pieces: [UInt8] = []
        while true {
            let count = try fill(from: file, path)
            guard count > 0 else { return hashing.sha256(pieces) }
            byteCount += Int64(count)
            guard byteCount <= LaunchIdentity.codeByteCountLimit else {
                throw .tooMuchCode(path, limit: "2 GiB")
            }
            pieces += hashing.sha256(Array(buffer[..<count])).bytes
            guard count == Self.pieceByteCount else { return hashing.sha256(pieces) }
        }
    }

    /// Reads until the buffer is full or the file ends.
    private mutating func fill(
        from file: CInt,
        _ path: String
    ) throws(LaunchIdentity.Failure) -> Int {
        var filled = 0
        while filled < buffer.count {
            let count = unsafe buffer.withUnsafeMutableBytes { buffer in
                unsafe read(file, buffer.baseAddress?.advanced(by: filled), buffer.count - filled)
            }
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw .unreadable(path) }
            guard count > 0 else { break }
            filled += count
        }
        return filled
    }

    mutating func digest(of root: borrowing TreeRoot) throws(LaunchIdentity.Failure) -> Digest {
        var text: [UInt8] = []
        for entry in try entries(of: root) {
            let mode = String(entry.status.mode, radix: 8)
            switch entry.status.kind {
            case .folder: LaunchIdentity.append(["folder", entry.relative, mode], to: &text)
            case .file:
                let digest = try digest(
                    ofFile: entry.path,
                    at: entry.place,
                    following: entry.isRoot
                )
                LaunchIdentity.append(["file", entry.relative, mode, "\(digest)"], to: &text)
            case .link:
                guard let target = HostPath.target(of: entry.place) else {
                    throw .unreadable(entry.path)
                }
                LaunchIdentity.append(["link", entry.relative, target], to: &text)
            case .other: LaunchIdentity.append(["other", entry.relative, mode], to: &text)
            }
        }
        return hashing.sha256(text)
    }

    /// What tells without reading any file that a tree is the same.
    func stamp(of root: borrowing TreeRoot) throws(LaunchIdentity.Failure) -> Digest {
        var text: [UInt8] = []
        for entry in try entries(of: root) {
            let status = entry.status
            text += entry.relative.utf8
            text.append(0)
            for number in [
                status.device, status.inode, UInt64(status.mode),
                UInt64(bitPattern: status.byteCount), UInt64(bitPattern: status.modified),
                UInt64(bitPattern: status.changed),
            ] {
                unsafe withUnsafeBytes(of: number.littleEndian) { bytes in
                    unsafe text.append(contentsOf: bytes)
                }
            }
        }
        return hashing.sha256(text)
    }

    private struct Entry {
        /// For people.
        let path: String
        /// Where it is read, below the root that is held open.
        let place: String
        /// So that only what is inside counts, not where it lies.
        let relative: String
        let status: HostPath.Status

        var isRoot: Bool { relative == "." }
    }

    /// Everything in a tree, depth first in the order of names.
    private func entries(
        of root: borrowing TreeRoot
    ) throws(LaunchIdentity.Failure) -> [Entry] {
        let (path, place) = (root.path, root.place)
        var found: [Entry] = []
        var pending = ["."]
        while let relative = pending.popLast() {
            guard found.count < LaunchIdentity.fileCountLimit else {
                throw .tooMuchCode(path, limit: "\(LaunchIdentity.fileCountLimit) files")
            }
            let below = relative.dropFirst()
            // The root's place is a link, to what it was opened as.
            guard let status = HostPath.status(place + below, following: below.isEmpty) else {
                throw .unreadable(path + below)
            }
            found.append(
                Entry(path: path + below, place: place + below, relative: relative, status: status)
            )
            guard status.kind == .folder else { continue }
            // One that cannot be listed is not empty: the server's user may see what we do not.
            let limit = LaunchIdentity.fileCountLimit
            guard let names = HostPath.listing(of: place + below, limit: limit) else {
                throw .unreadable(path + below)
            }
            pending += names.reversed().map { "\(relative)/\($0)" }
        }
        return found
    }
}
