import Base
import Crypto
import JSON
import Policy
import TestKit
import Testing

@Suite struct LimitBookTests {
    private let ana = LimitSubject(tenant: .main, principal: PrincipalName(unchecked: "ana"))
    private let bo = LimitSubject(tenant: .main, principal: PrincipalName(unchecked: "bo"))

    private func at(_ milliseconds: UInt64) -> Instant {
        Instant(nanoseconds: 1_000_000_000_000 + milliseconds * 1_000_000)
    }

    private func limited(_ limit: String, _ name: String = "files.read") throws -> ToolPolicy {
        try policy(#"{"tools":{"files.read":{"tier":"T0"}},"limits":[\#(limit)]}"#, for: name)
    }

    private func admit(
        _ book: inout LimitBook,
        _ policy: ToolPolicy,
        _ subject: LimitSubject,
        _ arguments: String = "{}",
        at now: Instant
    ) throws -> LimitAnswer {
        let call = try call(arguments)
        return book.admit(
            call,
            digest: hashing.sha256(call.bytes),
            of: subject,
            under: policy,
            at: now
        )
    }

    private func kind(_ answer: LimitAnswer) -> LimitExcess.Kind? {
        guard case .exceeded(let excess) = answer else { return nil }
        return excess.kind
    }

    @Test func `the last call of a rate is admitted and the next is told when to come back`() throws
    {
        let policy = try limited(#"{"per":"agent","calls":"600/min"}"#)
        var book = LimitBook()
        for index in 0..<600 {
            #expect(try admit(&book, policy, ana, at: at(UInt64(index))) == .within)
        }
        let answer = try admit(&book, policy, ana, at: at(600))
        guard case .exceeded(let excess) = answer else {
            Issue.record("admitted")
            return
        }
        #expect(excess.kind == .calls)
        #expect(excess.limit == "600/min calls per agent")
        let wait = try #require(excess.retryAfter)
        #expect(wait > .zero && wait <= .seconds(64))
        let later = at(600).advanced(by: wait)
        #expect(
            kind(try admit(&book, policy, ana, at: later.advanced(by: .milliseconds(-1)))) == .calls
        )
        #expect(try admit(&book, policy, ana, at: later) == .within)
        // Another agent has its own count.
        #expect(try admit(&book, policy, bo, at: at(600)) == .within)
    }

    @Test("no stretch of the period ever holds more than the limit", arguments: 0..<10)
    func never(seed: UInt64) throws {
        var random = Seeded(seed)
        let policy = try limited(#"{"per":"agent","calls":"20/s"}"#)
        var book = LimitBook()
        var now: UInt64 = 0
        var admitted: [UInt64] = []
        for _ in 0..<3000 {
            now += UInt64.random(in: 0...60, using: &random)
            if try admit(&book, policy, ana, at: at(now)) == .within { admitted.append(now) }
        }
        for (index, first) in admitted.enumerated() where index + 20 < admitted.count {
            #expect(admitted[index + 20] - first >= 1000, "seed \(seed) at \(first)")
        }
        // And it is no stricter than one sixteenth of the period over.
        #expect(Double(admitted.count) > Double(now) / 1000 * 20 * 0.80)
    }

    @Test(
        "a tenant's limit counts all its agents, an agent's does not",
        arguments: [
            ("agent", false), ("agent+tool", false), ("agent+server", false),
            ("tenant", true), ("tenant+tool", true), ("tenant+server", true),
        ]
    )
    func together(_ per: String, _ isTogether: Bool) throws {
        let policy = try limited(#"{"per":"\#(per)","calls":"1/h"}"#)
        var book = LimitBook()
        #expect(try admit(&book, policy, ana, at: at(0)) == .within)
        #expect(try (admit(&book, policy, bo, at: at(0)) != .within) == isTogether)
    }

    @Test(
        "what is counted together",
        arguments: [
            ("agent", false, false), ("agent+server", false, true), ("agent+tool", true, true),
        ]
    )
    func targets(_ per: String, _ toolIsFree: Bool, _ serverIsFree: Bool) throws {
        let json = #"{"limits":[{"per":"\#(per)","calls":"1/h"}]}"#
        var book = LimitBook()
        #expect(try admit(&book, policy(json, for: "files.a"), ana, at: at(0)) == .within)
        #expect(
            try (admit(&book, policy(json, for: "files.b"), ana, at: at(0)) == .within)
                == toolIsFree
        )
        var other = LimitBook()
        _ = try admit(&other, policy(json, for: "files.a"), ana, at: at(0))
        #expect(
            try (admit(&other, policy(json, for: "db.a"), ana, at: at(0)) == .within)
                == serverIsFree
        )
    }

    @Test func `identical calls are stopped, different ones are not`() throws {
        let policy = try limited(#"{"per":"agent+tool","identical":"5/min"}"#)
        var book = LimitBook()
        for _ in 0..<5 {
            #expect(try admit(&book, policy, ana, #"{"q":1.0}"#, at: at(0)) == .within)
        }
        #expect(kind(try admit(&book, policy, ana, #"{"q":1}"#, at: at(1))) == .identical)
        #expect(try admit(&book, policy, ana, #"{"q":2}"#, at: at(1)) == .within)
        #expect(try admit(&book, policy, bo, #"{"q":1}"#, at: at(1)) == .within)
        #expect(try admit(&book, policy, ana, #"{"q":1}"#, at: at(64_000)) == .within)
    }

    @Test func `a limit with arguments counts only calls that may have them`() throws {
        let policy = try limited(#"{"per":"agent","calls":"1/h","args":{"/to":{"equals":"all"}}}"#)
        var book = LimitBook()
        #expect(try admit(&book, policy, ana, #"{"to":"one"}"#, at: at(0)) == .within)
        #expect(try admit(&book, policy, ana, #"{"to":"one"}"#, at: at(0)) == .within)
        #expect(try admit(&book, policy, ana, #"{"to":"all"}"#, at: at(0)) == .within)
        // Missing or of another kind: it counts.
        #expect(kind(try admit(&book, policy, ana, "{}", at: at(0))) == .calls)
        #expect(kind(try admit(&book, policy, ana, #"{"to":7}"#, at: at(0))) == .calls)
        #expect(try admit(&book, policy, ana, #"{"to":"one"}"#, at: at(0)) == .within)
    }

    @Test func `a call that one limit refuses is counted by none`() throws {
        let policy = try limited(
            #"{"per":"agent","calls":"3/h"},{"per":"agent","calls":"1/s","args":{"/x":{"equals":1}}}"#
        )
        var book = LimitBook()
        #expect(try admit(&book, policy, ana, #"{"x":1}"#, at: at(0)) == .within)
        for _ in 0..<10 {
            #expect(kind(try admit(&book, policy, ana, #"{"x":1}"#, at: at(1))) == .calls)
        }
        #expect(try admit(&book, policy, ana, #"{"x":2}"#, at: at(2)) == .within)
        #expect(try admit(&book, policy, ana, #"{"x":2}"#, at: at(2)) == .within)
        #expect(kind(try admit(&book, policy, ana, #"{"x":2}"#, at: at(2))) == .calls)
    }

    @Test func `eight may run at once, the ninth waits for an end`() throws {
        let policy = try limited(#"{"per":"agent","concurrent":8}"#)
        var book = LimitBook()
        let call = try call("{}")
        var leases: [LimitLease] = []
        for _ in 0..<8 { leases.append(try book.begin(call, of: ana, under: policy).get()) }
        #expect(throws: LimitExcessError.self) {
            try book.begin(call, of: ana, under: policy).get()
        }
        #expect(kind(try admit(&book, policy, ana, at: at(0))) == .concurrent)
        #expect(throws: Never.self) { try book.begin(call, of: bo, under: policy).get() }
        book.end(leases[0])
        #expect(try admit(&book, policy, ana, at: at(0)) == .within)
        #expect(throws: Never.self) { try book.begin(call, of: ana, under: policy).get() }
    }

    @Test func `counts outlive a reload of the same limit`() throws {
        var book = LimitBook()
        let before = try limited(#"{"per":"agent","calls":"1/h"}"#)
        #expect(try admit(&book, before, ana, at: at(0)) == .within)
        let after = try limited(#"{"per":"agent","calls":"9/h"},{"per":"agent","calls":"1/h"}"#)
        #expect(kind(try admit(&book, after, ana, at: at(0))) == .calls)
    }

    @Test func `the book of one tenant is bounded, and no other tenant fills it`() throws {
        let policy = try limited(#"{"per":"agent","calls":"1/min"}"#)
        var book = LimitBook()
        for index in 0..<LimitBook.windowCount {
            let subject = LimitSubject(
                tenant: .main,
                principal: PrincipalName(unchecked: "p\(index)")
            )
            #expect(try admit(&book, policy, subject, at: at(0)) == .within)
        }
        #expect(kind(try admit(&book, policy, ana, at: at(0))) == .bookFull)
        let other = LimitSubject(tenant: TenantID(unchecked: "shop"), principal: ana.principal)
        #expect(try admit(&book, policy, other, at: at(0)) == .within)
        // Once a window holds nothing any more it makes room.
        #expect(try admit(&book, policy, ana, at: at(64_000)) == .within)
    }

    @Test func `whoever takes a forgotten window counts alone in it`() throws {
        let policy = try limited(#"{"per":"agent","calls":"2/s"}"#)
        var book = LimitBook()
        #expect(try admit(&book, policy, ana, at: at(0)) == .within)
        for index in 1..<LimitBook.windowCount {
            let subject = LimitSubject(
                tenant: .main,
                principal: PrincipalName(unchecked: "p\(index)")
            )
            #expect(try admit(&book, policy, subject, at: at(0)) == .within)
        }
        // The window of ana, the oldest, goes to bo; the next oldest then goes to ana.
        for _ in 0..<2 { #expect(try admit(&book, policy, bo, at: at(9_000)) == .within) }
        for _ in 0..<2 { #expect(try admit(&book, policy, ana, at: at(9_000)) == .within) }
        #expect(kind(try admit(&book, policy, bo, at: at(9_000))) == .calls)
        #expect(kind(try admit(&book, policy, ana, at: at(9_000))) == .calls)
    }

    @Test func `however many callers run something, none of their calls is forgotten`() throws {
        let policy = try limited(#"{"per":"agent","concurrent":1}"#)
        var book = LimitBook()
        let call = try call("{}")
        let subjects = (0..<LimitBook.windowCount + 2).map { index in
            LimitSubject(tenant: .main, principal: PrincipalName(unchecked: "p\(index)"))
        }
        let leases = try subjects.map { try book.begin(call, of: $0, under: policy).get() }
        for subject in [subjects[0], subjects[LimitBook.windowCount + 1]] {
            #expect(throws: LimitExcessError.self) {
                try book.begin(call, of: subject, under: policy).get()
            }
        }
        for lease in leases { book.end(lease) }
        // Ended calls make room for callers nobody knew, and leave none behind.
        for subject in [ana, subjects[0]] {
            #expect(throws: Never.self) { try book.begin(call, of: subject, under: policy).get() }
        }
        #expect(kind(try admit(&book, policy, subjects[0], at: at(0))) == .concurrent)
    }

    @Test func `a flood of different calls does not grow the table of identical ones`() throws {
        let policy = try limited(#"{"per":"agent","identical":"1/d"}"#)
        var book = LimitBook()
        for index in 0..<LimitBook.identicalCount + 1 {
            #expect(try admit(&book, policy, ana, #"{"i":\#(index)}"#, at: at(0)) == .within)
        }
        // The oldest was forgotten, the newest was not.
        #expect(try admit(&book, policy, ana, #"{"i":0}"#, at: at(0)) == .within)
        #expect(
            kind(try admit(&book, policy, ana, #"{"i":\#(LimitBook.identicalCount)}"#, at: at(0)))
                == .identical
        )
    }

    @Test func `after two such floods each of the newest calls is still known`() throws {
        let policy = try limited(#"{"per":"agent","identical":"1/d"}"#)
        var book = LimitBook()
        let count = LimitBook.identicalCount * 3
        for index in 0..<count {
            #expect(try admit(&book, policy, ana, #"{"i":\#(index)}"#, at: at(0)) == .within)
        }
        for index in stride(from: count - LimitBook.identicalCount, to: count, by: 7) {
            #expect(
                kind(try admit(&book, policy, ana, #"{"i":\#(index)}"#, at: at(0))) == .identical
            )
        }
    }

    @Test func `an exceeded limit refuses and says when to come back`() throws {
        var facts = Facts()
        facts.limits = .exceeded(
            LimitExcess(kind: .calls, limit: "1/h calls per agent", retryAfter: .milliseconds(1500))
        )
        let verdict = try judge(
            #"{"tools":{"files.read":{"tier":"T0"}}}"#,
            "files.read",
            "{}",
            facts: facts
        )
        guard case .refuse(let refusal) = verdict.outcome else {
            Issue.record("not refused")
            return
        }
        #expect(refusal.code == .rateLimited)
        #expect(refusal.agentText.contains("try again in 2 s"))
    }

    @Test(
        "a rate is a number, a slash and a unit",
        arguments: ["1/s", "600/min", "1000000000/d", "5/h"]
    )
    func rate(_ text: String) { #expect(Rate(text)?.description == text) }

    @Test(
        "and nothing else",
        arguments: [
            "", "/s", "1/", "01/s", "-1/s", "1.5/s", "1000000001/s", "1/sec", "1 / s",
            "99999999999999999999/s",
        ]
    )
    func noRate(_ text: String) { #expect(Rate(text) == nil) }
}
