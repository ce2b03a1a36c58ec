import Approval
import Base
import JSON
import Policy
import Testing

/// Emergencies: one person for two, for a while, and the debt that stays.
@Suite struct BreakGlassTests {
    private static let main = TenantID(unchecked: "main")

    private func id(_ number: Int) throws -> BreakGlassID {
        try #require(BreakGlassID("glass-" + String(repeating: "0", count: 15) + "\(number)"))
    }

    private func opened(
        _ book: inout BreakGlassBook,
        _ number: Int = 1,
        by person: PersonName = .ana,
        at milliseconds: Int64 = 0
    ) throws -> BreakGlass {
        try book.open(
            try id(number),
            by: person,
            for: Self.main,
            because: "fire",
            lasting: .seconds(60),
            reviewWithin: .seconds(600),
            token: digest("token \(number)"),
            at: at(milliseconds)
        )
    }

    @Test func `a token is for its person, its tenant and its time`() throws {
        var book = BreakGlassBook(at: at(0))
        let glass = try opened(&book)
        let token = digest("token 1")
        #expect(try book.find(token: token, of: .ana, in: Self.main, at: at(59_999)) == glass)
        #expect(throws: BreakGlassProblem.unknown) {
            try book.find(token: token, of: .bo, in: Self.main, at: at(1))
        }
        #expect(throws: BreakGlassProblem.unknown) {
            try book.find(token: token, of: .ana, in: TenantID(unchecked: "x"), at: at(1))
        }
        #expect(throws: BreakGlassProblem.unknown) {
            try book.find(token: digest("token 2"), of: .ana, in: Self.main, at: at(1))
        }
        #expect(throws: BreakGlassProblem.over) {
            try book.find(token: token, of: .ana, in: Self.main, at: at(60_000))
        }
        // The wall clock went back: the other one goes on.
        let jumped = Moment(instant: at(60_000).instant, timestamp: at(0).timestamp)
        #expect(throws: BreakGlassProblem.over) {
            try book.find(token: token, of: .ana, in: Self.main, at: jumped)
        }
    }

    @Test func `an unreviewed emergency locks its person when it is due, and nobody else`() throws {
        var book = BreakGlassBook(at: at(0))
        _ = try opened(&book)
        #expect(book.lock(on: .ana, at: at(599_999)) == nil)
        #expect(book.lock(on: .ana, at: at(600_000)) == (try id(1)))
        #expect(book.lock(on: .bo, at: at(600_000)) == nil)
        #expect(throws: BreakGlassProblem.locked(try id(1))) {
            try opened(&book, 2, at: 600_000)
        }
        #expect(throws: BreakGlassProblem.ownReview) { try book.review(try id(1), by: .ana) }
        _ = try book.review(try id(1), by: .bo)
        #expect(book.lock(on: .ana, at: at(600_000)) == nil)
        _ = try opened(&book, 2, at: 600_000)
    }

    @Test func `one is open at a time, and three wait for review`() throws {
        var book = BreakGlassBook(at: at(0))
        _ = try opened(&book)
        #expect(throws: BreakGlassProblem.openAlready(try id(1))) { try opened(&book, 2, at: 1) }
        for number in [2, 3] { _ = try opened(&book, number, at: Int64(number) * 100_000) }
        #expect(throws: BreakGlassProblem.tooMany) { try opened(&book, 4, at: 400_000) }
        _ = try opened(&book, 5, by: .bo, at: 400_000)
    }

    @Test func `what is kept reads back`() throws {
        var book = BreakGlassBook(at: at(0))
        _ = try opened(&book)
        let used = try #require(book.note(ticket(7), of: "db.drop", in: try id(1), at: at(5)))
        let document = try JSONDocument(parsing: used.value.serialised())
        let back = try BreakGlass(json: document.root)
        #expect(back == used)
        let restored = BreakGlassBook(restoring: [back], at: at(59_000))
        #expect(restored.isOpen(try id(1), at: at(59_999)))
        #expect(!restored.isOpen(try id(1), at: at(60_000)))
    }

    @Test func `a clock that is set back pays no debt and lengthens nothing`() throws {
        var book = BreakGlassBook(at: at(0))
        let glass = try opened(&book)
        func back(_ milliseconds: Int64) -> Moment {
            Moment(instant: at(milliseconds).instant, timestamp: at(-3_600_000).timestamp)
        }
        #expect(book.lock(on: .ana, at: back(599_999)) == nil)
        #expect(book.lock(on: .ana, at: back(600_000)) == (try id(1)))
        // Nor does a use, or a review, that could not be recorded.
        let before = try book.find(token: digest("token 1"), of: .ana, in: Self.main, at: back(1))
        _ = book.note(ticket(7), of: "db.drop", in: try id(1), at: back(2))
        book.takeBack(before)
        book.putBack(try book.review(try id(1), by: .bo))
        #expect(book.all == [glass])
        #expect(book.isOpen(try id(1), at: back(59_999)))
        #expect(!book.isOpen(try id(1), at: back(60_000)))
        #expect(book.lock(on: .ana, at: back(600_000)) == (try id(1)))
        // Closed it stays closed.
        var other = BreakGlassBook(restoring: [glass], at: at(0))
        _ = other.close(try id(1), at: at(10))
        #expect(!other.isOpen(try id(1), at: back(11)))
        // Back while nothing ran: nobody knows for how long.
        let lost = BreakGlassBook(restoring: [glass], at: back(0), isTimeLost: true)
        #expect(!lost.isOpen(try id(1), at: back(0)))
        #expect(lost.lock(on: .ana, at: back(0)) == (try id(1)))
        book.forget(try id(1))
        #expect(book.all.isEmpty)
    }

    @Test func `one yes stands for two at T3 only`() {
        for (tier, reply) in [
            (RiskTier.execute, VoteReply.approved), (.destructive, .counted(missing: 1)),
        ] {
            var book = ApprovalBook(approvers: [Approver(person: .ana), Approver(person: .bo)])
            let asked = ask(people: 2, tier: tier)
            _ = book.handle(.asked(asked, by: waiter(1), fresh: ticket(1)), at: at(0))
            let ballot = Ballot(ticket: ticket(1), person: .ana, isYes: true, revision: 1)
            #expect(book.handle(.voted(ballot.alone), at: at(1)).contains(.reply(reply)))
        }
    }
}
