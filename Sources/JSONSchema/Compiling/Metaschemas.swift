internal import JSON

/// The metaschemas of both drafts, so that a schema can refer to them without a network.
///
/// Their rules only: titles, comments, defaults and other annotations decide nothing
/// (https://json-schema.org/draft/2020-12/schema, http://json-schema.org/draft-07/schema).
enum Metaschemas {
    /// The metaschema of that name, or nil when it is none of ours.
    static func document(_ name: String) -> JSONDocument? {
        let body: String
        if name == SchemaDraft.draft7.rawValue {
            body = draft7
        } else if name == SchemaDraft.draft2020.rawValue {
            body = head("schema") + draft2020
        } else if name.hasPrefix(folder), let part = parts[String(name.dropFirst(folder.count))] {
            body = head(String(name.dropFirst(folder.count - 5))) + part
        } else {
            return nil
        }
        return try? JSONDocument(parsing: Array(body.utf8))
    }

    private static let folder = "https://json-schema.org/draft/2020-12/meta/"

    private static func head(_ name: String) -> String {
        """
        {"$schema":"https://json-schema.org/draft/2020-12/schema",
        "$id":"https://json-schema.org/draft/2020-12/\(name)","$dynamicAnchor":"meta",
        "type":["object","boolean"],
        """
    }

    private static let draft2020 = """
        "allOf":[{"$ref":"meta/core"},{"$ref":"meta/applicator"},{"$ref":"meta/unevaluated"},
        {"$ref":"meta/validation"},{"$ref":"meta/meta-data"},{"$ref":"meta/format-annotation"},
        {"$ref":"meta/content"}],
        "properties":{
        "definitions":{"type":"object","additionalProperties":{"$dynamicRef":"#meta"}},
        "dependencies":{"type":"object","additionalProperties":{"anyOf":[{"$dynamicRef":"#meta"},
        {"$ref":"meta/validation#/$defs/stringArray"}]}},
        "$recursiveAnchor":{"$ref":"meta/core#/$defs/anchorString"},
        "$recursiveRef":{"$ref":"meta/core#/$defs/uriReferenceString"}}}
        """

    private static let parts = [
        "core": """
        "properties":{"$id":{"type":"string","pattern":"^[^#]*#?$"},
        "$schema":{"type":"string"},"$ref":{"$ref":"#/$defs/uriReferenceString"},
        "$anchor":{"$ref":"#/$defs/anchorString"},
        "$dynamicRef":{"$ref":"#/$defs/uriReferenceString"},
        "$dynamicAnchor":{"$ref":"#/$defs/anchorString"},
        "$vocabulary":{"type":"object","propertyNames":{"type":"string"},
        "additionalProperties":{"type":"boolean"}},"$comment":{"type":"string"},
        "$defs":{"type":"object","additionalProperties":{"$dynamicRef":"#meta"}}},
        "$defs":{"anchorString":{"type":"string","pattern":"^[A-Za-z_][-A-Za-z0-9._]*$"},
        "uriString":{"type":"string"},"uriReferenceString":{"type":"string"}}}
        """,
        "applicator": """
        "properties":{"prefixItems":{"$ref":"#/$defs/schemaArray"},"items":{"$dynamicRef":"#meta"},
        "contains":{"$dynamicRef":"#meta"},"additionalProperties":{"$dynamicRef":"#meta"},
        "properties":{"$ref":"#/$defs/schemaMap"},"patternProperties":{"$ref":"#/$defs/schemaMap"},
        "dependentSchemas":{"$ref":"#/$defs/schemaMap"},"propertyNames":{"$dynamicRef":"#meta"},
        "if":{"$dynamicRef":"#meta"},"then":{"$dynamicRef":"#meta"},"else":{"$dynamicRef":"#meta"},
        "allOf":{"$ref":"#/$defs/schemaArray"},"anyOf":{"$ref":"#/$defs/schemaArray"},
        "oneOf":{"$ref":"#/$defs/schemaArray"},"not":{"$dynamicRef":"#meta"}},
        "$defs":{"schemaArray":{"type":"array","minItems":1,"items":{"$dynamicRef":"#meta"}},
        "schemaMap":{"type":"object","additionalProperties":{"$dynamicRef":"#meta"}}}}
        """,
        "unevaluated": """
        "properties":{"unevaluatedItems":{"$dynamicRef":"#meta"},
        "unevaluatedProperties":{"$dynamicRef":"#meta"}}}
        """,
        "validation": """
        "properties":{"type":{"anyOf":[{"$ref":"#/$defs/simpleTypes"},{"type":"array",
        "items":{"$ref":"#/$defs/simpleTypes"},"minItems":1,"uniqueItems":true}]},"const":true,
        "enum":{"type":"array"},"multipleOf":{"type":"number","exclusiveMinimum":0},
        "maximum":{"type":"number"},"exclusiveMaximum":{"type":"number"},
        "minimum":{"type":"number"},"exclusiveMinimum":{"type":"number"},
        "maxLength":{"$ref":"#/$defs/count"},"minLength":{"$ref":"#/$defs/count"},
        "pattern":{"type":"string"},"maxItems":{"$ref":"#/$defs/count"},
        "minItems":{"$ref":"#/$defs/count"},"uniqueItems":{"type":"boolean"},
        "maxContains":{"$ref":"#/$defs/count"},"minContains":{"$ref":"#/$defs/count"},
        "maxProperties":{"$ref":"#/$defs/count"},"minProperties":{"$ref":"#/$defs/count"},
        "required":{"$ref":"#/$defs/stringArray"},"dependentRequired":{"type":"object",
        "additionalProperties":{"$ref":"#/$defs/stringArray"}}},
        "$defs":{"nonNegativeInteger":{"type":"integer","minimum":0},
        "nonNegativeIntegerDefault0":{"$ref":"#/$defs/nonNegativeInteger"},
        "count":{"$ref":"#/$defs/nonNegativeInteger"},
        "simpleTypes":{"enum":["array","boolean","integer","null","number","object","string"]},
        "stringArray":{"type":"array","items":{"type":"string"},"uniqueItems":true}}}
        """,
        "meta-data": """
        "properties":{"title":{"type":"string"},"description":{"type":"string"},"default":true,
        "deprecated":{"type":"boolean"},"readOnly":{"type":"boolean"},
        "writeOnly":{"type":"boolean"},"examples":{"type":"array"}}}
        """,
        "format-annotation": #""properties":{"format":{"type":"string"}}}"#,
        "format-assertion": #""properties":{"format":{"type":"string"}}}"#,
        "content": """
        "properties":{"contentEncoding":{"type":"string"},"contentMediaType":{"type":"string"},
        "contentSchema":{"$dynamicRef":"#meta"}}}
        """,
    ]

