import Approval
import Base
import Policy
import Testing

@Suite struct ApprovalBookTests {
    @Test func `one yes approves, and the yes is spent once`() {
        var book = book()
        let asked = book.handle(.asked(ask(), by: waiter(1), fresh: ticket(1)), at: at(0))
        #expect(asked.steps == [.asked])
        #expect(asked.answers == [])
        let voted = book.handle(yes(.ana), at: at(1000))
        #expect(voted.steps == [.yes(by: .ana), .approved(by: [.ana])])
        #expect(voted.replies == [.approved])
        #expect(voted.answers == ["1 approved"])
        let sent = book.handle(
            .dispatched(ticket(1), current: binding(), by: waiter(1)),
            at: at(1001)
        )
        #expect(sent.steps == [.spent])
        #expect(sent.spends == [ticket(1)])
        let again = book.handle(
            .dispatched(ticket(1), current: binding(), by: waiter(2)),
            at: at(1002)
        )
        #expect(again.spends == [])
        #expect(again.answers == ["2 unknown_outcome"])
    }

    @Test func `evidence comes before the store, and both before anybody hears`() {
        var book = book()
        _ = book.handle(.asked(ask(), by: waiter(1), fresh: ticket(1)), at: at(0))
        for event in [yes(.ana), no(.ana)] {
            var copy = book
            let kinds = copy.handle(event, at: at(1)).map { effect in
                switch effect {
                case .record, .recordGrant: 0
                case .persist, .spend, .persistGrant: 1
                case .answer, .reply, .forget, .forgetGrant, .notify, .wake: 2
                }
            }
            #expect(kinds == kinds.sorted())
        }
    }

    @Test func `held calls are let go with their tickets, and their questions wait on`() {
        var book = book()
        for number in [1, 2] as [UInt64] {
            let one = ask(binding(call: "call \(number)"))
            _ = book.handle(.asked(one, by: waiter(number), fresh: ticket(Int(number))), at: at(0))
        }
        let ended = book.handle(.holdsEnded, at: at(1))
        #expect(ended.steps == [])
        #expect(ended.answers == ["1 ticket", "2 ticket"])
        #expect(book.handle(.holdsEnded, at: at(2)).answers == [])
        #expect(book.open().count == 2)
        #expect(book.handle(yes(.ana), at: at(3)).replies == [.approved])
    }

    @Test func `two approvals from one person do not make a dual approval`() {
        var book = book()
        _ = book.handle(.asked(ask(people: 2), by: waiter(1), fresh: ticket(1)), at: at(0))
        #expect(book.handle(yes(.ana), at: at(1)).replies == [.counted(missing: 1)])
        #expect(book.handle(yes(.ana), at: at(2)).replies == [.alreadyVoted])
        let second = book.handle(yes(.bo), at: at(3))
        #expect(second.steps == [.yes(by: .bo), .approved(by: [.ana, .bo])])
        #expect(second.answers == ["1 approved"])
    }

