/// How a keyword holds the schemas below it.
enum SubschemaShape: Equatable {
    case one, list, oneOrList, map, definitions
    /// By key a schema or a list of names.
    case dependencies

    /// Nil when the keyword holds no schema in that dialect.
    init?(of keyword: String, in dialect: Dialect) {
        switch keyword {
        // `definitions` is kept by 2020-12 for old schemas (core 8.2.4), and old schemas that were
        // written with `$defs` exist as well.
        case "$defs", "definitions": self = .definitions
        case _ where !dialect.hasApplicators: return nil
        case "additionalProperties", "contains", "not", "if", "then", "else", "propertyNames":
            self = .one
        case "allOf", "anyOf", "oneOf": self = .list
        case "properties", "patternProperties": self = .map
        case "dependencies": self = .dependencies
        case "items": self = dialect.draft == .draft7 ? .oneOrList : .one
        case "additionalItems" where dialect.draft == .draft7: self = .one
        case "prefixItems" where dialect.draft == .draft2020: self = .list
        case "dependentSchemas" where dialect.draft == .draft2020: self = .map
        case "contentSchema" where dialect.draft == .draft2020: self = .one
        case "unevaluatedProperties", "unevaluatedItems":
            guard dialect.draft == .draft2020, dialect.hasUnevaluated else { return nil }
            self = .one
        default: return nil
        }
    }

    var words: String {
        switch self {
        case .one: "a schema"
        case .list: "an array of schemas"
        case .oneOrList: "a schema or an array of schemas"
        case .map, .definitions: "an object of schemas"
        case .dependencies: "an object of schemas or arrays of names"
        }
    }
}
