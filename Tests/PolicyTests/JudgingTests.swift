import Base
import JSON
import Policy
import TestKit
import Testing

@Suite struct JudgingTests {
    /// The policy of the design's example.
    private static let example = """
        {"tools":{"files.read_file":{"tier":"T0"},
          "files.write_file":{"tier":"T1","scope":{"/path":{"glob":"/data/out/**"}}},
          "github.create_issue":{"tier":"T2"},"sh.run":{"tier":"T3"}},
         "rules":[{"name":"issues go to sandboxes","tools":["github.create_issue"],
           "args":{"/owner":{"equals":"acme"},"/repo":{"glob":"sandbox-*"},"/title":{"maxLength":20}},
           "then":"allow","why":"agreed with the platform team"},
          {"name":"no drops","tools":["db.drop_*"],"then":"refuse","why":"secret reason"},
          {"name":"large","tools":["files.*"],"args":{"/size":{"min":100},"/mode":{"one_of":["all","force"]}},"then":"ask-two"}],
         "limits":[{"per":"agent","calls":"600/min"}]}
        """

    @Test(
        "judges the design's example",
        arguments: [
            ("files.read_file", #"{"path":"/data/docs/a"}"#, "ask-two"),
            ("files.read_file", #"{"path":"/data/docs/a","mode":"one"}"#, "allow"),
            ("files.read_file", #"{"path":"/data/docs/a","mode":"all","size":99}"#, "allow"),
            ("files.read_file", #"{"path":"/data/docs/a","mode":"all","size":100}"#, "ask-two"),
            ("files.read_file", #"{"path":"/data/docs/a","mode":"all","size":"many"}"#, "ask-two"),
            ("files.write_file", #"{"path":"out/a","mode":"one"}"#, "allow"),
            ("files.write_file", #"{"path":"/data/out/../x","mode":"one"}"#, "ask"),
            ("files.write_file", #"{"path":"/data/docs/a","mode":"one"}"#, "ask"),
            ("files.write_file", #"{"mode":"one"}"#, "ask"),
            ("files.write_file", #"{"path":7,"mode":"one"}"#, "ask"),
            ("files.write_file", #"{"path":["out/a","out/b"],"mode":"one"}"#, "allow"),
            ("files.write_file", #"{"path":["out/a","b"],"mode":"one"}"#, "ask"),
            ("github.create_issue", #"{"owner":"acme","repo":"sandbox-1","title":"t"}"#, "allow"),
            ("github.create_issue", #"{"owner":"acme","repo":"prod","title":"t"}"#, "ask"),
            ("github.create_issue", #"{"owner":"acme","repo":"sandbox-1"}"#, "ask"),
            (
                "github.create_issue",
                #"{"owner":"acme","repo":"sandbox-1","title":"012345678901234567890"}"#, "ask"
            ),
            ("github.create_issue", #"{"owner":"ACME","repo":"sandbox-1","title":"t"}"#, "ask"),
            ("github.unknown", "{}", "ask"), ("sh.run", #"{"command":"ls"}"#, "ask"),
            ("db.drop_table", "{}", "refuse"),
            ("files.read_file", #"{"path":"/home/u/.ssh/id","mode":"one"}"#, "refuse"),
        ]
    )
    func example(_ name: String, _ arguments: String, _ decision: String) throws {
        let verdict = try judge(Self.example, name, arguments)
        #expect(verdict.decision.description == decision, "\(verdict.reasons.map(\.name))")
        #expect((verdict.decision == .allow) == verdict.reasons.isEmpty)
        for reason in verdict.reasons {
            #expect(!reason.fact.contains("\n") && !reason.remedy.contains("\n"))
        }
    }

    @Test(
        "what is answered to a server counts like what it is called with",
        arguments: [
            (#"{"k":{"action":"accept","content":{"sure":true,"more":null}}}"#, "allow"),
            (#"{"k":{"action":"decline"}}"#, "allow"),
            (#"{"k":{"action":"accept","content":{"path":"/data/out/b"}}}"#, "ask"),
            (#"{"k":{"action":"accept","content":{"count":7}}}"#, "ask"),
            (#"{"k":{"action":"accept","content":{"path":"/srv/.env"}}}"#, "refuse"),
            (#"{"k":{"action":"accept","content":{"paths":["/etc/passwd"]}}}"#, "refuse"),
        ]
    )
    func answers(_ answers: String, _ decision: String) throws {
        for (name, arguments) in [
            ("files.write_file", #"{"path":"/data/out/a","mode":"one"}"#),
            ("github.create_issue", #"{"owner":"acme","repo":"sandbox-1","title":"t"}"#),
        ] {
            let verdict = try policy(Self.example, for: name)
                .judge(call(arguments), answers: call(answers))
            #expect(verdict.decision.description == decision, "\(verdict.reasons.map(\.name))")
        }
        let read = try policy(Self.example, for: "files.read_file")
            .judge(call(#"{"path":"a","mode":"one"}"#), answers: call(answers))
        #expect(read.decision.description == (decision == "ask" ? "allow" : decision))
    }

    @Test func `a tool that is always refused is not shown, others are`() throws {
        #expect(try !policy(Self.example, for: "db.drop_table").isVisible)
        #expect(try policy(Self.example, for: "db.read").isVisible)
        #expect(try policy(Self.example, for: "sh.run").isVisible)
        let partial =
            #"{"rules":[{"name":"r","tools":["db.t"],"args":{"/x":{"equals":1}},"then":"refuse"}]}"#
        #expect(try policy(partial, for: "db.t").isVisible)
    }

    @Test func `a refusal tells the agent the rule, and the operator's words only the record`()
        throws
    {
        let verdict = try judge(Self.example, "db.drop_table", "{}")
        guard case .refuse(let refusal) = verdict.outcome else {
            Issue.record("not refused")
            return
        }
        #expect(refusal.code == .rule && refusal.rule == "rule no drops")
        #expect(refusal.agentText.contains("no drops") && !refusal.agentText.contains("secret"))
        #expect(refusal.auditText.contains("secret reason"))
    }

    @Test func `no reason repeats a value of the call`() throws {
        let verdict = try judge(
            Self.example,
            "files.write_file",
            #"{"path":"hunter2","mode":"all","size":5000}"#
        )
        #expect(verdict.reasons.count == 2)
        for reason in verdict.reasons {
            #expect(!(reason.fact + reason.remedy).contains("hunter2"))
            #expect(!(reason.fact + reason.remedy).contains("5000"))
        }
    }

    @Test(
        "what arguments raise the tier to is a finding that no rule lifts",
        arguments: [
            (RiskTier.read, Decision.allow), (.scopedWrite, .allow), (.destructive, .allow),
            (.execute, .ask),
        ]
    )
    func raises(_ tier: RiskTier, _ decision: Decision) throws {
        var facts = Facts()
        facts.raises = [TierRaise(to: tier, fact: "found")]
        let arguments = #"{"owner":"acme","repo":"sandbox-1","title":"t"}"#
        let verdict = try judge(Self.example, "github.create_issue", arguments, facts: facts)
        #expect(verdict.decision == decision)
        #expect(verdict.tier == max(tier, .destructive))
    }

    @Test func `a raised T1 call asks although it is inside its scope`() throws {
        var facts = Facts()
        facts.raises = [TierRaise(to: .destructive, fact: "drops a table")]
        let arguments = #"{"path":"out/a","mode":"one"}"#
        #expect(
            try judge(Self.example, "files.write_file", arguments, facts: facts).decision == .ask
        )
    }

    @Test func `a floor of the definition raises a stated tier and never lowers it`() throws {
        let checked = try check(Self.example)
        let floor = TierRaise(to: .destructive, fact: "the schema closes nothing")
        let read = try #require(
            checked.policy(for: tool("files.read_file"), tenant: .main, floor: floor)
        )
        #expect(read.tier == .destructive)
        let run = try #require(checked.policy(for: tool("sh.run"), tenant: .main, floor: floor))
        #expect(run.tier == .execute)
    }

    @Test func `what a server that holds a secret does counts one tier higher`() throws {
        var surroundings = context()
        surroundings.holders = [.main: [ServerName(unchecked: "files")]]
        func policy(_ text: String, _ name: String) throws -> ToolPolicy {
            let checked = try CheckedPolicy(
                checking: PolicyDocument(json: node(text)),
                in: surroundings,
                engine: engine,
                hashing: hashing
            )
            return try #require(checked.policy(for: tool(name), tenant: .main))
        }
        let read = try policy(Self.example, "files.read_file")
        #expect(read.tier == .scopedWrite)
        let form = try call(#"{"path":"a","mode":"one"}"#)
        let verdict = read.judge(form)
        #expect(verdict.decision == .ask)
        #expect(verdict.reasons.map(\.fact) == [read.raised?.fact])
        #expect(try policy(Self.example, "files.write_file").tier == .destructive)
        // Never to T3, and no other server's.
        #expect(try policy(Self.example, "files.nobody_placed").tier == .destructive)
        #expect(try policy(Self.example, "sh.run").tier == .execute)
        // A rule for it has an effect where it holds one, and none where it does not.
        let rule = """
            {"tools":{"files.read_file":{"tier":"T0"}},"rules":[{"name":"r","tools":\
            ["files.read_file"],"args":{"/path":{"equals":"a"}},"then":"allow"}]}
            """
        #expect(try policy(rule, "files.read_file").judge(form).decision == .allow)
        surroundings.holders = [:]
        #expect(throws: PolicyLoadError.self) { try policy(rule, "files.read_file") }
    }

    @Test func `the digest is of what applies to the tool and nothing else`() throws {
        let before = try policy(Self.example, for: "files.read_file").digest
        let same = Self.example.replacing("acme", with: "other")
        #expect(try policy(same, for: "files.read_file").digest == before)
        #expect(
            try policy(same, for: "github.create_issue").digest
                != policy(Self.example, for: "github.create_issue").digest
        )
        for (old, new) in [
            ("600/min", "601/min"), (#""min":100"#, #""min":101"#),
            (#""tier":"T0""#, #""tier":"T2""#),
        ] {
            #expect(
                try policy(Self.example.replacing(old, with: new), for: "files.read_file").digest
                    != before
            )
        }
        #expect(
            try policy(
                Self.example.replacing(#""min":100"#, with: #""min":1e2"#),
                for: "files.read_file"
            ).digest == before
        )
        #expect(
            try policy(Self.example, for: "files.read_file", in: context(isProduction: true)).digest
                != before
        )
    }

    @Test func `an explanation says rule by rule what was found`() throws {
        let policy = try policy(Self.example, for: "github.create_issue")
        let explanation = policy.explain(
            try call(#"{"owner":"acme","repo":"prod\u202e","title":7}"#)
        )
        let rule = try #require(explanation.items.first { $0.kind == .rule })
        #expect(
            !rule.applies && rule.says == "allow" && rule.why == "agreed with the platform team"
        )
        #expect(rule.findings.map(\.truth) == [.holds, .unclear, .unclear])
        #expect(rule.findings[1].found == #""prod\u{202e}""#)
        #expect(explanation.verdict.decision == .ask)
        #expect(explanation.lines.contains("verdict: ask"))
        #expect(explanation.lines.allSatisfy { $0.utf8.allSatisfy { $0 >= 0x20 && $0 < 0x7f } })
        #expect(explanation.value["verdict"] == "ask")
        let limit = try #require(explanation.items.first { $0.kind == .limit })
        #expect(limit.says == "admits 600/min calls per agent")
    }

    @Test func `an explanation agrees with the judge`() throws {
        for name in [
            "files.read_file", "files.write_file", "github.create_issue", "db.drop_x", "sh.run",
        ] {
            let policy = try policy(Self.example, for: name)
            let call = try call(#"{"path":".env","mode":"force"}"#)
            #expect(policy.explain(call).verdict == policy.judge(call))
        }
    }

    /// Adding a restricting rule, a taint, a raise or a limit that is full never makes a verdict milder.
    @Test("whatever is added only raises", arguments: 0..<30)
    func monotone(seed: UInt64) throws {
        var random = Seeded(seed)
        func pick<Item>(_ items: [Item]) -> Item {
            items[Int.random(in: 0..<items.count, using: &random)]
        }
        let pointers = ["/a", "/b", "/c/d"]
        let constraints = [
            #"{"equals":1}"#, #"{"one_of":["x","y"]}"#, #"{"min":2}"#, #"{"max":5}"#,
            #"{"glob":"/d/**"}"#,
            #"{"pattern":"x+"}"#, #"{"absent":true}"#, #"{"maxLength":2}"#, #"{"host":"a.test"}"#,
        ]
        let values = [
            "1", "2.0", #""x""#, #""/d/e""#, "null", "[1,2]", #"{"d":1}"#, #"{"d":"xx"}"#,
            #""https://a.test""#,
        ]
        func rule(_ index: Int, _ then: [String]) -> String {
            let args =
                Bool.random(using: &random)
                ? #""args":{"\#(pick(pointers))":\#(pick(constraints))},"# : ""
            return
                #"{"name":"r\#(index)","tools":["\#(pick(["db.t", "db.*", "*"]))"],\#(args)"then":"\#(pick(then))"}"#
        }
        var judged = 0
        for _ in 0..<150 {
            let tier = pick(["T0", "T1", "T2", "T3"])
            let scope =
                tier == "T1" && Bool.random(using: &random)
                ? #","scope":{"/a":\#(pick(constraints))}"# : ""
            let rules = (0..<Int.random(in: 0...3, using: &random)).map {
                rule($0, ["allow", "ask", "ask-two", "refuse"])
            }
            let more = rules + [rule(9, ["ask", "ask-two", "refuse"])]
            func document(_ rules: [String]) -> String {
                #"{"tools":{"db.t":{"tier":"\#(tier)"\#(scope)}},"rules":[\#(rules.joined(separator: ","))]}"#
            }
            guard let old = try? policy(document(rules), for: "db.t") else { continue }
            let members =
                pointers.prefix(2).filter { _ in Bool.random(using: &random) }
                .map { #""\#($0.dropFirst())":\#(pick(values))"# } + [#""c":\#(pick(values))"#]
            let call = try call("{\(members.joined(separator: ","))}")
            let before = old.judge(call)
            judged += 1
            if let new = try? policy(document(more), for: "db.t") {
                #expect(
                    new.judge(call).decision >= before.decision,
                    "seed \(seed): \(document(more))"
                )
            }
            var facts = Facts()
            facts.taint = [
                TaintReason(name: "t", decision: pick(Decision.allCases), fact: "f", remedy: "r")
            ]
            #expect(old.judge(call, facts).decision >= before.decision, "seed \(seed)")
            facts.raises = [TierRaise(to: pick(RiskTier.allCases), fact: "f")]
            #expect(old.judge(call, facts).decision >= before.decision, "seed \(seed)")
            facts.scope = [.outside(.grounds, fact: "f", remedy: "r")]
            #expect(old.judge(call, facts).decision >= max(before.decision, .ask), "seed \(seed)")
            facts.limits = .exceeded(LimitExcess(kind: .calls, limit: "l", retryAfter: nil))
            #expect(old.judge(call, facts).decision == .refuse, "seed \(seed)")
            #expect(old.judge(call) == before)
        }
        #expect(judged > 10)
    }
}
