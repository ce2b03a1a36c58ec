/// A name and the value written beside it.
struct Assignment {
    let text: [UInt8]
    let name: Range<Int>
    let value: ValueParser.Value

    /// How much the name promises.
    enum Strength { case password, secret, key }

    /// The value's range, without the punctuation that ends a sentence or a call; nil when it is
    /// more likely a word, a reference, a count or a placeholder.
    func secret(needsName: Bool) -> Range<Int>? {
        let label = Name(text[name])
        if needsName, label.isExempt { return nil }
        let isQuoted = value.isQuoted
        var range = value.range
        if !isQuoted {
            // Sentence marks and closing brackets that have no partner inside.
            while let last = text[range].last, isTrailing(last, in: text[range]) {
                range = range.lowerBound..<range.upperBound - 1
            }
        }
        let bytes = text[range]
        let strength = needsName ? label.strength : .password
        guard bytes.count >= (strength == .password ? 5 : 8), !Placeholder.isOne(bytes),
            !isReference(bytes, isQuoted: isQuoted)
        else { return nil }
        return switch strength {
        case .password: isChosen(bytes) ? range : nil
        case .secret: isRandomish(bytes, least: 8) ? range : nil
        case .key: isRandomish(bytes, least: 16) && Shape(bytes).kindChanges >= 3 ? range : nil
        }
    }

    private func isTrailing(_ byte: UInt8, in bytes: ArraySlice<UInt8>) -> Bool {
        switch byte {
        case 0x2c, 0x3b, 0x3a: true
        case 0x2e: bytes.count > 1
        case 0x29: !bytes.contains(0x28)
        case 0x5d: !bytes.contains(0x5b)
        case 0x7d: !bytes.contains(0x7b)
        default: false
        }
    }

    /// A password people choose: two kinds of bytes at least, and not a capitalised word.
    private func isChosen(_ bytes: ArraySlice<UInt8>) -> Bool {
        let shape = Shape(bytes)
        if shape.letters == 0, shape.others == 0 { return bytes.count >= 6 && bytes.count <= 12 }
        guard shape.kinds >= 2 else { return false }
        if shape.digits == 0, shape.others == 0 { return looksMixed(bytes, shape) }
        if Words.areAll(in: bytes) { return false }
        if shape.letters == 0 { return bytes.count >= 8 && shape.others >= 2 && shape.digits > 0 }
        // Blanks: a sentence in quotes.
        return bytes.filter { $0 == 0x20 }.count * 6 <= bytes.count
    }

    private func isRandomish(_ bytes: ArraySlice<UInt8>, least: Int) -> Bool {
        let shape = Shape(bytes)
        guard bytes.count >= least, !bytes.contains(0x20), shape.letters > 0,
            !Words.areAll(in: bytes), Entropy.bitsPerByte(of: bytes) >= 2.5
        else { return false }
        if shape.digits == 0 { return looksMixed(bytes, shape) && bytes.count >= 16 }
        return true
    }

    /// Letters of both cases in an order no name in camel case has.
    private func looksMixed(_ bytes: ArraySlice<UInt8>, _ shape: Shape) -> Bool {
        bytes.count >= 8 && shape.lower > 0 && shape.upper > 0 && shape.pieces * 3 > bytes.count
    }

