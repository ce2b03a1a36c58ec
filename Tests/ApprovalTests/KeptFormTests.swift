import Approval
import Base
import JSON
import Testing

@Suite struct KeptFormTests {
    /// The parts without which a question means something else; each is missing once.
    @Test(
        "a kept question without one of its parts is no question",
        arguments: [
            "asked", "call", "credential", "environment", "expires", "owner", "people", "pin",
            "policy", "principal", "question", "revision", "run", "server", "state", "tenant",
            "ticket", "tier", "tool",
        ]
    )
    func missing(_ key: String) throws {
        var book = book()
        _ = book.handle(.asked(ask(), by: waiter(1), fresh: ticket(1)), at: at(0))
        let question = try #require(book.question(ticket(1)))
        guard case .object(var whole) = question.value else {
            Issue.record("a question is kept as an object")
            return
        }
        whole[JSONString(key)] = nil
        let document = try JSONDocument(parsing: JSONValue.object(whole).serialised())
        let error = #expect(throws: KeptFormError.self) {
            try Question(json: document.root, words: [])
        }
        #expect(error?.key == key)
    }
}
