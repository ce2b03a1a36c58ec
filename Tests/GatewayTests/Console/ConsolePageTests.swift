import Base
import Crypto
import HTTP
import Testing

@testable import Gateway

/// What one page of the console is told, and in which order.
@Suite struct ConsolePageTests {
    private func event(_ word: String) -> ServerSentEvent {
        ServerSentEvent(data: Array(word.utf8))
    }

    private func page() throws -> ConsolePage {
        var table = SessionTable(hashing: hashing)
        let approver = ApproverBook.Approver(
            person: Person(name: PrincipalName(unchecked: "ana"), roles: [.approver], tenants: nil),
            hash: try PassphraseHash(
                of: [1, 2, 3],
                cost: try #require(PassphraseHash.Cost(checking: 1, r: 1, p: 1)),
                random: CountingRandom()
            )
        )
        let (id, _) = table.open(
            approver,
            at: Instant(nanoseconds: 0),
            random: CountingRandom()
        )
        return ConsolePage(id, tenants: nil, wantsCalls: false)
    }

    /// A question that came while a page was being told everything was shown to nobody.
    @Test func `what comes while it is told everything comes behind that`() throws {
        let page = try page()
        #expect(page.beginAnew())
        page.push(event("new"))
        page.show([event("all"), event("status")])
        #expect(page.take().map(\.data) == ["all", "status", "new"].map { Array($0.utf8) })
        #expect(!page.hasNews)
        #expect(!page.beginAnew())
    }

    @Test func `one that is too slow is told everything anew`() throws {
        let page = try page()
        _ = page.beginAnew()
        page.show([])
        for _ in 0...Limits.consoleEventCount { page.push(event("one more")) }
        #expect(page.hasNews)
        #expect(page.take().isEmpty)
        #expect(page.beginAnew())
    }
}
