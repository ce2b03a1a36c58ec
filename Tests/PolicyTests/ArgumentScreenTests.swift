import Base
import JSON
import Policy
import Testing

@Suite struct ArgumentScreenTests {
    private static let rules = #"""
        {"tools":{"files.read":{"tier":"T0"}},"rules":[
         {"name":"a","tools":["files.*"],"args":{"/text":{"pattern":"rm -rf|mkfs"}},"then":"refuse"},
         {"name":"b","tools":["files.*"],"args":{"/text":{"pattern":"^please\\b"}},"then":"ask"},
         {"name":"c","tools":["files.*"],
          "args":{"/text":{"one_of":["drop","a\"b",3]}},"then":"ask"},
         {"name":"d","tools":["files.*"],
          "args":{"/text":{"any_of":[{"equals":"x"},{"pattern":"y$","maxLength":3}]}},"then":"ask"},
         {"name":"e","tools":["files.*"],
          "args":{"/text":{"any_of":[{"equals":"x"},{"maxLength":1}]}},"then":"ask"},
         {"name":"f","tools":["files.*"],
          "args":{"/a/b":{"pattern":"k"},"/text":{"min":3}},"then":"ask"},
         {"name":"g","tools":["files.*"],"args":{"/text":{"equals":4}},"then":"ask"},
         {"name":"h","tools":["files.*"],"args":{"/list":{"pattern":"z"}},"then":"ask"},
         {"name":"i","tools":["files.*"],"args":{"/text":{"pattern":"é"}},"then":"ask"}]}
        """#

    @Test(
        "the rules of one look are those that each would have found by itself",
        arguments: [
            "{}", #"{"text":"nothing of all this"}"#, #"{"text":"rm -rf /","list":"a"}"#,
            #"{"text":"please","list":"z"}"#, #"{"text":"pleased","list":["a","z"]}"#,
            #"{"text":"drop","list":["a"]}"#, #"{"text":"a\"b","list":[]}"#,
            #"{"text":3,"list":null}"#, #"{"text":"3"}"#, #"{"text":4}"#,
            #"{"text":"x","a":{"b":"ok"}}"#,
            #"{"text":"why","a":{"b":"no"}}"#, #"{"text":"why not, y","a":{"b":["k"]}}"#,
            #"{"text":"","a":[{"b":"k"}]}"#, #"{"text":["rm -rf"],"a":"k"}"#,
            #"{"text":"caf\u00e9\nplease","a":{"b":3}}"#, #"{"text":{"pattern":"mkfs"}}"#,
        ]
    )
    func same(arguments: String) throws {
        let policy = try policy(Self.rules, for: "files.read")
        let call = try call(arguments)
        let speaking = policy.explain(call).items.filter { $0.kind == .rule && $0.applies }
        let named = policy.judge(call).reasons.map(\.name).filter { $0.hasPrefix("rule ") }
        #expect(named.sorted() == speaking.map { "rule \($0.name)" }.sorted())
    }

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
