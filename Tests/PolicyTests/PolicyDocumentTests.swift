import Base
import JSON
import Policy
import TestKit
import Testing

@Suite struct PolicyDocumentTests {
    private func refusals(_ json: String, foreign: ForeignKeys = .none) throws -> [String] {
        let json = try node(json)
        do throws(PolicyLoadError) {
            _ = try PolicyDocument(json: json, foreign: foreign)
            return []
        } catch {
            return error.problems.map { "\($0.pointer) \($0.description)" }
        }
    }

    @Test(
        "says which key is wrong and what to write",
        arguments: [
            (#"{"tols":{}}"#, "unknown key `tols`"),
            (#"{"tools":{"x":{"tier":"T0"}}}"#, "names no tool"),
            (#"{"tools":{"A.b":{"tier":"T0"}}}"#, "server `A` is not usable"),
            (#"{"tools":{"a.b":{"tier":"t0"}}}"#, "unknown word `t0`"),
            (#"{"tools":{"a.b":{"tier":0}}}"#, "expected a text"),
            (#"{"tools":{"a.b":{"tier":"T0","x":1}}}"#, "unknown key `x`"),
            (#"{"tools":{"a.b":{"tier":"T1","scope":{}}}}"#, "the scope is empty"),
            (#"{"tools":{"a.b":{"tier":"T0","scope":{"/p":{"glob":"/a"}}}}}"#, "only at T1"),
            (#"{"tools":{"a.b":{"tier":"T2","scope":{"/p":{"glob":"/a"}}}}}"#, "only at T1"),
            (#"{"tools":{"a.b":{"scope":{"/p":{"glob":"/a"}}}}}"#, "`tier` is missing"),
            (
                #"{"tools":{"a.b":{"tier":"T1","scope":{"p":{"glob":"/a"}}}}}"#,
                "does not start with `/`"
            ),
            (#"{"tools":{"a.b":{"tier":"T1","scope":{"":{"glob":"/a"}}}}}"#, "1 to 16 steps"),
            (#"{"tools":{"a.b":{"tier":"T1","scope":{"/p":{}}}}}"#, "the constraint is empty"),
            (
                #"{"tools":{"a.b":{"tier":"T1","scope":{"/p":{"globb":"/a"}}}}}"#,
                "unknown key `globb`"
            ),
            (#"{"tools":{"a.b":{"result":{"private":true}}}}"#, "not available"),
            (#"{"tools":{"a.b":{"result":"mine"}}}"#, "own, untrusted, directory"),
            (#"{"tools":{"a.b":{"open":"yes"}}}"#, "true or false"),
            (#"{"tools":{"a.b":{"tier":"T1","ask":"unless-grounded"}}}"#, "only at T2"),
            (#"{"tools":[]}"#, "expected a mapping"),
            (#"{"rules":{}}"#, "expected a list"),
            (#"{"rules":[{}]}"#, "`name` is missing"),
            (#"{"rules":[{"name":"r","then":"ask"}]}"#, "`tools` is missing"),
            (#"{"rules":[{"name":"r","tools":[],"then":"ask"}]}"#, "`tools` is empty"),
            (#"{"rules":[{"name":"r","tools":["x"],"then":"ask"}]}"#, "has no dot"),
            (#"{"rules":[{"name":"r","tools":["a.[b]"],"then":"ask"}]}"#, "not supported"),
            (#"{"rules":[{"name":"r","tools":["a.b","a.b"],"then":"ask"}]}"#, "stands here twice"),
            (#"{"rules":[{"name":"r","tools":["A.b"],"then":"ask"}]}"#, "not usable"),
            (
                #"{"rules":[{"name":"r","tools":["a.b"],"then":"maybe"}]}"#,
                "allow, ask, ask-two, refuse"
            ),
            (#"{"rules":[{"name":"a\nb","tools":["a.b"],"then":"ask"}]}"#, "one line"),
            (
                #"{"rules":[{"name":"r","tools":["a.b"],"args":{},"then":"ask"}]}"#,
                "`args` is empty"
            ),
            (
                #"{"rules":[{"name":"r","tools":["a.b"],"args":{"/x":{"min":3,"max":2}},"then":"ask"}]}"#,
                "at least 3 and at most 2"
            ),
            (
                #"{"rules":[{"name":"r","tools":["a.b"],"args":{"/x":{"min":3,"glob":"/a"}},"then":"ask"}]}"#,
                "a number and a text"
            ),
            (
                #"{"rules":[{"name":"r","tools":["a.b"],"args":{"/x":{"absent":true,"equals":1}},"then":"ask"}]}"#,
                "must be absent"
            ),
            (
                #"{"rules":[{"name":"r","tools":["a.b"],"args":{"/x":{"absent":false}},"then":"ask"}]}"#,
                "absent: false"
            ),
            (
                #"{"rules":[{"name":"r","tools":["a.b"],"args":{"/x":{"one_of":[]}},"then":"ask"}]}"#,
                "`one_of` is empty"
            ),
            (
                #"{"rules":[{"name":"r","tools":["a.b"],"args":{"/x":{"one_of":["a","a"]}},"then":"ask"}]}"#,
                "twice"
            ),
            (
                #"{"rules":[{"name":"r","tools":["a.b"],"args":{"/x":{"equals":[1]}},"then":"ask"}]}"#,
                "a text, a number"
            ),
            (
                #"{"rules":[{"name":"r","tools":["a.b"],"args":{"/x":{"glob":"/a/../b"}},"then":"ask"}]}"#,
                "has `..` in it"
            ),
            (
                #"{"rules":[{"name":"r","tools":["a.b"],"args":{"/x":{"host":"*"}},"then":"ask"}]}"#,
                "is no host"
            ),
            (
                #"{"rules":[{"name":"r","tools":["a.b"],"args":{"/x":{"maxLength":-1}},"then":"ask"}]}"#,
                "from 0"
            ),
            (
                #"{"rules":[{"name":"r","tools":["a.b"],"args":{"/x":{"min":1e999999}},"then":"ask"}]}"#,
                "smaller exponent"
            ),
            (
                #"{"rules":[{"name":"r","tools":["a.b"],"args":{"/x":{"any_of":[{"any_of":[{"min":1}]}]}},"then":"ask"}]}"#,
                "inside `any_of`"
            ),
            (
                #"{"rules":[{"name":"r","tools":["a.b"],"args":{"/x":{"any_of":[]}},"then":"ask"}]}"#,
                "`any_of` is empty"
            ),
            (#"{"limits":[{}]}"#, "`per` is missing"),
            (#"{"limits":[{"per":"agent"}]}"#, "limits nothing"),
            (#"{"limits":[{"per":"agents","calls":"1/s"}]}"#, "agent+tool"),
            (#"{"limits":[{"per":"agent","calls":"0/s"}]}"#, "is no rate"),
            (#"{"limits":[{"per":"agent","calls":"1/m"}]}"#, "is no rate"),
            (#"{"limits":[{"per":"agent","calls":600}]}"#, "expected a text"),
            (#"{"limits":[{"per":"agent","concurrent":0}]}"#, "from 1"),
            (#"{"deny_paths":["!x"]}"#, "can only grow"),
            (#"{"deny_paths":["a[b]"]}"#, "not supported"),
            (#"{"deny_paths":["/"]}"#, "is empty"),
            (#"{"tenants":{"main":{}}}"#, "tenant `main`"),
            (#"{"tenants":{"Shop":{}}}"#, "not usable"),
            (#"{"tenants":{"shop":{"server":{}}}}"#, "unknown key `server`"),
            ("[]", "expected a mapping"),
        ]
    )
    func refuses(_ json: String, _ text: String) throws {
        let refusals = try refusals(json)
        #expect(refusals.contains { $0.contains(text) }, "\(refusals)")
        #expect(refusals.allSatisfy { !$0.contains("\n") && !$0.hasSuffix(".") })
    }

    @Test func `keys of others are let through where they are announced`() throws {
        let json = #"{"servers":{},"listen":{},"tenants":{"shop":{"servers":{}}}}"#
        #expect(try refusals(json).count == 3)
        let foreign = ForeignKeys(top: ["servers", "listen"], tenant: ["servers"])
        #expect(try refusals(json, foreign: foreign).isEmpty)
    }

    @Test func `a problem has the position of its value`() throws {
        let json = try node(#"{"tools":{"a.b":{"tier":"high"}}}"#)
        let wanted = Position(line: 4, column: 12)
        let error = #expect(throws: PolicyLoadError.self) {
            try PolicyDocument(json: json) { pointer in
                pointer.description == "/tools/a.b/tier" ? wanted : nil
            }
        }
        #expect(error?.problems.first?.position == wanted)
        #expect(error?.description.hasPrefix("line 4, column 12: ") == true)
    }

    @Test func `at most fifty problems are reported`() throws {
        let rules = Array(repeating: "{}", count: 100).joined(separator: ",")
        #expect(try refusals(#"{"rules":[\#(rules)]}"#).count == 50)
    }

    @Test func `what was read is written so that it reads alike`() throws {
        let json = """
            {"tools":{"files.w":{"tier":"T1","scope":{"/path":{"any_of":[{"glob":"/data/**"},{"equals":"-"}]}},
              "open":true,"result":"own","undo":"easy"},"db.q":{"tier":"T2","ask":"always"}},
             "rules":[{"name":"r","tools":["files.*","db.q"],"args":{"/a":{"min":1,"max":2.50},
              "/b":{"one_of":["x",1,true,null]},"/c":{"host":"*.example.com","maxLength":9},
              "/d":{"pattern":"^a"},"/e":{"absent":true}},"then":"ask-two","why":"because"}],
             "limits":[{"per":"tenant+server","tools":["*"],"calls":"5/d","identical":"2/min","concurrent":3}],
             "deny_paths":["*.pem"],
             "tenants":{"shop":{"rules":[{"name":"s","tools":["*"],"then":"refuse"}]}}}
            """
        let document = try PolicyDocument(json: node(json))
        let text = String(decoding: document.value.serialised(), as: UTF8.self)
        #expect(try PolicyDocument(json: node(text)) == document)
        #expect(text.contains(#""max":2.5"#))
    }

    @Test("no policy, however cut, traps the reader", arguments: 0..<10)
    func survives(seed: UInt64) throws {
        var random = Seeded(seed)
        let pieces = [
            "tools", "rules", "limits", "deny_paths", "tenants", "a.b", "shop", "name", "then",
            "allow",
            "args", "/x", "glob", "one_of", "any_of", "min", "per", "agent", "calls", "1/s", "tier",
            "T1", "scope",
        ]
        func value(_ depth: Int) -> JSONValue {
            switch Int.random(in: 0..<(depth > 4 ? 4 : 7), using: &random) {
            case 0: return .init(pieces.randomElement(using: &random) ?? "")
            case 1: return .init(Int.random(in: -3...3, using: &random))
            case 2: return .init(Bool.random(using: &random))
            case 3: return .null
            case 4:
                return .array(
                    (0..<Int.random(in: 0...3, using: &random)).map { _ in value(depth + 1) }
                )
            default:
                return .object(
                    JSONObject(
                        (0..<Int.random(in: 0...5, using: &random)).map { _ in
                            (
                                JSONString(pieces.randomElement(using: &random) ?? ""),
                                value(depth + 1)
                            )
                        }
                    )
                )
            }
        }
        for _ in 0..<500 {
            let bytes = value(0).serialised()
            let root = try JSONDocument(parsing: bytes).root
            guard let document = try? PolicyDocument(json: root) else { continue }
            _ = try? CheckedPolicy(
                checking: document,
                in: context(),
                engine: engine,
                hashing: hashing
            )
        }
    }
}
