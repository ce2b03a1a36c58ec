package import Base
import System

/// Reads a configuration and the lock beside it from disk.
package enum ConfigurationFiles {
    package static func read(
        _ path: String,
        hashing: any Hashing
    ) throws(ConfigurationError) -> PolicySet {
        let configuration = try Configuration(try text(path))
        let lockPath = lockPath(of: path)
        let lock = Files.exists(lockPath) ? try LockFile(try text(lockPath)) : .empty
        return try PolicySet(configuration, lock: lock, hashing: hashing)
    }

    /// `gatehouse.lock`, in the folder of the configuration.
    package static func lockPath(of path: String) -> String {
        Files.join(Files.split(path).folder, "gatehouse.lock")
    }

    package static func text(_ path: String) throws(ConfigurationError) -> SourceText {
        let bytes: [UInt8]
        do throws(SystemError) {
            bytes = try Files.read(path, limit: SourceText.byteCountLimit)
        } catch {
            throw ConfigurationError(file: path, position: nil, problem: "cannot be read: \(error)")
        }
        return try SourceText(file: path, bytes: bytes)
    }
}
