import Base
import Glibc
import JSON
import Policy
import TestKit
import Testing

/// Every cell of tier × rule × scope × taint, kept as files that people read in a diff.
///
/// `GATEHOUSE_REGENERATE=1` writes them anew and then fails.
@Suite struct GoldenVerdictTests {
    enum Tier: String, CaseIterable, Sendable {
        case t0 = "T0"
        case t1 = "T1"
        case t2 = "T2"
        case grounded = "T2 unless-grounded"
        case t3 = "T3"
        case production = "T3 production"
        case unplaced

        var statement: String? {
            switch self {
            case .t0, .t1, .t2, .t3: #""tier":"\#(rawValue)""#
            case .grounded: #""tier":"T2","ask":"unless-grounded""#
            case .production: #""tier":"T3""#
            case .unplaced: nil
            }
        }
    }

    /// The rules that speak about the call `{"x":1}`, or do not.
    static let rules: [(name: String, rules: [String])] = [
        ("none", []),
        ("allow", [allow(1)]),
        ("allow, not matching", [allow(2)]),
        ("ask", [restrict("ask", 1)]),
        ("ask, not matching", [restrict("ask", 2)]),
        ("ask-two", [restrict("ask-two", 1)]),
        ("refuse", [restrict("refuse", 1)]),
        (
            "refuse, missing argument",
            [#"{"name":"missing","tools":["db.t"],"args":{"/y":{"equals":1}},"then":"refuse"}"#]
        ),
        ("allow and ask", [allow(1), restrict("ask", 1, "/y")]),
        ("allow and refuse", [allow(1), restrict("refuse", 1, "/y")]),
    ]

    static func allow(_ x: Int) -> String {
        #"{"name":"lift","tools":["db.t"],"args":{"/x":{"equals":\#(x)}},"then":"allow"}"#
    }

    static func restrict(_ then: String, _ value: Int, _ pointer: String = "/x") -> String {
        #"{"name":"\#(then)","tools":["db.t"],"args":{"\#(pointer)":{"equals":\#(value)}},"then":"\#(then)"}"#
    }

    static let scopes = [
        "none", "inside", "outside", "grounded", "inside, grounded", "outside, grounded",
        "inside, ungrounded", "ungrounded",
    ]
    static let taints = ["none", "ask", "ask-two", "refuse"]

    private func facts(scope: String, taint: String) -> Facts {
        var facts = Facts()
        if scope.hasSuffix("ungrounded") {
            facts.scope = [.outside(.grounds, fact: "a value without ground", remedy: "name it")]
        } else if scope.hasSuffix("grounded") {
            facts.scope = [.inside(.grounds)]
        }
        if let decision = Decision(spelling: taint) {
            facts.taint = [
                TaintReason(name: "run", decision: decision, fact: "read strangers", remedy: "wait")
            ]
        }
        return facts
    }

    private func document(_ tier: Tier, _ rules: [String], _ scope: String) -> String {
        let written =
            scope.hasPrefix("inside")
            ? #","scope":{"/x":{"equals":1}}"#
            : scope.hasPrefix("outside") ? #","scope":{"/x":{"equals":2}}"# : ""
        let statement = tier.statement ?? (written.isEmpty ? nil : "")
        let tools = statement.map { text in
            #""tools":{"db.t":{\#(text.isEmpty ? String(written.dropFirst()) : text + written)}},"#
        }
        return #"{\#(tools ?? "")"rules":[\#(rules.joined(separator: ","))]}"#
    }

    private func cell(
        _ tier: Tier,
        _ rules: [String],
        _ scope: String,
        _ taint: String
    ) throws
        -> JSONObject
    {
        let context = context(isProduction: tier == .production, features: .grounds)
        let json = document(tier, rules, scope)
        guard try problems(of: json, in: context).isEmpty else {
            return ["verdict": "not loadable"]
        }
        let verdict = try judge(
            json,
            "db.t",
            #"{"x":1}"#,
            facts: facts(scope: scope, taint: taint),
            in: context
        )
        var cell: JSONObject = ["verdict": .init(verdict.decision.description)]
        if !verdict.reasons.isEmpty { cell["by"] = .array(verdict.reasons.map { .init($0.name) }) }
        if !verdict.lifted.isEmpty { cell["lifted"] = .array(verdict.lifted.map { .init($0) }) }
        return cell
    }

    @Test("judges each cell as its file says", arguments: Tier.allCases)
    func golden(_ tier: Tier) throws {
        var lines: [String] = []
        for (name, rules) in Self.rules {
            for scope in Self.scopes {
                for taint in Self.taints {
                    var line: JSONObject = [
                        "rule": .init(name), "scope": .init(scope), "taint": .init(taint),
                    ]
                    let cell = try cell(tier, rules, scope, taint)
                    for (key, value) in cell.members { line[key] = value }
                    lines.append(
                        String(decoding: JSONValue.object(line).serialised(), as: UTF8.self)
                    )
                }
            }
        }
        let text = "[\n  " + lines.joined(separator: ",\n  ") + "\n]\n"
        let file = tier.rawValue.split(separator: " ").joined(separator: "-")
        try Golden.expect(text, "policy/cells-\(file).json")
    }

    /// The same table said once more in the words of the design, by other code.
    @Test("agrees with the algebra as the design words it", arguments: Tier.allCases)
    func oracle(_ tier: Tier) throws {
        for (name, rules) in Self.rules {
            for scope in Self.scopes {
                for taint in Self.taints {
                    let cell = try cell(tier, rules, scope, taint)
                    guard let verdict = cell["verdict"], verdict != "not loadable" else { continue }
                    let place = Comment(rawValue: "\(tier.rawValue): \(name), \(scope), \(taint)")
                    #expect(verdict == .init(expected(tier, name, scope, taint).description), place)
                }
            }
        }
    }

    private func expected(
        _ tier: Tier,
        _ rule: String,
        _ scope: String,
        _ taint: String
    ) -> Decision {
        let isWritten = scope.hasPrefix("inside") || scope.hasPrefix("outside")
        let isUngrounded = scope.hasSuffix("ungrounded")
        let isGrounded = !isUngrounded && scope.hasSuffix("grounded")
        var own: Decision
        switch tier {
        case .t0: own = .allow
        case .t1:
            let isInside = isWritten ? scope.hasPrefix("inside") : isGrounded || isUngrounded
            own = isInside ? .allow : .ask
        case .t2, .unplaced: own = .ask
        case .grounded: own = isGrounded && !scope.hasPrefix("outside") ? .allow : .ask
        case .t3: own = .ask
        case .production: own = .askTwo
        }
        let lifts = rule.hasPrefix("allow") && !rule.contains("not matching")
        if lifts, tier != .t3, tier != .production { own = .allow }
        // What grounds say against a call is nothing a rule could lift.
        var said: [Decision] = [own, isUngrounded ? .ask : .allow]
        if rule.hasPrefix("ask-two") { said.append(.askTwo) }
        if rule == "ask" || rule == "allow and ask" { said.append(.ask) }
        if rule.contains("refuse") { said.append(.refuse) }
        if let decision = Decision(spelling: taint) { said.append(decision) }
        return said.max() ?? .refuse
    }
}

/// Files of expected results.
enum Golden {
    static func expect(_ text: String, _ name: String) throws {
        let path = Corpus.packageRoot + "/Tests/Golden/" + name
        if let flag = unsafe getenv("GATEHOUSE_REGENERATE"), unsafe String(cString: flag) == "1" {
            let file = unsafe fopen(path, "wb")
            if let file = unsafe file {
                let bytes = Array(text.utf8)
                _ = unsafe bytes.withUnsafeBytes { buffer in
                    unsafe fwrite(buffer.baseAddress, 1, buffer.count, file)
                }
                unsafe fclose(file)
            }
            Issue.record(
                "\(name) was written anew; read the difference and run again without GATEHOUSE_REGENERATE"
            )
            return
        }
        let kept = try #require(
            Corpus.bytes(path),
            "\(name) is missing; run with GATEHOUSE_REGENERATE=1"
        )
        let keptLines = String(decoding: kept, as: UTF8.self).split(separator: "\n")
        let lines = text.split(separator: "\n")
        for (old, new) in zip(keptLines, lines) where old != new {
            Issue.record("\(name): kept \(old), now \(new)")
            return
        }
        #expect(keptLines.count == lines.count, "\(name) has another number of lines")
    }
}
