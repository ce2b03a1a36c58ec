import Approval
import Base
import Sandbox
import System

/// Files of a hosted server, for a card to compare with what a call would write.
///
/// Only what the server's cage may write is looked at, from the outside, with no link followed. Where
/// the server has a copy on write of a folder, what it wrote there counts.
struct HostedFiles {
    private let folders: [(inside: String, outside: String)]
    private let root: String?
    /// Where copies of its folders are; nil for a server without.
    private let hiding: HiddenFolders?

    init(folders: [(inside: String, outside: String)], root: String?) {
        self.folders = folders
        self.root = root
        hiding = nil
    }

    /// - Parameter folder: where relative folders of the configuration begin.
    init(_ server: Configuration.Server?, folder: String, hiding: HiddenFolders?) {
        root = server?.root
        self.hiding = hiding
        guard case .stdio(let stdio) = server?.kind, !stdio.cage.isNone else {
            folders = []
            return
        }
        folders = stdio.cage.write.map { ($0.inside, Paths.join(folder, $0.outside)) }
    }

    /// What stands at a path as the server sees it; blocks.
    func content(of path: String) -> FileContent {
        guard !folders.isEmpty else {
            return .unread("the server has no folder of its own to write in")
        }
        guard let whole = path.hasPrefix("/") ? path : root.map({ $0 + "/" + path }) else {
            return .unread("the path is relative, and the server has no `root`")
        }
        let names = Self.names(whole)
        guard let names, !names.contains("..") else { return .unread("the path is no plain one") }
        for (inside, outside) in folders {
            guard let start = Self.names(inside), names.starts(with: start),
                names.count > start.count
            else { continue }
            let rest = Array(names.dropFirst(start.count))
            switch hiding?.copy(shownAt: inside)?.place(of: rest) {
            case .copy(let folder): return read(rest, inside: folder)
            case .nowhere: return .missing
            case .original, nil: return read(rest, inside: outside)
            }
        }
        return .unread("it lies outside of the folders the server may write")
    }

    private static func names(_ path: String) -> [String]? {
        guard path.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x5c }) else { return nil }
        return path.split(separator: "/").map(String.init).filter { $0 != "." }
    }

    private func read(_ names: [String], inside folder: String) -> FileContent {
        do throws(SystemError) {
            let bytes = try Files.read(
                names,
                inside: folder,
                limit: Limits.comparedFileByteCount
            )
            guard let text = String(validating: bytes, as: UTF8.self) else {
                return .unread("the file holds no text")
            }
            return .text(text)
        } catch {
            switch error.code {
            case Errno.noEntry: return .missing
            case Errno.tooLarge:
                return .unread("the file is longer than \(Limits.comparedFileByteCount) bytes")
            default: return .unread("the file cannot be read, or is a link or no plain file")
            }
        }
    }
}
