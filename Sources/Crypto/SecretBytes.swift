private import COpenSSL

/// Bytes that are zeroed when the last holder lets go and that never print themselves.
///
/// A class, so that passing it on copies a reference and not the secret.
package final class SecretBytes: Sendable, CustomStringConvertible {
    // Written in `init` and `deinit` only; in between many threads read.
    nonisolated(unsafe) private var storage: [UInt8]

    /// Takes the bytes over; the caller should keep no copy.
    package init(_ bytes: consuming [UInt8]) { unsafe storage = bytes }

    deinit {
        unsafe storage.withUnsafeMutableBytes { buffer in
            guard let base = buffer.baseAddress else { return }
            unsafe copenssl_cleanse(base, buffer.count)
        }
    }

    package var count: Int { unsafe storage.count }

    /// Lends the bytes; what `body` copies out is its own responsibility.
    package func withBytes<Result, Failure: Error>(
        _ body: ([UInt8]) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try unsafe body(storage)
    }

    package var description: String { "[secret]" }
}
