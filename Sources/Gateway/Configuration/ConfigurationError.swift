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
    /// What else is wrong, where more was found at once.
    package let others: [ConfigurationError]

    package init(
        file: String,
        position: Position?,
        problem: String,
        hint: String? = nil,
        others: [ConfigurationError] = []
    ) {
        self.file = file
        self.position = position
        self.problem = oneLine(problem)
        self.hint = hint.map(oneLine)
        self.others = others
    }

    /// `gatehouse.yaml:3:7: unknown key …`, and what else is wrong.
    package var description: String { all.map(\.line).joined(separator: "; ") }

    /// This and the others, each with its place.
    package var all: [ConfigurationError] { [self] + others }

    /// This one alone, with its place.
    package var line: String {
        let place = position.map { ":\($0.line):\($0.column)" } ?? ""
        return "\(file)\(place): \(problem)"
    }
}
