import Base
package import JSON
import System

/// An OCI bundle as a folder, from what `servers bundle` answers.
package enum BundleFolder {
    /// Into a new folder, or an empty one: what lies there belongs to somebody.
    package static func write(_ bundle: JSONNode, to folder: String) throws {
        guard !Files.exists(folder) || (try? Files.names(in: folder).isEmpty) == true else {
            throw ControlError(
                .refused,
                "`\(printable(folder))` is not an empty folder",
                hint: "name one that is not there yet"
            )
        }
        let root = folder + "/rootfs"
        // What it starts with is in it: no one else's to read. The root inside is the server's.
        try makeFolder(folder, mode: 0o700)
        try makeFolder(root)
        for row in bundle["folders"]?.elements.map({ $0 }) ?? [] {
            guard let path = row["path"]?.string, let mode = row["mode"]?.number?.int64 else {
                continue
            }
            try makeFolder(root + path, mode: UInt32(clamping: mode) & 0o7777)
        }
        for file in bundle["files"]?.elements.map({ $0 }) ?? [] {
            guard let path = file["path"]?.string, let text = file["text"]?.utf8 else { continue }
            try writeFile(text, to: root + path)
        }
        for link in bundle["links"]?.elements.map({ $0 }) ?? [] {
            guard let path = link["path"]?.string, let target = link["target"]?.string else {
                continue
            }
            try Files.makeLink(to: target, at: root + path)
        }
        // Last: a runtime takes no half of a bundle.
        let config = bundle["config"].map { Array($0.source) } ?? []
        try writeFile(config + [0x0a], to: folder + "/config.json", mode: 0o600)
    }

    /// The server may be another user than who writes this, whatever the umask.
    private static func makeFolder(_ path: String, mode: UInt32 = 0o755) throws {
        try Files.makeFolder(path, mode: mode)
        let made = try Files.open(path, [.read, .folder])
        try Files.changeMode(of: made, to: mode)
    }

    private static func writeFile(_ bytes: [UInt8], to path: String, mode: UInt32 = 0o644) throws {
        let file = try Files.open(path, [.write, .create, .exclusive], mode: mode)
        try Files.write(bytes, to: file)
        try Files.changeMode(of: file, to: mode)
    }
}
