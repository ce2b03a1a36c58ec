import JSON
import Patterns
import TestKit
import Testing

@testable import JSONSchema

let compiler = SchemaCompiler(patterns: RegexEngine())

func json(_ text: String) throws -> JSONNode {
    try JSONDocument(parsing: Array(text.utf8), limits: JSONLimits(byteCount: 16 << 20)).root
}

func schema(
    _ text: String,
    closing: SchemaCompiler.Closing = .asWritten,
    draft: SchemaDraft = .draft2020
) throws -> CompiledSchema {
    try compiler.compile(json(text), closing: closing, draft: draft)
}
