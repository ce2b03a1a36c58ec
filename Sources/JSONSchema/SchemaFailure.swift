private import Base

/// Why a value does not hold.
package enum SchemaFailure: Error, Equatable, Sendable, CustomStringConvertible {
    /// The first violations found; there may be more.
    case violated([SchemaViolation])
    /// The check took more steps than one validation may.
    case tooMuchWork(limit: Int)
    /// Schemas were entered deeper inside one another than one validation may.
    case tooDeep(limit: Int)
    /// A pattern could not be decided within its limits.
    case patternLimit(pattern: String)

    package var description: String { description(showsValues: true) }

    /// As one line; with `showsValues: false` made of the schema's words alone.
    package func description(showsValues: Bool) -> String {
        switch self {
        case .violated(let violations):
            violations.isEmpty
                ? "the value does not fit the schema"
                : violations.map { describe($0, showsValues: showsValues) }.joined(separator: "; ")
        case .tooMuchWork(let limit):
            "checking the value took more than \(limit) steps; send a smaller or simpler value"
        case .tooDeep(let limit):
            "checking the value went deeper than \(limit) schemas; send a flatter value"
        case .patternLimit(let pattern):
            "pattern `\(printable(pattern))` could not be decided in time; send a shorter text"
        }
    }
}

/// One place where a value does not fit its schema.
package struct SchemaViolation: Equatable, Sendable {
    /// JSON Pointer to the value at fault, cut after 256 characters; empty for the whole.
    package let instance: String
    /// JSON Pointer to the keyword in the schema, after a document's name if it is another one.
    package let keyword: String
    /// What would have held, as words.
    package let expected: String
    /// The value's kind, without anything of its content.
    package let foundKind: String
    /// The kind and the beginning of the value, escaped, at most about 64 characters.
    package let found: String
}

/// One short line for a model: where, what would hold, what was there.
///
/// With `showsValues: false` nothing of the value is in it, for values not screened yet: not even
/// its keys, so that the place is told by the schema's pointer.
package func describe(_ violation: SchemaViolation, showsValues: Bool = true) -> String {
    guard showsValues else {
        let place = "schema `\(printable(violation.keyword, limit: 256))`"
        return "\(place): expected \(violation.expected), found \(violation.foundKind)"
    }
    let instance = violation.instance
    let place = instance.isEmpty ? "the value" : "`\(printable(instance, limit: 256))`"
    return "\(place): expected \(violation.expected), found \(violation.found)"
}
