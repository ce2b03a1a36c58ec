import Base
import Policy
import Testing

@testable import Gateway

@Suite("Lists that were refused again and again")
struct RefusedListsTests {
    private let refusal = Base.Refusal(code: .rateLimited, rule: "limit", agentText: "later")

    @Test func `the first has its record, those that follow are counted with its verdict`() {
        var lists = RefusedLists()
        let (ana, bob) = (principal(), principal("bob", token: "554433221100"))
        #expect(lists.verdict(counting: ana.key) == nil)
        #expect(lists.begin(ana, refusal, verdict: "v1") == true)
        for _ in 0..<1000 { #expect(lists.verdict(counting: ana.key) == "v1") }
        #expect(lists.verdict(counting: bob.key) == nil)
        #expect(lists.begin(bob, refusal, verdict: "v2") == false)
        let closed = lists.close()
        // What was refused once has its record already.
        #expect(closed.map(\.verdict) == ["v1"])
        #expect(closed.map(\.count) == [1000])
        #expect(closed.first?.principal.owner == ana.owner)
    }

    @Test func `after a minute the next is a first one again`() {
        var lists = RefusedLists()
        let ana = principal()
        #expect(lists.begin(ana, refusal, verdict: "v1") == true)
        #expect(lists.close().map(\.count) == [])
        #expect(lists.verdict(counting: ana.key) == nil)
        #expect(lists.begin(ana, refusal, verdict: "v2") == true)
        #expect(lists.verdict(counting: ana.key) == "v2")
        #expect(lists.close().map(\.count) == [1])
    }
}
