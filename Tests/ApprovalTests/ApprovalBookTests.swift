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
                case .record: 0
                case .persist, .spend: 1
                case .answer, .reply, .forget, .notify, .wake: 2
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
        #expect(book.waiting().count == 2)
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
        #expect(book.waiting().map(\.ticket) == [ticket(1)])
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
        #expect(book.waiting().isEmpty)
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
        #expect(book.waiting().count == expected)
        #expect(revoked.answers.allSatisfy { $0.hasSuffix(" revoked") })
    }

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
        #expect(book.handle(.unrecorded(ticket(1)), at: at(2)).steps == [])
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

    // MARK: Reload

    @Test func `a new policy is shown anew, and earlier votes were for the old one`() {
        var book = book()
        _ = book.handle(.asked(ask(people: 2), by: waiter(1), fresh: ticket(1)), at: at(0))
        _ = book.handle(yes(.ana), at: at(1))
        let judgement = Rejudgement.ask(
            people: 1,
            tier: .destructive,
            reasons: ["new"],
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
