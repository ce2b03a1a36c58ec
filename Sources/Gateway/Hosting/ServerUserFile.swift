import Base
import Sandbox
import System

/// The uids of hosted servers where the gateway is root, kept in the state folder.
///
/// A server finds what it wrote under the same uid after a restart, and no other server ever gets it.
package final class ServerUserFile: Sendable {
    package enum Failure: Error, Equatable, Sendable, CustomStringConvertible {
        case damaged(String)
        case noneLeft

        package var description: String {
            switch self {
            case .damaged(let path):
                "`\(printable(path))` is damaged; restore it, or remove it and give the servers' "
                    + "folders to their new users"
            case .noneLeft: "all uids for servers are given away; remove servers that are gone"
            }
        }
    }

    private let path: String
    private let users = Lock<ServerUsers?>(nil)

    package init(path: String) { self.path = path }

    /// The uid of that server, a new and recorded one the first time; blocks.
    package func number(for name: String) throws -> UInt32 {
        let path = path
        return try users.withLock { users in
            var table = try users ?? Self.read(path)
            if let number = table.numbers[name] {
                users = table
                return number
            }
            let taken = Self.hostUsers()
            guard let number = table.number(for: name, isTaken: { taken.contains($0) }) else {
                throw Failure.noneLeft
            }
            // On disk before it is used: a number that was forgotten would be given away again.
            try Files.replace(path, with: Array(table.text.utf8))
            users = table
            return number
        }
    }

    private static func read(_ path: String) throws -> ServerUsers {
        guard Files.exists(path) else { return ServerUsers() }
        let bytes = try Files.read(path, limit: 1 << 20, followsLinks: false)
        guard let text = String(validating: bytes, as: UTF8.self),
            let users = ServerUsers(text: text)
        else { throw Failure.damaged(path) }
        return users
    }

    /// The uids the host's own file of users names.
    private static func hostUsers() -> Set<UInt32> {
        let bytes = (try? Files.read("/etc/passwd", limit: 4 << 20)) ?? []
        let numbers = bytes.split(separator: 0x0a).compactMap { line in
            let fields = line.split(separator: 0x3a, omittingEmptySubsequences: false)
            return fields.count > 2 ? UInt32(String(decoding: fields[2], as: UTF8.self)) : nil
        }
        return Set(numbers)
    }
}
