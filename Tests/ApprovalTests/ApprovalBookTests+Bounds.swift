import Approval
import Base
import Policy
import Testing

/// A policy that changes under a question, and how many may wait.
extension ApprovalBookTests {
    // MARK: Reload

    @Test func `a new policy is shown anew, and earlier votes were for the old one`() {
        var book = book()
        _ = book.handle(.asked(ask(people: 2), by: waiter(1), fresh: ticket(1)), at: at(0))
        _ = book.handle(yes(.ana), at: at(1))
        let judgement = Rejudgement.ask(
            people: 1,
            tier: .destructive,
            reasons: ["new"],
            causes: ["new"],
            policy: digest("new"),
            pin: digest("pin")
        )
        #expect(book.handle(.rejudged(ticket(1), judgement), at: at(2)).steps == [.judgedAnew])
        #expect(book.handle(.rejudged(ticket(1), judgement), at: at(2)) == [])
        #expect(book.handle(yes(.bo), at: at(3)).replies == [.stale(revision: 2)])
        #expect(book.handle(yes(.bo, revision: 2), at: at(4)).answers == ["1 approved"])
        let sent = book.handle(
            .dispatched(ticket(1), current: binding(policy: "new"), by: waiter(1)),
            at: at(5)
        )
        #expect(sent.spends == [ticket(1)])
    }

    @Test func `what the new policy allows or refuses needs nobody any more`() {
        var allowed = book()
        _ = allowed.handle(.asked(ask(), by: waiter(1), fresh: ticket(1)), at: at(0))
        var refused = allowed
        #expect(
            allowed.handle(.rejudged(ticket(1), .allowed), at: at(1)).answers == ["1 judge again"]
        )
        let refusal = Refusal(code: .rule, rule: "r", agentText: "no")
        #expect(
            refused.handle(.rejudged(ticket(1), .refused(refusal)), at: at(1)).answers == ["1 rule"]
        )
        #expect(allowed.waiting().isEmpty && refused.waiting().isEmpty)
    }

    // MARK: Bounds

    @Test func `the tenth question of an agent is asked, the eleventh is not`() {
        var book = book()
        for number in 1...10 {
            let asked = book.handle(
                .asked(
                    ask(binding(call: "\(number)")),
                    by: waiter(UInt64(number)),
                    fresh: ticket(number)
                ),
                at: at(0)
            )
            #expect(asked.steps == [.asked])
        }
        let eleventh = book.handle(
            .asked(ask(binding(call: "11")), by: waiter(11), fresh: ticket(11)),
            at: at(0)
        )
        #expect(eleventh.answers == ["11 approval_unavailable"])
        // One that waits already may come back, and another agent may ask.
        let back = book.handle(
            .asked(ask(binding(call: "1")), by: waiter(12), fresh: ticket(12)),
            at: at(1)
        )
        #expect(back.answers == ["1 ticket"])
        let other = book.handle(
            .asked(ask(binding(principal: "other")), by: waiter(13), fresh: ticket(13)),
            at: at(1)
        )
        #expect(other.steps == [.asked])
        _ = book.handle(no(.ana, 1), at: at(2))
        let freed = book.handle(
            .asked(ask(binding(call: "11")), by: waiter(14), fresh: ticket(14)),
            at: at(3)
        )
        #expect(freed.steps == [.asked])
    }

    @Test func `the 200th question of a tenant is asked, the 201st is not, another tenant's is`() {
        var book = book()
        for number in 1...200 {
            let asked = book.handle(
                .asked(
                    ask(binding(call: "\(number)", principal: "p\(number % 20)")),
                    by: waiter(UInt64(number)),
                    fresh: ticket(number)
                ),
                at: at(0)
            )
            #expect(asked.steps == [.asked])
        }
        let over = book.handle(
            .asked(ask(binding(principal: "fresh")), by: waiter(201), fresh: ticket(201)),
            at: at(0)
        )
        #expect(over.answers == ["201 approval_unavailable"])
        let shop = book.handle(
            .asked(ask(binding(tenant: "shop")), by: waiter(202), fresh: ticket(202)),
            at: at(0)
        )
        #expect(shop.steps == [.asked])
    }

    @Test func `64 KiB of arguments can be reviewed, one byte more cannot`() {
        var book = book()
        let text = String(repeating: "a", count: 65_536)
        #expect(
            book.handle(.asked(ask(callForm: text), by: waiter(1), fresh: ticket(1)), at: at(0))
                .steps == [.asked]
        )
        let over = ask(binding(call: "over"), callForm: text + "a")
        #expect(
            book.handle(.asked(over, by: waiter(2), fresh: ticket(2)), at: at(0)).answers == [
                "2 not_reviewable"
            ]
        )
    }
}
