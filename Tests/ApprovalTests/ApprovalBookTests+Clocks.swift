import Approval
import Base
import Policy
import Testing

/// The two clocks of a question, and calls that come back to it.
extension ApprovalBookTests {
    // MARK: Two clocks

    @Test func `a held call gets its ticket after 50 seconds and no earlier`() {
        var book = book()
        let asked = book.handle(.asked(ask(), by: waiter(1), fresh: ticket(1)), at: at(0))
        #expect(asked.wakes == [at(50_000).instant])
        #expect(book.handle(.ticked, at: at(49_999)).answers == [])
        // A timer that came early is set again.
        #expect(book.handle(.ticked, at: at(49_999)).wakes == [at(50_000).instant])
        let held = book.handle(.ticked, at: at(50_000))
        #expect(held.answers == ["1 ticket"])
        #expect(held.wakes == [at(600_000).instant])
        #expect(held.steps == [])
    }

    @Test func `a question expires after ten minutes and no earlier, and the answer is no`() {
        var book = book()
        _ = book.handle(.asked(ask(), by: waiter(1), fresh: ticket(1)), at: at(0))
        _ = book.handle(.asked(ask(), by: waiter(2), fresh: ticket(2)), at: at(599_990))
        #expect(book.handle(.ticked, at: at(599_999)).answers == [])
        let expired = book.handle(.ticked, at: at(600_000))
        #expect(expired.steps == [.expired])
        #expect(expired.answers == ["2 approval_expired"])
        #expect(book.handle(yes(.ana), at: at(600_001)).replies == [.unknownTicket])
    }

    @Test func `a vote at the moment of expiry is too late`() {
        var book = book()
        _ = book.handle(.asked(ask(), by: waiter(1), fresh: ticket(1)), at: at(0))
        let late = book.handle(yes(.ana), at: at(600_000))
        #expect(late.steps == [.expired])
        #expect(late.replies == [.unknownTicket])
    }

    @Test func `a yes that nobody collects expires`() {
        var book = book()
        _ = book.handle(.asked(ask(), by: waiter(1), fresh: ticket(1)), at: at(0))
        _ = book.handle(.detached(waiter(1)), at: at(1))
        _ = book.handle(yes(.ana), at: at(2))
        let late = book.handle(
            .dispatched(ticket(1), current: binding(), by: waiter(2)),
            at: at(600_000)
        )
        #expect(late.steps == [.expired])
        #expect(late.spends == [])
        #expect(late.answers == ["2 approval_required"])
    }

    @Test func `a wall clock set back keeps no question alive`() {
        var book = book()
        _ = book.handle(.asked(ask(), by: waiter(1), fresh: ticket(1)), at: at(0))
        let odd = Moment(instant: at(600_000).instant, timestamp: at(-3_600_000).timestamp)
        #expect(book.handle(.ticked, at: odd).steps == [.expired])
    }

    // MARK: Coming back

    @Test func `a wall clock set forward ends a question early, never late`() {
        var book = book()
        _ = book.handle(.asked(ask(), by: waiter(1), fresh: ticket(1)), at: at(0))
        _ = book.handle(yes(.ana), at: at(1))
        let jumped = Moment(instant: at(2).instant, timestamp: at(600_000).timestamp)
        let effects = book.handle(
            .dispatched(ticket(1), current: binding(), by: waiter(1)),
            at: jumped
        )
        #expect(effects.steps == [.expired])
        #expect(effects.spends == [])
    }

    @Test func `a clock set back while nothing ran ends what waits, and what a yes was for`() {
        var first = book()
        for number in 1...2 {
            let call = binding(call: "\(number)")
            _ = first.handle(
                .asked(ask(call), by: waiter(UInt64(number)), fresh: ticket(number)),
                at: at(0)
            )
        }
        _ = first.handle(yes(.ana, 2), at: at(1))
        let back = Moment(instant: at(10).instant, timestamp: at(-3_600_000).timestamp)
        for (isLost, steps) in [(true, [ApprovalRecord.Step.expired, .expired]), (false, [])] {
            var later = ApprovalBook(
                approvers: [Approver(person: .ana)],
                restoring: first.open(),
                at: back,
                isTimeLost: isLost
            )
            #expect(later.handle(.ticked, at: back).steps == steps)
            #expect(later.open().isEmpty == isLost)
            // Not told of it, it lives no longer than a question ever does.
            let end = Moment(instant: at(600_010).instant, timestamp: at(-3_000_000).timestamp)
            _ = later.handle(.ticked, at: end)
            #expect(later.open().isEmpty)
        }
    }

