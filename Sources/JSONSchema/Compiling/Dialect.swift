/// Which words of which draft a schema resource is written in.
struct Dialect: Equatable, Sendable {
    var draft: SchemaDraft
    /// Vocabularies of 2020-12 that a custom metaschema may leave out (2020-12 core, 8.1.2).
    var hasApplicators = true
    var hasUnevaluated = true
    var hasValidation = true

    init(_ draft: SchemaDraft) { self.draft = draft }
}

/// The drafts of JSON Schema that are read; every other `$schema` is an error.
package enum SchemaDraft: String, Sendable, CaseIterable {
    case draft7 = "http://json-schema.org/draft-07/schema"
    case draft2020 = "https://json-schema.org/draft/2020-12/schema"
}

/// The vocabularies of 2020-12 that we know (2020-12 core, 8; validation, 6 to 9).
enum Vocabulary {
    static let prefix = "https://json-schema.org/draft/2020-12/vocab/"
    static let core = prefix + "core"
    static let applicator = prefix + "applicator"
    static let unevaluated = prefix + "unevaluated"
    static let validation = prefix + "validation"
    static let known: Set<String> = [
        core, applicator, unevaluated, validation, prefix + "meta-data",
        prefix + "format-annotation", prefix + "content",
    ]
}
