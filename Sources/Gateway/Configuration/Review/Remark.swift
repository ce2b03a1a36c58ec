private import Base
package import JSON
package import Policy

/// What is taken as it stands but is most likely not meant, with its place and what to do.
package struct Remark: Hashable, Sendable, CustomStringConvertible {
    package let file: String
    package let position: Position?
    /// What was found, lower case, without a full stop.
    package let text: String
    package let hint: String?

    package init(file: String, position: Position?, text: String, hint: String? = nil) {
        self.file = file
        self.position = position
        self.text = oneLine(text)
        self.hint = hint.map(oneLine)
    }

    /// `gatehouse.yaml:3:7: …`.
    package var description: String {
        let place = position.map { ":\($0.line):\($0.column)" } ?? ""
        return "\(file)\(place): \(text)"
    }
}

extension Remark {
    /// For `--json`.
    package var value: JSONValue {
        .object(JSONObject(file: file, position: position, problem: text, hint: hint))
    }
}

extension ConfigurationError {
    /// For `--json`; this one alone.
    package var value: JSONValue {
        .object(JSONObject(file: file, position: position, problem: problem, hint: hint))
    }
}

extension JSONObject {
    fileprivate init(file: String, position: Position?, problem: String, hint: String?) {
        self = ["file": JSONValue(file), "problem": JSONValue(problem)]
        if let position {
            self["line"] = JSONValue(position.line)
            self["column"] = JSONValue(position.column)
        }
        if let hint { self["hint"] = JSONValue(hint) }
    }
}
