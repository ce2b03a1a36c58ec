package import Base
private import Glibc

/// What a server is made of: program, interpreter, script, arguments, and the whole of its code.
///
/// Pins stand under it, so that other code under the same name is noticed. A file's digest is SHA-256
/// over the SHA-256 digests of its pieces of 1 MiB: a program of 100 MB needs no 100 MB of memory.
package struct LaunchIdentity: Sendable, Equatable {
    package struct File: Sendable, Equatable {
        package let path: String
        package let digest: Digest
    }

    package enum Failure: Error, Equatable, Sendable, CustomStringConvertible {
        case unreadable(String)
        case tooMuchCode(String, limit: String)

        package var description: String {
            switch self {
            case .unreadable(let path):
                "`\(printable(path))` cannot be read to identify the server; check its mode"
            case .tooMuchCode(let path, let limit):
                "`\(printable(path))` holds more than \(limit), too much to identify the server by; "
                    + "name a smaller folder as code"
            }
        }
    }

    /// The executable, its interpreters, its script; paths without links.
    package let files: [File]
    /// Each code root with the digest of its tree: names, modes, link targets, contents.
    package let code: [File]
    package let arguments: [String]
    /// Over all of the above.
    package let digest: Digest

    package static let fileCountLimit = 100_000
    package static let codeByteCountLimit: Int64 = 2 << 30

    /// Reads all of it; blocks, for about a second per 500 MB.
    package init(_ command: ResolvedCommand, hashing: any Hashing) throws(Failure) {
        var reader = Reader(hashing: hashing)
        var files: [File] = []
        for path in command.identityFiles {
            files.append(File(path: path, digest: try reader.digest(ofFile: path)))
        }
        var code: [File] = []
        for root in command.roots.sorted() {
            code.append(File(path: root, digest: try reader.digest(ofTree: root)))
        }
        var text: [UInt8] = Array("gatehouse launch identity 1\n".utf8)
        for (kind, list) in [("file", files), ("code", code)] {
            for file in list { Self.append([kind, file.path, "\(file.digest)"], to: &text) }
        }
        for argument in command.arguments { Self.append(["argument", argument], to: &text) }
        self.files = files
        self.code = code
        arguments = command.arguments
        digest = hashing.sha256(text)
    }

    /// Each word with its length before it, so that no two lists give the same bytes.
    fileprivate static func append(_ words: [String], to text: inout [UInt8]) {
        for word in words { text += Array("\(word.utf8.count):\(word)".utf8) }
        text.append(0x0a)
    }
}

private struct Reader {
    let hashing: any Hashing
    private var fileCount = 0
    private var byteCount: Int64 = 0

    init(hashing: any Hashing) { self.hashing = hashing }

    mutating func digest(ofFile path: String) throws(LaunchIdentity.Failure) -> Digest {
        let file = unsafe open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
        guard file >= 0 else { throw .unreadable(path) }
        defer { close(file) }
        var pieces: [UInt8] = []
        while true {
            let piece = try piece(of: file, path)
            guard !piece.isEmpty else { return hashing.sha256(pieces) }
            byteCount += Int64(piece.count)
            guard byteCount <= LaunchIdentity.codeByteCountLimit else {
                throw .tooMuchCode(path, limit: "2 GiB")
            }
            pieces += hashing.sha256(piece).bytes
        }
    }

    private func piece(
        of file: CInt,
        _ path: String
    ) throws(LaunchIdentity.Failure) -> [UInt8] {
        var piece = [UInt8](repeating: 0, count: 1 << 20)
        var filled = 0
        while filled < piece.count {
            let count = unsafe piece.withUnsafeMutableBytes { buffer in
                unsafe read(file, buffer.baseAddress?.advanced(by: filled), buffer.count - filled)
            }
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw .unreadable(path) }
            guard count > 0 else { break }
            filled += count
        }
        return Array(piece.prefix(filled))
    }

    mutating func digest(ofTree root: String) throws(LaunchIdentity.Failure) -> Digest {
        var text: [UInt8] = []
        // Depth first in the order of names; relative paths, so that only what is inside counts.
        var pending: [(path: String, relative: String)] = [(root, ".")]
        while let (path, relative) = pending.popLast() {
            fileCount += 1
            guard fileCount <= LaunchIdentity.fileCountLimit else {
                throw .tooMuchCode(root, limit: "\(LaunchIdentity.fileCountLimit) files")
            }
            guard let status = HostPath.status(path) else { throw .unreadable(path) }
            let mode = String(status.mode, radix: 8)
            switch status.kind {
            case .folder:
                LaunchIdentity.append(["folder", relative, mode], to: &text)
                let names = HostPath.names(in: path, limit: LaunchIdentity.fileCountLimit)
                pending += names.reversed().map { ("\(path)/\($0)", "\(relative)/\($0)") }
            case .file:
                let digest = try digest(ofFile: path)
                LaunchIdentity.append(["file", relative, mode, "\(digest)"], to: &text)
            case .link:
                let target = HostPath.target(of: path) ?? ""
                LaunchIdentity.append(["link", relative, target], to: &text)
            case .other: LaunchIdentity.append(["other", relative, mode], to: &text)
            }
        }
        return hashing.sha256(text)
    }
}
