package import Base
private import COpenSSL

/// A passphrase as it is stored: scrypt (RFC 7914) with its own salt and cost.
///
/// The text form `scrypt$17$8$1$SALT$HASH` (log2 N, r, p, base64url) carries the cost, so that it
/// can be raised later without a flag day.
package struct PassphraseHash: Hashable, Sendable {
    /// What one check costs: memory is 128 · N · r bytes.
    package struct Cost: Hashable, Sendable {
        package let logN: Int
        package let r: Int
        package let p: Int

        /// 128 MiB and about a third of a second.
        package static let standard = Cost(logN: 17, r: 8, p: 1)

        /// Nil outside what a stored hash may ask of us: 2^1…2^20, at most 1 GiB.
        package init?(checking logN: Int, r: Int, p: Int) {
            guard (1...20).contains(logN), (1...32).contains(r), (1...16).contains(p),
                (128 << logN) * r <= 1 << 30
            else { return nil }
            self.init(logN: logN, r: r, p: p)
        }

        private init(logN: Int, r: Int, p: Int) {
            self.logN = logN
            self.r = r
            self.p = p
        }
    }

    private let cost: Cost
    private let salt: [UInt8]
    private let hash: [UInt8]

    /// Blocks for about a third of a second at the standard cost: never call it on a loop.
    package init(
        of passphrase: [UInt8],
        cost: Cost = .standard,
        random: any RandomSource
    ) throws(CryptoError) {
        self.cost = cost
        salt = random.bytes(count: 16)
        hash = try Scrypt.derive(passphrase, salt: salt, cost: cost, byteCount: 32)
    }

    /// Nil for any text that `text` did not write.
    package init?(text: String) {
        let parts = text.split(separator: "$", omittingEmptySubsequences: false)
        guard parts.count == 6, parts[0] == "scrypt",
            let logN = Int(parts[1]), let r = Int(parts[2]), let p = Int(parts[3]),
            let cost = Cost(checking: logN, r: r, p: p),
            let salt = Base64.decode(parts[4], .urlSafe), (8...64).contains(salt.count),
            let hash = Base64.decode(parts[5], .urlSafe), hash.count == 32
        else { return nil }
        self.cost = cost
        self.salt = salt
        self.hash = hash
    }

    package var text: String {
        "scrypt$\(cost.logN)$\(cost.r)$\(cost.p)$"
            + Base64.encode(salt, .urlSafe) + "$" + Base64.encode(hash, .urlSafe)
    }

    /// Whether this is the passphrase; as slow as making the hash, and equally slow for a no.
    package func matches(_ passphrase: [UInt8]) throws(CryptoError) -> Bool {
        let derived = try Scrypt.derive(passphrase, salt: salt, cost: cost, byteCount: 32)
        return ConstantTime.equal(derived, hash)
    }
}

/// scrypt by OpenSSL.
package enum Scrypt {
    package static func derive(
        _ passphrase: [UInt8],
        salt: [UInt8],
        cost: PassphraseHash.Cost,
        byteCount: Int
    ) throws(CryptoError) -> [UInt8] {
        guard (1...1024).contains(byteCount) else {
            throw .wrongLength(what: "a derived key", expected: 32, found: byteCount)
        }
        var out = [UInt8](repeating: 0, count: byteCount)
        let status = unsafe copenssl_scrypt(
            passphrase,
            passphrase.count,
            salt,
            salt.count,
            1 << UInt64(cost.logN),
            UInt64(cost.r),
            UInt64(cost.p),
            // OpenSSL counts its whole work area, a little above 128 · N · r.
            2 << 30,
            &out,
            byteCount
        )
        guard status == 0 else { throw .refused(step: "scrypt") }
        return out
    }
}
