/// Finds class and tables of one statement; gives up where it would have to guess.
struct StatementParser {
    private enum Role { case read, write }

    /// What stands between two brackets, or all of it.
    private struct Frame {
        /// The arguments of a function: `FROM` in them may name no table.
        var isCall = false
        var hasSelect = false
        /// Names of tables are next, or more of them after a comma.
        var expected: Role?
        /// Between the first table and the next clause: a comma goes before another table.
        var isAfterTable = false
        var role = Role.read
        /// `UPDATE` or `DELETE` in this frame, and whether its condition came.
        var needsCondition = false
        var hasCondition = false
        var isDelete = false
    }

    private let tokens: [StatementToken]
    private var place = 0
    private var found = Statement()
    private var frames = [Frame()]
    private var names: Set<String> = []
    /// Where the last name of a table ended.
    private var tableEnd = -1

    init(_ tokens: [StatementToken]) { self.tokens = tokens }

    private typealias Problem = StatementLexer.Problem

    private func keyword(_ offset: Int) -> String {
        let index = place + offset
        return tokens.indices.contains(index) ? tokens[index].keyword : ""
    }

    private func isSymbol(_ letter: Unicode.Scalar, at offset: Int) -> Bool {
        let index = place + offset
        return tokens.indices.contains(index) && tokens[index].isSymbol(letter)
    }

    mutating func statement() throws(StatementLexer.Problem) -> Statement {
        let first = tokens.first { !$0.isSymbol("(") }
        let verb = first?.keyword ?? ""
        guard let kind = StatementWords.verbs[verb] else {
            throw Problem(text: "it does not begin as a statement this gateway reads")
        }
        found.verb = verb
        found.kind = kind
        if kind == .changesDefinitions || kind == .changesRights || verb == "SHOW" {
            return try definition()
        }
        if verb == "WITH" { names = commonNames() }
        while place < tokens.count { try step() }
        guard frames.count == 1 else { throw Problem(text: "a bracket is not closed") }
        try end(frames[0])
        return found
    }

    private mutating func step() throws(StatementLexer.Problem) {
        let token = tokens[place]
        switch token {
        case .symbol(UInt8(ascii: "(")): try open()
        case .symbol(UInt8(ascii: ")")):
            guard frames.count > 1, let frame = frames.popLast() else {
                throw Problem(text: "a bracket closes nothing")
            }
            try end(frame)
            if frames[frames.count - 1].expected != nil { isTableDone() }
            place += 1
        case .symbol(UInt8(ascii: ",")):
            let top = frames.count - 1
            if frames[top].isAfterTable {
                frames[top].isAfterTable = false
                frames[top].expected = found.verb == "INSERT" ? .read : frames[top].role
            } else if frames[top].expected != nil {
                throw Problem(text: "a table is missing")
            }
            place += 1
        case .word, .quoted:
            if frames[frames.count - 1].expected != nil, try table() { return }
            if case .word = token { try word(token.keyword) } else { place += 1 }
        case .text, .number, .parameter, .symbol:
            guard frames[frames.count - 1].expected == nil else {
                throw Problem(text: "what stands for a table is no name")
            }
            place += 1
        }
    }

    private mutating func isTableDone() {
        frames[frames.count - 1].expected = nil
        frames[frames.count - 1].isAfterTable = true
    }

    /// An opening bracket: a call, a subquery, or a group.
    private mutating func open() throws(StatementLexer.Problem) {
        guard frames.count < 100 else { throw Problem(text: "it is nested too deep") }
        var frame = Frame()
        if frames[frames.count - 1].expected != nil {
            // A joined group in brackets, unless a query begins.
            if !["SELECT", "WITH", "VALUES"].contains(keyword(1)) { frame.expected = .read }
        } else if place > 0, case .word(let name) = tokens[place - 1],
            !StatementWords.noFunctions.contains(name.uppercased()), !isColumnList
        {
            frame.isCall = true
            if !StatementWords.harmless.contains(name.uppercased()) { add(name, to: \.functions) }
        }
        frames.append(frame)
        place += 1
    }

    /// `INSERT INTO t (…)`: the bracket right after a table.
    private var isColumnList: Bool { place == tableEnd }

