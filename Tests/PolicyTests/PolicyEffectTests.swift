import Base
import Policy
import Testing

/// Rules that can never change a verdict, and their neighbours that can.
@Suite struct PolicyEffectTests {
    private static func with(_ rules: String) -> String {
        """
        {"tools":{"files.read":{"tier":"T0"},"files.write":{"tier":"T1"},"db.drop":{"tier":"T2"},
          "sh.run":{"tier":"T3"}},"rules":[\(rules)]}
        """
    }

    @Test(
        "refuses a rule that changes nothing",
        arguments: [
            // allow needs exact tools, an argument, and a question to lift
            #"{"name":"a","tools":["files.*"],"args":{"/p":{"equals":1}},"then":"allow"}"#,
            #"{"name":"a","tools":["files.write"],"then":"allow"}"#,
            #"{"name":"a","tools":["files.read"],"args":{"/p":{"equals":1}},"then":"allow"}"#,
            #"{"name":"a","tools":["sh.run"],"args":{"/p":{"equals":1}},"then":"allow"}"#,
            #"{"name":"a","tools":["files.write","sh.run"],"args":{"/p":{"equals":1}},"then":"allow"}"#,
            // an ask where every call asks already
            #"{"name":"a","tools":["db.drop"],"then":"ask"}"#,
            #"{"name":"a","tools":["db.drop","sh.run"],"args":{"/p":{"equals":1}},"then":"ask"}"#,
            #"{"name":"a","tools":["sh.run"],"then":"ask"}"#,
            // shadowed by another rule
            #"{"name":"a","tools":["files.*"],"then":"refuse"},{"name":"b","tools":["files.read"],"then":"ask"}"#,
            #"{"name":"a","tools":["files.read"],"then":"ask"},{"name":"b","tools":["*"],"then":"ask"}"#,
            #"{"name":"a","tools":["files.read"],"then":"ask"},{"name":"b","tools":["files.read"],"then":"ask"}"#,
            #"{"name":"a","tools":["files.write"],"then":"ask"},{"name":"b","tools":["files.write"],"args":{"/p":{"equals":1}},"then":"allow"}"#,
            #"{"name":"a","tools":["db.drop"],"args":{"/p":{"one_of":[1,2]}},"then":"allow"},{"name":"b","tools":["db.drop"],"args":{"/p":{"equals":1}},"then":"allow"}"#,
            #"{"name":"a","tools":["db.*"],"args":{"/p":{"min":1}},"then":"refuse"},{"name":"b","tools":["db.x"],"args":{"/p":{"min":2}},"then":"ask-two"}"#,
            // names
            #"{"name":"a","tools":["files.read"],"then":"ask"},{"name":"a","tools":["db.drop"],"then":"refuse"}"#,
            #"{"name":"a","tools":["nowhere.read"],"then":"ask"}"#,
            #"{"name":"a","tools":["files.read"],"args":{"/p":{"pattern":"("}},"then":"ask"}"#,
            #"{"name":"a","tools":["files.read"],"args":{"/p":{"pattern":")("}},"then":"ask"}"#,
        ]
    )
    func refuses(_ rules: String) throws {
        #expect(try !problems(of: Self.with(rules)).isEmpty)
    }

    @Test(
        "takes a rule that changes something",
        arguments: [
            #"{"name":"a","tools":["files.write"],"args":{"/p":{"equals":1}},"then":"allow"}"#,
            #"{"name":"a","tools":["db.drop"],"args":{"/p":{"equals":1}},"then":"allow"}"#,
            #"{"name":"a","tools":["db.later"],"args":{"/p":{"equals":1}},"then":"allow"}"#,
            #"{"name":"a","tools":["db.drop"],"then":"ask-two"}"#,
            #"{"name":"a","tools":["db.drop"],"then":"refuse"}"#,
            #"{"name":"a","tools":["sh.run"],"then":"ask-two"}"#,
            #"{"name":"a","tools":["db.*"],"then":"ask"}"#,
            #"{"name":"a","tools":["files.read"],"then":"ask"}"#,
            // the ask keeps what the allow would lift
            #"{"name":"a","tools":["db.drop"],"args":{"/p":{"equals":1}},"then":"allow"},{"name":"b","tools":["db.drop"],"args":{"/q":{"equals":1}},"then":"ask"}"#,
            #"{"name":"a","tools":["files.read"],"then":"ask"},{"name":"b","tools":["files.read"],"args":{"/p":{"equals":1}},"then":"refuse"}"#,
            #"{"name":"a","tools":["files.write"],"args":{"/q":{"equals":1}},"then":"ask"},{"name":"b","tools":["files.write"],"args":{"/p":{"equals":1}},"then":"allow"}"#,
        ]
    )
    func takes(_ rules: String) throws {
        #expect(try problems(of: Self.with(rules)) == [])
    }

