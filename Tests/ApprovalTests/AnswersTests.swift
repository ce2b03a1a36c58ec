import Approval
import Base
import JSON
import Policy
import Testing

/// What is answered to a server is part of what a yes covers.
@Suite struct AnswersTests {
    private static let text = #"{"k":{"action":"accept","content":{"path":"/etc/x"}}}"#

    private func answering(_ answers: String? = text) -> Ask {
        var bound = binding()
        bound.answers = answers.map { digest($0) }
        return Ask(
            binding: bound,
            owner: .owner,
            people: 1,
            tier: .destructive,
            reasons: [],
            causes: [],
            callForm: Array("{}".utf8),
            answers: Array((answers ?? "").utf8),
            run: "run",
            hold: .seconds(3600)
        )
    }

    @Test func `the yes to a call is not spent on its answer, nor the other way round`() {
        for (first, second) in [(nil, Self.text), (Self.text, nil), (Self.text, "{}")] {
            var book = book()
            let asked = answering(first)
            _ = book.handle(.asked(asked, by: waiter(1), fresh: ticket(1)), at: at(0))
            _ = book.handle(yes(.ana), at: at(1))
            let other = answering(second)
            _ = book.handle(.asked(other, by: waiter(2), fresh: ticket(2)), at: at(2))
            #expect(book.question(ticket(2))?.state == .waiting)
            let sent = book.handle(
                .dispatched(ticket(1), current: other.binding, by: waiter(1)),
                at: at(3)
            )
            #expect(sent.spends == [])
        }
    }

    @Test func `the card shows them, and what the yes is bound to`() throws {
        var book = book()
        _ = book.handle(.asked(answering(), by: waiter(1), fresh: ticket(1)), at: at(0))
        let card = Card(of: try #require(book.question(ticket(1))))
        #expect(card[.answers].contains { $0.text.contains("/etc/x") })
        #expect(card.lines(at: at(0).timestamp).contains("answers    \(digest(Self.text))"))
    }

    @Test func `they are kept beside the arguments, and forgotten with them`() throws {
        var book = book()
        _ = book.handle(.asked(answering(), by: waiter(1), fresh: ticket(1)), at: at(0))
        let question = try #require(book.question(ticket(1)))
        let row = try JSONDocument(parsing: question.value.serialised()).root
        #expect(try Question(json: row, words: question.words) == question)
        #expect(throws: KeptFormError.self) {
            try Question(json: row, words: question.callForm)
        }
        _ = book.handle(no(.ana), at: at(1))
        #expect(book.question(ticket(1))?.words == [])
    }

    @Test func `a standing yes is not given with them`() throws {
        var book = book()
        _ = book.handle(.asked(answering(), by: waiter(1), fresh: ticket(1)), at: at(0))
        let proposal = GrantProposal(
            id: try #require(GrantID("grant-0000000000000001")),
            shape: try Shape(
                shown: Array("{}".utf8),
                vary: try JSONDocument(parsing: Array("{}".utf8)).root
            ),
            uses: 1,
            lasts: .seconds(60)
        )
        let question = try #require(book.question(ticket(1)))
        #expect(book.reasonNotToGrant(proposal, question)?.contains("answer each") == true)
    }

    @Test func `arguments and answers together must be short enough to read`() {
        let settings = ApprovalSettings(reviewableByteCount: Self.text.utf8.count + 1)
        var book = book(settings: settings)
        let asked = answering()
        let effects = book.handle(.asked(asked, by: waiter(1), fresh: ticket(1)), at: at(0))
        #expect(book.question(ticket(1)) == nil && !effects.isEmpty)
    }
}
