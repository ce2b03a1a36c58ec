import Base
import JSON
import Policy
import Testing

/// One constraint, one value, and what it means where it allows and where it restricts.
struct ConstraintCase: Sendable, CustomTestStringConvertible {
    let constraint: String
    /// The value of `/x`; nil when it is left out.
    let value: String?
    let allowing: Truth
    let restricting: Truth

    init(_ constraint: String, _ value: String?, _ truth: Truth, restricting: Truth? = nil) {
        self.constraint = constraint
        self.value = value
        allowing = truth
        self.restricting = restricting ?? truth
    }

    var testDescription: String { "\(constraint) on \(value ?? "nothing")" }

    static let all: [ConstraintCase] = [
        // equals
        .init(#"{"equals":"acme"}"#, #""acme""#, .holds),
        .init(#"{"equals":"acme"}"#, #""Acme""#, .fails),
        .init(#"{"equals":"acme"}"#, #""acme ""#, .fails),
        .init(#"{"equals":"acme"}"#, "7", .unclear),
        .init(#"{"equals":"acme"}"#, "null", .unclear),
        .init(#"{"equals":"acme"}"#, nil, .unclear),
        .init(#"{"equals":"é"}"#, #""e\u0301""#, .fails),
        .init(#"{"equals":"a\"b"}"#, #""a\u0022b""#, .holds),
        .init(#"{"equals":10}"#, "10.0", .holds),
        .init(#"{"equals":10}"#, "1e1", .holds),
        .init(#"{"equals":10}"#, #""10""#, .unclear),
        .init(#"{"equals":9007199254740993}"#, "9007199254740992", .fails),
        .init(#"{"equals":9007199254740993}"#, "9007199254740993", .holds),
        .init(#"{"equals":true}"#, "true", .holds),
        .init(#"{"equals":true}"#, "false", .fails),
        .init(#"{"equals":true}"#, "1", .unclear),
        .init(#"{"equals":null}"#, "null", .holds),
        .init(#"{"equals":null}"#, nil, .unclear),
        // one_of
        .init(#"{"one_of":["a","b"]}"#, #""b""#, .holds),
        .init(#"{"one_of":["a","b"]}"#, #""c""#, .fails),
        .init(#"{"one_of":["a",1]}"#, "1.0", .holds),
        .init(#"{"one_of":["a",1]}"#, "2", .fails),
        .init(#"{"one_of":["a",1]}"#, "true", .unclear),
        // min and max, exact
        .init(#"{"min":10}"#, "10", .holds),
        .init(#"{"min":10}"#, "9.999999999999999999999", .fails),
        .init(#"{"max":10}"#, "10.000000000000000000001", .fails),
        .init(#"{"max":10}"#, "-1e400", .holds),
        .init(#"{"max":9007199254740992}"#, "9007199254740993", .fails),
        .init(#"{"min":1,"max":3}"#, "2", .holds),
        .init(#"{"min":1,"max":3}"#, "4", .fails),
        .init(#"{"min":1}"#, #""5""#, .unclear),
        .init(#"{"min":1}"#, nil, .unclear),
        // maxLength counts code points
        .init(#"{"maxLength":3}"#, #""abc""#, .holds),
        .init(#"{"maxLength":3}"#, #""abcd""#, .fails),
        .init(#"{"maxLength":3}"#, #""äöü""#, .holds),
        .init(#"{"maxLength":3}"#, #""a\nb""#, .holds),
        .init(#"{"maxLength":2}"#, #""a\nb""#, .fails),
        .init(#"{"maxLength":3}"#, "1", .unclear),
        .init(#"{"maxLength":0}"#, #""""#, .holds),
        // absent
        .init(#"{"absent":true}"#, nil, .holds),
        .init(#"{"absent":true}"#, #""x""#, .fails),
        .init(#"{"absent":true}"#, "null", .unclear),
        // pattern: whole where it allows, anywhere where it restricts
        .init(#"{"pattern":"[a-z]+"}"#, #""abc""#, .holds),
        .init(#"{"pattern":"[a-z]+"}"#, #""abc1""#, .fails, restricting: .holds),
        .init(#"{"pattern":"a|b"}"#, #""ax""#, .fails, restricting: .holds),
        .init(#"{"pattern":"a|b"}"#, #""x""#, .fails),
        .init(#"{"pattern":"^a$"}"#, #""a""#, .holds),
        .init(#"{"pattern":"a"}"#, #""a\n""#, .fails, restricting: .holds),
        .init(#"{"pattern":"a"}"#, "1", .unclear),
        // any_of
        .init(#"{"any_of":[{"equals":"a"},{"glob":"/b/*"}]}"#, #""/b/c""#, .holds),
        .init(#"{"any_of":[{"equals":"a"},{"glob":"/b/*"}]}"#, #""/c""#, .fails),
        .init(#"{"any_of":[{"equals":"a"},{"min":3}]}"#, "4", .holds),
        .init(#"{"any_of":[{"equals":"a"},{"min":3}]}"#, "2", .unclear),
        .init(#"{"any_of":[{"absent":true},{"equals":"a"}]}"#, nil, .holds),
        .init(#"{"any_of":[{"min":1,"max":2},{"min":5,"max":6}]}"#, "3", .fails),
        .init(#"{"any_of":[{"min":1,"max":2},{"min":5,"max":6}]}"#, "6", .holds),
        // several keys must all hold
        .init(#"{"glob":"/d/**","maxLength":4}"#, #""/d/a""#, .holds),
        .init(#"{"glob":"/d/**","maxLength":4}"#, #""/d/ab""#, .fails),
        // arrays mean each element
        .init(#"{"equals":"a"}"#, #"["a","a"]"#, .holds),
        .init(#"{"equals":"a"}"#, #"["a","b"]"#, .fails, restricting: .holds),
        .init(#"{"equals":"a"}"#, #"["b","c"]"#, .fails),
        .init(#"{"equals":"a"}"#, "[]", .unclear),
        .init(#"{"equals":"a"}"#, #"["a",["a"]]"#, .unclear, restricting: .holds),
        .init(#"{"equals":"a"}"#, #"["b",["a"]]"#, .fails, restricting: .unclear),
        .init(#"{"equals":"a"}"#, #"["b",7]"#, .fails, restricting: .unclear),
        .init(#"{"equals":"a"}"#, #"{"a":"a"}"#, .unclear),
    ]
}

@Suite struct ConstraintTests {
    private func truth(_ json: String, _ arguments: String, _ direction: Direction) throws -> Truth
    {
        let then = direction == .allowing ? "allow" : "ask"
        let document = try PolicyDocument(
            json: node(
                #"{"rules":[{"name":"r","tools":["db.t"],"args":\#(json),"then":"\#(then)"}]}"#
            )
        )
        let rule = try #require(document.top.rules.first)
        let condition = try ArgumentCondition.compile(
            rule.args,
            phase: .call,
            direction: direction,
            engine: engine
        )
        return condition.evaluate(ConditionFacts(arguments: try call(arguments).document.root))
    }

    @Test("one constraint on one value", arguments: ConstraintCase.all)
    func one(_ item: ConstraintCase) throws {
        let args = #"{"/x":\#(item.constraint)}"#
        let value = item.value.map { #"{"x":\#($0)}"# } ?? "{}"
        // What is not surely so stops an allowing condition at once: only `holds` matters there.
        let allowing = try truth(args, value, .allowing)
        #expect((allowing == .holds) == (item.allowing == .holds))
        if item.allowing != .holds { #expect(allowing != .holds) }
        #expect(try truth(args, value, .restricting) == item.restricting)
    }

    @Test func `all constraints of a rule must hold`() throws {
        let args = #"{"/a":{"equals":1},"/b":{"equals":2}}"#
        #expect(try truth(args, #"{"a":1,"b":2}"#, .allowing) == .holds)
        #expect(try truth(args, #"{"a":1,"b":3}"#, .allowing) == .fails)
        #expect(try truth(args, #"{"a":1}"#, .allowing) == .unclear)
        #expect(try truth(args, #"{"a":1}"#, .restricting) == .unclear)
        #expect(try truth(args, #"{"b":3}"#, .restricting) == .fails)
    }

    @Test func `a step through an array means each element, an index means one`() throws {
        let each = #"{"/edits/path":{"equals":"a"}}"#
        #expect(try truth(each, #"{"edits":[{"path":"a"},{"path":"a"}]}"#, .allowing) == .holds)
        #expect(try truth(each, #"{"edits":[{"path":"a"},{"path":"b"}]}"#, .allowing) == .fails)
        #expect(try truth(each, #"{"edits":[{"path":"a"},{}]}"#, .allowing) == .unclear)
        #expect(try truth(each, #"{"edits":[{"path":"b"},{}]}"#, .restricting) == .unclear)
        let first = #"{"/edits/0/path":{"equals":"a"}}"#
        #expect(try truth(first, #"{"edits":[{"path":"a"},{"path":"b"}]}"#, .allowing) == .holds)
        #expect(try truth(first, #"{"edits":[]}"#, .allowing) == .unclear)
    }

    @Test func `a condition on arguments does not compile for a listing`() throws {
        let document = try PolicyDocument(
            json: node(
                #"{"rules":[{"name":"r","tools":["db.t"],"args":{"/x":{"equals":1}},"then":"ask"}]}"#
            )
        )
        let rule = try #require(document.top.rules.first)
        #expect(throws: ConditionProblem.notVisible(what: "an argument", .list)) {
            try ArgumentCondition.compile(
                rule.args,
                phase: .list,
                direction: .restricting,
                engine: engine
            )
        }
        let empty = try ArgumentCondition.compile(
            .none,
            phase: .list,
            direction: .restricting,
            engine: engine
        )
        #expect(empty.needs == [])
    }
}
