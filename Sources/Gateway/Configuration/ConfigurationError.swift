import Base
package import Policy

/// What is wrong with a configuration, where, and what would be right.
package struct ConfigurationError: Error, Equatable, Sendable, CustomStringConvertible {
    package let file: String
    package let position: Position?
    /// What is wrong, lower case, without a full stop; the text's own control characters are escaped.
    package let problem: String
    /// What to write instead, where there is one answer.
    package let hint: String?

    package init(file: String, position: Position?, problem: String, hint: String? = nil) {
        self.file = file
        self.position = position
        self.problem = oneLine(problem)
        self.hint = hint.map(oneLine)
    }

    /// Several problems, each on a line of its own; the position is the first one's.
    init(file: String, position: Position?, problems: [String]) {
        self.file = file
        self.position = position
        problem = problems.map(oneLine).joined(separator: "\n")
        hint = nil
    }

    /// `gatehouse.yaml:3:7: unknown key …`.
    package var description: String {
        let place = position.map { ":\($0.line):\($0.column)" } ?? ""
        return "\(file)\(place): \(problem)"
    }
}
