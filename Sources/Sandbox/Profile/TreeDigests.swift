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

    /// The digest of the tree at a path; blocks.
    ///
    /// It covers names, modes, link targets and contents.
    func digest(
        of root: String,
        hashing: any Hashing
    ) throws(LaunchIdentity.Failure) -> Digest {
        var reader = TreeReader(hashing: hashing)
        let stamp = try reader.stamp(ofTree: root)
        if let known = entries.withLock({ $0[root] }), known.stamp == stamp { return known.digest }
        let digest = try reader.digest(ofTree: root)
        // What changed while it was read is noticed the next time: the older stamp is kept.
        entries.withLock { $0[root] = Entry(stamp: stamp, digest: digest) }
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

    mutating func digest(ofFile path: String) throws(LaunchIdentity.Failure) -> Digest {
        let file = unsafe open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
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

    mutating func digest(ofTree root: String) throws(LaunchIdentity.Failure) -> Digest {
        var text: [UInt8] = []
        for entry in try entries(of: root) {
            let mode = String(entry.status.mode, radix: 8)
            switch entry.status.kind {
            case .folder: LaunchIdentity.append(["folder", entry.relative, mode], to: &text)
            case .file:
                let digest = try digest(ofFile: entry.path)
                LaunchIdentity.append(["file", entry.relative, mode, "\(digest)"], to: &text)
            case .link:
                let target = HostPath.target(of: entry.path) ?? ""
                LaunchIdentity.append(["link", entry.relative, target], to: &text)
            case .other: LaunchIdentity.append(["other", entry.relative, mode], to: &text)
            }
        }
        return hashing.sha256(text)
    }

    /// What tells without reading any file that a tree is the same.
    func stamp(ofTree root: String) throws(LaunchIdentity.Failure) -> Digest {
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
        let path: String
        /// So that only what is inside counts, not where it lies.
        let relative: String
        let status: HostPath.Status
    }

    /// Everything in a tree, depth first in the order of names.
    private func entries(of root: String) throws(LaunchIdentity.Failure) -> [Entry] {
        var found: [Entry] = []
        var pending = [(path: root, relative: ".")]
        while let (path, relative) = pending.popLast() {
            guard found.count < LaunchIdentity.fileCountLimit else {
                throw .tooMuchCode(root, limit: "\(LaunchIdentity.fileCountLimit) files")
            }
            guard let status = HostPath.status(path) else { throw .unreadable(path) }
            found.append(Entry(path: path, relative: relative, status: status))
            guard status.kind == .folder else { continue }
            let names = HostPath.names(in: path, limit: LaunchIdentity.fileCountLimit)
            pending += names.reversed().map { ("\(path)/\($0)", "\(relative)/\($0)") }
        }
        return found
    }
}
