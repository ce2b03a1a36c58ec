/// A match of a rule's expression, whose value is to be judged.
struct Candidate {
    let text: [UInt8]
    let whole: Range<Int>
    let value: Range<Int>

    /// What must go; nil when it is no secret by this rule.
    func secret(by rule: RedactionRule) -> Range<Int>? {
        guard !value.isEmpty, !rule.needsBoundary || standsAlone else { return nil }
        switch rule.check {
        case .none: return value
        case .random: return isRandom(by: rule, piecesPerLetter: 5) ? value : nil
        case .randomBesideName:
            return isRandom(by: rule, piecesPerLetter: 3) ? value : nil
        case .basicCredentials: return BasicCredentials.areIn(text[value]) ? value : nil
        case .keyBlock: return KeyBlock.range(from: whole, in: text)
        case .assigned: return assigned
        case .option:
            guard isOption, let value = ValueParser(text: text).value(at: whole.upperBound) else {
                return nil
            }
            return Assignment(text: text, name: name, value: value).secret(needsName: true)
        case .chosen:
            let start = value.lowerBound
            let isQuoted = start > 0 && [0x22, 0x27, 0x60].contains(text[start - 1])
            return Assignment(
                text: text,
                name: name,
                value: .init(range: value, isQuoted: isQuoted)
            ).secret(needsName: false)
        }
    }

    private var assigned: Range<Int>? {
        let parser = ValueParser(text: text)
        let end = whole.upperBound
        // After `,`, `or`, `||` and `??` only a value in quotes is one.
        let isLoose = text[..<end].last.map { [0x2c, 0x7c, 0x3f, 0x72, 0x52].contains($0) } ?? true
        guard let value = isLoose ? parser.quotedValue(at: end) : parser.value(at: end) else {
            return nil
        }
        return Assignment(text: text, name: name, value: value).secret(needsName: true)
    }

    /// Whether the name belongs to `--name`, `define name` or their like.
    private var isOption: Bool {
        let start = name.lowerBound
        if byte(start) == 0x2d {
            return start == 0
                || byte(start - 1).map {
                    $0 <= 0x20 || [0x22, 0x27, 0x60, 0x28, 0x3d, 0x2c].contains($0)
                }
                    ?? true
        }
        var end = start
        while end > 0, end > start - 4, let blank = byte(end - 1), blank == 0x20 || blank == 0x09 {
            end -= 1
        }
        // `define\tname`: the letter of the escape was read as part of the name.
        if end == start, start > 0, byte(start - 1) == 0x5c { end -= 1 }
        guard end < start else { return false }
        let before = text[max(0, end - 8)..<end].map(Letters.lowercased)
        return ["define", "global", "set", "setenv", "export"].contains { word in
            before.suffix(word.utf8.count).elementsEqual(word.utf8)
        }
    }

    private func byte(_ index: Int) -> UInt8? {
        index >= 0 && index < text.count ? text[index] : nil
    }

    /// The name before the value: back to what cannot be part of one, on to the separator.
    private var name: Range<Int> {
        var start = whole.lowerBound
        let floor = max(0, start - 60)
        while start > floor, isNameByte(text[start - 1]) { start -= 1 }
        let end = value == whole ? whole.upperBound : value.lowerBound
        return start..<max(start, end)
    }

    private func isNameByte(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5a, 0x61...0x7a, 0x5f, 0x2d, 0x2e: true
        default: false
        }
    }

    /// Whether no letter or digit stands before the match; the last letter of an escape does not
    /// count (`\n`, `%3D`, `ESC[93m`), and neither does any before a match that begins with `&`.
    private var standsAlone: Bool {
        let start = whole.lowerBound
        guard start > 0, Letters.isAlphanumeric(text[start - 1]),
            Letters.isAlphanumeric(text[start])
        else { return true }
        guard start > 1 else { return false }
        let before = text[start - 1]
        if text[start - 2] == 0x5c { return true }
        if start > 2, text[start - 3] == 0x25, Letters.isHex(before), Letters.isHex(text[start - 2])
        {
            return true
        }
        if before == 0x6d {
            var index = start - 2
            while index > 0, Letters.isDigit(text[index]) || text[index] == 0x3b { index -= 1 }
            return text[index] == 0x5b
        }
        return false
    }

    /// Digits, or letters whose case changes more often than once in so many.
    private func isRandom(by rule: RedactionRule, piecesPerLetter: Int) -> Bool {
        let bytes = text[value]
        guard Entropy.bitsPerByte(of: bytes) >= rule.entropy, !Placeholder.isFiller(bytes) else {
            return false
        }
        let shape = Shape(bytes)
        if shape.digits > 0 || shape.pieces * piecesPerLetter > shape.letters { return true }
        // After a prefix, letters alone: no name has so many in one case without a break.
        return rule.check == .random
            && (shape.lower == 0 || KeyBlock.longestBase64Run(in: text, value) >= 24)
    }
}

