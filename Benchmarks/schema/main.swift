import Base
import JSON
import JSONSchema

// Nanoseconds per compilation and per validation of typical tool schemas: `swift run -c release
// schema-bench`.

/// Patterns are measured elsewhere; these schemas have none.
struct NoPatterns: PatternEngine {
    func compile(
        _ pattern: String,
        _ syntax: PatternSyntax
    ) throws(PatternFailure) -> any CompiledPattern {
        throw .invalid(pattern: pattern, reason: "this benchmark has no engine")
    }
}

func node(_ text: String) throws -> JSONNode {
    try JSONDocument(parsing: Array(text.utf8), limits: .result).root
}

/// The best of five runs, in nanoseconds for one call of `body`.
func measure(_ name: String, count: Int, _ body: () throws -> Void) rethrows {
    let clock = ContinuousClock()
    var best = Double.infinity
    for _ in 0..<5 {
        let start = clock.now
        for _ in 0..<count { try body() }
        let time = (clock.now - start).components
        let nanoseconds = Double(time.seconds) * 1e9 + Double(time.attoseconds) / 1e9
        best = min(best, nanoseconds / Double(count))
    }
    let padded = name + String(repeating: " ", count: max(1, 44 - name.count))
    print(padded + "\(Int(best.rounded())) ns")
}

let tool = """
    {"type":"object","properties":{"path":{"type":"string","minLength":1},
    "head":{"type":"integer","minimum":0},"encoding":{"enum":["utf-8","latin-1","base64"]},
    "follow":{"type":"boolean"},"tags":{"type":"array","items":{"type":"string"}}},
    "required":["path"]}
    """
let arguments = """
    {"path":"docs/reports/2026/summary.md","head":40,"encoding":"utf-8","follow":false,
    "tags":["a","b"]}
    """
let optionals = """
    {"type":"object","properties":{"a":{"anyOf":[{"type":"string"},{"type":"null"}]},
    "b":{"anyOf":[{"type":"integer"},{"type":"null"}]},"c":{"$ref":"#/$defs/Filter"},
    "d":{"type":"string"},"e":{"type":"number"}},"required":["a"],
    "$defs":{"Filter":{"type":"object","properties":{"field":{"type":"string"},
    "value":{"type":"string"}},"required":["field"]}}}
    """
let optionalArguments = #"{"a":null,"b":3,"c":{"field":"name","value":"x"},"d":"text","e":2.5}"#
let composed = """
    {"allOf":[{"$ref":"#/$defs/base"},{"properties":{"b":{"type":"integer"}}}],
    "$defs":{"base":{"type":"object","properties":{"a":{"type":"string"},"c":{"type":"string"}}}}}
    """

let compiler = SchemaCompiler(patterns: NoPatterns())
let cases = [
    ("5 properties, closed", tool, arguments),
    ("5 properties, optional and referenced, closed", optionals, optionalArguments),
    ("allOf root, closed by marks", composed, #"{"a":"x","b":1,"c":"y"}"#),
]
for (name, schema, value) in cases {
    let schema = try node(schema)
    let value = try node(value)
    let compiled = try compiler.compile(schema, closing: .unlessOpen)
    try measure(name + ": validate", count: 200_000) { try compiled.validate(value) }
    try measure(name + ": compile", count: 2_000) {
        _ = try compiler.compile(schema, closing: .unlessOpen)
    }
}
let rows = (0..<20_000).map { #"{"id":\#($0),"name":"row \#($0)","ok":true}"# }
let table = try node("[" + rows.joined(separator: ",") + "]")
let listSchema = """
    {"type":"array","uniqueItems":true,"items":{"type":"object","properties":
    {"id":{"type":"integer","minimum":0},"name":{"type":"string"},"ok":{"type":"boolean"}}}}
    """
let list = try compiler.compile(try node(listSchema))
try measure("20,000 rows, all different: validate", count: 3) { try list.validate(table) }

// The longest a validation may take: a schema that doubles its work at every step.
let levels = (0..<40).map { level in
    let next = ##"{"$ref":"#/$defs/\##(level + 1)"}"##
    return #""\#(level)":{"allOf":[\#(next),\#(next)]}"#
}
let doubling = ##"{"$ref":"#/$defs/0","$defs":{\##(levels.joined(separator: ",")),"40":{}}}"##
let endless = try compiler.compile(try node(doubling))
let short = try node("null")
measure("budget of a small value used up", count: 3) { _ = endless.accepts(short) }
let long = try node("\"" + String(repeating: "x", count: 1 << 20) + "\"")
measure("budget of 1 MiB used up", count: 1) { _ = endless.accepts(long) }
let many = String(repeating: #"{"id":1,"name":"n","ok":true},"#, count: 500_000) + "{}"
let plainList = listSchema.split(separator: #""uniqueItems":true,"#).joined()
let large = try compiler.compile(try node(plainList))
let largeTable = try node("[" + many + "]")
print("  (\(many.utf8.count) bytes)")
measure("15 MB result", count: 1) { precondition(large.accepts(largeTable)) }
