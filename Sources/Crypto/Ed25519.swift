package import Base
private import COpenSSL

/// Ed25519 (RFC 8032) by OpenSSL.
package enum Ed25519 {
    /// A signing key; its seed never leaves it except by `seed`, for the owner-only key file.
    package final class SigningKey: Signing {
        package let seed: SecretBytes
        package let publicKey: [UInt8]

        /// Throws unless the seed has 32 bytes.
        package init(seed: SecretBytes) throws(CryptoError) {
            guard seed.count == 32 else {
                throw .wrongLength(what: "an Ed25519 seed", expected: 32, found: seed.count)
            }
            var publicKey = [UInt8](repeating: 0, count: 32)
            let status = seed.withBytes { seed in
                unsafe copenssl_ed25519_public(seed, &publicKey)
            }
            guard status == 0 else { throw .refused(step: "an Ed25519 key") }
            self.seed = seed
            self.publicKey = publicKey
        }

        /// A fresh key.
        package convenience init(from random: any RandomSource) throws(CryptoError) {
            try self.init(seed: SecretBytes(random.bytes(count: 32)))
        }

        package func sign(_ message: [UInt8]) -> [UInt8] {
            var signature = [UInt8](repeating: 0, count: 64)
            let status = seed.withBytes { seed in
                unsafe copenssl_ed25519_sign(seed, message, message.count, &signature)
            }
            // The key was accepted at `init`; only a lack of memory is left.
            precondition(status == 0, "openssl cannot sign with Ed25519")
            return signature
        }
    }

    /// Checks signatures; stateless.
    package struct Checker: SignatureChecking {
        package init() {}

        package func isSignature(
            _ signature: [UInt8],
            of message: [UInt8],
            by publicKey: [UInt8]
        ) -> Bool {
            guard signature.count == 64, publicKey.count == 32 else { return false }
            return unsafe copenssl_ed25519_verify(
                publicKey,
                message,
                message.count,
                signature
            ) == 1
        }
    }
}
