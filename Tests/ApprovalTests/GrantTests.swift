import Approval
import Base
import JSON
import Policy
import Testing

/// Standing yeses in the book: counted, bound, ended.
@Suite struct GrantTests {
    private static let callForm = #"{"name":"a"}"#

    private func id(_ number: Int) throws -> GrantID {
        try #require(GrantID("grant-" + String(repeating: "0", count: 15) + "\(number)"))
    }

    private func proposal(uses: Int = 2, seconds: Int = 60) throws -> GrantProposal {
        let vary = try JSONDocument(parsing: Array(#"{"/name":true}"#.utf8))
        return GrantProposal(
            id: try id(1),
            shape: try Shape(shown: Array(Self.callForm.utf8), vary: vary.root),
            uses: uses,
            lasts: .seconds(seconds)
        )
    }

    /// A book in which ana said yes with a grant, at 0.
    private func book(
        uses: Int = 2,
        seconds: Int = 60,
        people: Int = 1,
        tier: RiskTier = .destructive
    ) throws -> (ApprovalBook, [ApprovalEffect]) {
        var book = ApprovalBook(approvers: [Approver(person: .ana), Approver(person: .bo)])
        let asked = ask(
            binding(call: Self.callForm),
            people: people,
            tier: tier,
            callForm: Self.callForm
        )
        _ = book.handle(.asked(asked, by: waiter(1), fresh: ticket(1)), at: at(0))
        let ballot = Ballot(
            ticket: ticket(1),
            person: .ana,
            isYes: true,
            revision: 1,
            grant: try proposal(uses: uses, seconds: seconds)
        )
        return book.voting(ballot)
    }

    private func use(
        _ name: String = "b",
        binding bound: Binding? = nil,
        run: String = "run",
        tier: RiskTier = .destructive,
        causes: [String] = ["tier T2"],
        people: Int = 1
    ) throws -> GrantUse {
        let text = #"{"name":"\#(name)"}"#
        return GrantUse(
            binding: bound ?? binding(call: text),
            run: run,
            tier: tier,
            causes: causes,
            people: people,
            callForm: try CallForm(try JSONDocument(parsing: Array(text.utf8)).root)
        )
    }

    @Test func `a grant is used so often and no more`() throws {
        var (book, effects) = try book()
        #expect(effects.contains(.reply(.approved)))
        #expect(book.take(for: try use("b"), at: at(1)).grant?.left == 1)
        #expect(book.take(for: try use("c"), at: at(2)).grant?.left == 0)
        #expect(book.take(for: try use("d"), at: at(3)).grant == nil)
        // A use whose transaction did not happen is none.
        book.giveBack(try id(1))
        #expect(book.take(for: try use("d"), at: at(4)).grant?.left == 0)
        #expect(book.liveGrants().isEmpty)
    }

    @Test func `a grant ends with its time, on either clock`() throws {
        var (book, _) = try book(seconds: 60)
        #expect(book.take(for: try use(), at: at(59_999)).grant != nil)
        let (late, effects) = book.take(for: try use(), at: at(60_000))
        #expect(late == nil)
        #expect(
            effects.contains { effect in
                if case .recordGrant(let record) = effect { return record.step == .expired }
                return false
            }
        )
        // The wall clock went back: the other one goes on.
        var (other, _) = try self.book(seconds: 60)
        let jumped = Moment(instant: at(60_000).instant, timestamp: at(0).timestamp)
        #expect(other.take(for: try use(), at: jumped).grant == nil)
        var (third, _) = try self.book(seconds: 60)
        let ahead = Moment(instant: at(1).instant, timestamp: at(60_000).timestamp)
        #expect(third.take(for: try use(), at: ahead).grant == nil)
    }

    @Test func `a grant covers nothing that differs in what it is bound to`() throws {
        let (book, _) = try book()
        let others: [GrantUse] = [
            try use(binding: binding(principal: "other")),
            try use(binding: binding(tenant: "other")),
            try use(binding: binding(credential: "other")),
            try use(binding: binding(policy: "other")),
            try use(binding: binding(pin: "other")),
            try use(run: "another run"),
            try use(tier: .scopedWrite),
            try use(tier: .execute),
            // Something else speaks against the call than against the one that was shown.
            try use(causes: ["tier T2", "taint web"]),
            try use(people: 2),
        ]
        for other in others {
            var copy = book
            #expect(copy.take(for: other, at: at(1)).grant == nil)
        }
        var copy = book
        #expect(copy.take(for: try use(), at: at(1)).grant != nil)
    }

    @Test(
        "ends with",
        arguments: [
            ApprovalEvent.approversReset, .approversChanged([Approver(person: .bo)]),
            .revoked(nil, nil), .revoked(TenantID(unchecked: "main"), nil),
            .revoked(nil, PrincipalName(unchecked: "agent")),
            .credentialRevoked(TenantID(unchecked: "main"), "token"),
        ]
    )
    func ends(event: ApprovalEvent) throws {
        var (book, _) = try book()
        let effects = book.handle(event, at: at(1))
        #expect(book.liveGrants().isEmpty)
        #expect(
            effects.contains { if case .forgetGrant = $0 { true } else { false } }
        )
    }

    @Test func `what needs two people or executes is never granted, and not approved either`()
        throws
    {
        for (people, tier) in [(2, RiskTier.destructive), (1, .execute)] {
            let (book, effects) = try book(people: people, tier: tier)
            #expect(effects.contains { if case .reply(.notGrantable) = $0 { true } else { false } })
            #expect(book.liveGrants().isEmpty)
            #expect(book.question(ticket(1))?.state == .waiting)
        }
    }

    @Test func `a grant whose yes could not be recorded is none`() throws {
        var (book, _) = try book()
        _ = book.handle(.unrecorded(ticket(1)), at: at(1))
        #expect(book.liveGrants().isEmpty)
    }

    @Test func `a grant is kept and read back, and goes on counting`() throws {
        var (book, _) = try book()
        let taken = try #require(book.take(for: try use(), at: at(1)).grant)
        let document = try JSONDocument(parsing: taken.value.serialised())
        let back = try Grant(json: document.root)
        #expect(back == taken)
        var restored = ApprovalBook(
            approvers: [Approver(person: .ana)],
            grants: [back],
            at: at(10)
        )
        #expect(restored.take(for: try use(), at: at(11)).grant?.left == 0)
        #expect(restored.take(for: try use(), at: at(12)).grant == nil)
    }
}

extension ApprovalBook {
    fileprivate func voting(_ ballot: Ballot) -> (ApprovalBook, [ApprovalEffect]) {
        var book = self
        let effects = book.handle(.voted(ballot), at: at(0))
        return (book, effects)
    }
}
