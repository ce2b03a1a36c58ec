import Glibc

/// Files for libraries that read by path only.
enum TestFile {
    struct Failure: Error {}

    static func write(_ bytes: [UInt8], to path: String) throws {
        guard let file = unsafe fopen(path, "wb") else { throw Failure() }
        defer { unsafe fclose(file) }
        let count = unsafe bytes.withUnsafeBytes { buffer in
            unsafe fwrite(buffer.baseAddress, 1, buffer.count, file)
        }
        guard count == bytes.count else { throw Failure() }
    }

    static func remove(_ path: String) { unsafe unlink(path) }
}
