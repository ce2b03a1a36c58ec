import Approval
import Base
import Policy
import Testing

/// What is read again before a call is sent, and what its end does to the question.
extension ApprovalBookTests {
    // MARK: Re-reading before dispatch

    @Test(
        "whatever was bound and changed voids the yes",
        arguments: [
            (binding(policy: "new"), [BoundPart.policy]), (binding(pin: "new"), [.pin]),
            (binding(call: "new"), [.callForm]),
            (binding(policy: "new", pin: "new"), [.pin, .policy]),
        ]
    )
    func changed(_ current: Binding, _ parts: [BoundPart]) {
        var book = book()
        _ = book.handle(.asked(ask(), by: waiter(1), fresh: ticket(1)), at: at(0))
        _ = book.handle(yes(.ana), at: at(1))
        let sent = book.handle(.dispatched(ticket(1), current: current, by: waiter(1)), at: at(2))
        #expect(sent.steps == [.changed(parts)])
        #expect(sent.spends == [])
        #expect(sent.answers == ["1 changed_since_judged"])
        // Not even as it was.
        let again = book.handle(
            .dispatched(ticket(1), current: binding(), by: waiter(1)),
            at: at(3)
        )
        #expect(again.spends == [])
    }

    @Test(
        "another principal's ticket looks like none",
        arguments: [
            binding(principal: "other"), binding(tenant: "shop"),
        ]
    )
    func foreign(_ current: Binding) {
        var book = book()
        _ = book.handle(.asked(ask(), by: waiter(1), fresh: ticket(1)), at: at(0))
        _ = book.handle(yes(.ana), at: at(1))
        let foreign = book.handle(
            .dispatched(ticket(1), current: current, by: waiter(5)),
            at: at(2)
        )
        let unknown = book.handle(
            .dispatched(ticket(9), current: current, by: waiter(5)),
            at: at(2)
        )
        #expect(foreign == unknown)
        #expect(book.state(of: ticket(1), for: current.principal, of: current.tenant) == nil)
        #expect(book.state(of: ticket(9), for: current.principal, of: current.tenant) == nil)
        #expect(book.state(of: ticket(1), for: binding().principal, of: .main) == .approved)
    }

    @Test func `an environment or server that changed is named`() {
        var current = binding()
        current.environment = EnvironmentName(unchecked: "production")
        current.tool = ToolReference(server: ServerName(unchecked: "x"), tool: current.tool.tool)
        #expect(binding().differences(from: current) == [.environment, .server])
        #expect(binding().differences(from: binding()) == [])
    }

    // MARK: After the yes is spent

    @Test func `an unknown outcome is never open again and blocks a blind retry`() {
        var book = book()
        _ = book.handle(.asked(ask(), by: waiter(1), fresh: ticket(1)), at: at(0))
        _ = book.handle(yes(.ana), at: at(1))
        _ = book.handle(.dispatched(ticket(1), current: binding(), by: waiter(1)), at: at(2))
        #expect(book.handle(.ended(ticket(1), isKnown: false), at: at(3)).steps == [.unknown])
        #expect(book.handle(yes(.bo), at: at(4)).replies == [.closed(.unknown)])
        let retry = book.handle(.asked(ask(), by: waiter(2), fresh: ticket(2)), at: at(5))
        #expect(retry.answers == ["2 unknown_outcome"])
        #expect(book.handle(.spendFailed(ticket(1)), at: at(6)).isEmpty)
        let later = book.handle(.asked(ask(), by: waiter(3), fresh: ticket(3)), at: at(600_000))
        #expect(later.steps == [.asked])
    }

