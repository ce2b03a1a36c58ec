import Base

/// Reads an ECMA-262 pattern (22.2.1, `u` flag) and writes it again in RE2's and in PCRE2's syntax.
///
/// Only what means the same in the target is written: classes become explicit ranges, `^`, `$` and
/// `.` become what ECMA-262 says they are, every literal is spelled so that it cannot be an
/// operator. One thing is read more widely than the standard: a backslash before ASCII punctuation
/// is that character, because schemas in the wild write `\-` and `\@` and no dialect that servers
/// use reads it otherwise.
struct ECMAScriptTranslator {
    struct Translation: Equatable {
        /// Nil when RE2 cannot express the pattern.
        let linear: String?
        let backtracking: String
    }

    let pattern: String
    var scanner: ScalarScanner
    // ASCII, whatever the pattern holds.
    private var linear: [UInt8] = []
    private var backtracking: [UInt8] = []
    private var needsBacktracking = false
    private var depth = 0
    private var groups = GroupTable()
    /// Numbers of the groups that were opened so far, and of those inside something repeated.
    private var openedGroups = 0
    private var references: [Int] = []
    private var unstableGroups: Set<Int> = []

    init(_ pattern: String) {
        self.pattern = pattern
        scanner = ScalarScanner(pattern)
    }

    mutating func translate() throws(PatternFailure) -> Translation {
        groups = try GroupTable(pattern: pattern, scalars: scanner.scalars)
        try readDisjunction()
        guard scanner.isAtEnd else { throw failure("`)` without its `(`") }
        // 22.2.2.3.1 RepeatMatcher forgets the captures of the round before, PCRE2 keeps them; and
        // 22.2.2.4 reads look-behind from right to left. The references where this shows are
        // refused.
        for number in references where unstableGroups.contains(number) {
            throw failure("a back-reference to a group that is repeated or looked behind")
        }
        return Translation(
            linear: needsBacktracking ? nil : String(decoding: linear, as: UTF8.self),
            backtracking: String(decoding: backtracking, as: UTF8.self)
        )
    }

    func failure(_ reason: String) -> PatternFailure {
        .invalid(pattern: pattern, reason: "\(reason), at character \(scanner.position + 1)")
    }

    private mutating func write(_ text: String) {
        linear += text.utf8
        backtracking += text.utf8
    }

    private mutating func write(linear text: String?, backtracking other: String) {
        if let text { linear += text.utf8 } else { needsBacktracking = true }
        backtracking += other.utf8
    }

    private mutating func writeBacktracking(_ text: String) {
        needsBacktracking = true
        backtracking += text.utf8
    }

    // MARK: Structure

    private mutating func readDisjunction() throws(PatternFailure) {
        depth += 1
        defer { depth -= 1 }
        guard depth <= PatternLimits.groupDepth else {
            throw failure("more than \(PatternLimits.groupDepth) groups in one another")
        }
        while let next = scanner.peek, next != ")" {
            if scanner.take("|") { write("|") } else { try readTerm() }
        }
    }

    private mutating func readTerm() throws(PatternFailure) {
        guard try !readAssertion() else { return }
        let linearStart = linear.count
        let backtrackingStart = backtracking.count
        let firstGroup = openedGroups
        try readAtom()
        guard let quantifier = try readQuantifier() else { return }
        if quantifier.maximum != 1 {
            unstableGroups.formUnion((firstGroup..<openedGroups).map { $0 + 1 })
        }
        // One atom may be several characters in the target; the group holds them together.
        linear.insert(contentsOf: "(?:".utf8, at: linearStart)
        backtracking.insert(contentsOf: "(?:".utf8, at: backtrackingStart)
        write(")" + quantifier.spelling)
        if quantifier.exceedsLinear { needsBacktracking = true }
    }

    /// Assertions take no quantifier with the `u` flag.
    private mutating func readAssertion() throws(PatternFailure) -> Bool {
        if scanner.take("^") {
            write("\\A")
        } else if scanner.take("$") {
            write("\\z")
        } else if scanner.take("\\b") {
            write("\\b")
        } else if scanner.take("\\B") {
            write("\\B")
        } else if let look = ["(?=", "(?!", "(?<=", "(?<!"].first(where: { scanner.take($0) }) {
            writeBacktracking(look)
            let firstGroup = openedGroups
            try readDisjunction()
            guard scanner.take(")") else { throw failure("`(` without its `)`") }
            backtracking += ")".utf8
            if look.contains("<") || look.contains("!") {
                unstableGroups.formUnion((firstGroup..<openedGroups).map { $0 + 1 })
            }
        } else {
            return false
        }
        return true
    }

    private mutating func readAtom() throws(PatternFailure) {
        guard let next = scanner.next() else { throw failure("something is missing") }
        switch next {
        case ".": write("[^" + CodePointSet.lineTerminators.spelling + "]")
        case "(": try readGroup()
        case "[": try readClass()
        case "\\": try readEscape()
        case "*", "+", "?", "{": throw failure("nothing to repeat before `\(next)`")
        case "}", "]": throw failure("`\(next)` alone; write `\\\(next)`")
        default: write(codePointSpelling(next.value))
        }
    }

