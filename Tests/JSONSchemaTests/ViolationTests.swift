import JSON
import Testing

@testable import JSONSchema

/// What is said about a value that does not hold.
struct ViolationTests {
    private func lines(_ text: String, _ value: String) throws -> [String] {
        let schema = try schema(text)
        let value = try json(value)
        do throws(SchemaFailure) {
            try schema.validate(value)
            return []
        } catch .violated(let violations) {
            return violations.map { "\($0.keyword) | \(describe($0))" }
        } catch {
            return [error.description]
        }
    }

    @Test(
        "tells the place, what would hold and what was there",
        arguments: [
            (#"{"type":"string"}"#, "1", "/type | the value: expected string, found integer 1"),
            (
                #"{"properties":{"a":{"type":["integer","null"]}}}"#, #"{"a":"x"}"#,
                #"/properties/a/type | `/a`: expected integer or null, found string "x""#
            ),
            (
                #"{"properties":{"a/b":{"minimum":3}}}"#, #"{"a/b":2.5}"#,
                "/properties/a~1b/minimum | `/a~1b`: expected at least 3, found number 2.5"
            ),
            (
                #"{"required":["b","a"]}"#, "{}",
                "/required | the value: expected the properties `a`, `b`, found object of 0"
            ),
            (
                #"{"required":["b","a"]}"#, #"{"a":1}"#,
                "/required | the value: expected the property `b`, found object of 1"
            ),
            (
                #"{"enum":["on","off",3]}"#, #""of""#,
                #"/enum | the value: expected one of "on", "off", 3, found string "of""#
            ),
            (
                #"{"const":"x"}"#, "null",
                #"/const | the value: expected "x", found null"#
            ),
            (
                #"{"items":{"maxLength":1}}"#, #"["a","bcd"]"#,
                #"/items/maxLength | `/1`: expected at most 1 characters, not 3, found string "bcd""#
            ),
            (
                #"{"pattern":"^a+$"}"#, #""b""#,
                #"/pattern | the value: expected text that matches `^a+$`, found string "b""#
            ),
            (
                #"{"minItems":2}"#, "[1]",
                "/minItems | the value: expected at least 2 items, found array of 1"
            ),
            (
                #"{"maxProperties":0}"#, #"{"a":1}"#,
                "/maxProperties | the value: expected at most 0 properties, found object of 1"
            ),
            (
                #"{"contains":{"const":1}}"#, "[2]",
                "/contains | the value: expected at least 1 elements that fit `contains`, found array of 1"
            ),
            (
                #"{"uniqueItems":true}"#, "[1,1]",
                "/uniqueItems | the value: expected elements that are all different, found array of 2"
            ),
            (
                #"{"properties":{"a":false}}"#, #"{"a":1}"#,
                "/properties/a | `/a`: expected nothing here, found integer 1"
            ),
            (
                #"{"additionalProperties":false,"properties":{"a":{}}}"#, #"{"b":1}"#,
                "/additionalProperties | `/b`: expected no such property; known are `a`, found integer 1"
            ),
            (
                #"{"dependentRequired":{"a":["b","c"]}}"#, #"{"a":1}"#,
                "/dependentRequired | the value: expected the properties `b`, `c`, found object of 1"
            ),
            (
                #"{"multipleOf":0.5}"#, "0.7",
                "/multipleOf | the value: expected a multiple of 0.5, found number 0.7"
            ),
            (
                ##"{"$ref":"#/$defs/a","$defs":{"a":{"type":"null"}}}"##, "true",
                "/$defs/a/type | the value: expected null, found boolean true"
            ),
            (
                #"{"anyOf":[{"type":"string"},{"type":"null"}]}"#, "1",
                "/anyOf | the value: expected string or null, found integer 1"
            ),
            (
                #"{"anyOf":[{"type":"object","required":["a"]},{"type":"null"}]}"#, "{}",
                "/anyOf/0/required | the value: expected the property `a`, found object of 0"
            ),
            (
                #"{"oneOf":[{"properties":{"k":{"const":"a"},"n":{"type":"string"}}},"#
                    + #"{"properties":{"k":{"const":"b"},"n":{"type":"null"}}}]}"#,
                #"{"k":"b","n":1}"#,
                "/oneOf/1/properties/n/type | `/n`: expected null, found integer 1"
            ),
            (
                #"{"oneOf":[true,true]}"#, "1",
                "/oneOf | the value: expected exactly one of 2 forms to fit, and more than one does, "
                    + "found integer 1"
            ),
            (
                #"{"not":{"type":"null"}}"#, "null",
                "/not | the value: expected something the schema does not exclude, found null"
            ),
            (
                #"{"$ref":"https://json-schema.org/draft/2020-12/schema"}"#, #"{"$anchor":"1"}"#,
                "https://json-schema.org/draft/2020-12/meta/core#/$defs/anchorString/pattern | "
                    + "`/$anchor`: expected text that matches `^[A-Za-z_][-A-Za-z0-9._]*$`, found string \"1\""
            ),
        ]
    )
    func tells(schema: String, value: String, line: String) throws {
        #expect(try lines(schema, value) == [line])
    }

    @Test func `tells several at once, and at most eight`() throws {
        let text = #"{"properties":{"a":{"type":"null"},"b":{"type":"null"}},"required":["c"]}"#
        #expect(try lines(text, #"{"a":1,"b":2}"#).count == 3)
        let ones = Array(repeating: "1", count: 9).joined(separator: ",")
        #expect(try lines(#"{"items":{"type":"null"}}"#, "[\(ones)]").count == 8)
    }

    @Test func `shows little of a large value, and nothing that a terminal could misread`() throws {
        let long = String(repeating: "x", count: 100_000)
        let found = try lines(#"{"type":"null"}"#, "\"\(long)\"")
        #expect(found.joined().utf8.count < 150)
        let strange = try lines(#"{"type":"null"}"#, "\"\u{1b}[2J\u{202e}é\\n\"".replacingControl)
        #expect(strange.joined().utf8.allSatisfy { $0 >= 0x20 && $0 < 0x7f })
        let key = String(repeating: "k", count: 5_000)
        #expect(
            try lines(#"{"additionalProperties":false}"#, "{\"\(key)\":1}").joined().utf8.count
                < 500
        )
    }

    @Test func `of a value not yet screened nothing is told, not even its keys`() throws {
        let schema = try schema(#"{"additionalProperties":{"type":"null"}}"#)
        let failure = #expect(throws: SchemaFailure.self) {
            try schema.validate(json(#"{"secret key":"secret value"}"#))
        }
        #expect(
            failure?.description(showsValues: false)
                == "schema `/additionalProperties/type`: expected null, found string"
        )
        #expect(
            failure?.description
                == #"`/secret key`: expected null, found string "secret value""#
        )
    }
}

extension String {
    /// JSON has no raw controls in strings.
    fileprivate var replacingControl: String {
        split(separator: "\u{1b}").joined(separator: "\\u001b")
    }
}
