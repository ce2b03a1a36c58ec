import Base
import JSON
import JSONSchema
import Patterns

/// What the fuzzer and the unit test over saved inputs do with one input.
///
/// An input is a schema, a byte 0, and a value; without the byte the schema checks itself. Whatever
/// it is: nothing traps, the two ways to check agree, and closing never takes more.
package enum SchemaFuzz {
    private static let compiler = SchemaCompiler(patterns: RegexEngine(), limits: limits)

    /// Small enough for thousands of inputs a second.
    private static var limits: SchemaLimits {
        var limits = SchemaLimits()
        limits.work = 20_000
        limits.backtrackingCount = 2
        return limits
    }

    /// False when something disagrees that must not.
    package static func holds(_ input: [UInt8]) -> Bool {
        let parts = input.split(separator: 0, maxSplits: 1, omittingEmptySubsequences: false)
        guard let first = parts.first, let last = parts.last,
            let schema = try? JSONDocument(parsing: first),
            let value = try? JSONDocument(parsing: last)
        else { return true }
        return SchemaDraft.allCases.allSatisfy { draft in
            agrees(schema.root, value.root, draft)
        }
    }

    private static func agrees(_ schema: JSONNode, _ value: JSONNode, _ draft: SchemaDraft) -> Bool
    {
        guard let open = try? compiler.compile(schema, draft: draft),
            let closed = try? compiler.compile(schema, closing: .unlessOpen, draft: draft)
        else { return true }
        let isTaken = open.accepts(value)
        guard isTaken == (failure(open, value) == nil) else { return false }
        guard closed.accepts(value) == (failure(closed, value) == nil) else { return false }
        // Marks cost work, so that only a fault of the value itself is compared.
        if case .violated = failure(open, value) { return !closed.accepts(value) }
        return true
    }

    private static func failure(_ schema: CompiledSchema, _ value: JSONNode) -> SchemaFailure? {
        do throws(SchemaFailure) {
            try schema.validate(value)
            return nil
        } catch {
            // The words are made of outside bytes, and must be one short line.
            let words = error.description.unicodeScalars
            precondition(words.count < 8_192 && !words.contains("\n"))
            return error
        }
    }
}
