import Approval
import Testing

@Suite struct StatementTests {
    private func one(_ text: String) throws -> Statement {
        guard case .statements(let found) = StatementReading(text) else {
            Issue.record("not understood: \(StatementReading(text))")
            return try #require(nil as Statement?)
        }
        #expect(found.count == 1)
        return try #require(found.first)
    }

    @Test(
        "tells class and tables",
        arguments: [
            ("SELECT * FROM users", Statement.Class.reads, [], ["users"]),
            (
                "select a, b from a.users u, \"Other T\" join `x` on u.i = x.i, secret", .reads, [],
                ["a.users", "Other T", "x", "secret"]
            ),
            (
                "SELECT extract(year FROM d), trim(both FROM x) FROM t WHERE a IS DISTINCT FROM b",
                .reads, [], ["t"]
            ),
            (
                "WITH c AS (SELECT 1 FROM t), d (x) AS (SELECT 2) SELECT * FROM c, d, e", .reads,
                [],
                ["t", "e"]
            ),
            (
                "WITH c AS (DELETE FROM t WHERE x = 1 RETURNING *) SELECT * FROM c", .changesData,
                ["t"], []
            ),
            (
                "INSERT INTO t (a, b) SELECT a, b FROM u ON CONFLICT (a) DO UPDATE SET b = 1",
                .changesData, ["t"], ["u"]
            ),
            ("insert into t values (1, 'it''s; -- no comment'), (2, 'x')", .changesData, ["t"], []),
            (
                "UPDATE ONLY public.t SET a = (SELECT max(b) FROM u) WHERE id = $1", .changesData,
                ["public.t"], ["u"]
            ),
            ("DELETE FROM t USING u WHERE t.i = u.i", .changesData, ["t"], ["u"]),
            ("SELECT a INTO copy FROM t", .changesData, ["copy"], ["t"]),
            (
                "MERGE INTO t USING (SELECT * FROM u) s ON t.i = s.i WHEN MATCHED THEN UPDATE SET a = 1",
                .changesData, ["t"], ["u"]
            ),
            ("EXPLAIN ANALYZE DELETE FROM t WHERE a = 1", .changesData, ["t"], []),
            ("DROP TABLE IF EXISTS a, s.b CASCADE", .changesDefinitions, ["a", "s.b"], []),
            ("ALTER TABLE t ADD COLUMN x int", .changesDefinitions, ["t"], []),
            ("CREATE TEMP TABLE IF NOT EXISTS t (a int)", .changesDefinitions, ["t"], []),
            ("GRANT ALL ON t TO x", .changesRights, [], []),
            ("SELECT 1 /* FROM x */ FROM y -- FROM z", .reads, [], ["y"]),
            ("SELECT [a b] FROM [my table] WHERE x[1] = 2", .reads, [], ["my table"]),
            ("SELECT * FROM t ORDER BY a, b LIMIT 5 FOR UPDATE", .reads, [], ["t"]),
        ] as [(String, Statement.Class, [String], [String])]
    )
    func tells(
        _ text: String,
        _ kind: Statement.Class,
        _ writes: [String],
        _ reads: [String]
    ) throws {
        let statement = try one(text)
        #expect(statement.kind == kind)
        #expect(statement.writes == writes)
        #expect(statement.reads == reads)
    }

    @Test(
        "says nothing where servers would read it differently, or it would have to guess",
        arguments: [
            #"SELECT 'a\' FROM x; DROP TABLE y; --'"#, "SELECT 1 --2", "SELECT 1 # FROM x",
            "SELECT /*! 1 FROM x */ 2", "SELECT /* a /* b */ 1 */", "SELECT $$ FROM x $$",
            "SELECT 'open", "SELECT \"open", "SELECT (1", "SELECT 1)", "CALL f()", "EXEC f",
            "SELECT * FROM", "SELECT * FROM 'x'", "SELECT * FROM ?", "COPY t TO PROGRAM 'x'",
            "SELECT 1 INTO OUTFILE '/tmp/x'", "please select the best", "", ";",
            "SELECT * FROM a,", "DELETE t FROM t JOIN u", "PRAGMA x", "DO $$ x $$",
            "SELECT E'a\\'' FROM x", "SELECT\u{a0}1", "SELECT a\u{200b}b",
            "CREATE TABLE x AS SELECT * FROM y",
        ]
    )
    func refuses(_ text: String) {
        guard case .notUnderstood(let reason) = StatementReading(text) else {
            Issue.record("\(StatementReading(text))")
            return
        }
        #expect(!reason.isEmpty)
    }

    @Test func `a statement behind another one is a statement`() {
        guard case .statements(let found) = StatementReading("SELECT 1; DROP TABLE users;") else {
            Issue.record("not understood")
            return
        }
        #expect(found.map(\.kind) == [.reads, .changesDefinitions])
        #expect(found.map(\.writes) == [[], ["users"]])
    }

    @Test(
        "tells where every row is meant",
        arguments: [
            ("DELETE FROM t", true), ("UPDATE t SET a = 1", true), ("TRUNCATE t, u", true),
            ("DELETE FROM t WHERE a = 1", false),
            ("UPDATE t SET a = (SELECT b FROM u WHERE c = 1)", true),
            ("INSERT INTO t SELECT * FROM u", false),
        ]
    )
    func unconditional(_ text: String, _ isAll: Bool) throws {
        #expect(try one(text).isUnconditional == isAll)
    }

    @Test func `functions that may do more than compute are named`() throws {
        #expect(
            try one("SELECT count(*), pg_sleep(5) FROM lo_import('/etc/passwd')").functions
                == ["pg_sleep", "lo_import"]
        )
        #expect(try one("SELECT lower(a) FROM t WHERE b IN (1, 2)").functions == [])
    }

    @Test func `any bytes are read without harm`() {
        let words = [
            "SELECT", "FROM", "(", ")", ",", "'", "\"", "t", "WITH", "AS", ";", "--", "/*", "[",
            "$",
            "DELETE", "UPDATE", "INTO", "WHERE", ".", "\\", "TABLE", "DROP",
        ]
        var state: UInt64 = 7
        for _ in 0..<3000 {
            var text = ""
            for _ in 0..<12 {
                state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                text += words[Int(state >> 33) % words.count] + (state & 1 == 0 ? " " : "")
            }
            _ = StatementReading(text)
        }
    }
}
