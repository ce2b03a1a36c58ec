internal import Base
internal import JSON

/// One step of the way from the checked value to a part of it.
enum PathStep {
    case key(JSONPlace)
    case place(Int)
}

/// A violation, and what helps to choose among those of several branches.
struct Finding {
    var violation: SchemaViolation
    /// How deep in the value it was found.
    var depth: Int
    /// The value is of another type than the schema takes.
    var isType: Bool
    /// The value is none of the constants the schema takes.
    var isChoice: Bool
}

/// What is said about a value that does not hold.
extension Validator {
    var violations: [SchemaViolation] { findings.map(\.violation) }

    /// Keeps a violation, if any are collected and there is room.
    mutating func note(
        _ number: Int32,
        _ keyword: StaticString,
        _ value: JSONPlace,
        isType: Bool = false,
        isChoice: Bool = false,
        expected: @autoclosure () -> String
    ) {
        guard isCollecting, findings.count < limits.violationCount else { return }
        let violation = SchemaViolation(
            instance: pointer,
            keyword: program.location(of: number) + "/\(keyword)",
            expected: expected(),
            foundKind: Excerpt.kind(walk.node(value)),
            found: Excerpt.of(walk.node(value))
        )
        findings.append(
            Finding(violation: violation, depth: path.count, isType: isType, isChoice: isChoice)
        )
    }

    mutating func noteType(_ number: Int32, _ node: Node, _ value: JSONPlace) {
        guard isCollecting else { return }
        if node.isNever {
            guard findings.count < limits.violationCount else { return }
            let violation = SchemaViolation(
                instance: pointer,
                keyword: program.location(of: number),
                expected: "nothing here",
                foundKind: Excerpt.kind(walk.node(value)),
                found: Excerpt.of(walk.node(value))
            )
            findings.append(
                Finding(violation: violation, depth: path.count, isType: false, isChoice: false)
            )
        } else {
            note(number, "type", value, isType: true, expected: node.types.words)
        }
    }

    /// A member that no schema named.
    mutating func noteUnknown(
        _ number: Int32,
        _ keyword: Keyword,
        _ key: JSONPlace,
        _ value: JSONPlace,
        _ known: @autoclosure () -> [String]
    ) {
        guard isCollecting else { return }
        path.append(.key(key))
        defer { path.removeLast() }
        let names = known()
        let words = names.isEmpty ? "" : "; known are " + Excerpt.names(names)
        note(number, keyword.text, value, expected: "no such property" + words)
    }

    mutating func noteMissing(
        _ number: Int32,
        _ keys: Row,
        _ keyword: StaticString,
        _ value: JSONPlace
    ) {
        guard isCollecting else { return }
        var missing: [String] = []
        for place in keys.range where program.keys.entries[place].isRequired {
            guard spend(walk.count(value)), missing.count < 16 else { break }
            guard !has(value, key: place) else { continue }
            missing.append(String(decoding: program.keys.key(at: place), as: UTF8.self))
        }
        missing.sort { $0.utf8.lexicographicallyPrecedes($1.utf8) }
        let words = missing.count == 1 ? "the property " : "the properties "
        note(number, keyword, value, expected: words + Excerpt.names(missing))
    }

    mutating func noteCount(
        _ number: Int32,
        _ what: StaticString,
        _ value: JSONPlace,
        _ minimum: Int,
        _ maximum: Int
    ) {
        let isShort = walk.count(value) < minimum
        let noun = what.description.lowercased()
        let words = isShort ? "at least \(minimum) \(noun)" : "at most \(maximum) \(noun)"
        switch (isShort, noun) {
        case (true, "items"): note(number, "minItems", value, expected: words)
        case (false, "items"): note(number, "maxItems", value, expected: words)
        case (true, _): note(number, "minProperties", value, expected: words)
        case (false, _): note(number, "maxProperties", value, expected: words)
        }
    }

    mutating func noteLength(
        _ number: Int32,
        _ value: JSONPlace,
        _ length: Int,
        _ rule: StringRule
    ) {
        if length < rule.minimumLength {
            let words = "at least \(rule.minimumLength) characters, not \(length)"
            note(number, "minLength", value, expected: words)
        } else {
            let words = "at most \(rule.maximumLength) characters, not \(length)"
            note(number, "maxLength", value, expected: words)
        }
    }

    /// The keys of a table that have a schema of their own.
    static func names(_ keys: Row, in program: Program) -> [String] {
        keys.range.filter { program.keys.entries[$0].node >= 0 }
            .prefix(16)
            .map { String(decoding: program.keys.key(at: $0), as: UTF8.self) }
    }

    static func words(_ constant: Constant) -> String {
        switch constant {
        case .null: "null"
        case .bool(let flag): "\(flag)"
        case .number(let number): printable(number.text, limit: 48)
        case .string(let bytes):
            "\"" + printable(String(decoding: bytes.prefix(64), as: UTF8.self), limit: 48) + "\""
        case .array: "the schema's constant array"
        case .object: "the schema's constant object"
        }
    }

    // MARK: branches

    /// Says why none of several branches held: the faults of the one branch that was meant, where
    /// types or constants tell which one that is, and otherwise only what was asked for.
    mutating func explain(
        _ number: Int32,
        _ keyword: StaticString,
        _ branches: Row,
        _ value: JSONPlace
    ) {
        let kept = findings
        var reports: [[Finding]] = []
        for place in branches.range {
            findings = []
            _ = check(program.lists[place], value, Self.unmarked)
            guard stop == nil else { break }
            reports.append(findings)
        }
        findings = kept
        let here = path.count
        let ofKind = reports.filter { report in
            !report.contains { $0.depth == here && ($0.isType || $0.isChoice) }
        }
        let meant = ofKind.filter { report in
            !report.contains { $0.depth == here + 1 && $0.isChoice }
        }
        if let report = Self.only(ofKind) ?? Self.only(meant) {
            findings += report.prefix(max(0, limits.violationCount - findings.count))
            return
        }
        var words: [String] = []
        if ofKind.isEmpty {
            for finding in reports.joined() where finding.depth == here {
                let next = finding.violation.expected
                if (finding.isType || finding.isChoice), !words.contains(next), words.count < 6 {
                    words.append(next)
                }
            }
        }
        let expected =
            words.isEmpty ? "one of \(branches.count) forms" : words.joined(separator: " or ")
        note(number, keyword, value, expected: expected)
    }

    private static func only(_ reports: [[Finding]]) -> [Finding]? {
        guard reports.count == 1, let report = reports.first, !report.isEmpty else { return nil }
        return report
    }

    /// The way to the value at hand, cut after 256 characters.
    private var pointer: String {
        var text = ""
        for step in path {
            switch step {
            case .place(let place): text += "/\(place)"
            case .key(let key): text += "/" + pointerToken(walk.node(key).string ?? "")
            }
            if text.unicodeScalars.count > 256 {
                return String(String.UnicodeScalarView(text.unicodeScalars.prefix(256))) + "…"
            }
        }
        return text
    }
}
