import Base
import JSON
import Patterns
import Testing

@testable import JSONSchema

/// What is refused when a schema is compiled, and what is not.
struct CompilingTests {
    private func failure(
        _ text: String,
        limits: SchemaLimits = SchemaLimits()
    ) throws -> SchemaError? {
        let compiler = SchemaCompiler(patterns: RegexEngine(), limits: limits)
        let root = try json(text)
        do throws(SchemaError) {
            _ = try compiler.compile(root)
            return nil
        } catch {
            return error
        }
    }

    @Test(
        "refuses a schema with the place and the reason",
        arguments: [
            ("3", "", .notASchema),
            (#"{"properties":{"a":null}}"#, "/properties/a", .notASchema),
            (#"{"properties":[]}"#, "/properties", .wrongValue(expected: "an object of schemas")),
            (#"{"items":[{}]}"#, "/items", .notASchema),
            (#"{"allOf":{}}"#, "/allOf", .wrongValue(expected: "an array of schemas")),
            (
                #"{"anyOf":[]}"#, "/anyOf",
                .wrongValue(expected: "an array of at least one schema")
            ),
            (
                #"{"type":"int"}"#, "/type",
                .wrongValue(expected: "a type name or an array of them")
            ),
            (#"{"type":[]}"#, "/type", .wrongValue(expected: "a type name or an array of them")),
            (#"{"minLength":-1}"#, "/minLength", .wrongValue(expected: "a whole number from 0")),
            (#"{"maxItems":1.5}"#, "/maxItems", .wrongValue(expected: "a whole number from 0")),
            (#"{"exclusiveMinimum":true}"#, "/exclusiveMinimum", .wrongValue(expected: "a number")),
            (#"{"multipleOf":0}"#, "/multipleOf", .wrongValue(expected: "a number above 0")),
            (#"{"required":"a"}"#, "/required", .wrongValue(expected: "an array of names")),
            (#"{"required":[1]}"#, "/required", .wrongValue(expected: "an array of names")),
            (#"{"uniqueItems":1}"#, "/uniqueItems", .wrongValue(expected: "true or false")),
            (#"{"enum":{}}"#, "/enum", .wrongValue(expected: "an array")),
            (#"{"pattern":1}"#, "/pattern", .wrongValue(expected: "a string")),
            (#"{"$ref":1}"#, "/$ref", .wrongValue(expected: "a string")),
            (##"{"$ref":"#/$defs/a"}"##, "", .unresolvedReference("#/$defs/a")),
            (
                #"{"items":{"$ref":"https://example.com/x.json"}}"#, "/items",
                .unresolvedReference("https://example.com/x.json")
            ),
            (##"{"$ref":"#a"}"##, "", .unresolvedReference("#a")),
            (##"{"$ref":"#/%zz"}"##, "", .unresolvedReference("#/%zz")),
            (##"{"$dynamicRef":"#a"}"##, "", .unresolvedReference("#a")),
            (##"{"$ref":"#/title","title":"text"}"##, "/title", .notASchema),
            (
                #"{"$schema":"https://json-schema.org/draft/2019-09/schema"}"#, "",
                .unknownDialect("https://json-schema.org/draft/2019-09/schema")
            ),
            (#"{"$schema":"x"}"#, "", .unknownDialect("x")),
            (##"{"$id":"#a"}"##, "", .badIdentifier("#a")),
            (#"{"$anchor":"1a"}"#, "", .badIdentifier("1a")),
            (
                #"{"$defs":{"a":{"$anchor":"x"},"b":{"$anchor":"x"}}}"#, "/$defs/b",
                .duplicateIdentifier("x")
            ),
            (
                #"{"$defs":{"a":{"$id":"x"},"b":{"$id":"x"}}}"#, "/$defs/b",
                .duplicateIdentifier("x")
            ),
            (##"{"$ref":"#"}"##, "", .referenceLoop),
            (
                ##"{"$recursiveRef":"#"}"##, "/$recursiveRef",
                .unsupportedKeyword(instead: "$dynamicRef")
            ),
        ] as [(String, String, SchemaError.Reason)]
    )
    func refuses(text: String, pointer: String, reason: SchemaError.Reason) throws {
        let error = try #require(try failure(text))
        #expect(error.pointer == pointer)
        #expect(error.reason == reason)
        #expect(!error.description.contains("\n"))
    }

    @Test func `names a pattern that does not compile`() throws {
        let error = try #require(try failure(#"{"properties":{"a/b":{"pattern":"(["}}}"#))
        #expect(error.pointer == "/properties/a~1b/pattern")
        guard case .badPattern("([", _) = error.reason else {
            Issue.record("\(error)")
            return
        }
    }

    @Test(
        "finds a loop however long it is",
        arguments: [
            ##"{"$ref":"#/$defs/a","$defs":{"a":{"$ref":"#/$defs/b"},"b":{"$ref":"#/$defs/a"}}}"##,
            ##"{"allOf":[{"anyOf":[{"$ref":"#"}]}]}"##, ##"{"not":{"$ref":"#"}}"##,
            ##"{"if":true,"then":{"$ref":"#"}}"##, ##"{"dependentSchemas":{"a":{"$ref":"#"}}}"##,
        ]
    )
    func loops(text: String) throws {
        #expect(try failure(text)?.reason == .referenceLoop)
    }

    @Test(
        "takes recursion that goes into the value",
        arguments: [
            ##"{"properties":{"a":{"$ref":"#"}}}"##, ##"{"items":{"$ref":"#"}}"##,
            ##"{"propertyNames":{"$ref":"#"}}"##, ##"{"unevaluatedProperties":{"$ref":"#"}}"##,
        ]
    )
    func recursion(text: String) throws {
        #expect(try failure(text) == nil)
    }

    @Test func `a chain of references as long as the limit needs no stack`() throws {
        let count = 8_000
        let links = (0..<count).map { ##""\##($0)":{"$ref":"#/$defs/\##($0 + 1)"}"## }
        let text =
            ##"{"$ref":"#/$defs/0","$defs":{\##(links.joined(separator: ",")),"\##(count)":{}}}"##
        #expect(try failure(text) == nil)
        // Following it inside one value is another matter.
        let deep = try schema(text)
        #expect(throws: SchemaFailure.tooDeep(limit: Limits.schemaEvaluationDepth)) {
            try deep.validate(json("1"))
        }
    }

    @Test func `holds the count of subschemas at its limit`() throws {
        var limits = SchemaLimits()
        limits.schemaCount = 4
        #expect(try failure(#"{"anyOf":[{},{},{}]}"#, limits: limits) == nil)
        let error = try failure(#"{"anyOf":[{},{},{},{}]}"#, limits: limits)
        #expect(error == SchemaError(pointer: "/anyOf/3", reason: .tooManySchemas(limit: 4)))
    }

    @Test func `holds the depth at its limit`() throws {
        var limits = SchemaLimits()
        limits.depth = 2
        #expect(try failure(#"{"not":{"not":{}}}"#, limits: limits) == nil)
        let error = try failure(#"{"not":{"not":{"not":{}}}}"#, limits: limits)
        #expect(error == SchemaError(pointer: "/not/not/not", reason: .tooDeep(limit: 2)))
    }

    @Test func `holds the count of different patterns at its limit`() throws {
        var limits = SchemaLimits()
        limits.patternCount = 2
        #expect(
            try failure(
                #"{"anyOf":[{"pattern":"a"},{"pattern":"b"},{"pattern":"a"}]}"#,
                limits: limits
            ) == nil
        )
        let error = try failure(
            #"{"pattern":"c","patternProperties":{"a":{},"b":{}}}"#,
            limits: limits
        )
        #expect(error?.reason == .tooManyPatterns(limit: 2))
    }

    @Test func `holds texts at their limit`() throws {
        var limits = SchemaLimits()
        limits.textByteCount = 5
        #expect(try failure(##"{"$ref":"#/not","not":{}}"##, limits: limits)?.reason == nil)
        #expect(
            try failure(##"{"$ref":"#/$defs/a"}"##, limits: limits)?.reason == .tooLong(limit: 5)
        )
        #expect(try failure(#"{"pattern":"abcde"}"#, limits: limits) == nil)
        #expect(try failure(#"{"pattern":"abcdef"}"#, limits: limits)?.reason == .tooLong(limit: 5))
        #expect(try failure(#"{"$anchor":"abcdef"}"#, limits: limits)?.reason == .tooLong(limit: 5))
    }

    @Test func `a divisor longer than can be decided is refused`() throws {
        let digits = String(repeating: "7", count: 200)
        #expect(try failure(#"{"multipleOf":\#(digits)}"#) == nil)
        #expect(try failure(#"{"multipleOf":\#(digits)7}"#)?.reason == .tooLong(limit: 200))
    }

    @Test
    func `following many pointers through what is no keyword costs a bounded number of steps`()
        throws
    {
        var limits = SchemaLimits()
        limits.work = 1_000
        let members = (0..<400).map { #""\#($0)":{}"# }.joined(separator: ",")
        let references = { (count: Int) in
            (0..<count).map { ##"{"$ref":"#/x/\##($0)"}"## }.joined(separator: ",")
        }
        #expect(
            try failure(#"{"x":{\#(members)},"allOf":[\#(references(2))]}"#, limits: limits) == nil
        )
        let error = try failure(#"{"x":{\#(members)},"allOf":[\#(references(3))]}"#, limits: limits)
        #expect(error?.reason == .tooMuchWork(limit: 1_000))
    }

    @Test func `reads both metaschemas, and they take themselves`() throws {
        for draft in SchemaDraft.allCases {
            let meta = try schema(#"{"$ref":"\#(draft.rawValue)"}"#, draft: draft)
            let document = try #require(Metaschemas.document(draft.rawValue))
            try meta.validate(document.root)
            #expect(!meta.accepts(try json(#"{"type":"int"}"#)))
            #expect(!meta.accepts(try json(#"{"properties":{"a":{"minLength":-1}}}"#)))
        }
    }

    @Test func `a custom metaschema is known only from memory`() throws {
        let text = #"{"$schema":"https://example.com/meta","type":"string"}"#
        #expect(try failure(text)?.reason == .unknownDialect("https://example.com/meta"))
        let meta = """
            {"$schema":"https://json-schema.org/draft/2020-12/schema","$vocabulary":
            {"https://json-schema.org/draft/2020-12/vocab/core":true,"https://example.com/v":REQUIRED}}
            """
        for (isRequired, reason) in [
            ("false", nil), ("true", SchemaError.Reason.unknownVocabulary("https://example.com/v")),
        ] {
            let bytes = Array(meta.split(separator: "REQUIRED").joined(separator: isRequired).utf8)
            let remotes = ["https://example.com/meta": try JSONDocument(parsing: bytes)]
            let compiler = SchemaCompiler(patterns: RegexEngine(), remotes: remotes)
            if let reason {
                #expect(throws: SchemaError(pointer: "", reason: reason)) {
                    try compiler.compile(json(text))
                }
            } else {
                // Without the validation vocabulary `type` says nothing.
                #expect(try compiler.compile(json(text)).accepts(json("1")))
            }
        }
    }

    @Test func `beside a draft-07 reference only definitions are read`() throws {
        let text = """
            {"$schema":"http://json-schema.org/draft-07/schema#","$ref":"#/definitions/A",
            "properties":5,"definitions":{"A":{"type":"object"}}}
            """
        let schema = try schema(text)
        #expect(schema.accepts(try json("{}")))
        #expect(!schema.accepts(try json("1")))
    }
}
