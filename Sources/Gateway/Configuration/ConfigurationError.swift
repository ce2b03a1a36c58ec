import Base
package import Policy

/// What is wrong with a configuration, where, and what would be right.
package struct ConfigurationError: Error, Equatable, Sendable, CustomStringConvertible {
    package let file: String
    package let position: Position?
    /// What is wrong, lower case, without a full stop.
    package let problem: String
    /// What to write instead, where there is one answer.
    package let hint: String?

    package init(file: String, position: Position?, problem: String, hint: String? = nil) {
        self.file = file
        self.position = position
        self.problem = problem
        self.hint = hint
    }

    /// `gatehouse.yaml:3:7: unknown key …`.
    package var description: String {
        let place = position.map { ":\($0.line):\($0.column)" } ?? ""
        return "\(file)\(place): \(problem)"
    }
}