    private mutating func readGroup() throws(PatternFailure) {
        if scanner.take("?:") {
            write("(?:")
        } else if scanner.take("?<") {
            _ = try GroupTable.readName(&scanner, pattern: pattern)
            openedGroups += 1
            write("(")
        } else if scanner.take("?") {
            throw failure("`(?` must be followed by `:`, `=`, `!`, `<=`, `<!` or `<name>`")
        } else {
            openedGroups += 1
            write("(")
        }
        try readDisjunction()
        guard scanner.take(")") else { throw failure("`(` without its `)`") }
        write(")")
    }

    // MARK: Quantifiers

    private struct Quantifier {
        var spelling: String
        var maximum: Int?
        var exceedsLinear: Bool
    }

    private mutating func readQuantifier() throws(PatternFailure) -> Quantifier? {
        var result: Quantifier
        if scanner.take("*") {
            result = Quantifier(spelling: "*", maximum: nil, exceedsLinear: false)
        } else if scanner.take("+") {
            result = Quantifier(spelling: "+", maximum: nil, exceedsLinear: false)
        } else if scanner.take("?") {
            result = Quantifier(spelling: "?", maximum: 1, exceedsLinear: false)
        } else if scanner.take("{") {
            result = try readCounts()
        } else {
            return nil
        }
        if scanner.take("?") { result.spelling += "?" }
        return result
    }

    private mutating func readCounts() throws(PatternFailure) -> Quantifier {
        guard let minimum = try readCount() else { throw failure("`{` needs a number") }
        var maximum: Int? = minimum
        var spelling = "{\(minimum)"
        if scanner.take(",") {
            maximum = try readCount()
            spelling += "," + (maximum.map { "\($0)" } ?? "")
        }
        guard scanner.take("}") else { throw failure("`{` without its `}`") }
        if let maximum, maximum < minimum { throw failure("`{n,m}` with n over m") }
        // RE2 refuses a count over 1000 (re2/parse.cc, maximum_repeat_count).
        return Quantifier(
            spelling: spelling + "}",
            maximum: maximum,
            exceedsLinear: max(minimum, maximum ?? 0) > 1000
        )
    }

    private mutating func readCount() throws(PatternFailure) -> Int? {
        var number: Int?
        while let digit = scanner.peek.flatMap({ $0.isASCIIDigit ? Int($0.value - 0x30) : nil }) {
            _ = scanner.next()
            number = (number ?? 0) * 10 + digit
            guard let number, number <= PatternLimits.repetition else {
                throw failure("a repeat count over \(PatternLimits.repetition)")
            }
        }
        return number
    }

    // MARK: Escapes and classes

    /// The backslash was read.
    private mutating func readEscape() throws(PatternFailure) {
        guard let next = scanner.peek else { throw failure("`\\` at the end") }
        if ("1"..."9").contains(next) {
            try reference(try readCount() ?? 0)
        } else if scanner.take("k") {
            guard scanner.take("<") else { throw failure("`\\k` needs `<name>`") }
            let name = try GroupTable.readName(&scanner, pattern: pattern)
            guard let number = groups.numbers[name] else {
                throw failure("no group is named `\(name)`")
            }
            try reference(number)
        } else {
            switch try readClassEscape(inClass: false) {
            case .codePoint(let value):
                write(CodePointSet([value...value]).classSpelling(negated: false))
            case .set(let set): write(set.classSpelling(negated: false))
            case .property(let property):
                write(linear: property.linear, backtracking: property.backtracking)
            }
        }
    }

    private mutating func reference(_ number: Int) throws(PatternFailure) {
        guard number >= 1, number <= groups.count else {
            throw failure("a back-reference to a group that is not there")
        }
        references.append(number)
        writeBacktracking("\\g{\(number)}")
    }

    /// The `[` was read.
    private mutating func readClass() throws(PatternFailure) {
        let negated = scanner.take("^")
        var content = ClassContent()
        while !scanner.take("]") {
            guard !scanner.isAtEnd else { throw failure("`[` without its `]`") }
            let first = try readClassAtom()
            guard scanner.peek == "-", scanner.peekSecond != "]" else {
                content.add(first)
                continue
            }
            _ = scanner.next()
            let second = try readClassAtom()
            guard case .codePoint(let low) = first, case .codePoint(let high) = second else {
                throw failure("a class such as `\\w` cannot be the end of a range; write `\\-`")
            }
            guard low <= high else { throw failure("a range that runs backwards") }
            content.ranges.append(low...high)
        }
        let spelled = content.spelled(negated: negated)
        write(linear: spelled.linear, backtracking: spelled.backtracking)
    }

    private mutating func readClassAtom() throws(PatternFailure) -> ClassAtom {
        guard let next = scanner.next() else { throw failure("`[` without its `]`") }
        return next == "\\" ? try readClassEscape(inClass: true) : .codePoint(next.value)
    }
}

extension Unicode.Scalar {
    var isASCIIDigit: Bool { (0x30...0x39).contains(value) }
}