    @Test func `in production an ask-two at T3 changes nothing, elsewhere it does`() throws {
        let rule = Self.with(#"{"name":"a","tools":["sh.run"],"then":"ask-two"}"#)
        #expect(try problems(of: rule) == [])
        #expect(try problems(of: rule, in: context(isProduction: true)).count == 1)
    }

    @Test func `unless-grounded is refused where no grounds are computed`() throws {
        let json = #"{"tools":{"db.drop":{"tier":"T2","ask":"unless-grounded"}}}"#
        #expect(try problems(of: json).map(\.cause) == [.notAvailable("`ask: unless-grounded`")])
        #expect(try problems(of: json, in: context(features: .grounds)) == [])
    }

    @Test func `a limit written twice is refused`() throws {
        let json = #"{"limits":[{"per":"agent","calls":"1/s"},{"per":"agent","calls":"1/s"}]}"#
        #expect(try problems(of: json).count == 1)
    }

    @Test func `a tenant inherits rules and limits but neither servers nor tools`() throws {
        let shop = TenantID(unchecked: "shop")
        var context = context()
        context.servers[shop] = [ServerName(unchecked: "till"): .top]
        let checked = try check(
            """
            {"tools":{"files.read":{"tier":"T0"}},"rules":[{"name":"all","tools":["*"],"args":{"/x":{"equals":1}},"then":"refuse"}],
             "limits":[{"per":"agent","calls":"1/s"}],
             "tenants":{"shop":{"tools":{"till.pay":{"tier":"T2"}},
               "rules":[{"name":"own","tools":["till.*"],"then":"ask-two"}]}}}
            """,
            in: context
        )
        let pay = try #require(checked.policy(for: tool("till.pay"), tenant: shop))
        #expect(
            pay.judge(try call(#"{"x":1}"#)).reasons.map(\.name) == [
                "rule all", "rule own", "tier T2",
            ]
        )
        #expect(pay.limits.count == 1)
        #expect(try checked.policy(for: tool("files.read"), tenant: shop) == nil)
        #expect(try checked.policy(for: tool("till.pay"), tenant: .main) == nil)
        let read = try #require(checked.policy(for: tool("files.read"), tenant: .main))
        #expect(read.judge(try call("{}")).reasons.map(\.name) == ["rule all"])
    }

    @Test func `a tenant's rule for another tenant's server is refused`() throws {
        var context = context()
        context.servers[TenantID(unchecked: "shop")] = [:]
        let json =
            #"{"tenants":{"shop":{"rules":[{"name":"r","tools":["files.read"],"then":"ask"}]}}}"#
        #expect(
            try problems(of: json, in: context).map(\.cause) == [
                .unknownServer("files", known: [])
            ]
        )
    }

    @Test func `the configuration stands before the lock`() throws {
        let write = try tool("files.write")
        let locked = ToolStatement(tier: .read, result: .own)
        let context = context(lock: [.main: [write: locked]])
        let silent = try policy("{}", for: "files.write", in: context)
        #expect(silent.tier == .read && silent.result == .own && silent.isPlaced)
        let spoken = try policy(
            #"{"tools":{"files.write":{"tier":"T2"}}}"#,
            for: "files.write",
            in: context
        )
        #expect(spoken.tier == .destructive && spoken.result == .own)
    }
}