    /// Something that stands for a value: a variable, a call, a path, an address, a type.
    private func isReference(_ bytes: ArraySlice<UInt8>, isQuoted: Bool) -> Bool {
        guard let first = bytes.first, let last = bytes.last else { return true }
        if first == 0x24, bytes.dropFirst().first.map({ $0 == 0x7b || $0 == 0x28 }) ?? true {
            return true  // ${…}, $(…)
        }
        if first == 0x24, !isQuoted,
            bytes.dropFirst().allSatisfy({ isIdentifier($0) || $0 == 0x2d })
        {
            return Shape(bytes).digits == 0
        }
        let opening: [UInt8] = [0x3c, 0x7b, 0x25]  // < { %
        if opening.contains(first), [0x3e, 0x7d, 0x25].contains(last) { return true }
        // @NAME@, as configure scripts and CMake fill it in.
        if first == 0x40, last == 0x40, Shape(bytes).digits == 0,
            bytes.dropFirst().dropLast().allSatisfy(isIdentifier)
        {
            return Words.areAll(in: bytes.dropFirst().dropLast())
        }
        if starts(bytes, with: "http") || contains(bytes, "://") || contains(bytes, "::") {
            return true
        }
        if first == 0x2f || starts(bytes, with: "./") || starts(bytes, with: "~/") {
            return Words.areAll(in: bytes) || bytes.filter { $0 == 0x2f }.count > 2
        }
        if starts(bytes, with: "0x"), bytes.dropFirst(2).allSatisfy(Letters.isHex) { return true }
        guard !isQuoted else { return false }
        if first == 0x3a || first == 0x28 || contains(bytes, "->") { return true }
        // A call, `f(x` or `a.f(`, and a constant, `MAX_TOKEN_2`.
        if let open = bytes.firstIndex(of: 0x28) {
            return bytes[..<open].allSatisfy { isIdentifier($0) || $0 == 0x2e }
        }
        if bytes.contains(0x5f), bytes.allSatisfy({ isIdentifier($0) && !Letters.isLower($0) }) {
            return true
        }
        // a.b.c without digits is a path through objects.
        return bytes.contains(0x2e) && bytes.allSatisfy { isIdentifier($0) || $0 == 0x2e }
            && Words.areAll(in: bytes)
    }

    private func isIdentifier(_ byte: UInt8) -> Bool {
        Letters.isAlphanumeric(byte) || byte == 0x5f
    }

    private func starts(_ bytes: ArraySlice<UInt8>, with text: StaticString) -> Bool {
        bytes.starts(with: Array("\(text)".utf8))
    }

    private func contains(_ bytes: ArraySlice<UInt8>, _ text: StaticString) -> Bool {
        let wanted = Array("\(text)".utf8)
        return bytes.indices.contains { bytes[$0...].starts(with: wanted) }
    }
}

/// The words in a name, and what they promise.
struct Name {
    private let lower: [UInt8]

    init(_ bytes: ArraySlice<UInt8>) {
        lower = bytes.map { Letters.isUpper($0) ? $0 | 0x20 : $0 }
    }

    private static let passwords = words([
        "pass", "pwd", "psw", "pssw", "pasw", "pw", "contrase", "kennwort", "senha",
    ])
    private static let secrets = words([
        "secret", "token", "credential", "apikey", "api_key", "api-key", "api key", "access",
        "private", "encryption", "signing", "auth", "oauth", "nonce", "pkey", "license",
        "session", "master", "shared", "account", "bearer", "x-api", "client_srt", "_api",
    ])
    private static let exempt = words([
        "page", "next", "continuation", "cursor", "sync_token", "synctoken", "max_token",
        "maxtoken", "token_count", "tokencount", "tokens_", "_tokens", "tokenizer",
        "token_type",
        "tokentype", "num_token", "public", "_url", "_uri", "_path", "_file", "_name",
        "_length",
        "_count", "_id", "keyid", "key_id", "key-id", "_type", "_size", "_policy", "_hint",
        "_field", "_expir", "expires", "_version", "_algorithm", "_prefix", "_format", "_regex",
        "keyboard", "keyword", "monkey", "primary_key", "foreign_key", "partition_key",
        "sort_key", "cache_key", "s3_key", "object_key", "row_key", "hotkey", "bypass",
        "compass", "passenger", "passive", "passage", "author", "passed", "passing",
        "storage_key", "idempotency", "fingerprint", "thumbprint", "checksum", "kid",
    ])
    private static let certain = words(["password=", "secretaccesskeyid"])

    /// Bytes once for all: they are looked for in every name of a text.
    private static func words(_ words: [String]) -> [[UInt8]] { words.map { Array($0.utf8) } }

    var strength: Assignment.Strength {
        if hasAny(of: Self.passwords) { return .password }
        return hasAny(of: Self.secrets) ? .secret : .key
    }

    /// Names that say the value is about a secret, or pages through a list, and is none.
    var isExempt: Bool { hasAny(of: Self.exempt) && !hasAny(of: Self.certain) }

    private func hasAny(of words: [[UInt8]]) -> Bool {
        let name = lower.span
        for word in words {
            let word = word.span
            var start = 0
            while start <= name.count - word.count {
                var index = 0
                while index < word.count, name[start + index] == word[index] { index += 1 }
                if index == word.count { return true }
                start += 1
            }
        }
        return false
    }
}