    @Test func `a revoked credential ends its questions and leaves the owner's others`() {
        var book = book()
        for (number, credential) in [(1, "stolen"), (2, "kept")] {
            let binding = binding(credential: credential)
            _ = book.handle(
                .asked(ask(binding), by: waiter(UInt64(number)), fresh: ticket(number)),
                at: at(0)
            )
        }
        #expect(book.waiting().count == 2, "one call, two credentials: two questions")
        let main = TenantID(unchecked: "main")
        let effects = book.handle(.credentialRevoked(main, "stolen"), at: at(1))
        #expect(effects.steps == [.withdrawn(.revoked)])
        #expect(effects.answers == ["1 revoked"])
        #expect(book.waiting().map(\.ticket) == [ticket(2)])
        let other = TenantID(unchecked: "other")
        #expect(book.handle(.credentialRevoked(other, "kept"), at: at(2)).steps == [])
    }

    @Test func `a yes is not spent by another credential of the same owner`() {
        var book = book()
        _ = book.handle(.asked(ask(), by: waiter(1), fresh: ticket(1)), at: at(0))
        _ = book.handle(yes(.ana), at: at(1))
        let theirs = binding(credential: "other")
        let effects = book.handle(
            .dispatched(ticket(1), current: theirs, by: waiter(2)),
            at: at(2)
        )
        #expect(effects.spends == [])
        #expect(effects.answers == ["2 approval_required"])
    }

    @Test func `a no says what the person said, on one line and cut`() throws {
        var book = book()
        _ = book.handle(.asked(ask(), by: waiter(1), fresh: ticket(1)), at: at(0))
        let ballot = Ballot(
            ticket: ticket(1),
            person: .ana,
            isYes: false,
            revision: 1,
            reason: "use\nanother table" + String(repeating: "!", count: 600)
        )
        for effect in book.handle(.voted(ballot), at: at(1)) {
            guard case .answer(_, .refused(let refusal)) = effect else { continue }
            #expect(refusal.agentText.contains("and says: use"))
            #expect(refusal.agentText.contains("another table!"))
            #expect(!refusal.agentText.contains("\n"))
            #expect(refusal.agentText.utf8.count < 800)
        }
        let again = book.handle(.asked(ask(), by: waiter(2), fresh: ticket(2)), at: at(2))
        #expect(again.answers == ["2 approval_denied"])
    }

    @Test func `the same call comes back, waits on and collects the yes`() {
        var book = book()
        _ = book.handle(.asked(ask(), by: waiter(1), fresh: ticket(1)), at: at(0))
        _ = book.handle(.ticked, at: at(50_000))
        let back = book.handle(.asked(ask(), by: waiter(2), fresh: ticket(2)), at: at(60_000))
        #expect(back.steps == [])
        #expect(book.handle(.ticked, at: at(109_999)).answers == [])
        #expect(book.handle(.ticked, at: at(110_000)).answers == ["2 ticket"])
        _ = book.handle(yes(.ana), at: at(111_000))
        let collected = book.handle(.asked(ask(), by: waiter(3), fresh: ticket(3)), at: at(112_000))
        #expect(collected.answers == ["3 approved"])
        #expect(book.open().map(\.ticket) == [ticket(1)])
    }

    @Test func `a call sent twice: the newer one waits, the older gets the ticket`() {
        var book = book()
        _ = book.handle(.asked(ask(), by: waiter(1), fresh: ticket(1)), at: at(0))
        let second = book.handle(.asked(ask(), by: waiter(2), fresh: ticket(2)), at: at(1))
        #expect(second.answers == ["1 ticket"])
        #expect(book.handle(yes(.ana), at: at(2)).answers == ["2 approved"])
    }

    @Test(
        "another call, another principal or another tenant is another question",
        arguments: [
            binding(call: #"{"x":1}"#), binding(principal: "other"), binding(tenant: "shop"),
        ]
    )
    func other(_ other: Binding) {
        var book = book()
        _ = book.handle(.asked(ask(), by: waiter(1), fresh: ticket(1)), at: at(0))
        _ = book.handle(yes(.ana), at: at(1))
        let asked = book.handle(.asked(ask(other), by: waiter(2), fresh: ticket(2)), at: at(2))
        #expect(asked.steps == [.asked])
        #expect(asked.answers == [])
    }

    @Test func `a lost connection loses nothing, a cancelled call ends its question`() {
        var book = book()
        _ = book.handle(.asked(ask(), by: waiter(1), fresh: ticket(1)), at: at(0))
        #expect(book.handle(.detached(waiter(1)), at: at(1)) == [.wake(at: at(600_000).instant)])
        #expect(book.waiting().count == 1)
        _ = book.handle(.asked(ask(), by: waiter(2), fresh: ticket(2)), at: at(2))
        let cancelled = book.handle(.cancelled(waiter(2)), at: at(3))
        #expect(cancelled.steps == [.withdrawn(.cancelled)])
        #expect(cancelled.answers == [])
        #expect(book.waiting().isEmpty)
        #expect(book.handle(yes(.ana), at: at(4)).replies == [.unknownTicket])
    }
}
