import Base
import Glibc

/// Finds test data that others wrote and that is not part of this repository.
///
/// It lies in `GATEHOUSE_CORPORA` where that is set, else in `../shared/corpora` beside the clone or
/// where `scripts/corpora` put it: `.build/corpora`. `Tests/corpora.lock` names what each folder holds.
package enum Corpus {
    /// The folder of that name, or nil where this machine does not have it.
    package static func folder(_ name: String) -> String? {
        var roots = [packageRoot + "/../shared/corpora", packageRoot + "/.build/corpora"]
        if let place = unsafe getenv("GATEHOUSE_CORPORA") {
            roots = [unsafe String(cString: place)]
        }
        return roots.map { $0 + "/" + name }.first { unsafe access($0, R_OK) == 0 }
    }

    /// Whether the folder is here; a suite that needs it is skipped with a reason otherwise.
    package static func has(_ name: String) -> Bool { folder(name) != nil }

    /// The root of this package, from where this file stands in it.
    package static let packageRoot: String = {
        var parts = #filePath.split(separator: "/", omittingEmptySubsequences: false)
        parts.removeLast(3)
        return parts.joined(separator: "/")
    }()

    /// The whole file, or nil when it cannot be read.
    package static func bytes(_ path: String) -> [UInt8]? {
        guard let file = unsafe fopen(path, "rb") else { return nil }
        defer { unsafe fclose(file) }
        var result: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let count = unsafe chunk.withUnsafeMutableBytes { buffer in
                unsafe fread(buffer.baseAddress, 1, buffer.count, file)
            }
            guard count > 0 else { return result }
            result += chunk[..<count]
        }
    }

    /// The names in that folder, sorted; empty when it cannot be read.
    package static func names(in folder: String) -> [String] {
        guard let directory = unsafe opendir(folder) else { return [] }
        defer { unsafe closedir(directory) }
        var names: [String] = []
        while let entry = unsafe readdir(directory) {
            let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                unsafe pointer.withMemoryRebound(to: CChar.self, capacity: 256) {
                    unsafe String(cString: $0)
                }
            }
            if name != ".", name != ".." { names.append(name) }
        }
        return names.sorted()
    }
}
