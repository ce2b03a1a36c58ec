/// A secret whose value Gatehouse holds: a server's credential, a token, a key.
package struct KnownSecret: Sendable {
    /// What the operator calls it; goes to reports, never to agents.
    package let name: String
    let value: [UInt8]

    /// Shorter values occur by chance; they are not looked for, and the caller tells the operator.
    package static let leastByteCount = 6

    /// Nil when the value, without white space at its ends, is too short to be looked for.
    package init?(name: String, value: [UInt8]) {
        let isSpace: (UInt8) -> Bool = { $0 == 0x20 || (0x09...0x0d).contains($0) }
        let trimmed = value.drop(while: isSpace).reversed().drop(while: isSpace).reversed()
        guard trimmed.count >= Self.leastByteCount else { return nil }
        self.name = name
        self.value = Array(trimmed)
    }
}

/// One spelling of a secret.
struct SecretForm {
    let bytes: [UInt8]
    let secret: Int
    /// Whether the letters next to a hit carry bits of the secret, too.
    let bleeds: Bool
}

/// The spellings in which a secret's value is looked for.
///
/// Percent-encoded and JSON-escaped spellings are not here: there are many of each, so that the
/// text is decoded instead (`DecodedText`).
enum SecretForms {
    /// Lines of a secret of several lines are looked for by themselves from this length on.
    static let leastLineByteCount = 24

    static func all(of secrets: [KnownSecret]) -> [SecretForm] {
        secrets.enumerated().flatMap { index, secret in
            var parts = [secret.value]
            let lines = secret.value.split { $0 == 0x0a || $0 == 0x0d }
            if lines.count > 1 {
                parts += lines.map(Array.init).filter {
                    $0.count >= leastLineByteCount && !$0.starts(with: Array("-----".utf8))
                }
            }
            return parts.flatMap { forms(of: $0, secret: index) }
        }
    }

    private static func forms(of value: [UInt8], secret: Int) -> [SecretForm] {
        var seen: Set<[UInt8]> = []
        var result: [SecretForm] = []
        func add(_ bytes: [UInt8], bleeds: Bool) {
            guard bytes.count >= KnownSecret.leastByteCount, seen.insert(bytes).inserted else {
                return
            }
            result.append(SecretForm(bytes: bytes, secret: secret, bleeds: bleeds))
        }
        add(value, bleeds: false)
        if value.contains(0x20) { add(value.map { $0 == 0x20 ? 0x2b : $0 }, bleeds: false) }
        let digits = Array("0123456789abcdef".utf8)
        let hex = value.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }
        add(hex, bleeds: false)
        add(hex.map { (0x61...0x66).contains($0) ? $0 - 0x20 : $0 }, bleeds: false)
        for offset in 0..<3 {
            add(base64(value, after: offset, symbols: (0x2b, 0x2f)), bleeds: true)
            add(base64(value, after: offset, symbols: (0x2d, 0x5f)), bleeds: true)
        }
        return result
    }

    /// The letters that are the same whatever `offset` bytes come before the value in its group of
    /// three, and whatever comes after it.
    private static func base64(
        _ value: [UInt8],
        after offset: Int,
        symbols: (UInt8, UInt8)
    ) -> [UInt8] {
        let bits = [UInt8](repeating: 0, count: offset) + value
        let firstWhole = (offset * 8 + 5) / 6
        let end = bits.count * 8 / 6
        guard firstWhole < end else { return [] }
        return (firstWhole..<end).map { letter in
            let bit = letter * 6
            let high = UInt16(bits[bit / 8]) << 8
            let low = bit / 8 + 1 < bits.count ? UInt16(bits[bit / 8 + 1]) : 0
            let sextet = UInt8((high | low) >> UInt16(10 - bit % 8) & 63)
            return switch sextet {
            case 0..<26: 0x41 + sextet
            case 26..<52: 0x47 + sextet
            case 52..<62: sextet - 4
            case 62: symbols.0
            default: symbols.1
            }
        }
    }
}
