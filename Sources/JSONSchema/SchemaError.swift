private import Base
private import JSON

/// Why a schema is not used, with the place in it; the tool it belongs to is then hidden.
package struct SchemaError: Error, Equatable, Sendable, CustomStringConvertible {
    /// JSON Pointer into the document that holds the fault; empty for its root.
    package let pointer: String
    package let reason: Reason

    package enum Reason: Equatable, Sendable {
        case notASchema
        case wrongValue(expected: String)
        case unknownDialect(String)
        case unknownVocabulary(String)
        case unresolvedReference(String)
        case badIdentifier(String)
        case duplicateIdentifier(String)
        case badPattern(String, reason: String)
        case referenceLoop
        case unsupportedKeyword(instead: String)
        case tooDeep(limit: Int)
        case tooManySchemas(limit: Int)
        case tooManyPatterns(limit: Int)
        case tooLong(limit: Int)
        case tooMuchWork(limit: Int)
    }

    package var description: String {
        let place = pointer.isEmpty ? "the schema's root" : "schema `\(printable(pointer))`"
        return place + ": " + words
    }

    private var words: String {
        switch reason {
        case .notASchema: "a schema is an object or a boolean; write one of them"
        case .wrongValue(let expected): "this keyword takes \(expected)"
        case .unknownDialect(let name):
            "unknown `$schema` `\(printable(name))`; use \(Self.drafts) or leave it out"
        case .unknownVocabulary(let name):
            "the metaschema requires the unknown vocabulary `\(printable(name))`"
        case .unresolvedReference(let target):
            "`\(printable(target))` is not in this schema and nothing is fetched; put it in `$defs`"
        case .badIdentifier(let name):
            "`\(printable(name))` is no identifier that can stand here"
        case .duplicateIdentifier(let name):
            "`\(printable(name))` names two schemas; keep one of them"
        case .badPattern(let pattern, let reason):
            "pattern `\(printable(pattern))` does not compile: \(reason)"
        case .referenceLoop: "this reference leads back to itself without going into the value"
        case .unsupportedKeyword(let instead): "this keyword is not of this draft; use `\(instead)`"
        case .tooDeep(let limit): "schemas nested deeper than \(limit); move some into `$defs`"
        case .tooManySchemas(let limit): "more than \(limit) subschemas; use fewer"
        case .tooManyPatterns(let limit): "more than \(limit) different patterns; use fewer"
        case .tooLong(let limit): "longer than \(limit) bytes; shorten it"
        case .tooMuchWork(let limit):
            "finding what is referred to takes more than \(limit) steps; put it in `$defs`"
        }
    }

    private static let drafts = SchemaDraft.allCases.map { "`\($0.rawValue)`" }
        .joined(separator: " or ")
}

/// How much one schema may hold, and how much one validation may work.
package struct SchemaLimits: Sendable {
    /// Subschemas inside one another.
    package var depth = Limits.schemaDepth
    /// Subschemas, those of referenced metaschemas included.
    package var schemaCount = Limits.schemaCount
    /// Different patterns.
    package var patternCount = Limits.schemaPatternCount
    /// One pattern, `$id`, `$anchor` or `$ref`, in bytes.
    package var textByteCount = Limits.schemaTextByteCount
    /// Steps of one validation, before what the instance's own length adds.
    package var work = Limits.schemaWork
    /// Steps of one validation for each byte of the instance.
    package var workPerByte = Limits.schemaWorkPerByte
    /// Matches of patterns that only a backtracking engine can decide, in one validation.
    package var backtrackingCount = Limits.schemaBacktrackingCount
    /// Schemas entered inside one another while validating.
    package var evaluationDepth = Limits.schemaEvaluationDepth
    /// Violations that are told.
    package var violationCount = Limits.schemaViolationCount

    package init() {}
}

/// One token of a pointer, escaped (RFC 6901 3).
func pointerToken(_ text: String) -> String {
    String(JSONPointer(tokens: [JSONString(text)]).description.dropFirst())
}
