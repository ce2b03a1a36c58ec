/// A SHA-256 digest.
///
/// Held inline as four words, so that a tree of millions of them allocates nothing.
package struct Digest: Hashable, Sendable, Comparable, CustomStringConvertible {
    /// The 32 bytes as four big-endian words, so that comparing words compares bytes.
    package let words: (UInt64, UInt64, UInt64, UInt64)

    package init(words: (UInt64, UInt64, UInt64, UInt64)) { self.words = words }

    /// Nil unless there are exactly 32 bytes.
    package init?(bytes: some Collection<UInt8>) {
        guard bytes.count == 32 else { return nil }
        var words: (UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0)
        for (place, byte) in bytes.enumerated() {
            switch place >> 3 {
            case 0: words.0 = words.0 << 8 | UInt64(byte)
            case 1: words.1 = words.1 << 8 | UInt64(byte)
            case 2: words.2 = words.2 << 8 | UInt64(byte)
            default: words.3 = words.3 << 8 | UInt64(byte)
            }
        }
        self.words = words
    }

    package var bytes: [UInt8] {
        var result: [UInt8] = []
        result.reserveCapacity(32)
        append(to: &result)
        return result
    }

    /// Appends the 32 bytes.
    package func append(to bytes: inout [UInt8]) {
        let bigEndian = (
            words.0.bigEndian, words.1.bigEndian, words.2.bigEndian, words.3.bigEndian
        )
        unsafe withUnsafeBytes(of: bigEndian) { unsafe bytes.append(contentsOf: $0) }
    }

    /// Lower-case hexadecimal, 64 digits.
    package var description: String { Hex.encode(bytes) }

    package static func == (left: Digest, right: Digest) -> Bool { left.words == right.words }

    package func hash(into hasher: inout Hasher) {
        hasher.combine(words.0)
        hasher.combine(words.3)
    }

    package static func < (left: Digest, right: Digest) -> Bool { left.words < right.words }
}

/// The hash functions rules and records are given; `Crypto` conforms with OpenSSL.
package protocol Hashing: Sendable {
    /// SHA-256 (FIPS 180-4).
    func sha256(_ bytes: [UInt8]) -> Digest
    /// SHA-256 of one byte followed by `bytes`: a leaf of RFC 9162 without copying the record.
    func sha256(prefix: UInt8, _ bytes: [UInt8]) -> Digest
    /// The same over a record where it stands in a larger buffer.
    func sha256(prefix: UInt8, _ bytes: Span<UInt8>) -> Digest
    /// SHA-256 of one byte and two digests: an inner node of RFC 9162.
    func sha256(prefix: UInt8, _ left: Digest, _ right: Digest) -> Digest
    /// HMAC-SHA-256 (RFC 2104).
    func hmacSHA256(key: [UInt8], _ bytes: [UInt8]) -> Digest
    /// The same over a part of a larger text, without copying it.
    func hmacSHA256(key: [UInt8], _ bytes: ArraySlice<UInt8>) -> Digest
    /// The same under a key of 32 bytes, as four big-endian words.
    func hmacSHA256(
        key: (UInt64, UInt64, UInt64, UInt64),
        _ bytes: ArraySlice<UInt8>
    ) -> Digest
}

extension Hashing {
    package func hmacSHA256(key: [UInt8], _ bytes: ArraySlice<UInt8>) -> Digest {
        hmacSHA256(key: key, Array(bytes))
    }

    package func hmacSHA256(
        key: (UInt64, UInt64, UInt64, UInt64),
        _ bytes: ArraySlice<UInt8>
    ) -> Digest {
        hmacSHA256(key: Digest(words: key).bytes, bytes)
    }

    package func sha256(prefix: UInt8, _ bytes: [UInt8]) -> Digest { sha256([prefix] + bytes) }

    package func sha256(prefix: UInt8, _ bytes: Span<UInt8>) -> Digest {
        sha256(prefix: prefix, bytes.indices.map { bytes[$0] })
    }

    package func sha256(prefix: UInt8, _ left: Digest, _ right: Digest) -> Digest {
        var joined: [UInt8] = [prefix]
        joined.reserveCapacity(65)
        left.append(to: &joined)
        right.append(to: &joined)
        return sha256(joined)
    }
}

/// Makes Ed25519 signatures (RFC 8032) with a key the holder never sees.
package protocol Signing: Sendable {
    /// The 32 bytes others check signatures with.
    var publicKey: [UInt8] { get }
    /// 64 bytes.
    func sign(_ message: [UInt8]) -> [UInt8]
}

/// Checks Ed25519 signatures (RFC 8032); any wrong length is simply no signature.
package protocol SignatureChecking: Sendable {
    func isSignature(_ signature: [UInt8], of message: [UInt8], by publicKey: [UInt8]) -> Bool
}

/// A source of random bytes; the real one is the system's CSPRNG, tests give a seeded one.
package protocol RandomSource: Sendable {
    func bytes(count: Int) -> [UInt8]
    /// Eight bytes as a big-endian number.
    func word() -> UInt64
    /// Four of them.
    func fourWords() -> (UInt64, UInt64, UInt64, UInt64)
}

extension RandomSource {
    package func word() -> UInt64 { bytes(count: 8).reduce(0) { $0 << 8 | UInt64($1) } }

    package func fourWords() -> (UInt64, UInt64, UInt64, UInt64) {
        let bytes = bytes(count: 32)
        func word(_ place: Int) -> UInt64 {
            bytes[place * 8..<place * 8 + 8].reduce(0) { $0 << 8 | UInt64($1) }
        }
        return (word(0), word(1), word(2), word(3))
    }
}
