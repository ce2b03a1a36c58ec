/// What one SQL statement would do, as far as its words tell.
package struct Statement: Sendable, Equatable {
    package enum Class: String, Sendable, CaseIterable {
        case reads
        case changesData = "changes data"
        case changesDefinitions = "changes definitions"
        case changesRights = "changes rights or settings"
        case transaction = "begins or ends a transaction"
    }

    package internal(set) var kind = Class.reads
    /// The word it begins with, such as `UPDATE`.
    package internal(set) var verb = ""
    /// The tables it writes, and those it only reads; each once, in order.
    package internal(set) var writes: [String] = []
    package internal(set) var reads: [String] = []
    /// Functions it calls that may do more than compute.
    package internal(set) var functions: [String] = []
    /// Whether it changes or deletes rows without a condition.
    package internal(set) var isUnconditional = false

    /// Every table it names.
    package var tables: [String] { writes + reads.filter { !writes.contains($0) } }
}

/// What is known of an SQL text: all of its statements, or nothing.
package enum StatementReading: Sendable, Equatable {
    case statements([Statement])
    case notUnderstood(String)

    /// A longer text is not read.
    static let byteCount = 64 << 10

    package init(_ text: String) {
        let bytes = Array(text.utf8)
        guard bytes.count <= Self.byteCount else {
            self = .notUnderstood("it is longer than \(Self.byteCount) bytes")
            return
        }
        do throws(StatementLexer.Problem) {
            let tokens = try StatementLexer.tokens(of: bytes)
            var statements: [Statement] = []
            for part in tokens.split(whereSeparator: { $0.isSymbol(";") }) {
                var parser = StatementParser(Array(part))
                statements.append(try parser.statement())
            }
            guard !statements.isEmpty else {
                self = .notUnderstood("there is no statement in it")
                return
            }
            self = .statements(statements)
        } catch {
            self = .notUnderstood(error.text)
        }
    }

    /// Whether a text begins as statements do.
    package static func looksLikeSQL(_ text: String) -> Bool {
        let head = text.unicodeScalars.drop { $0.properties.isWhitespace || $0 == "(" }
        let word = String(String.UnicodeScalarView(head.prefix { $0.properties.isAlphabetic }))
        return StatementWords.verbs[word.uppercased()] != nil
            || head.starts(with: "--".unicodeScalars) || head.starts(with: "/*".unicodeScalars)
    }
}

/// Words of SQL that the reading turns on.
enum StatementWords {
    static let verbs: [String: Statement.Class] = [
        "SELECT": .reads, "WITH": .reads, "VALUES": .reads, "TABLE": .reads, "SHOW": .reads,
        "DESCRIBE": .reads, "DESC": .reads, "EXPLAIN": .reads,
        "INSERT": .changesData, "UPDATE": .changesData, "DELETE": .changesData,
        "REPLACE": .changesData, "MERGE": .changesData,
        "CREATE": .changesDefinitions, "ALTER": .changesDefinitions, "DROP": .changesDefinitions,
        "TRUNCATE": .changesData,
        "GRANT": .changesRights, "REVOKE": .changesRights, "SET": .changesRights,
        "BEGIN": .transaction, "START": .transaction, "COMMIT": .transaction,
        "ROLLBACK": .transaction, "END": .transaction, "SAVEPOINT": .transaction,
    ]

    /// What ends a list of tables in its own frame.
    static let clauses: Set<String> = [
        "WHERE", "SET", "ON", "GROUP", "ORDER", "HAVING", "LIMIT", "OFFSET", "FETCH", "UNION",
        "EXCEPT", "INTERSECT", "VALUES", "RETURNING", "SELECT", "WINDOW", "FOR", "WHEN", "DEFAULT",
        "QUALIFY", "ADD", "DROP", "ALTER", "RENAME", "COLUMN", "CASCADE", "RESTRICT", "OVERRIDING",
        "OUTPUT", "USING", "DUPLICATE", "CONFLICT", "OPTION", "AND", "OR", "NOT",
    ]

    /// Clauses of a join, after which a comma may name one more table.
    static let joining: Set<String> = ["ON", "USING", "AND", "OR", "NOT"]

    /// Words that stand before the name of a table.
    static let beforeTable: Set<String> = [
        "ONLY", "IF", "NOT", "EXISTS", "LATERAL", "TABLE", "TEMP", "TEMPORARY", "UNLOGGED",
        "IGNORE", "LOW_PRIORITY",
    ]

    /// Words before `(` that call nothing.
    static let noFunctions: Set<String> = clauses.union([
        "UPDATE", "DELETE", "TRUNCATE", "IN", "AS", "EXISTS", "ANY", "ALL", "SOME", "FROM", "JOIN",
        "OVER", "FILTER", "THEN",
        "ELSE", "CASE", "BY", "INTO", "KEY", "UNIQUE", "CHECK", "PRIMARY", "REFERENCES",
        "DISTINCT", "INTERVAL", "IS", "LIKE", "BETWEEN", "WITHIN", "MATERIALIZED", "RECURSIVE",
        "VARCHAR", "CHAR", "DECIMAL", "NUMERIC", "INT", "INTEGER", "BIGINT", "FLOAT", "TIMESTAMP",
        "TIME", "NVARCHAR", "BINARY", "VARBINARY", "ARRAY", "ROW", "LATERAL", "WITH", "TABLE",
        "FOREIGN", "CONSTRAINT", "INDEX", "PARTITION", "RANGE", "ROWS",
    ])

    /// Functions that only compute.
    static let harmless: Set<String> = [
        "COUNT", "SUM", "AVG", "MIN", "MAX", "COALESCE", "NULLIF", "IFNULL", "ISNULL", "LOWER",
        "UPPER", "LENGTH", "LEN", "TRIM", "LTRIM", "RTRIM", "SUBSTR", "SUBSTRING", "REPLACE",
        "ROUND", "ABS", "FLOOR", "CEIL", "CEILING", "NOW", "CAST", "TRY_CAST", "CONVERT",
        "EXTRACT", "DATE", "DATE_TRUNC", "DATEDIFF", "DATEADD", "STRFTIME", "CONCAT", "LEFT",
        "RIGHT", "ROW_NUMBER", "RANK", "DENSE_RANK", "LAG", "LEAD", "FIRST_VALUE", "LAST_VALUE",
        "GREATEST", "LEAST", "GROUP_CONCAT", "STRING_AGG", "ARRAY_AGG", "JSON_EXTRACT", "UNNEST",
        "GENERATE_SERIES", "POSITION", "SPLIT_PART", "TO_CHAR", "TO_DATE", "CURRENT_TIMESTAMP",
        "CURRENT_DATE", "MOD", "POWER", "SQRT", "IIF", "IF", "INSTR", "STDDEV", "VARIANCE",
    ]
}
