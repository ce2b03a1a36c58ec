package import Base
private import COpenSSL

/// AES-256-GCM sealing (NIST SP 800-38D) of what may lie on disk but must not be read there.
///
/// The sealed form is nonce (12) ‖ ciphertext ‖ tag (16). Nonces are random: one key may seal up to
/// 2^32 times before a repetition becomes likely enough to matter, far above what waits here.
package struct SealingKey: Sendable {
    package static let byteCount = 32
    package static let overheadByteCount = 28

    private let key: SecretBytes

    /// Throws unless the key has 32 bytes.
    package init(_ key: SecretBytes) throws(CryptoError) {
        guard key.count == Self.byteCount else {
            throw .wrongLength(what: "a sealing key", expected: Self.byteCount, found: key.count)
        }
        self.key = key
    }

    /// Seals `plain`; `context` is authenticated, not stored, and must be the same when opening.
    package func seal(
        _ plain: [UInt8],
        context: [UInt8],
        random: any RandomSource
    ) throws(CryptoError) -> [UInt8] {
        let nonce = random.bytes(count: 12)
        guard nonce.count == 12 else {
            throw .wrongLength(what: "a nonce", expected: 12, found: nonce.count)
        }
        return try seal(plain, context: context, nonce: nonce)
    }

    /// Seals under a given nonce, which must never repeat under one key; tests use it.
    func seal(
        _ plain: [UInt8],
        context: [UInt8],
        nonce: [UInt8]
    ) throws(CryptoError) -> [UInt8] {
        var cipher = [UInt8](repeating: 0, count: plain.count)
        var tag = [UInt8](repeating: 0, count: 16)
        let status = key.withBytes { key in
            unsafe copenssl_aes256gcm_seal(
                key,
                nonce,
                context,
                context.count,
                plain,
                plain.count,
                &cipher,
                &tag
            )
        }
        guard status == 0 else { throw .refused(step: "sealing") }
        return nonce + cipher + tag
    }

    /// The plain bytes, or `.notAuthentic` for anything this key did not seal in this context.
    package func open(_ sealed: [UInt8], context: [UInt8]) throws(CryptoError) -> [UInt8] {
        guard sealed.count >= Self.overheadByteCount else { throw .notAuthentic }
        let nonce = Array(sealed.prefix(12))
        let tag = Array(sealed.suffix(16))
        let cipher = Array(sealed.dropFirst(12).dropLast(16))
        var plain = [UInt8](repeating: 0, count: cipher.count)
        let status = key.withBytes { key in
            unsafe copenssl_aes256gcm_open(
                key,
                nonce,
                context,
                context.count,
                cipher,
                cipher.count,
                tag,
                &plain
            )
        }
        guard status == 0 else { throw .notAuthentic }
        return plain
    }
}
