import Base
private import Glibc
import System

/// Compares an overlay's folder of changes with the folder below it.
///
/// A server wrote the one and others may write the other: nothing is reached through a link.
struct ChangeReader: ~Copyable {
    static let changeLimit = 10_000
    static let byteLimit: Int64 = 1 << 30

    private let upper: TreeFolder
    private let lower: TreeFolder
    /// Whether a path is not there for the server, or would not be.
    private let isHidden: (_ name: [UInt8], _ path: [UInt8]) -> Bool
    private let hashing: any Hashing
    private var list: ChangeList
    private var text: [UInt8] = []
    private var byteCount: Int64 = 0

    init(
        upper: consuming TreeFolder,
        lower: consuming TreeFolder,
        hashing: any Hashing,
        isHidden: @escaping (_ name: [UInt8], _ path: [UInt8]) -> Bool
    ) {
        self.upper = upper
        self.lower = lower
        self.hashing = hashing
        self.isHidden = isHidden
        list = ChangeList(digest: hashing.sha256([]))
    }

    consuming func read() throws(ChangeFailure) -> ChangeList {
        var pending: [[UInt8]] = [[]]
        while let folder = pending.popLast() { try look(into: folder, &pending) }
        list.changes.sort { $0.path.lexicographicallyPrecedes($1.path) }
        list.digest = hashing.sha256(text)
        return list
    }

    private func changed(_ folder: [UInt8]) throws(ChangeFailure) -> TreeFolder {
        do throws(TreeFolder.Failure) {
            return try upper.opened(folder)
        } catch {
            throw Self.failure(error, at: folder)
        }
    }

    private static func names(
        in opened: borrowing TreeFolder,
        at path: [UInt8]
    ) throws(ChangeFailure) -> [[UInt8]] {
        do throws(TreeFolder.Failure) {
            return try opened.names(atMost: changeLimit).sorted { $0.lexicographicallyPrecedes($1) }
        } catch {
            throw failure(error, at: path)
        }
    }

    /// Nil where nothing is any more.
    private static func entry(
        _ name: [UInt8],
        in opened: borrowing TreeFolder,
        at path: [UInt8]
    ) throws(ChangeFailure) -> TreeEntry? {
        do throws(TreeFolder.Failure) {
            return try opened.entry(name)
        } catch {
            if error.isGone { return nil }
            throw failure(error, at: path)
        }
    }

    /// What stands in the place of a path in the folder below; nil where nothing does, or where a
    /// link stands in its way.
    private func old(_ path: [UInt8]) throws(ChangeFailure) -> TreeEntry? {
        do throws(TreeFolder.Failure) {
            return try lower.entry(path)
        } catch {
            if error.isGone || error.code == ELOOP { return nil }
            throw Self.failure(error, at: path)
        }
    }

    private static func failure(_ error: TreeFolder.Failure, at path: [UInt8]) -> ChangeFailure {
        guard error.code != EFBIG else { return .tooMuch("\(changeLimit) entries") }
        return .unreadable(path: String(decoding: path, as: UTF8.self), code: error.code)
    }

    private mutating func look(
        into folder: [UInt8],
        _ pending: inout [[UInt8]]
    ) throws(ChangeFailure) {
        let opened = try changed(folder)
        let names = try Self.names(in: opened, at: folder)
        for name in names {
            let path = folder.isEmpty ? name : folder + [0x2f] + name
            guard let entry = try Self.entry(name, in: opened, at: path) else { continue }
            let old = try old(path)
            if isHidden(name, path) {
                try note(path, .denied, entry, old)
                continue
            }
            switch entry.kind {
            case .folder:
                if old?.kind != .folder {
                    try note(path, old == nil ? .added : .modified, entry, old)
                }
                pending.append(path)
            case .file: try file(name, path, entry, old, in: opened)
            case .link: try link(name, path, entry, old, in: opened)
            case .other:
                let isWhiteout = entry.mode & S_IFMT == S_IFCHR
                if !isWhiteout {
                    try note(path, .unusable, entry, old)
                } else if old != nil {
                    try note(path, .removed, entry, old)
                }
            }
        }
        if opened.isOpaque { try removals(in: folder, besides: Set(names)) }
    }

    /// Everything below that a folder which replaced another does not have.
    private mutating func removals(
        in folder: [UInt8],
        besides names: Set<[UInt8]>
    ) throws(ChangeFailure) {
        let below: TreeFolder
        do throws(TreeFolder.Failure) { below = try lower.opened(folder) } catch {
            if error.isGone || error.code == ELOOP { return }
            throw Self.failure(error, at: folder)
        }
        for name in try Self.names(in: below, at: folder) where !names.contains(name) {
            let path = folder.isEmpty ? name : folder + [0x2f] + name
            guard !isHidden(name, path),
                let entry = try Self.entry(name, in: below, at: path)
            else { continue }
            try note(path, .removed, entry, entry)
        }
    }

