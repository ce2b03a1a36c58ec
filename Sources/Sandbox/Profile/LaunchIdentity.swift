package import Base

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

    package static let fileCountLimit = 50_000
    package static let codeByteCountLimit: Int64 = 2 << 30

    /// Reads all of it, but for trees that `cache` knows and that look untouched; blocks, for about a
    /// second per 500 MB.
    ///
    /// - Parameter opened: the files and the code of `command` by path, as descriptors, or folders
    ///   around them: what is read is what they are, whatever stands at the path by now.
    package init(
        _ command: ResolvedCommand,
        opened: [String: Int32] = [:],
        hashing: any Hashing,
        cache: TreeDigests = TreeDigests()
    ) throws(Failure) {
        var reader = TreeReader(hashing: hashing)
        var files: [File] = []
        for path in command.identityFiles {
            let digest = try reader.digest(ofFile: path, opened: opened[path])
            files.append(File(path: path, digest: digest))
        }
        var code: [File] = []
        for root in command.roots.sorted() {
            code.append(
                File(
                    path: root,
                    digest: try cache.digest(of: TreeRoot(root, opened), hashing: hashing)
                )
            )
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
    static func append(_ words: [String], to text: inout [UInt8]) {
        for word in words { text += Array("\(word.utf8.count):\(word)".utf8) }
        text.append(0x0a)
    }
}
