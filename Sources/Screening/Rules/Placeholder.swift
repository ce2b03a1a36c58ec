/// Values that stand where a secret would.
enum Placeholder {
    private static let words = [
        "example", "changeme", "change_me", "change-me", "placeholder", "redacted", "your_",
        "your-", "yourp", "yourt", "yours", "youra", "dummy", "sample", "insert", "replace",
        "undefined", "null", "none", "true", "false", "required", "optional", "string", "hidden",
        "masked", "invalid", "missing", "default", "unknown", "todo", "enter", "password",
        "passwd", "secret", "token", "api_key", "apikey", "my-", "my_", "[redacted",
    ].map { Array($0.utf8) }

    /// A word of the kind, or filler.
    static func isOne(_ bytes: ArraySlice<UInt8>) -> Bool {
        if isFiller(bytes) { return true }
        let lower = bytes.map { Letters.isUpper($0) ? $0 | 0x20 : $0 }
        guard Shape(bytes).digits < 3 else {
            return lower.starts(with: Array("[redacted".utf8))
        }
        return words.contains { word in
            word.count * 3 >= lower.count
                ? contains(lower, word) && lower.count <= word.count * 3
                : lower.starts(with: word) && Words.areAll(in: bytes)
        }
    }

    /// Mostly one byte: `xxxx`, `****`, `0000`, `....`.
    static func isFiller(_ bytes: ArraySlice<UInt8>) -> Bool {
        var counts = [Int](repeating: 0, count: 256)
        for byte in bytes { counts[Int(byte)] += 1 }
        return (counts.max() ?? 0) * 5 >= bytes.count * 3
    }

    private static func contains(_ bytes: [UInt8], _ word: [UInt8]) -> Bool {
        guard bytes.count >= word.count else { return false }
        return (0...bytes.count - word.count).contains { bytes[$0...].starts(with: word) }
    }
}

/// Whether a value is made of words, as names and sentences are.
enum Words {
    private static let separators = Array("_-./ :[]<>{}".utf8)

    /// Every part between separators is letters in one case, or in camel case, or a short number.
    static func areAll(in bytes: ArraySlice<UInt8>) -> Bool {
        let parts = bytes.split { separators.contains($0) }
        guard !parts.isEmpty else { return true }
        return parts.allSatisfy { part in
            let shape = Shape(part)
            if shape.others > 0 { return false }
            if shape.letters == 0 { return part.count <= 2 && parts.count > 1 }
            if shape.digits > 0 {
                // `v2`, `aes128` within a name of several parts.
                return parts.count > 2 && shape.digits <= 5 && shape.kindChanges <= 1
            }
            return shape.upper == 0 || shape.lower == 0 || shape.pieces * 3 <= max(3, part.count)
        }
    }
}

/// RFC 7617: `user:password` in Base64.
enum BasicCredentials {
    static func areIn(_ bytes: ArraySlice<UInt8>) -> Bool {
        guard let decoded = LenientBase64.decode(bytes) else { return false }
        guard let colon = decoded.firstIndex(of: 0x3a), colon < decoded.count - 1 else {
            return false
        }
        return decoded.allSatisfy { $0 >= 0x20 && $0 < 0x7f }
    }
}