    private mutating func word(_ word: String) throws(StatementLexer.Problem) {
        let top = frames.count - 1
        let before = keyword(-1)
        let isFirst =
            place == 0 || isSymbol("(", at: -1) || isSymbol(")", at: -1)
            || ["EXPLAIN", "ANALYZE", "ANALYSE", "VERBOSE"].contains(before)
        switch word {
        case "SELECT": frames[top].hasSelect = true
        case "FROM":
            let isComparison = before == "DISTINCT" && ["IS", "NOT"].contains(keyword(-2))
            guard !isComparison, !frames[top].isCall || frames[top].hasSelect else { break }
            let isWrite = frames[top].isDelete
            frames[top].isDelete = false
            frames[top].expected = isWrite ? .write : .read
        case "JOIN", "STRAIGHT_JOIN": frames[top].expected = .read
        case "USING" where !isSymbol("(", at: 1) || found.verb == "MERGE":
            frames[top].expected = .read
        case "INTO":
            guard !["OUTFILE", "DUMPFILE"].contains(keyword(1)) else {
                throw Problem(text: "it writes to a file")
            }
            found.kind = .changesData
            frames[top].expected = .write
        case "INSERT", "REPLACE", "MERGE":
            guard isFirst, !isSymbol("(", at: 1) else { break }
            found.kind = .changesData
            // MySQL lets the word INTO be left out.
            if !(0..<5).contains(where: { keyword($0) == "INTO" }) {
                frames[top].expected = .write
            }
        case "UPDATE" where isFirst:
            found.kind = .changesData
            frames[top].expected = .write
            frames[top].needsCondition = true
        case "DELETE" where isFirst:
            found.kind = .changesData
            frames[top].needsCondition = true
            frames[top].isDelete = true
            // `DELETE t FROM …` of some servers names what it deletes elsewhere.
            guard keyword(1) == "FROM" else { throw Problem(text: "a DELETE without FROM") }
        case "TRUNCATE" where isFirst:
            found.isUnconditional = true
            frames[top].expected = .write
        case "TABLE" where place == 0: frames[top].expected = .read
        case "DESCRIBE", "DESC":
            if place == 0 { frames[top].expected = .read }
        case "CALL", "EXEC", "EXECUTE", "DO":
            guard before == "CONFLICT" || isBeforeUpdate || before == "NOTHING" else {
                throw Problem(text: "it runs code that is kept in the server")
            }
        case "WHERE": frames[top].hasCondition = true
        default: break
        }
        if StatementWords.clauses.contains(word), !StatementWords.joining.contains(word) {
            frames[top].isAfterTable = false
        }
        place += 1
    }

    /// `ON CONFLICT (…) DO UPDATE`, `DO NOTHING`.
    private var isBeforeUpdate: Bool { ["UPDATE", "NOTHING"].contains(keyword(1)) }

    /// True when the token belonged to the name of a table.
    private mutating func table() throws(StatementLexer.Problem) -> Bool {
        let top = frames.count - 1
        if case .word = tokens[place], StatementWords.beforeTable.contains(keyword(0)) {
            place += 1
            return true
        }
        if ["SELECT", "VALUES", "WITH"].contains(keyword(0)) {
            frames[top].expected = nil
            return false
        }
        guard let name = name() else { throw Problem(text: "what stands for a table is no name") }
        let role = frames[top].expected ?? .read
        if role == .read, isSymbol("(", at: 0) {
            if !StatementWords.harmless.contains(name.uppercased()) { add(name, to: \.functions) }
            var frame = Frame()
            frame.isCall = true
            isTableDone()
            frames.append(frame)
            place += 1
            return true
        }
        if !names.contains(name.lowercased()) || role == .write {
            add(name, to: role == .write ? \.writes : \.reads)
        }
        isTableDone()
        frames[top].role = role
        tableEnd = place
        return true
    }

    /// `schema.table`, and what follows it.
    private mutating func name() -> String? {
        var parts: [String] = []
        while tokens.indices.contains(place) {
            switch tokens[place] {
            case .word(let text) where !StatementWords.clauses.contains(text.uppercased()):
                parts.append(text)
            case .quoted(let text): parts.append(text)
            default: return nil
            }
            place += 1
            guard isSymbol(".", at: 0) else { return parts.joined(separator: ".") }
            place += 1
        }
        return nil
    }

    private mutating func end(_ frame: Frame) throws(StatementLexer.Problem) {
        guard frame.expected == nil else { throw Problem(text: "a table is missing") }
        if frame.needsCondition, !frame.hasCondition { found.isUnconditional = true }
    }

    private mutating func add(_ name: String, to list: WritableKeyPath<Statement, [String]>) {
        guard !found[keyPath: list].contains(name) else { return }
        found[keyPath: list].append(name)
    }

    /// The names that `WITH` gives to queries: they are no tables.
    private func commonNames() -> Set<String> {
        var names: Set<String> = []
        for index in tokens.indices where tokens[index].keyword == "AS" && index > 0 {
            let next = tokens.indices.contains(index + 1) ? tokens[index + 1] : .number
            guard next.isSymbol("(") || ["MATERIALIZED", "NOT"].contains(next.keyword) else {
                continue
            }
            var before = index - 1
            if tokens[before].isSymbol(")") {
                while before > 0, !tokens[before].isSymbol("(") { before -= 1 }
                before -= 1
            }
            guard before >= 0 else { continue }
            switch tokens[before] {
            case .word(let name), .quoted(let name): names.insert(name.lowercased())
            default: break
            }
        }
        return names
    }

    /// `DROP TABLE IF EXISTS a, b`: what kind of thing, and its first names.
    private mutating func definition() throws(StatementLexer.Problem) -> Statement {
        let isTable = tokens.contains { $0.keyword == "TABLE" }
        guard found.kind == .changesDefinitions, isTable else { return found }
        while place < tokens.count, keyword(0) != "TABLE" { place += 1 }
        repeat {
            place += 1
            while StatementWords.beforeTable.contains(keyword(0)) { place += 1 }
            guard let name = name() else {
                throw Problem(text: "what stands for a table is no name")
            }
            add(name, to: \.writes)
        } while isSymbol(",", at: 0)
        // `CREATE TABLE … AS SELECT` reads others: they are not followed here.
        if tokens[place...].contains(where: { $0.keyword == "SELECT" }) {
            throw Problem(text: "a definition with a query in it")
        }
        return found
    }
}
