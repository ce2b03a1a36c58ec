import Base

/// The capturing groups of a pattern, counted before it is read: a reference may come first.
struct GroupTable {
    private(set) var count = 0
    private(set) var numbers: [String: Int] = [:]

    init() {}

    init(pattern: String, scalars: [Unicode.Scalar]) throws(PatternFailure) {
        var scanner = ScalarScanner(scalars)
        var isInClass = false
        while let next = scanner.next() {
            switch next {
            case "\\": _ = scanner.next()
            case "[": isInClass = true
            case "]": isInClass = false
            case "(" where !isInClass:
                if scanner.take("?<"), scanner.peek != "=", scanner.peek != "!" {
                    count += 1
                    let name = try Self.readName(&scanner, pattern: pattern)
                    guard numbers.updateValue(count, forKey: name) == nil else {
                        throw .invalid(
                            pattern: pattern,
                            reason: "two groups are named `\(name)`"
                        )
                    }
                } else if scanner.peek != "?", scanner.previous == "(" {
                    count += 1
                }
            default: break
            }
        }
    }

    /// Reads `name>` (22.2.1 GroupName; escapes in names are not taken).
    static func readName(
        _ scanner: inout ScalarScanner,
        pattern: String
    ) throws(PatternFailure) -> String {
        var name = ""
        while let next = scanner.next(), next != ">" {
            let isFirst = name.isEmpty
            guard
                next == "$" || next == "_"
                    || (isFirst ? next.properties.isIDStart : next.properties.isIDContinue)
            else { throw .invalid(pattern: pattern, reason: "`\(next)` in a group's name") }
            name.unicodeScalars.append(next)
        }
        guard !name.isEmpty, scanner.previous == ">" else {
            throw .invalid(pattern: pattern, reason: "a group's name does not end with `>`")
        }
        return name
    }
}

/// A position in a list of scalars that never runs over its end.
struct ScalarScanner {
    let scalars: [Unicode.Scalar]
    var position = 0

    init(_ text: String) { scalars = Array(text.unicodeScalars) }
    init(_ scalars: [Unicode.Scalar]) { self.scalars = scalars }

    var isAtEnd: Bool { position >= scalars.count }
    var peek: Unicode.Scalar? { scalar(at: position) }
    var peekSecond: Unicode.Scalar? { scalar(at: position + 1) }
    var previous: Unicode.Scalar? { scalar(at: position - 1) }

    mutating func next() -> Unicode.Scalar? {
        guard let scalar = peek else { return nil }
        position += 1
        return scalar
    }

    /// Moves over `text` when it comes next.
    mutating func take(_ text: String) -> Bool {
        var index = position
        for expected in text.unicodeScalars {
            guard scalar(at: index) == expected else { return false }
            index += 1
        }
        position = index
        return true
    }

    private func scalar(at index: Int) -> Unicode.Scalar? {
        scalars.indices.contains(index) ? scalars[index] : nil
    }
}
