private import CTree
private import Glibc
import System

/// The root of a tree of code, held open: what is read is below it, whatever its path leads to by now.
struct TreeRoot: ~Copyable {
    /// Without links.
    let path: String
    private let descriptor: Descriptor

    /// Where it can be reached while this lives.
    var place: String { "/proc/self/fd/\(descriptor.number)" }

    /// - Parameter opened: descriptors by path; the nearest at or above `path` is gone by.
    init(_ path: String, _ opened: [String: CInt]) throws(LaunchIdentity.Failure) {
        let nearest = opened.filter { HostPath.lies(path, in: $0.key) }
            .max { $0.key.utf8.count < $1.key.utf8.count }
        let number: CInt
        if let nearest {
            let below = path.utf8.dropFirst(nearest.key.utf8.count + 1)
            number = unsafe ctree_open_path(
                nearest.value,
                String(decoding: below, as: UTF8.self)
            )
        } else {
            number = unsafe ctree_open_path(AT_FDCWD, path)
        }
        guard number >= 0 else { throw .unreadable(path) }
        self.path = path
        descriptor = Descriptor(adopting: number)
    }
}
