import Base
import JSON
import JSONSchema
import Patterns

/// The form of a server's question, as it was shown: what an answer to it may hold.
struct ElicitationForm {
    private let names: Set<JSONString>
    private let schema: CompiledSchema

    init(_ schema: JSONNode) throws(Elicitation.Problem) {
        names = Set(schema["properties"]?.members.map(\.key) ?? [])
        do throws(SchemaError) {
            self.schema = try SchemaCompiler(patterns: RegexEngine()).compile(schema)
        } catch {
            throw Elicitation.Problem(
                description: "its form cannot be checked: \(printable("\(error)", limit: 200))"
            )
        }
    }

    /// Why this is no answer to it; nil where it is.
    func problem(with content: JSONNode) -> String? {
        for (name, _) in content.members where !names.contains(name) {
            return "the form has no field `\(printable(name.text, limit: 64))`"
        }
        do throws(SchemaFailure) {
            try schema.validate(content)
            return nil
        } catch {
            return "the answer does not fit the form: \(error)"
        }
    }
}