/// Shannon entropy of bytes.
enum Entropy {
    static func bitsPerByte(of bytes: ArraySlice<UInt8>) -> Double {
        guard !bytes.isEmpty else { return 0 }
        var counts = [Int](repeating: 0, count: 256)
        for byte in bytes { counts[Int(byte)] += 1 }
        let total = Double(bytes.count)
        return counts.reduce(0.0) { sum, count in
            count == 0 ? sum : sum - Double(count) / total * logarithm2(Double(count) / total)
        }
    }

    /// The binary logarithm, to about 1e-9: layer 1 has no libm.
    static func logarithm2(_ number: Double) -> Double {
        guard number > 0, number.isFinite else { return 0 }
        // With m in [1, 2): ln m = 2 artanh((m - 1) / (m + 1)), a series in at most 1/3.
        let ratio = (number.significand - 1) / (number.significand + 1)
        let square = ratio * ratio
        var term = ratio
        var sum = 0.0
        for odd in stride(from: 1.0, through: 19, by: 2) {
            sum += term / odd
            term *= square
        }
        return Double(number.exponent) + 2 * sum * 1.442695040888963407
    }
}

enum Letters {
    static func isDigit(_ byte: UInt8) -> Bool { (0x30...0x39).contains(byte) }
    static func isLower(_ byte: UInt8) -> Bool { (0x61...0x7a).contains(byte) }
    static func isUpper(_ byte: UInt8) -> Bool { (0x41...0x5a).contains(byte) }
    static func lowercased(_ byte: UInt8) -> UInt8 { isUpper(byte) ? byte | 0x20 : byte }
    static func isAlphanumeric(_ byte: UInt8) -> Bool {
        isDigit(byte) || isLower(byte) || isUpper(byte)
    }
    static func isHex(_ byte: UInt8) -> Bool {
        isDigit(byte) || (0x41...0x46).contains(byte) || (0x61...0x66).contains(byte)
    }
}

/// What kinds of bytes a value is made of.
struct Shape {
    private(set) var lower = 0
    private(set) var upper = 0
    private(set) var digits = 0
    private(set) var others = 0
    /// How often a letter follows one of the other case.
    private(set) var caseChanges = 0
    /// Pieces of one case as camel case has them: `getURLPath` has three, random letters more.
    private(set) var pieces = 0
    /// How often a letter follows a digit or a digit a letter.
    private(set) var kindChanges = 0

    init(_ bytes: ArraySlice<UInt8>) {
        var previous: UInt8 = 0
        var beforePrevious: UInt8 = 0
        for byte in bytes {
            if Letters.isLower(byte) || Letters.isUpper(byte) {
                let starts = !Letters.isLower(previous) && !Letters.isUpper(previous)
                let rises = Letters.isUpper(byte) && Letters.isLower(previous)
                let falls =
                    Letters.isLower(byte) && Letters.isUpper(previous)
                    && Letters.isUpper(beforePrevious)
                if starts || rises || falls { pieces += 1 }
            }
            if Letters.isLower(byte) {
                lower += 1
                if Letters.isUpper(previous) { caseChanges += 1 }
                if Letters.isDigit(previous) { kindChanges += 1 }
            } else if Letters.isUpper(byte) {
                upper += 1
                if Letters.isLower(previous) { caseChanges += 1 }
                if Letters.isDigit(previous) { kindChanges += 1 }
            } else if Letters.isDigit(byte) {
                digits += 1
                if Letters.isLower(previous) || Letters.isUpper(previous) { kindChanges += 1 }
            } else {
                others += 1
            }
            beforePrevious = previous
            previous = byte
        }
    }

    var letters: Int { lower + upper }
    var kinds: Int { [lower, upper, digits, others].filter { $0 > 0 }.count }
}