    @Test func `a known outcome closes the question, and the same call asks anew`() {
        var book = book()
        _ = book.handle(.asked(ask(), by: waiter(1), fresh: ticket(1)), at: at(0))
        _ = book.handle(yes(.ana), at: at(1))
        _ = book.handle(.dispatched(ticket(1), current: binding(), by: waiter(1)), at: at(2))
        let running = book.handle(.asked(ask(), by: waiter(2), fresh: ticket(2)), at: at(3))
        #expect(running.answers == ["2 unknown_outcome"])
        #expect(
            book.handle(.ended(ticket(1), isKnown: true), at: at(4)).contains(
                .forget(.main, ticket(1))
            )
        )
        let again = book.handle(.asked(ask(), by: waiter(3), fresh: ticket(3)), at: at(5))
        #expect(again.steps == [.asked])
    }

    @Test func `a transaction that surely did not happen leaves the yes unspent`() {
        var book = book()
        _ = book.handle(.asked(ask(), by: waiter(1), fresh: ticket(1)), at: at(0))
        _ = book.handle(yes(.ana), at: at(1))
        _ = book.handle(.dispatched(ticket(1), current: binding(), by: waiter(1)), at: at(2))
        #expect(book.handle(.spendFailed(ticket(1)), at: at(3)).steps == [.spendFailed])
        let sent = book.handle(.dispatched(ticket(1), current: binding(), by: waiter(2)), at: at(4))
        #expect(sent.spends == [ticket(1)])
    }

    private static let gone = Refusal(code: .changed, rule: "policy", agentText: "refused: gone")

    /// A yes that is being spent is not open, so that what ends open ones passes it by.
    @Test(
        "what ended a yes while it was being spent holds when the spend fails",
        arguments: [
            (ApprovalEvent.approversReset, ApprovalRecord.Step.withdrawn(.approversReset)),
            (.revoked(.main, nil), .withdrawn(.revoked)),
            (.credentialRevoked(.main, "token"), .withdrawn(.revoked)),
            (.rejudged(ticket(1), .refused(gone)), .withdrawn(.judgedAnew)),
            (.approversChanged([Approver(person: .bo)]), .voteVoid(of: .ana)),
        ]
    )
    func ended(_ event: ApprovalEvent, _ step: ApprovalRecord.Step) {
        var book = book()
        _ = book.handle(.asked(ask(), by: waiter(1), fresh: ticket(1)), at: at(0))
        _ = book.handle(yes(.ana), at: at(1))
        _ = book.handle(.dispatched(ticket(1), current: binding(), by: waiter(1)), at: at(2))
        #expect(book.unsettled.map(\.ticket) == [ticket(1)])
        #expect(book.handle(event, at: at(3)).steps == [])
        #expect(book.handle(.spendFailed(ticket(1)), at: at(4)).steps == [.spendFailed, step])
        let sent = book.handle(.dispatched(ticket(1), current: binding(), by: waiter(2)), at: at(5))
        #expect(sent.spends == [])
    }

    @Test func `a call on its way is known to its end whatever ends yeses meanwhile`() {
        var book = book()
        _ = book.handle(.asked(ask(), by: waiter(1), fresh: ticket(1)), at: at(0))
        _ = book.handle(yes(.ana), at: at(1))
        _ = book.handle(.dispatched(ticket(1), current: binding(), by: waiter(1)), at: at(2))
        _ = book.handle(.approversReset, at: at(3))
        #expect(book.handle(.ended(ticket(1), isKnown: false), at: at(4)).steps == [.unknown])
    }

    @Test func `a call on its way outlives its question's expiry`() {
        var book = book()
        _ = book.handle(.asked(ask(), by: waiter(1), fresh: ticket(1)), at: at(0))
        _ = book.handle(yes(.ana), at: at(1))
        _ = book.handle(.dispatched(ticket(1), current: binding(), by: waiter(1)), at: at(599_999))
        #expect(book.handle(.ticked, at: at(700_000)) == [])
        #expect(book.handle(.ended(ticket(1), isKnown: false), at: at(700_001)).steps == [.unknown])
    }

    @Test func `a vote that could not be recorded does not count`() {
        var book = book()
        _ = book.handle(.asked(ask(), by: waiter(1), fresh: ticket(1)), at: at(0))
        _ = book.handle(yes(.ana), at: at(1))
        #expect(book.waiting().isEmpty)
        let undone = book.handle(.unrecorded(ticket(1)), at: at(2))
        #expect(undone.steps == [])
        // Whoever was told that it is over hears that it waits again.
        #expect(undone.contains(.notify(.waiting(ticket(1), missing: 1))))
        #expect(book.waiting().map(\.ticket) == [ticket(1)])
        let sent = book.handle(.dispatched(ticket(1), current: binding(), by: waiter(1)), at: at(3))
        #expect(sent.spends == [])
        #expect(book.handle(yes(.ana), at: at(4)).replies == [.stale(revision: 2)])
        #expect(book.handle(yes(.ana, revision: 2), at: at(5)).replies == [.approved])
        // A no stays a no.
        _ = book.handle(.asked(ask(binding(call: "2")), by: waiter(2), fresh: ticket(2)), at: at(6))
        _ = book.handle(no(.ana, 2), at: at(7))
        #expect(book.handle(.unrecorded(ticket(2)), at: at(8)) == [])
        #expect(
            book.handle(yes(.bo, 2), at: at(9)).replies == [.closed(.denied(by: .ana, reason: nil))]
        )
    }

    @Test func `a held call of two hears when its first yes could not be recorded`() {
        var book = book()
        _ = book.handle(.asked(ask(people: 2), by: waiter(1), fresh: ticket(1)), at: at(0))
        _ = book.handle(yes(.ana), at: at(1))
        let lost = book.handle(.unrecorded(ticket(1)), at: at(2))
        #expect(lost.answers == ["1 evidence_unavailable"])
    }
}
