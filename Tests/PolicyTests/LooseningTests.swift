import Base
import JSON
import Policy
import TestKit
import Testing

@Suite struct LooseningTests {
    private func loosenings(
        _ before: String,
        _ after: String,
        _ contexts: (PolicyContext, PolicyContext) = (context(), context())
    ) throws -> [String] {
        try check(after, in: contexts.1).loosenings(from: check(before, in: contexts.0)).map(
            \.description
        )
    }

    private static let pairs: [(String, String)] = [
        // strict, loose
        (#"{"tools":{"db.t":{"tier":"T2"}}}"#, #"{"tools":{"db.t":{"tier":"T1"}}}"#),
        ("{}", #"{"tools":{"db.t":{"tier":"T0"}}}"#),
        (#"{"tools":{"db.t":{"tier":"T3"}}}"#, "{}"),
        (
            #"{"tools":{"db.t":{"tier":"T1"}}}"#,
            #"{"tools":{"db.t":{"tier":"T1","scope":{"/p":{"equals":1}}}}}"#
        ),
        (
            #"{"tools":{"db.t":{"tier":"T1","scope":{"/p":{"equals":1},"/q":{"equals":1}}}}}"#,
            #"{"tools":{"db.t":{"tier":"T1","scope":{"/p":{"equals":1}}}}}"#
        ),
        (
            #"{"tools":{"db.t":{"tier":"T1","scope":{"/p":{"one_of":[1]}}}}}"#,
            #"{"tools":{"db.t":{"tier":"T1","scope":{"/p":{"one_of":[1,2]}}}}}"#
        ),
        (
            #"{"tools":{"db.t":{"tier":"T1","scope":{"/p":{"glob":"/a/*"}}}}}"#,
            #"{"tools":{"db.t":{"tier":"T1","scope":{"/p":{"glob":"/a/**"}}}}}"#
        ),
        (
            #"{"tools":{"db.t":{"tier":"T1","scope":{"/p":{"max":5}}}}}"#,
            #"{"tools":{"db.t":{"tier":"T1","scope":{"/p":{"max":6}}}}}"#
        ),
        (#"{"tools":{"db.t":{"tier":"T2"}}}"#, #"{"tools":{"db.t":{"tier":"T2","open":true}}}"#),
        (#"{"tools":{"db.t":{"tier":"T2"}}}"#, #"{"tools":{"db.t":{"tier":"T2","result":"own"}}}"#),
        (#"{"tools":{"db.t":{"tier":"T2"}}}"#, #"{"tools":{"db.t":{"tier":"T2","undo":"easy"}}}"#),
        (#"{"rules":[{"name":"r","tools":["db.*"],"then":"refuse"}]}"#, "{}"),
        (
            #"{"rules":[{"name":"r","tools":["db.*"],"then":"refuse"}]}"#,
            #"{"rules":[{"name":"r","tools":["db.*"],"then":"ask"}]}"#
        ),
        (
            #"{"rules":[{"name":"r","tools":["db.*"],"then":"refuse"}]}"#,
            #"{"rules":[{"name":"r","tools":["db.a"],"then":"refuse"}]}"#
        ),
        (
            #"{"rules":[{"name":"r","tools":["db.*"],"then":"refuse"}]}"#,
            #"{"rules":[{"name":"r","tools":["db.*"],"args":{"/p":{"equals":1}},"then":"refuse"}]}"#
        ),
        (
            #"{"rules":[{"name":"r","tools":["db.*"],"args":{"/p":{"min":1}},"then":"ask"}]}"#,
            #"{"rules":[{"name":"r","tools":["db.*"],"args":{"/p":{"min":2}},"then":"ask"}]}"#
        ),
        (
            "{}",
            #"{"rules":[{"name":"r","tools":["db.a"],"args":{"/p":{"equals":1}},"then":"allow"}]}"#
        ),
        (
            #"{"rules":[{"name":"r","tools":["db.a"],"args":{"/p":{"equals":1},"/q":{"equals":1}},"then":"allow"}]}"#,
            #"{"rules":[{"name":"r","tools":["db.a"],"args":{"/p":{"equals":1}},"then":"allow"}]}"#
        ),
        (#"{"limits":[{"per":"agent","calls":"5/min"}]}"#, "{}"),
        (
            #"{"limits":[{"per":"agent","calls":"5/min"}]}"#,
            #"{"limits":[{"per":"agent","calls":"6/min"}]}"#
        ),
        (
            #"{"limits":[{"per":"agent","calls":"5/min"}]}"#,
            #"{"limits":[{"per":"agent","calls":"5/s"}]}"#
        ),
        (
            #"{"limits":[{"per":"agent","calls":"5/min"}]}"#,
            #"{"limits":[{"per":"agent","tools":["db.*"],"calls":"5/min"}]}"#
        ),
        (
            #"{"limits":[{"per":"tenant","calls":"5/min"}]}"#,
            #"{"limits":[{"per":"agent","calls":"5/min"}]}"#
        ),
        (
            #"{"limits":[{"per":"agent","identical":"5/min"}]}"#,
            #"{"limits":[{"per":"agent","calls":"5/min"}]}"#
        ),
        (
            #"{"limits":[{"per":"agent","concurrent":5}]}"#,
            #"{"limits":[{"per":"agent","concurrent":6}]}"#
        ),
        (#"{"deny_paths":["*.pem"]}"#, "{}"),
    ]

    @Test("sees what a change lets through", arguments: pairs)
    func sees(_ strict: String, _ loose: String) throws {
        #expect(try loosenings(strict, loose).count == 1)
    }

    @Test("says nothing of the same policy", arguments: pairs)
    func same(_ strict: String, _ loose: String) throws {
        #expect(try loosenings(strict, strict) == [])
        #expect(try loosenings(loose, loose) == [])
    }

    @Test(
        "says nothing where a change only tightens",
        arguments: [
            (#"{"tools":{"db.t":{"tier":"T1"}}}"#, #"{"tools":{"db.t":{"tier":"T2"}}}"#),
            ("{}", #"{"tools":{"db.t":{"tier":"T3"}}}"#),
            (
                #"{"tools":{"db.t":{"tier":"T1","scope":{"/p":{"equals":1}}}}}"#,
                #"{"tools":{"db.t":{"tier":"T1"}}}"#
            ),
            (
                #"{"tools":{"db.t":{"tier":"T1","scope":{"/p":{"max":5}}}}}"#,
                #"{"tools":{"db.t":{"tier":"T1","scope":{"/p":{"max":5},"/q":{"equals":1}}}}}"#
            ),
            (
                #"{"rules":[{"name":"r","tools":["db.a"],"then":"ask"}]}"#,
                #"{"rules":[{"name":"q","tools":["*"],"then":"refuse"}]}"#
            ),
            (
                #"{"rules":[{"name":"r","tools":["db.a"],"args":{"/p":{"equals":1}},"then":"allow"}]}"#,
                "{}"
            ),
            (
                #"{"rules":[{"name":"r","tools":["db.a"],"args":{"/p":{"max":5}},"then":"allow"}]}"#,
                #"{"rules":[{"name":"r","tools":["db.a"],"args":{"/p":{"max":4}},"then":"allow"}]}"#
            ),
            (
                #"{"limits":[{"per":"agent","calls":"5/min"}]}"#,
                #"{"limits":[{"per":"agent","calls":"4/min"},{"per":"tenant","calls":"9/s"}]}"#
            ),
            ("{}", #"{"deny_paths":["*.pem"]}"#),
            (
                #"{"rules":[{"name":"r","tools":["db.a"],"then":"ask","why":"x"}]}"#,
                #"{"rules":[{"name":"r","tools":["db.a"],"then":"ask","why":"y"}]}"#
            ),
        ]
    )
    func tightens(_ loose: String, _ strict: String) throws {
        #expect(try loosenings(loose, strict) == [])
    }

    @Test func `a new server, another root, another environment and the end of production loosen`()
        throws
    {
        var fewer = context()
        fewer.servers[.main]?[ServerName(unchecked: "db")] = nil
        #expect(try loosenings("{}", "{}", (fewer, context())).count == 1)
        #expect(try loosenings("{}", "{}", (context(), fewer)) == [])
        var moved = context()
        moved.servers[.main]?[ServerName(unchecked: "files")] = ServerRoot("/srv")
        #expect(try loosenings("{}", "{}", (context(), moved)).count == 1)
        #expect(try loosenings("{}", "{}", (context(isProduction: true), context())).count == 2)
    }

    @Test func `an accepted policy is kept and read back`() throws {
        let lock = [TenantID.main: [try tool("db.t"): ToolStatement(tier: .read)]]
        let context = context(lock: lock)
        let json =
            #"{"rules":[{"name":"r","tools":["db.a"],"args":{"/p":{"pattern":"x"}},"then":"ask"}],"limits":[{"per":"agent","calls":"5/min"}]}"#
        let checked = try check(json, in: context)
        let bytes = checked.acceptedForm.serialised()
        let back = try CheckedPolicy(
            acceptedForm: JSONDocument(parsing: bytes).root,
            engine: engine,
            hashing: hashing
        )
        #expect(back.loosenings(from: checked) == [] && checked.loosenings(from: back) == [])
        #expect(back.acceptedDigest(hashing) == checked.acceptedDigest(hashing))
        #expect(back.policy(for: try tool("db.t"), tenant: .main)?.tier == .read)
        #expect(throws: AcceptedFormError.self) {
            try CheckedPolicy(acceptedForm: node("{}"), engine: engine, hashing: hashing)
        }
    }

    /// Whatever passes unasked under the later policy and did not before is announced.
    @Test("no verdict gets milder without a loosening", arguments: 0..<40)
    func complete(seed: UInt64) throws {
        var random = Seeded(seed)
        func pick(_ texts: [String]) -> String { texts.randomElement(using: &random) ?? "" }
        func constraint() -> String {
            pick([
                #"{"equals":1}"#, #"{"one_of":[1,2]}"#, #"{"min":1}"#, #"{"max":2}"#,
                #"{"min":2,"max":3}"#, #"{"absent":true}"#,
            ])
        }
        func document() -> String {
            let tier = pick(["T0", "T1", "T2", "T3"])
            let scope =
                tier == "T1" && Bool.random(using: &random)
                ? #","scope":{"/p":\#(constraint())}"# : ""
            let rules = (0..<Int.random(in: 0...3, using: &random)).map { index in
                let args =
                    Bool.random(using: &random)
                    ? #""args":{"\#(pick(["/p", "/q"]))":\#(constraint())},"# : ""
                return
                    #"{"name":"r\#(index)","tools":["\#(pick(["db.t", "db.*", "*"]))"],\#(args)"then":"\#(pick(["allow", "ask", "ask-two", "refuse"]))"}"#
            }
            return
                #"{"tools":{"db.t":{"tier":"\#(tier)"\#(scope)}},"rules":[\#(rules.joined(separator: ","))]}"#
        }
        var compared = 0
        for _ in 0..<400 {
            let (before, after) = (document(), document())
            guard let old = try? check(before), let new = try? check(after) else { continue }
            guard new.loosenings(from: old).isEmpty else { continue }
            compared += 1
            let (left, right) = (
                old.policy(for: try tool("db.t"), tenant: .main),
                new.policy(for: try tool("db.t"), tenant: .main)
            )
            for arguments in [
                "{}", #"{"p":1}"#, #"{"p":2}"#, #"{"p":3,"q":1}"#, #"{"p":"x","q":2}"#,
                #"{"q":null}"#,
            ] {
                let call = try call(arguments)
                let (was, now) = (try #require(left).judge(call), try #require(right).judge(call))
                #expect(
                    was.decision <= now.decision,
                    "seed \(seed): \(before) then \(after) on \(arguments)"
                )
            }
        }
        #expect(compared > 0)
    }
}