    private static let draft7 = """
        {"$schema":"http://json-schema.org/draft-07/schema#",
        "$id":"http://json-schema.org/draft-07/schema#","type":["object","boolean"],
        "definitions":{"schemaArray":{"type":"array","minItems":1,"items":{"$ref":"#"}},
        "schemaMap":{"type":"object","additionalProperties":{"$ref":"#"}},
        "nonNegativeInteger":{"type":"integer","minimum":0},
        "nonNegativeIntegerDefault0":{"$ref":"#/definitions/nonNegativeInteger"},
        "simpleTypes":{"enum":["array","boolean","integer","null","number","object","string"]},
        "stringArray":{"type":"array","items":{"type":"string"},"uniqueItems":true}},
        "properties":{"$id":{"type":"string"},"$schema":{"type":"string"},"$ref":{"type":"string"},
        "$comment":{"type":"string"},"title":{"type":"string"},"description":{"type":"string"},
        "default":true,"readOnly":{"type":"boolean"},"examples":{"type":"array"},
        "multipleOf":{"type":"number","exclusiveMinimum":0},"maximum":{"type":"number"},
        "exclusiveMaximum":{"type":"number"},"minimum":{"type":"number"},
        "exclusiveMinimum":{"type":"number"},
        "maxLength":{"$ref":"#/definitions/nonNegativeInteger"},
        "minLength":{"$ref":"#/definitions/nonNegativeInteger"},"pattern":{"type":"string"},
        "additionalItems":{"$ref":"#"},
        "items":{"anyOf":[{"$ref":"#"},{"$ref":"#/definitions/schemaArray"}]},
        "maxItems":{"$ref":"#/definitions/nonNegativeInteger"},
        "minItems":{"$ref":"#/definitions/nonNegativeInteger"},"uniqueItems":{"type":"boolean"},
        "contains":{"$ref":"#"},"maxProperties":{"$ref":"#/definitions/nonNegativeInteger"},
        "minProperties":{"$ref":"#/definitions/nonNegativeInteger"},
        "required":{"$ref":"#/definitions/stringArray"},"additionalProperties":{"$ref":"#"},
        "definitions":{"$ref":"#/definitions/schemaMap"},
        "properties":{"$ref":"#/definitions/schemaMap"},
        "patternProperties":{"$ref":"#/definitions/schemaMap"},
        "dependencies":{"type":"object","additionalProperties":{"anyOf":[{"$ref":"#"},
        {"$ref":"#/definitions/stringArray"}]}},"propertyNames":{"$ref":"#"},"const":true,
        "enum":{"type":"array"},"type":{"anyOf":[{"$ref":"#/definitions/simpleTypes"},
        {"type":"array","items":{"$ref":"#/definitions/simpleTypes"},"minItems":1,
        "uniqueItems":true}]},"format":{"type":"string"},"contentMediaType":{"type":"string"},
        "contentEncoding":{"type":"string"},"if":{"$ref":"#"},"then":{"$ref":"#"},
        "else":{"$ref":"#"},"allOf":{"$ref":"#/definitions/schemaArray"},
        "anyOf":{"$ref":"#/definitions/schemaArray"},"oneOf":{"$ref":"#/definitions/schemaArray"},
        "not":{"$ref":"#"}}}
        """
}
