import Approval
import Base
import JSON
import Testing

@Suite struct HoldMemoryTests {
    private let limit = Duration.seconds(50)

    private func now(_ second: Int64) -> Timestamp { at(second * 1000).timestamp }

    private func client(_ name: String) -> HoldMemory.Client {
        HoldMemory.Client(TenantID(unchecked: "main"), name)
    }

    @Test func `a client nobody knows is held as long as the operator says`() {
        #expect(HoldMemory().hold(of: client("a"), atMost: limit) == limit)
    }

    @Test func `a client that went away is held for less, and no other one`() {
        var memory = HoldMemory()
        _ = memory.left(client("a"), after: .seconds(30), at: now(1))
        #expect(memory.hold(of: client("a"), atMost: limit) == .seconds(24))
        #expect(memory.hold(of: client("b"), atMost: limit) == limit)
        // It goes away later than is known: what is known stands.
        _ = memory.left(client("a"), after: .seconds(40), at: now(2))
        #expect(memory.hold(of: client("a"), atMost: limit) == .seconds(24))
    }

    @Test func `a client that went away at once is still held for five seconds`() {
        var memory = HoldMemory()
        _ = memory.left(client("a"), after: .milliseconds(10), at: now(1))
        #expect(memory.hold(of: client("a"), atMost: limit) == .seconds(5))
        #expect(memory.hold(of: client("a"), atMost: .seconds(2)) == .seconds(2))
    }

    @Test func `three holds it sat through make the next one longer, up to the limit`() {
        var memory = HoldMemory()
        _ = memory.left(client("a"), after: .seconds(40), at: now(1))
        for second in 2...3 {
            _ = memory.stayed(client("a"), atMost: limit, at: now(Int64(second)))
        }
        #expect(memory.hold(of: client("a"), atMost: limit) == .seconds(32))
        _ = memory.stayed(client("a"), atMost: limit, at: now(4))
        #expect(memory.hold(of: client("a"), atMost: limit) == .seconds(40))
        for second in 5...7 {
            _ = memory.stayed(client("a"), atMost: limit, at: now(Int64(second)))
        }
        #expect(memory.hold(of: client("a"), atMost: limit) == limit)
    }

    @Test func `a thousand clients are remembered, the one not seen for longest goes`() {
        var memory = HoldMemory()
        for number in 0...1000 {
            _ = memory.left(client("\(number)"), after: .seconds(10), at: now(Int64(number)))
        }
        #expect(memory.hold(of: client("0"), atMost: limit) == limit)
        #expect(memory.hold(of: client("1"), atMost: limit) == .seconds(8))
        #expect(memory.hold(of: client("1000"), atMost: limit) == .seconds(8))
    }

    @Test func `what was learned is told, kept, and goes on`() throws {
        var memory = HoldMemory()
        var kept: [HoldMemory.Client: HoldMemory.Seen] = [:]
        func keep(_ changes: [HoldMemory.Change]) throws {
            for (client, seen) in changes {
                kept[client] = try seen.map { seen in
                    let bytes = seen.value.serialised()
                    return try HoldMemory.Seen(json: JSONDocument(parsing: bytes).root)
                }
            }
        }
        try keep(memory.left(client("a"), after: .seconds(40), at: now(1)))
        try keep(memory.left(client("b"), after: .seconds(10), at: now(2)))
        for second in 3...4 {
            try keep(memory.stayed(client("a"), atMost: limit, at: now(Int64(second))))
        }
        memory = HoldMemory(restoring: kept)
        #expect(memory.hold(of: client("a"), atMost: limit) == .seconds(32))
        #expect(memory.hold(of: client("b"), atMost: limit) == .seconds(8))
        // The third hold it sat through, two of them before the restart.
        try keep(memory.stayed(client("a"), atMost: limit, at: now(5)))
        #expect(memory.hold(of: client("a"), atMost: limit) == .seconds(40))
        // A client that waits as long as is set, and one whose credential is gone, are not kept.
        try keep(memory.stayed(client("a"), atMost: .seconds(40), at: now(6)))
        try keep(memory.forget(client("b")))
        #expect(kept.isEmpty)
        #expect(memory.forget(client("b")).isEmpty)
    }

    @Test func `of more kept clients than are remembered the newest count`() throws {
        var memory = HoldMemory()
        var kept: [HoldMemory.Client: HoldMemory.Seen] = [:]
        for number in 0...HoldMemory.clientCount {
            let changes = memory.left(
                client("\(number)"),
                after: .seconds(10),
                at: now(Int64(number))
            )
            for case (let client, let seen?) in changes { kept[client] = seen }
        }
        #expect(kept.count == HoldMemory.clientCount + 1)
        memory = HoldMemory(restoring: kept)
        #expect(memory.hold(of: client("0"), atMost: limit) == limit)
        #expect(memory.hold(of: client("1"), atMost: limit) == .seconds(8))
    }

    @Test(
        "a kept hold that cannot be read is none",
        arguments: [
            "{}", #"{"hold":2,"last":1,"patience":1,"stays":0}"#,
            #"{"hold":1,"last":1,"stays":0}"#, #"{"hold":1,"last":"x","patience":1,"stays":0}"#,
        ]
    )
    func unreadable(text: String) throws {
        let document = try JSONDocument(parsing: Array(text.utf8))
        #expect(throws: KeptFormError.self) { try HoldMemory.Seen(json: document.root) }
    }

    @Test func `a call is held as long as its client waits, never longer than is set`() {
        for (wanted, ends) in [(Duration.seconds(8), Int64(8000)), (.seconds(90), 50_000)] {
            var book = book()
            _ = book.handle(.asked(ask(hold: wanted), by: waiter(1), fresh: ticket(1)), at: at(0))
            #expect(book.handle(.ticked, at: at(ends - 1)).tickets.isEmpty)
            #expect(book.handle(.ticked, at: at(ends)).tickets == [ticket(1)])
        }
    }
}

extension [ApprovalEffect] {
    /// The tickets that held calls were given.
    fileprivate var tickets: [TicketID] {
        compactMap { effect in
            if case .answer(_, .ticket(let ticket, _, _)) = effect { ticket } else { nil }
        }
    }
}
