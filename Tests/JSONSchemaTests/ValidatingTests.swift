import Base
import JSON
import Testing

@testable import JSONSchema

/// Exactness, and the limits of one validation.
struct ValidatingTests {
    @Test(
        "compares numbers by exact value",
        arguments: [
            (#"{"const":9007199254740993}"#, "9007199254740993", true),
            (#"{"const":9007199254740993}"#, "9007199254740992", false),
            (#"{"const":1}"#, "1.0", true), (#"{"const":1.0}"#, "10e-1", true),
            (#"{"const":0}"#, "-0", true), (#"{"enum":[1,2.50]}"#, "2.5", true),
            (#"{"enum":[1,2.50]}"#, "2.51", false), (#"{"const":1e400}"#, "10e399", true),
            (#"{"maximum":9007199254740992}"#, "9007199254740993", false),
            (#"{"exclusiveMaximum":0.1}"#, "0.09999999999999999999999", true),
            (#"{"exclusiveMaximum":0.1}"#, "0.10", false), (#"{"maximum":1e400}"#, "1e400", true),
            (#"{"maximum":1e400}"#, "1e401", false), (#"{"minimum":-1e400}"#, "-1e401", false),
            (#"{"multipleOf":0.01}"#, "19.99", true), (#"{"multipleOf":0.01}"#, "19.999", false),
            (#"{"multipleOf":1e-7}"#, "0.0075", true), (#"{"multipleOf":3}"#, "1e400", false),
            (#"{"multipleOf":7}"#, "9007199254740993", false),
            (#"{"multipleOf":3}"#, "9007199254740993", true),
            (#"{"type":"integer"}"#, "1.0", true), (#"{"type":"integer"}"#, "1e2", true),
            (#"{"type":"integer"}"#, "1.5", false), (#"{"type":"integer"}"#, "1e-1", false),
            (#"{"minLength":2.0}"#, #""a""#, false), (#"{"maxLength":1e400}"#, #""a""#, true),
        ]
    )
    func numbers(schema text: String, value: String, holds: Bool) throws {
        #expect(try schema(text).accepts(json(value)) == holds)
    }

    @Test(
        "reads text as code points and keys as bytes",
        arguments: [
            (#"{"maxLength":1}"#, #""😀""#, true), (#"{"maxLength":1}"#, #""\ud83d\ude00""#, true),
            (#"{"maxLength":1}"#, "\"e\u{301}\"", false),
            (#"{"minLength":2}"#, "\"e\u{301}\"", true),
            ("{\"const\":\"\u{e9}\"}", "\"e\u{301}\"", false),
            ("{\"enum\":[\"\u{e9}\"]}", #""\u00e9""#, true),
            ("{\"enum\":[\"\u{e9}\"]}", "\"e\u{301}\"", false),
            ("{\"required\":[\"\u{e9}\"]}", "{\"e\u{301}\":1}", false),
            ("{\"required\":[\"\u{e9}\"]}", #"{"\u00e9":1}"#, true),
            ("{\"required\":[\"\u{e9}\",\"e\u{301}\"]}", "{\"e\u{301}\":1,\"\u{e9}\":2}", true),
            ("{\"properties\":{\"\u{e9}\":false}}", "{\"e\u{301}\":1}", true),
            (#"{"properties":{"a":false}}"#, #"{"\u0061":1}"#, false),
            (#"{"dependentRequired":{"a":["b"]}}"#, #"{"\u0061":1,"\u0062":2}"#, true),
            (#"{"dependentRequired":{"a":["b"]}}"#, #"{"\u0061":1}"#, false),
        ]
    )
    func text(schema text: String, value: String, holds: Bool) throws {
        #expect(try schema(text).accepts(json(value)) == holds)
    }

    @Test(
        "tells equal elements from different ones",
        arguments: [
            ("[]", true), ("[1]", true), ("[1,1.0]", false), ("[1,true,\"1\",[1],{\"1\":1}]", true),
            ("[0,-0]", false), ("[1e400,10e399]", false), ("[1e400,1e401]", true),
            ("[9007199254740992,9007199254740993]", true), ("[null,null]", false),
            ("[false,0]", true), (#"["a","\u0061"]"#, false),
            (#"[{"a":1,"b":2},{"b":2,"a":1}]"#, false),
            (#"[{"a":1,"b":2},{"b":1,"a":2}]"#, true), ("[[1,2],[2,1]]", true),
            ("[[1,2],[1,2.0]]", false),
            (#"[["ab"],["a","b"]]"#, true), (#"[{"ab":""},{"a":"b"}]"#, true),
        ]
    )
    func unique(value: String, holds: Bool) throws {
        #expect(try schema(#"{"uniqueItems":true}"#).accepts(json(value)) == holds)
    }

    @Test func `100,000 different elements are told apart in the work of one validation`() throws {
        let schema = try schema(#"{"uniqueItems":true}"#)
        let numbers = (0..<100_000).map { "\($0)" }.joined(separator: ",")
        #expect(schema.accepts(try json("[\(numbers)]")))
        #expect(!schema.accepts(try json("[\(numbers),5]")))
    }

    // MARK: bounds

    private func limited(
        _ text: String,
        _ change: (inout SchemaLimits) -> Void
    ) throws -> CompiledSchema {
        var limits = SchemaLimits()
        change(&limits)
        return try SchemaCompiler(patterns: LettersEngine(), limits: limits).compile(json(text))
    }

    @Test func `a validation ends when its work is used up`() throws {
        // Each level doubles the work: 2^24 without a bound.
        let levels = (0..<24).map { level in
            ##""\##(level)":{"allOf":[{"$ref":"#/$defs/\##(level + 1)"},{"$ref":"#/$defs/\##(level + 1)"}]}"##
        }
        let text =
            ##"{"$ref":"#/$defs/0","$defs":{\##(levels.joined(separator: ",")),"24":{"type":"null"}}}"##
        let schema = try schema(text)
        #expect(
            throws: SchemaFailure.tooMuchWork(
                limit: Limits.schemaWork + Limits.schemaWorkPerByte * 4
            )
        ) {
            try schema.validate(json("null"))
        }
        // The same under `not` must not turn into "holds".
        let negated = try self.schema(
            ##"{"not":{"not":\##(text.split(separator: "#/$defs").joined(separator: "#/not/not/$defs"))}}"##
        )
        #expect(!negated.accepts(try json("null")))
    }

    private func schema(_ text: String) throws -> CompiledSchema {
        try compiler.compile(json(text))
    }

    @Test func `the work a value needs is enough, and one less is not`() throws {
        let text = #"{"items":{"type":"integer","minimum":0}}"#
        let value = try json("[1,2,3]")
        let needed = (0...200).first { work in
            (try? limited(text) {
                $0.work = work; $0.workPerByte = 0
            }.accepts(value)) == true
        }
        let work = try #require(needed)
        #expect(work > 3)
        let short = try limited(text) {
            $0.work = work - 1; $0.workPerByte = 0
        }
        #expect(throws: SchemaFailure.tooMuchWork(limit: work - 1)) { try short.validate(value) }
    }

    @Test func `evaluation is held to its depth`() throws {
        let text = ##"{"items":{"$ref":"#"},"type":"array"}"##
        let schema = try limited(text) { $0.evaluationDepth = 5 }
        #expect(schema.accepts(try json("[[[]]]")))
        #expect(throws: SchemaFailure.tooDeep(limit: 5)) { try schema.validate(json("[[[[]]]]")) }
    }

    @Test func `dynamic references that never go deeper end at the depth limit`() throws {
        let schema = try schema(##"{"$dynamicAnchor":"a","allOf":[{"$dynamicRef":"#a"}]}"##)
        #expect(throws: SchemaFailure.tooDeep(limit: Limits.schemaEvaluationDepth)) {
            try schema.validate(json("1"))
        }
    }

    @Test(
        "a pattern that cannot be decided makes the value invalid, wherever it stands",
        arguments: [
            #"{"pattern":"undecided"}"#, #"{"not":{"pattern":"undecided"}}"#,
            #"{"anyOf":[{"pattern":"undecided"},true]}"#,
            #"{"oneOf":[{"pattern":"undecided"},true]}"#,
            #"{"if":{"pattern":"undecided"},"then":true}"#,
            #"{"contains":{"pattern":"undecided"}}"#,
        ]
    )
    func undecided(text: String) throws {
        let schema = try limited(text) { _ in }
        let value = try json(text.contains("contains") ? #"["a"]"# : #""a""#)
        #expect(throws: SchemaFailure.patternLimit(pattern: "undecided")) {
            try schema.validate(value)
        }
        #expect(!schema.accepts(value))
    }

    @Test func `backtracking matches are counted`() throws {
        let schema = try limited(#"{"items":{"pattern":"backtracks"}}"#) {
            $0.backtrackingCount = 3
        }
        #expect(schema.accepts(try json(#"["a","b","c"]"#)))
        #expect(throws: SchemaFailure.patternLimit(pattern: "backtracks")) {
            try schema.validate(json(#"["a","b","c","d"]"#))
        }
    }
}

/// An engine whose patterns do what their names say.
private struct LettersEngine: PatternEngine {
    struct Pattern: CompiledPattern {
        var name: String
        var stepsPerByte: Int? { name == "backtracks" ? nil : 1 }

        func matches(_ text: Span<UInt8>) throws(PatternFailure) -> Bool {
            guard name != "undecided" else { throw .limitExceeded(pattern: name) }
            return true
        }
    }

    func compile(
        _ pattern: String,
        _ syntax: PatternSyntax
    ) throws(PatternFailure) -> any CompiledPattern { Pattern(name: pattern) }
}