    private mutating func file(
        _ name: [UInt8],
        _ path: [UInt8],
        _ entry: TreeEntry,
        _ old: TreeEntry?,
        in folder: borrowing TreeFolder
    ) throws(ChangeFailure) {
        let content = try content(of: name, path, in: folder)
        if let old, old.kind == .file, old.mode & 0o777 == entry.mode & 0o777 {
            // What was only opened for writing is copied up, too.
            let (parent, last) = Self.split(path)
            if let parent = try? lower.opened(parent),
                try self.content(of: last, path, in: parent).digest == content.digest
            {
                return
            }
        }
        try note(
            path,
            old == nil ? .added : .modified,
            entry,
            old,
            content: content
        )
    }

    private mutating func link(
        _ name: [UInt8],
        _ path: [UInt8],
        _ entry: TreeEntry,
        _ old: TreeEntry?,
        in folder: borrowing TreeFolder
    ) throws(ChangeFailure) {
        let target: [UInt8]
        do throws(TreeFolder.Failure) { target = try folder.target(of: name) } catch {
            if error.isGone { return }
            throw Self.failure(error, at: path)
        }
        if old?.kind == .link, (try? lower.target(of: path)) == target { return }
        try note(path, old == nil ? .added : .modified, entry, old, target: target)
    }

    static func split(_ path: [UInt8]) -> (folder: [UInt8], name: [UInt8]) {
        guard let slash = path.lastIndex(of: 0x2f) else { return ([], path) }
        return (Array(path[..<slash]), Array(path[(slash + 1)...]))
    }

    private mutating func note(
        _ path: [UInt8],
        _ kind: ChangeList.Kind,
        _ entry: TreeEntry,
        _ old: TreeEntry?,
        content: Content? = nil,
        target: [UInt8]? = nil
    ) throws(ChangeFailure) {
        guard list.changes.count < Self.changeLimit else {
            throw .tooMuch("\(Self.changeLimit) entries")
        }
        list.changes.append(
            ChangeList.Change(
                path: path,
                kind: kind,
                byteCount: content?.byteCount,
                target: target
            )
        )
        let was =
            old.map { "\($0.identity.device) \($0.identity.inode) \($0.changed)" } ?? "nothing"
        for part in [
            path, Array("\(kind) \(entry.mode) \(was)".utf8), content?.digest.bytes ?? [],
            target ?? [],
        ] {
            text += Array("\(part.count):".utf8) + part
        }
    }

    private struct Content {
        /// Over the digests of its pieces of 1 MiB.
        let digest: Digest
        let byteCount: Int64
    }

    private mutating func content(
        of name: [UInt8],
        _ path: [UInt8],
        in folder: borrowing TreeFolder
    ) throws(ChangeFailure) -> Content {
        let hashing = hashing
        var pieces: [UInt8] = []
        let count = try ChangeCopy.read(name, path, in: folder) { piece in
            pieces += hashing.sha256(piece).bytes
            return true
        }
        byteCount += count
        guard byteCount <= Self.byteLimit else { throw .tooMuch("\(Self.byteLimit >> 20) MiB") }
        return Content(digest: hashing.sha256(pieces), byteCount: count)
    }
}

/// The contents of files, in pieces.
enum ChangeCopy {
    /// Gives each piece of 1 MiB to `take` until it returns false; returns how many bytes there were.
    static func read(
        _ name: [UInt8],
        _ path: [UInt8],
        in folder: borrowing TreeFolder,
        _ take: ([UInt8]) -> Bool
    ) throws(ChangeFailure) -> Int64 {
        let text = String(decoding: path, as: UTF8.self)
        let file = try opened(name, text, in: folder)
        var total: Int64 = 0
        var buffer = [UInt8](repeating: 0, count: 1 << 20)
        while true {
            let count = unsafe buffer.withUnsafeMutableBytes {
                unsafe Glibc.read(file.number, $0.baseAddress, $0.count)
            }
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw .unreadable(path: text, code: errno) }
            guard count > 0 else { return total }
            total += Int64(count)
            // Pieces are equal only where reads are: regular files are read whole.
            guard total <= ChangeReader.byteLimit, take(Array(buffer[..<count])) else {
                return total
            }
        }
    }

    private static func opened(
        _ name: [UInt8],
        _ text: String,
        in folder: borrowing TreeFolder
    ) throws(ChangeFailure) -> Descriptor {
        do throws(TreeFolder.Failure) {
            return try folder.file(name)
        } catch {
            throw .unreadable(path: text, code: error.code)
        }
    }
}
