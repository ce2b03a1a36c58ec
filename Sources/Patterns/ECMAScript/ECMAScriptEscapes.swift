import Base

/// What one escape or one character of a class stands for.
enum ClassAtom: Equatable {
    case codePoint(UInt32)
    case set(CodePointSet)
    case property(UnicodeProperty)
}

/// The members of a `[…]`.
struct ClassContent {
    var ranges: [ClosedRange<UInt32>] = []
    private var properties: [UnicodeProperty] = []

    mutating func add(_ atom: ClassAtom) {
        switch atom {
        case .codePoint(let value): ranges.append(value...value)
        case .set(let set): ranges += set.ranges
        case .property(let property):
            if let set = property.set { ranges += set.ranges } else { properties.append(property) }
        }
    }

    func spelled(negated: Bool) -> (linear: String?, backtracking: String) {
        let set = CodePointSet(ranges)
        guard !properties.isEmpty else {
            let text = set.classSpelling(negated: negated)
            return (text, text)
        }
        let start = (negated ? "[^" : "[") + set.spelling
        let linear = properties.reduce(String?.some(start)) { text, property in
            guard let text, let next = property.linear else { return nil }
            return text + next
        }
        let backtracking = properties.reduce(start) { $0 + $1.backtracking }
        return (linear.map { $0 + "]" }, backtracking + "]")
    }
}

extension CodePointSet {
    /// `[…]`, with spellings for nothing and for everything that both engines take.
    func classSpelling(negated: Bool) -> String {
        let chosen = negated ? complement : self
        return chosen.ranges.isEmpty
            ? "[^" + CodePointSet.everything.spelling + "]" : "[" + chosen.spelling + "]"
    }
}

extension ECMAScriptTranslator {
    /// Reads what follows a backslash, but for back-references (22.2.1 AtomEscape, ClassEscape).
    mutating func readClassEscape(inClass: Bool) throws(PatternFailure) -> ClassAtom {
        guard let next = scanner.next() else { throw failure("`\\` at the end") }
        switch next {
        case "d": return .set(.digits)
        case "D": return .set(CodePointSet.digits.complement)
        case "w": return .set(.word)
        case "W": return .set(CodePointSet.word.complement)
        case "s": return .set(.whiteSpace)
        case "S": return .set(CodePointSet.whiteSpace.complement)
        case "t": return .codePoint(0x09)
        case "n": return .codePoint(0x0A)
        case "v": return .codePoint(0x0B)
        case "f": return .codePoint(0x0C)
        case "r": return .codePoint(0x0D)
        case "b" where inClass: return .codePoint(0x08)
        case "p", "P": return try readProperty(negated: next == "P")
        case "0":
            guard scanner.peek?.isASCIIDigit != true else {
                throw failure("an octal escape; write `\\xHH`")
            }
            return .codePoint(0)
        case "c":
            guard let letter = scanner.next(), letter.isASCIILetter else {
                throw failure("`\\c` needs a letter")
            }
            return .codePoint(letter.value % 32)
        case "x": return .codePoint(try readHex(count: 2))
        case "u": return .codePoint(try readUnicodeEscape())
        default:
            guard next.isASCIIPunctuation else {
                throw failure("`\\\(next)` is no escape of ECMA-262")
            }
            return .codePoint(next.value)
        }
    }

    private mutating func readProperty(negated: Bool) throws(PatternFailure) -> ClassAtom {
        guard scanner.take("{") else { throw failure("`\\p` needs `{name}`") }
        var name = ""
        while let next = scanner.next(), next != "}" { name.unicodeScalars.append(next) }
        guard let property = UnicodeProperty(name, negated: negated) else {
            throw failure("`\(name)` names no Unicode property")
        }
        return property.set.map { .set($0) } ?? .property(property)
    }

    private mutating func readHex(count: Int) throws(PatternFailure) -> UInt32 {
        var value: UInt32 = 0
        for _ in 0..<count {
            guard let digit = scanner.next()?.hexDigitValue else {
                throw failure("an escape needs \(count) hexadecimal digits")
            }
            value = value << 4 | digit
        }
        return value
    }

    /// After `\u`: four digits, two halves of a pair, or `{…}`.
    private mutating func readUnicodeEscape() throws(PatternFailure) -> UInt32 {
        if scanner.take("{") {
            var value: UInt32 = 0
            var digits = 0
            while let digit = scanner.peek?.hexDigitValue {
                _ = scanner.next()
                value = value << 4 | digit
                digits += 1
                guard value <= CodePointSet.last else { throw failure("beyond U+10FFFF") }
            }
            guard digits > 0, scanner.take("}") else {
                throw failure("`\\u{` needs hexadecimal digits and `}`")
            }
            return value
        }
        let first = try readHex(count: 4)
        guard (0xD800...0xDBFF).contains(first) else { return first }
        let mark = scanner.position
        if scanner.take("\\u"), let second = try? readHex(count: 4),
            (0xDC00...0xDFFF).contains(second)
        {
            return 0x10000 + (first - 0xD800) << 10 + (second - 0xDC00)
        }
        scanner.position = mark
        return first
    }
}

extension Unicode.Scalar {
    var isASCIILetter: Bool { (0x41...0x5A).contains(value) || (0x61...0x7A).contains(value) }

    var isASCIIPunctuation: Bool {
        isASCII && value >= 0x20 && value != 0x7F && !isASCIILetter && !isASCIIDigit
    }

    var hexDigitValue: UInt32? {
        switch value {
        case 0x30...0x39: value - 0x30
        case 0x41...0x46: value - 0x37
        case 0x61...0x66: value - 0x57
        default: nil
        }
    }
}
