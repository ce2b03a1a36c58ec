package import Base
package import JSON

/// Compiles schemas; one for each set of remotes, usually one for the whole gateway.
package struct SchemaCompiler: Sendable {
    private let patterns: any PatternEngine
    private let remotes: [JSONString: JSONDocument]
    private let limits: SchemaLimits

    /// Nothing is ever fetched: `remotes` holds, by absolute URI, what references and `$schema` may
    /// name besides the metaschemas of both drafts.
    package init(
        patterns: any PatternEngine,
        remotes: [String: JSONDocument] = [:],
        limits: SchemaLimits = SchemaLimits()
    ) {
        self.patterns = patterns
        self.limits = limits
        var named: [JSONString: JSONDocument] = [:]
        for (name, document) in remotes {
            named[JSONString(URIReference(name).resource)] = document
        }
        self.remotes = named
    }

    /// Whether the root takes properties that no schema named.
    package enum Closing: Sendable {
        /// As the schema says.
        case asWritten
        /// As if the root carried `unevaluatedProperties: false` (2020-12 core 11.3), in either
        /// draft and whatever the root consists of. Only the value the schema is applied to is
        /// closed, not what a reference to the root reaches inside it. A schema whose author allowed
        /// further properties stays open; `CompiledSchema.isOpen` tells.
        case unlessOpen
    }

    /// Compiles the schema at `node`; `draft` is what it is written in unless it has `$schema`.
    package func compile(
        _ node: JSONNode,
        closing: Closing = .asWritten,
        draft: SchemaDraft = .draft2020
    ) throws(SchemaError) -> CompiledSchema {
        let library = try SchemaLibrary(node, draft: draft, remotes: remotes, limits: limits)
        var builder = ProgramBuilder(library, engine: patterns, limits: limits)
        try builder.build()
        return builder.finished(closing)
    }
}
