import Base
import JSON
import Policy
import Testing

@Suite struct ArgumentScreenTests {
    /// RE2's work limit is one of pattern and text: past it nothing is certain, and a rule that
    /// restricts speaks.
    @Test func `a text too long for one of the patterns is left to each of them`() throws {
        let policy = try policy(
            #"""
            {"tools":{"files.read":{"tier":"T0"}},"rules":[
             {"name":"long","tools":["files.*"],
              "args":{"/text":{"pattern":"(a{200}b{200}){2}"}},"then":"ask"},
             {"name":"short","tools":["files.*"],"args":{"/text":{"pattern":"q"}},"then":"ask"}]}
            """#,
            for: "files.read"
        )
        let text = String(repeating: "n", count: 400_000)
        let call = try call(#"{"text":"\#(text)"}"#)
        #expect(policy.judge(call).reasons.map(\.name) == ["rule long"])
    }
}