    @Test(
        "a no ends the question, at any time before the last yes",
        arguments: [[], [PersonName.ana]]
    )
    func denied(before: [PersonName]) {
        var book = book()
        _ = book.handle(.asked(ask(people: 2), by: waiter(1), fresh: ticket(1)), at: at(0))
        for person in before { _ = book.handle(yes(person), at: at(1)) }
        let denied = book.handle(no(.bo), at: at(2))
        #expect(denied.steps == [.denied(by: .bo, reason: nil)])
        #expect(denied.answers == ["1 approval_denied"])
        #expect(
            book.handle(yes(.ana), at: at(3)).replies == [.closed(.denied(by: .bo, reason: nil))]
        )
        // The same call hears the same no until the question would have expired; then it may ask.
        let same = book.handle(.asked(ask(people: 2), by: waiter(2), fresh: ticket(2)), at: at(4))
        #expect(same.answers == ["2 approval_denied"])
        let later = book.handle(
            .asked(ask(people: 2), by: waiter(3), fresh: ticket(3)),
            at: at(600_000)
        )
        #expect(later.steps == [.asked])
    }

    @Test func `a no after the last yes comes too late`() {
        var book = book()
        _ = book.handle(.asked(ask(), by: waiter(1), fresh: ticket(1)), at: at(0))
        _ = book.handle(yes(.ana), at: at(1))
        #expect(book.handle(no(.bo), at: at(2)).replies == [.closed(.approved)])
    }

    // MARK: Who may answer

    @Test func `the owner does not approve their own agent, but may stop it`() {
        var book = book()
        _ = book.handle(.asked(ask(), by: waiter(1), fresh: ticket(1)), at: at(0))
        #expect(book.handle(yes(.owner), at: at(1)).replies == [.ownRequest])
        #expect(book.handle(no(.owner), at: at(2)).answers == ["1 approval_denied"])
    }

    @Test(
        "self-approval is for those who wrote it, and never at T3",
        arguments: [
            (false, RiskTier.destructive, false), (true, .destructive, true),
            (true, .scopedWrite, true),
            (true, .execute, false), (false, .execute, false),
        ]
    )
    func selfApproval(_ isOn: Bool, _ tier: RiskTier, _ isTaken: Bool) {
        var book = book(settings: ApprovalSettings(allowsSelfApproval: isOn))
        _ = book.handle(.asked(ask(tier: tier), by: waiter(1), fresh: ticket(1)), at: at(0))
        #expect(book.handle(yes(.owner), at: at(1)).replies == [isTaken ? .approved : .ownRequest])
    }

    @Test func `who is no approver, or sees another tenant, hears of no ticket`() {
        var book = ApprovalBook(
            approvers: [
                Approver(person: .ana),
                Approver(person: .bo, tenants: [TenantID(unchecked: "shop")]),
            ]
        )
        _ = book.handle(.asked(ask(), by: waiter(1), fresh: ticket(1)), at: at(0))
        #expect(book.handle(yes(.cy), at: at(1)).replies == [.unknownTicket])
        #expect(book.handle(yes(.bo), at: at(1)).replies == [.unknownTicket])
        #expect(book.handle(yes(.ana, 7), at: at(1)).replies == [.unknownTicket])
        #expect(book.question(ticket(1), seenBy: [TenantID(unchecked: "shop")]) == nil)
        #expect(book.question(ticket(1), seenBy: [.main]) != nil)
    }

    @Test(
        "without enough approvers the answer is no at once, and says so",
        arguments: [
            ([], 1), ([PersonName.owner], 1), ([.ana], 2), ([.ana, .owner], 2),
        ]
    )
    func tooFew(_ approvers: [PersonName], _ people: Int) {
        var book = book(approvers: approvers)
        let asked = book.handle(
            .asked(ask(people: people), by: waiter(1), fresh: ticket(1)),
            at: at(0)
        )
        #expect(asked.answers == ["1 approval_unavailable"])
        #expect(asked.steps == [])
        guard case .answer(_, .refused(let refusal)) = asked.first else { return }
        #expect(refusal.agentText.contains("gatehouse approvers add"))
    }

    @Test func `the yes of somebody who is no approver any more does not count`() {
        var book = book()
        _ = book.handle(.asked(ask(), by: waiter(1), fresh: ticket(1)), at: at(0))
        _ = book.handle(yes(.ana), at: at(1))
        let changed = book.handle(.approversChanged([Approver(person: .bo)]), at: at(2))
        #expect(changed.steps == [.voteVoid(of: .ana)])
        let sent = book.handle(.dispatched(ticket(1), current: binding(), by: waiter(1)), at: at(3))
        #expect(sent.spends == [])
        #expect(book.handle(yes(.bo), at: at(4)).replies == [.approved])
    }

    // MARK: Ends

    @Test func `a reset of approvers ends waiting questions and unspent yeses`() {
        var book = book()
        _ = book.handle(.asked(ask(), by: waiter(1), fresh: ticket(1)), at: at(0))
        _ = book.handle(.asked(ask(binding(call: "2")), by: waiter(2), fresh: ticket(2)), at: at(0))
        _ = book.handle(yes(.ana, 2), at: at(1))
        let reset = book.handle(.approversReset, at: at(2))
        #expect(reset.steps == [.withdrawn(.approversReset), .withdrawn(.approversReset)])
        #expect(reset.answers == ["1 approval_unavailable"])
        #expect(book.open().isEmpty)
    }

    @Test(
        "revocation ends what it names and nothing else",
        arguments: [
            (nil as String?, nil as String?, 0), ("main", nil, 1), ("main", "agent", 2),
            ("shop", "agent", 3),
        ]
    )
    func revoked(_ tenant: String?, _ principal: String?, _ left: Int) {
        var book = book()
        let bindings = [binding(), binding(principal: "other"), binding(tenant: "shop", )]
        for (index, binding) in bindings.enumerated() {
            let number = index + 1
            _ = book.handle(
                .asked(ask(binding), by: waiter(UInt64(number)), fresh: ticket(number)),
                at: at(0)
            )
        }
        let revoked = book.handle(
            .revoked(
                tenant.map { TenantID(unchecked: $0) },
                principal.map { PrincipalName(unchecked: $0) }
            ),
            at: at(1)
        )
        let expected = tenant == "shop" ? 2 : left
        #expect(book.open().count == expected)
        #expect(revoked.answers.allSatisfy { $0.hasSuffix(" revoked") })
    }
}
