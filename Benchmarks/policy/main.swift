import Base
import Crypto
import JSON
import Patterns
import Policy

// Nanoseconds per judgement with 20 rules, 5 of which look at the called tool's arguments, and 10
// limits: `GATEHOUSE_BENCH=1 swift run -c release policy-bench`. Arguments differ in every call.

/// The best of five runs over prepared calls, in nanoseconds for one.
func measure(_ name: String, _ calls: [CallForm], _ body: (CallForm, Int) -> Void) {
    let clock = ContinuousClock()
    var best = Double.infinity
    for _ in 0..<5 {
        let start = clock.now
        for (index, call) in calls.enumerated() { body(call, index) }
        let time = (clock.now - start).components
        let nanoseconds = Double(time.seconds) * 1e9 + Double(time.attoseconds) / 1e9
        best = min(best, nanoseconds / Double(calls.count))
    }
    print(name + String(repeating: " ", count: max(1, 44 - name.count)) + "\(Int(best)) ns")
}

func rules() -> String {
    let own = [
        #"{"name":"own 1","tools":["files.write_file"],"args":{"/path":{"glob":"/data/secret/**"}},"then":"refuse"}"#,
        #"{"name":"own 2","tools":["files.write_file"],"args":{"/encoding":{"one_of":["rot13","uu"]}},"then":"ask"}"#,
        #"{"name":"own 3","tools":["files.*"],"args":{"/content":{"pattern":"BEGIN [A-Z]+ PRIVATE KEY"}},"then":"refuse"}"#,
        #"{"name":"own 4","tools":["files.write_file"],"args":{"/size":{"min":100000}},"then":"ask-two"}"#,
        #"{"name":"own 5","tools":["*.write_file"],"args":{"/mode":{"equals":"append"},"/path":{"glob":"/data/out/log/**"}},"then":"ask"}"#,
    ]
    let others = (0..<15).map { index in
        #"{"name":"other \#(index)","tools":["github.tool_\#(index)"],"args":{"/repo":{"glob":"prod-*"}},"then":"ask"}"#
    }
    return (own + others).joined(separator: ",")
}

let limits = """
    {"per":"agent","calls":"1000000000/min"},{"per":"agent+tool","calls":"1000000000/h"},
    {"per":"tenant","calls":"1000000000/min"},{"per":"agent+tool","identical":"1000000/min"},
    {"per":"agent","tools":["files.*"],"concurrent":1000},{"per":"agent","tools":["github.*"],"calls":"9/s"},
    {"per":"agent","tools":["*.search*"],"calls":"9/s"},{"per":"tenant+tool","tools":["db.*"],"calls":"9/s"},
    {"per":"agent+server","calls":"1000000000/d"},{"per":"agent","tools":["files.write_file"],"args":{"/mode":{"equals":"purge"}},"calls":"9/s"}
    """
let tools = (0..<50).map { #""github.tool_\#($0)":{"tier":"T0"}"# }.joined(separator: ",")
let policyText = """
    {"tools":{"files.write_file":{"tier":"T1","scope":{"/path":{"glob":"/data/out/**"}}},\(tools)},
     "rules":[\(rules())],"limits":[\(limits)]}
    """

let server = ServerName(unchecked: "files")
let hashing = OpenSSLHashing()
let checked = try CheckedPolicy(
    checking: PolicyDocument(json: JSONDocument(parsing: Array(policyText.utf8)).root),
    in: PolicyContext(
        environment: EnvironmentName(unchecked: "bench"),
        isProduction: false,
        servers: [
            .main: [
                server: .top, ServerName(unchecked: "github"): .top,
                ServerName(unchecked: "db"): .top,
            ]
        ]
    ),
    engine: RegexEngine(),
    hashing: hashing
)
let tool = ToolReference(server: server, tool: try ToolName("write_file"))
guard let policy = checked.policy(for: tool, tenant: .main) else {
    fatalError("files is configured")
}

let calls = try (0..<20_000).map { index in
    try CallForm(
        JSONDocument(
            parsing: Array(
                #"{"path":"/data/out/reports/2026/\#(index).md","content":"summary number \#(index) of a longer text that goes on for a while","encoding":"utf-8","mode":"create","size":\#(index)}"#
                    .utf8
            )
        ).root
    )
}
let digests = calls.map { hashing.sha256($0.bytes) }
let subject = LimitSubject(tenant: .main, principal: PrincipalName(unchecked: "agent"))
var book = LimitBook()
var now: UInt64 = 1 << 40
var other = 0

precondition(policy.judge(calls[0]).decision == .allow, "the measured call is an allowed one")
measure("judge, allowed", calls) { call, _ in
    if policy.judge(call).decision != .allow { other += 1 }
}
measure("admit by 10 limits", calls) { call, index in
    now += 20_000
    let answer = book.admit(
        call,
        digest: digests[index],
        of: subject,
        under: policy,
        at: Instant(nanoseconds: now)
    )
    if answer != .within { other += 1 }
}
measure("deny_paths alone", calls) { call, _ in
    if DenyPaths.probe.firstMatch(in: call.bytes) != nil { other += 1 }
}
let outside = try CallForm(
    JSONDocument(
        parsing: Array(
            #"{"path":"/etc/x","encoding":"rot13","content":"c","mode":"m","size":1}"#.utf8
        )
    ).root
)
measure("judge, asked for two reasons", Array(repeating: outside, count: 20_000)) { call, _ in
    if policy.judge(call).decision != .ask { other += 1 }
}
print("other answers than expected: \(other)")

extension DenyPaths {
    static let probe = DenyPaths(DenyPath.standard)
}
