/// A SHA-256 digest.
package struct Digest: Hashable, Sendable, Comparable, CustomStringConvertible {
    package let bytes: [UInt8]

    /// Nil unless there are exactly 32 bytes.
    package init?(bytes: some Collection<UInt8>) {
        guard bytes.count == 32 else { return nil }
        self.bytes = Array(bytes)
    }

    /// Lower-case hexadecimal, 64 digits.
    package var description: String { Hex.encode(bytes) }

    package static func < (left: Digest, right: Digest) -> Bool {
        left.bytes.lexicographicallyPrecedes(right.bytes)
    }
}

/// The hash functions rules and records are given; `Crypto` conforms with OpenSSL.
package protocol Hashing: Sendable {
    /// SHA-256 (FIPS 180-4).
    func sha256(_ bytes: [UInt8]) -> Digest
    /// HMAC-SHA-256 (RFC 2104).
    func hmacSHA256(key: [UInt8], _ bytes: [UInt8]) -> Digest
}

/// A source of random bytes; the real one is the system's CSPRNG, tests give a seeded one.
package protocol RandomSource: Sendable {
    func bytes(count: Int) -> [UInt8]
}
