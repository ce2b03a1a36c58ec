import Base
import JSON
import Policy

/// One value of a configuration on its way into a type: knows its place, and complains with it.
package struct Field: Sendable {
    let text: SourceText
    let pointer: JSONPointer
    let node: JSONNode

    init(root text: SourceText) {
        self.text = text
        pointer = .root
        node = text.document.root
    }

    private init(text: SourceText, pointer: JSONPointer, node: JSONNode) {
        self.text = text
        self.pointer = pointer
        self.node = node
    }

    /// The last part of the place: the key this value stands under.
    var name: String { pointer.tokens.last?.text ?? text.file }

    func wrong(_ problem: String, hint: String? = nil) -> ConfigurationError {
        ConfigurationError(
            file: text.file,
            position: text.position(pointer),
            problem: problem,
            hint: hint
        )
    }

    /// The members of a mapping, with every key known to the caller.
    func members(of known: Set<String>) throws(ConfigurationError) -> [String: Field] {
        var found: [String: Field] = [:]
        for (key, field) in try allMembers() {
            guard known.contains(key) else {
                throw field.wrong(
                    "unknown key `\(printable(key))`" + Spelling.suggestion(for: key, in: known),
                    hint: "known here: " + known.sorted().joined(separator: ", ")
                )
            }
            found[key] = field
        }
        return found
    }

    /// The members of a mapping whose keys are names the operator chose, in the order of the text.
    func allMembers() throws(ConfigurationError) -> [(String, Field)] {
        guard node.kind == .object else { throw wrong("`\(name)` must be a mapping") }
        return node.members.map { key, value in
            (key.text, Field(text: text, pointer: pointer.appending(key), node: value))
        }
    }

    func elements() throws(ConfigurationError) -> [Field] {
        guard node.kind == .array else { throw wrong("`\(name)` must be a list") }
        return node.elements.enumerated().map { index, value in
            Field(text: text, pointer: pointer.appending(index), node: value)
        }
    }

    func string() throws(ConfigurationError) -> String {
        guard let string = node.string else { throw wrong("`\(name)` must be a string") }
        guard !string.unicodeScalars.contains(where: { $0.value == 0 }) else {
            throw wrong("`\(name)` holds a NUL")
        }
        return string
    }

    func strings() throws(ConfigurationError) -> [String] {
        var result: [String] = []
        for element in try elements() { result.append(try element.string()) }
        return result
    }

    func bool() throws(ConfigurationError) -> Bool {
        guard let bool = node.bool else { throw wrong("`\(name)` must be true or false") }
        return bool
    }

    func integer(in range: ClosedRange<Int>) throws(ConfigurationError) -> Int {
        guard let value = node.number?.int64.flatMap({ Int(exactly: $0) }), range.contains(value)
        else {
            throw wrong(
                "`\(name)` must be an integer from \(range.lowerBound) to \(range.upperBound)"
            )
        }
        return value
    }

    /// A time such as `50s`, `10min`, `500ms`, `2h`.
    func duration(in range: ClosedRange<Duration>) throws(ConfigurationError) -> Duration {
        guard let duration = Duration(spelling: try string()) else {
            throw wrong("`\(name)` must be a time such as 500ms, 50s, 10min, 2h or 1d")
        }
        guard range.contains(duration) else {
            throw wrong("`\(name)` must be from \(range.lowerBound) to \(range.upperBound)")
        }
        return duration
    }

    /// One word of a closed set.
    func word<Word: RawRepresentable & CaseIterable>(
        _ type: Word.Type
    ) throws(ConfigurationError) -> Word where Word.RawValue == String {
        let text = try string()
        guard let word = Word(rawValue: text) else {
            let known = Word.allCases.map(\.rawValue).joined(separator: ", ")
            throw wrong(
                "`\(name)` is `\(printable(text))`"
                    + Spelling.suggestion(for: text, in: Word.allCases.map(\.rawValue)),
                hint: "use one of: \(known)"
            )
        }
        return word
    }
}

extension Duration {
    /// `500ms`, `50s`, `10min`, `2h`, `1d`; a number of at most a million and its unit.
    package init?(spelling text: String) {
        let digits = text.prefix { $0.isASCII && $0.isNumber }
        let scales = [
            "ms": 1, "s": 1000, "min": 60_000, "h": 3_600_000, "d": 86_400_000,
        ]
        guard let count = Int(digits), count <= 1_000_000,
            let scale = scales[String(text.dropFirst(digits.count))]
        else { return nil }
        self = .milliseconds(count * scale)
    }
}
