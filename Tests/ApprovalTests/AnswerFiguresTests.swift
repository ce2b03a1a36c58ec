import Approval
import Base
import JSON
import Policy
import Testing

/// Who is asked for how often, and what came of it.
@Suite struct AnswerFiguresTests {
    private typealias Subject = AnswerFigures.Subject
    private let bot = Subject.agent("main/bot")
    private let rule = Subject.cause("tier T2")

    private func step(
        _ step: ApprovalRecord.Step,
        _ number: Int,
        of principal: String = "bot"
    ) -> ApprovalRecord {
        ApprovalRecord(
            step: step,
            ticket: ticket(number),
            binding: binding(principal: principal),
            people: 1
        )
    }

    private func time(_ second: Int64) -> Timestamp { at(second * 1000).timestamp }

    @Test func `questions, answers and times are counted for the agent and for each cause`() {
        var figures = AnswerFigures()
        let changed = figures.note(step(.asked, 1), causes: ["tier T2"], at: time(0))
        #expect(changed == [bot, rule])
        _ = figures.note(step(.asked, 2), causes: ["tier T2", "rule x"], at: time(10))
        _ = figures.note(step(.asked, 3), causes: ["rule x"], at: time(20))
        #expect(figures.note(step(.approved(by: [.ana]), 1), causes: [], at: time(4)) == changed)
        _ = figures.note(step(.denied(by: .ana, reason: nil), 2), causes: [], at: time(16))
        _ = figures.note(step(.expired, 3), causes: [], at: time(620))
        // What was answered counts once.
        #expect(figures.note(step(.expired, 1), causes: [], at: time(630)).isEmpty)
        let row = figures.rows[bot]
        #expect([row?.asked, row?.yes, row?.no, row?.unanswered] == [3, 1, 1, 1])
        #expect(row?.medianWait == 6000)
        #expect(row?.askedInHour(before: time(3605)) == 2)
        #expect(figures.rows[rule]?.asked == 2)
        #expect(figures.rows[.cause("rule x")]?.no == 1)
    }

    @Test func `a hint after ten yeses in a row, and none after a no`() {
        var figures = AnswerFigures()
        func answer(_ number: Int, isYes: Bool) {
            _ = figures.note(step(.asked, number), causes: ["tier T2"], at: time(Int64(number)))
            let answer: ApprovalRecord.Step =
                isYes ? .approved(by: [.ana]) : .denied(by: .ana, reason: nil)
            _ = figures.note(step(answer, number), causes: [], at: time(Int64(number)))
        }
        for number in 1...9 { answer(number, isYes: true) }
        #expect(figures.rows[rule]?.isAlwaysYes == false)
        answer(10, isYes: true)
        #expect(figures.rows[rule]?.isAlwaysYes == true)
        answer(11, isYes: false)
        #expect(figures.rows[rule]?.isAlwaysYes == false)
        // An old no is no reason to ask for ever.
        for number in 12...21 { answer(number, isYes: true) }
        #expect(figures.rows[rule]?.isAlwaysYes == true)
    }

    @Test func `what is kept reads back, and a question from before is answered after`() throws {
        var figures = AnswerFigures()
        for number in 1...3 {
            _ = figures.note(step(.asked, number), causes: ["tier T2"], at: time(Int64(number)))
        }
        _ = figures.note(step(.approved(by: [.ana]), 1), causes: [], at: time(5))
        var kept: [Subject: AnswerFigures.Row] = [:]
        for (subject, row) in figures.rows {
            let document = try JSONDocument(parsing: row.value.serialised())
            let name = try #require(Subject(subject.text))
            kept[name] = try AnswerFigures.Row(json: document.root)
        }
        #expect(kept == figures.rows)
        var book = book()
        let asked = ask(binding(principal: "bot"))
        _ = book.handle(.asked(asked, by: waiter(1), fresh: ticket(2)), at: at(2000))
        var later = AnswerFigures(restoring: kept, waiting: book.waiting())
        _ = later.note(step(.approved(by: [.ana]), 2), causes: [], at: time(12))
        // The third was closed while nothing ran: nobody counts it.
        #expect(later.note(step(.expired, 3), causes: [], at: time(13)).isEmpty)
        #expect(later.rows[rule]?.yes == 2)
        #expect(later.rows[bot]?.medianWait == 10_000)
        #expect(later.rows[bot]?.since == time(1))
    }

    @Test func `the subject not asked about for longest makes room, and is told`() {
        var figures = AnswerFigures()
        for number in 0...AnswerFigures.rowCount {
            let agent = "agent\(number)"
            let changed = figures.note(
                step(.asked, number, of: agent),
                causes: ["tier T2"],
                at: time(Int64(number))
            )
            let own = Subject.agent("main/\(agent)")
            let isFull = number == AnswerFigures.rowCount
            #expect(changed == (isFull ? [own, rule, .agent("main/agent0")] : [own, rule]))
        }
        #expect(figures.rows[.agent("main/agent0")] == nil)
        #expect(figures.rows[rule]?.asked == AnswerFigures.rowCount + 1)
    }

    @Test(
        "a kept row that cannot be read is none",
        arguments: ["{}", #"{"figures":1}"#, #"{"figures":2,"asked":1}"#]
    )
    func unreadable(text: String) throws {
        let document = try JSONDocument(parsing: Array(text.utf8))
        #expect(throws: KeptFormError.self) { try AnswerFigures.Row(json: document.root) }
        #expect(Subject("cause/a/b") == .cause("a/b"))
        for name in ["", "agent", "plot/1", "row/x"] { #expect(Subject(name) == nil) }
    }
}
