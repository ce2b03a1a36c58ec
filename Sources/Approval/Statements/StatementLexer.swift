/// One word of an SQL text, as every dialect would cut it.
enum StatementToken: Equatable, Sendable {
    /// A bare word: a keyword or a name.
    case word(String)
    /// A name in quotes.
    case quoted(String)
    case text
    case number
    case parameter
    case symbol(UInt8)

    /// Upper case; empty for what is no bare word.
    var keyword: String {
        guard case .word(let text) = self else { return "" }
        return text.uppercased()
    }

    func isSymbol(_ letter: Unicode.Scalar) -> Bool { self == .symbol(UInt8(ascii: letter)) }
}

/// Cuts an SQL text into words where all common dialects agree on the cut.
///
/// They differ in comments, in backslashes before quotes and in what brackets mean; where a text
/// makes that difference, two servers would run two statements, so that nothing is said of it.
struct StatementLexer {
    /// Where dialects part, or what no dialect takes.
    struct Problem: Error, Equatable {
        let text: String
    }

    private let bytes: [UInt8]
    private var place = 0
    private var tokens: [StatementToken] = []

    private init(_ bytes: [UInt8]) { self.bytes = bytes }

    static func tokens(of text: [UInt8]) throws(Problem) -> [StatementToken] {
        var lexer = StatementLexer(text)
        while try lexer.step() {}
        return lexer.tokens
    }

    private func byte(_ offset: Int = 0) -> UInt8 {
        let index = place + offset
        return index < bytes.count ? bytes[index] : 0
    }

    private mutating func step() throws(Problem) -> Bool {
        guard place < bytes.count else { return false }
        let first = byte()
        switch first {
        case 0x20, 0x09, 0x0a, 0x0d: place += 1
        case UInt8(ascii: "-") where byte(1) == first: try lineComment()
        case UInt8(ascii: "/") where byte(1) == UInt8(ascii: "*"): try blockComment()
        case UInt8(ascii: "#"):
            throw Problem(text: "`#` begins a comment for some servers and not for others")
        case UInt8(ascii: "'"):
            _ = try quoted(by: first)
            tokens.append(.text)
        case UInt8(ascii: "\""), UInt8(ascii: "`"): tokens.append(.quoted(try quoted(by: first)))
        case UInt8(ascii: "["): try bracket()
        case UInt8(ascii: "$"): try dollar()
        case UInt8(ascii: "?"):
            place += 1
            tokens.append(.parameter)
        case UInt8(ascii: ":") where Self.isLetter(byte(1)), UInt8(ascii: "@"):
            place += 1
            while Self.isWordByte(byte()) || byte() == UInt8(ascii: "@") { place += 1 }
            tokens.append(.parameter)
        case 0x30...0x39: number()
        case _ where Self.isLetter(first): try word()
        case 0x21..<0x7f where first != UInt8(ascii: "\\"):
            place += 1
            tokens.append(.symbol(first))
        default: throw Problem(text: "it holds a character no statement has")
        }
        return true
    }

    private static func isLetter(_ byte: UInt8) -> Bool {
        (0x61...0x7a).contains(byte | 0x20) || byte == 0x5f || byte >= 0x80
    }

    private static func isWordByte(_ byte: UInt8) -> Bool {
        isLetter(byte) || byte &- 0x30 < 10 || byte == UInt8(ascii: "$")
    }

    private mutating func word() throws(Problem) {
        let start = place
        while Self.isWordByte(byte()) { place += 1 }
        let text = String(decoding: bytes[start..<place], as: UTF8.self)
        let isPlain = text.unicodeScalars.allSatisfy { scalar in
            scalar.value < 0x80 || scalar.properties.isAlphabetic
        }
        guard isPlain else { throw Problem(text: "a name holds a character that does not show") }
        // N'…', E'…', X'…': what a backslash means in them differs.
        if byte() == UInt8(ascii: "'"), ["E", "U"].contains(text.uppercased()) {
            throw Problem(text: "a text with escapes of its own")
        }
        tokens.append(.word(text))
    }

    private mutating func number() {
        while Self.isWordByte(byte()) || byte() == UInt8(ascii: ".") { place += 1 }
        tokens.append(.number)
    }

    /// Between two of `quote`, one of them doubled inside.
    private mutating func quoted(by quote: UInt8) throws(Problem) -> String {
        place += 1
        var text: [UInt8] = []
        var backslashes = 0
        while place < bytes.count {
            let found = byte()
            if found == quote {
                // An odd number of them escapes the quote for some servers only.
                guard backslashes.isMultiple(of: 2) else {
                    throw Problem(text: "a backslash stands before a quote")
                }
                guard byte(1) == quote else {
                    place += 1
                    return String(decoding: text, as: UTF8.self)
                }
                place += 1
            }
            backslashes = found == UInt8(ascii: "\\") ? backslashes + 1 : 0
            text.append(found)
            place += 1
        }
        throw Problem(text: "a quote is not closed")
    }

    private mutating func lineComment() throws(Problem) {
        let next = byte(2)
        guard next == 0x20 || next == 0x0a || next == 0x09 || place + 2 >= bytes.count else {
            throw Problem(text: "`--` without a blank begins a comment for some servers only")
        }
        while place < bytes.count, byte() != 0x0a {
            guard byte() != 0x0d || byte(1) == 0x0a else {
                throw Problem(text: "a comment ends differently for different servers")
            }
            place += 1
        }
    }

    private mutating func blockComment() throws(Problem) {
        place += 2
        guard byte() != UInt8(ascii: "!"), byte() != UInt8(ascii: "+") else {
            throw Problem(text: "a comment that some servers run")
        }
        while place + 1 < bytes.count {
            if byte() == UInt8(ascii: "/"), byte(1) == UInt8(ascii: "*") {
                throw Problem(text: "a comment in a comment, which servers end differently")
            }
            if byte() == UInt8(ascii: "*"), byte(1) == UInt8(ascii: "/") {
                place += 2
                return
            }
            place += 1
        }
        throw Problem(text: "a comment is not closed")
    }

    /// `[name]`, or the subscript of a list.
    private mutating func bracket() throws(Problem) {
        let word = tokens.last?.keyword ?? ""
        let isName = StatementWords.noFunctions.contains(word)
        switch tokens.last {
        case .word where !isName, .quoted, .symbol(UInt8(ascii: "]")), .symbol(UInt8(ascii: ")")):
            place += 1
            tokens.append(.symbol(UInt8(ascii: "[")))
        default:
            guard let end = bytes[place...].firstIndex(of: UInt8(ascii: "]")) else {
                throw Problem(text: "a bracket is not closed")
            }
            let inside = bytes[(place + 1)..<end]
            guard inside.allSatisfy({ Self.isWordByte($0) || $0 == 0x20 }), !inside.isEmpty else {
                throw Problem(text: "a bracket that is no name")
            }
            tokens.append(.quoted(String(decoding: inside, as: UTF8.self)))
            place = end + 1
        }
    }

    /// `$1`, or a text between two of `$tag$` (a text for PostgreSQL only).
    private mutating func dollar() throws(Problem) {
        guard byte(1) &- 0x30 < 10 else {
            throw Problem(text: "`$` begins a text for some servers only")
        }
        place += 1
        while byte() &- 0x30 < 10 { place += 1 }
        tokens.append(.parameter)
    }
}
