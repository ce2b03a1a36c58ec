package import Base

/// What a server holds in the place of a secret: of the same shape, good for nothing.
///
/// It is also a canary: nobody but that server's environment ever held it, so where it turns up in
/// another place, somebody is carrying credentials away.
package struct SecretPlaceholder: Hashable, Sendable {
    package let bytes: [UInt8]

    /// Fewer random letters could be guessed, or met by chance: 22 of 62 are 130 bits.
    private static let leastRandomCount = 22

    /// A letter for each letter, a digit for each digit, the same separator for each separator; any
    /// other byte, and separators where they are most of the value, become letters.
    ///
    /// A prefix that programs look for (`ghp_`, `sk-ant-`, `xoxb-`) stays. Short values grow.
    package init(like value: [UInt8], random: any RandomSource) {
        let keep = Self.prefixCount(of: value)
        let separatorCount = value.dropFirst(keep).count { Self.separators.contains($0) }
        let keepsSeparators = separatorCount * 4 <= value.count
        var result = Array(value.prefix(keep))
        var source = Letters(random: random)
        var count = 0
        for byte in value.dropFirst(keep) {
            switch byte {
            case 0x30...0x39: result.append(0x30 + source.next(below: 10))
            case 0x41...0x5a: result.append(0x41 + source.next(below: 26))
            case 0x61...0x7a: result.append(0x61 + source.next(below: 26))
            case _ where keepsSeparators && Self.separators.contains(byte):
                result.append(byte)
                continue
            // What is no letter here may be one in the writing of whoever chose the value.
            default: result.append(0x61 + source.next(below: 26))
            }
            count += 1
        }
        while count < Self.leastRandomCount {
            result.append(0x61 + source.next(below: 26))
            count += 1
        }
        bytes = result
    }

    /// What parts a token, and says nothing of it.
    private static let separators: [UInt8] = Array("-_.:/+=".utf8)

    /// What the makers of tokens put in front of all of them.
    ///
    /// Anything else in front of a value is part of the secret.
    private static let prefixes: [[UInt8]] = [
        "ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_", "glpat-", "glsa_", "sk-ant-api03-",
        "sk-ant-", "sk-proj-", "sk-", "sk_live_", "sk_test_", "rk_live_", "rk_test_", "xoxb-",
        "xoxp-", "xoxa-", "xoxr-", "xoxs-", "xapp-", "npm_", "pypi-", "hf_", "hvs.", "SG.",
        "dop_v1_", "shpat_", "lin_api_", "ntn_", "figd_",
    ].map { Array($0.utf8) }

    /// The longest of those, where enough comes after.
    private static func prefixCount(of value: [UInt8]) -> Int {
        prefixes.filter { value.starts(with: $0) && value.count - $0.count >= 8 }.map(\.count).max()
            ?? 0
    }

    /// Numbers below a bound without bias, from bytes fetched in blocks.
    private struct Letters {
        let random: any RandomSource
        var block: [UInt8] = []

        mutating func next(below bound: UInt8) -> UInt8 {
            let ceiling = 256 / Int(bound) * Int(bound)
            while true {
                if block.isEmpty { block = random.bytes(count: 64) }
                guard let byte = block.popLast() else { return 0 }
                if Int(byte) < ceiling { return byte % bound }
            }
        }
    }
}
