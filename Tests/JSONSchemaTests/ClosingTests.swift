import JSON
import Testing

@testable import JSONSchema

/// `closing: .unlessOpen`: the root is checked as if it carried `unevaluatedProperties: false`.
struct ClosingTests {
    struct Case: Sendable, CustomTestStringConvertible {
        var name: String
        var draft: SchemaDraft = .draft2020
        var schema: String
        var taken: [String]
        var refused: [String]
        var testDescription: String { name }
    }

    static let cases = [
        Case(
            name: "named properties",
            schema: #"{"type":"object","properties":{"a":{"type":"string"}}}"#,
            taken: ["{}", #"{"a":"x"}"#],
            refused: [#"{"b":1}"#, #"{"a":"x","b":1}"#]
        ),
        Case(
            name: "no properties at all",
            schema: #"{"type":"object"}"#,
            taken: ["{}"],
            refused: [#"{"a":1}"#]
        ),
        Case(name: "the schema true", schema: "true", taken: ["{}", "1"], refused: [#"{"a":1}"#]),
        Case(name: "the schema false", schema: "false", taken: [], refused: ["{}", "1"]),
        Case(
            name: "patterns of properties",
            schema: #"{"patternProperties":{"^x-":{}},"properties":{"a":{}}}"#,
            taken: [#"{"x-1":1,"a":2}"#],
            refused: [#"{"y":1}"#]
        ),
        Case(
            name: "required without a schema is not named",
            schema: #"{"required":["a"],"properties":{"b":{}}}"#,
            taken: [],
            refused: [#"{"a":1}"#, "{}"]
        ),
        Case(
            name: "allOf of references",
            schema: """
                {"allOf":[{"$ref":"#/$defs/a"},{"$ref":"#/$defs/b"}],"properties":{"c":{}},
                "$defs":{"a":{"properties":{"a":{"type":"string"}}},"b":{"properties":{"b":{}}}}}
                """,
            taken: ["{}", #"{"a":"x","b":1,"c":2}"#],
            refused: [#"{"a":1}"#, #"{"d":1}"#]
        ),
        Case(
            name: "a reference as the root",
            schema: ##"{"$ref":"#/$defs/a","$defs":{"a":{"properties":{"a":{}}}}}"##,
            taken: [#"{"a":1}"#],
            refused: [#"{"b":1}"#]
        ),
        Case(
            name: "a reference as the root, draft-07",
            draft: .draft7,
            schema: ##"{"$ref":"#/definitions/a","definitions":{"a":{"properties":{"a":{}}}}}"##,
            taken: [#"{"a":1}"#],
            refused: [#"{"b":1}"#]
        ),
        Case(
            name: "allOf, draft-07",
            draft: .draft7,
            schema: #"{"allOf":[{"properties":{"a":{}}},{"properties":{"b":{}}}]}"#,
            taken: [#"{"a":1,"b":2}"#],
            refused: [#"{"c":1}"#]
        ),
        Case(
            name: "only the branch that holds counts",
            schema: """
                {"oneOf":[{"properties":{"kind":{"const":"a"},"x":{}},"required":["kind"]},
                {"properties":{"kind":{"const":"b"},"y":{}},"required":["kind"]}]}
                """,
            taken: [#"{"kind":"a","x":1}"#, #"{"kind":"b","y":1}"#],
            refused: [#"{"kind":"a","y":1}"#, #"{"kind":"b","x":1}"#]
        ),
        Case(
            name: "every branch of anyOf that holds counts",
            schema: #"{"anyOf":[{"properties":{"a":{}}},{"properties":{"b":{"type":"string"}}}]}"#,
            taken: [#"{"a":1,"b":"x"}"#],
            refused: [#"{"a":1,"b":2}"#, #"{"c":1}"#]
        ),
        Case(
            name: "if, then and else",
            draft: .draft7,
            schema: """
                {"if":{"properties":{"a":{"const":1}},"required":["a"]},
                "then":{"properties":{"b":{}}},"else":{"properties":{"c":{}}}}
                """,
            taken: [#"{"a":1,"b":1}"#, #"{"c":1}"#],
            refused: [#"{"a":1,"c":1}"#, #"{"b":1}"#, #"{"a":2}"#]
        ),
        Case(
            name: "dependencies, draft-07",
            draft: .draft7,
            schema: #"{"properties":{"a":{}},"dependencies":{"a":{"properties":{"b":{}}}}}"#,
            taken: [#"{"a":1,"b":1}"#],
            refused: [#"{"b":1}"#]
        ),
        Case(
            name: "what `not` looks at is not evaluated",
            schema: #"{"not":{"properties":{"a":{"type":"string"}},"required":["a"]}}"#,
            taken: ["{}"],
            refused: [#"{"a":1}"#]
        ),
        Case(
            name: "objects inside stay as they are written",
            schema: #"{"properties":{"a":{"type":"object","properties":{"b":{}}}}}"#,
            taken: [#"{"a":{"c":1}}"#],
            refused: [#"{"c":1}"#]
        ),
        Case(
            name: "the root inside itself stays as it is written",
            schema: ##"{"properties":{"a":{"$ref":"#"}}}"##,
            taken: [#"{"a":{"x":1}}"#],
            refused: [#"{"x":1}"#]
        ),
        Case(
            name: "further properties the author allowed",
            schema: #"{"properties":{"a":{}},"additionalProperties":{"type":"string"}}"#,
            taken: [#"{"b":"x"}"#],
            refused: [#"{"b":1}"#]
        ),
        Case(
            name: "further properties the author allowed in a branch",
            schema: #"{"allOf":[{"additionalProperties":true}]}"#,
            taken: [#"{"b":1}"#],
            refused: []
        ),
        Case(
            name: "unevaluatedProperties of its own",
            schema: #"{"allOf":[{"properties":{"a":{}}}],"unevaluatedProperties":{"type":"null"}}"#,
            taken: [#"{"a":1,"b":null}"#],
            refused: [#"{"b":1}"#]
        ),
        Case(
            name: "more members than a word has bits",
            schema: #"{"allOf":[{"patternProperties":{"^p":{}}}]}"#,
            taken: ["{" + (0..<200).map { #""p\#($0)":1"# }.joined(separator: ",") + "}"],
            refused: ["{" + (0..<200).map { #""p\#($0)":1"# }.joined(separator: ",") + #","q":1}"#]
        ),
    ]

    @Test("closes the root", arguments: cases)
    func closes(test: Case) throws {
        let closed = try schema(test.schema, closing: .unlessOpen, draft: test.draft)
        for text in test.taken {
            #expect(throws: Never.self, "\(text)") { try closed.validate(json(text)) }
        }
        for text in test.refused {
            #expect(!closed.accepts(try json(text)), "\(text)")
            #expect(throws: SchemaFailure.self, "\(text)") { try closed.validate(json(text)) }
        }
    }

    @Test("what is open without closing is taken", arguments: cases)
    func asWritten(test: Case) throws {
        let open = try schema(test.schema, draft: test.draft)
        for text in test.taken { #expect(open.accepts(try json(text)), "\(text)") }
    }

    @Test(
        "tells the shape of the root",
        arguments: [
            ("{}", false, false, []),
            ("true", false, false, []),
            (#"{"properties":{}}"#, false, false, []),
            (#"{"properties":{"b":{},"a":{}}}"#, true, false, ["a", "b"]),
            (#"{"properties":{"a":false}}"#, false, false, []),
            (#"{"required":["a"]}"#, false, false, []),
            (#"{"patternProperties":{"a":{}}}"#, true, false, []),
            (#"{"additionalProperties":true}"#, false, true, []),
            (#"{"additionalProperties":false,"properties":{"a":{}}}"#, true, false, ["a"]),
            (#"{"additionalProperties":{"type":"string"}}"#, false, true, []),
            (#"{"unevaluatedProperties":true}"#, false, true, []),
            (
                #"{"unevaluatedProperties":true,"anyOf":[{"properties":{"a":{}}}]}"#, true, true,
                ["a"]
            ),
            (#"{"not":{"properties":{"a":{}}}}"#, false, false, []),
            (##"{"$ref":"#/$defs/x","$defs":{"x":{"properties":{"a":{}}}}}"##, true, false, ["a"]),
        ] as [(String, Bool, Bool, [String])]
    )
    func shape(text: String, hasProperties: Bool, isOpen: Bool, names: [String]) throws {
        let closed = try schema(text, closing: .unlessOpen)
        #expect(closed.hasProperties == hasProperties)
        #expect(closed.isOpen == isOpen)
        #expect(closed.propertyNames == names)
        #expect(try schema(text).isOpen)
    }

    @Test func `says which properties are known`() throws {
        let closed = try schema(#"{"properties":{"path":{},"head":{}}}"#, closing: .unlessOpen)
        let failure = #expect(throws: SchemaFailure.self) {
            try closed.validate(json(#"{"pth":1}"#))
        }
        #expect(
            failure?.description
                == "`/pth`: expected no such property; known are `head`, `path`, found integer 1"
        )
    }
}
