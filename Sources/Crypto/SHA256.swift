package import Base
private import COpenSSL

/// SHA-256 and HMAC-SHA-256 by OpenSSL; the `Hashing` every layer above is given.
package struct OpenSSLHashing: Hashing {
    package init() {}

    package func sha256(_ bytes: [UInt8]) -> Digest { hash(first: nil, bytes.span) }

    package func sha256(prefix: UInt8, _ bytes: [UInt8]) -> Digest {
        hash(first: prefix, bytes.span)
    }

    package func sha256(prefix: UInt8, _ bytes: Span<UInt8>) -> Digest {
        hash(first: prefix, bytes)
    }

    package func sha256(prefix: UInt8, _ left: Digest, _ right: Digest) -> Digest {
        let pair = (
            left.words.0.bigEndian, left.words.1.bigEndian,
            left.words.2.bigEndian, left.words.3.bigEndian,
            right.words.0.bigEndian, right.words.1.bigEndian,
            right.words.2.bigEndian, right.words.3.bigEndian
        )
        return unsafe withUnsafeBytes(of: pair) { bytes in
            unsafe DigestWords.filled { out in
                unsafe copenssl_sha256(
                    1,
                    prefix,
                    bytes.baseAddress?.assumingMemoryBound(to: UInt8.self),
                    64,
                    nil,
                    0,
                    out
                )
            }
        }
    }

    package func hmacSHA256(key: [UInt8], _ bytes: [UInt8]) -> Digest {
        hmacSHA256(key: key, bytes[...])
    }

    package func hmacSHA256(key: [UInt8], _ bytes: ArraySlice<UInt8>) -> Digest {
        unsafe key.withUnsafeBytes { unsafe Self.hmac($0, bytes) }
    }

    package func hmacSHA256(
        key: (UInt64, UInt64, UInt64, UInt64),
        _ bytes: ArraySlice<UInt8>
    ) -> Digest {
        let key = (key.0.bigEndian, key.1.bigEndian, key.2.bigEndian, key.3.bigEndian)
        return unsafe withUnsafeBytes(of: key) { unsafe Self.hmac($0, bytes) }
    }

    private static func hmac(_ key: UnsafeRawBufferPointer, _ bytes: ArraySlice<UInt8>) -> Digest {
        unsafe bytes.withUnsafeBufferPointer { bytes in
            unsafe DigestWords.filled { out in
                unsafe copenssl_hmac_sha256(
                    key.baseAddress?.assumingMemoryBound(to: UInt8.self),
                    key.count,
                    bytes.baseAddress,
                    bytes.count,
                    out
                )
            }
        }
    }

    private func hash(first: UInt8?, _ bytes: Span<UInt8>) -> Digest {
        unsafe bytes.withUnsafeBufferPointer { bytes in
            unsafe DigestWords.filled { out in
                unsafe copenssl_sha256(
                    first == nil ? 0 : 1,
                    first ?? 0,
                    bytes.baseAddress,
                    bytes.count,
                    nil,
                    0,
                    out
                )
            }
        }
    }
}

private enum DigestWords {
    /// The digest that `fill` writes into 32 bytes of stack.
    ///
    /// A failure means that OpenSSL has no SHA-256 or no memory; nothing may be recorded or
    /// compared after that, so the process stops.
    static func filled(_ fill: (UnsafeMutablePointer<UInt8>) -> CInt) -> Digest {
        var words: (UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0)
        let status = unsafe withUnsafeMutableBytes(of: &words) { buffer -> CInt in
            guard let base = buffer.baseAddress else { return -1 }
            return unsafe fill(base.assumingMemoryBound(to: UInt8.self))
        }
        precondition(status == 0, "openssl cannot compute SHA-256")
        return Digest(
            words: (
                UInt64(bigEndian: words.0), UInt64(bigEndian: words.1),
                UInt64(bigEndian: words.2), UInt64(bigEndian: words.3)
            )
        )
    }
}
